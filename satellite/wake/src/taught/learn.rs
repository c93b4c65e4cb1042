//! A few recordings of a word → the line that tells it from all other speech.
//!
//! `recording → where the word is → said again 12 ways (noise, speed, loudness) → mean, against the background → weights`
//!
//! Linear discriminant analysis (Fisher, 1936): the direction in which the mean of the word lies furthest from other
//! speech, measured by how widely other speech is spread there. It needs no sound but the takes. The cut-off is a number
//! of standard deviations of other speech, and the larger the further the word is from it; how many words it will miss is
//! estimated by leaving out each take in turn.

use std::sync::Arc;

use super::background::{Background, Sums};
use super::mel;
use super::network::{BLOCK, Network, PRIMING, Stream};
use super::speech::{INPUT, KEPT, Said, Speech};
use super::take::{Take, Unfit, bounds};
use super::weights;
use super::word::Weights;
use crate::frontend::SAMPLE_RATE;

/// Fewest takes that a word is learned from, and most.
pub const LEAST: usize = 5;
pub const MOST: usize = 50;

/// Beyond how many standard deviations of other speech something is the word: so many, and this share of how far from it
/// the word itself lies. What lies further has more in common with something else that is said: of 172 pieces of speech, taught
/// as if they were words, that which other speech reaches once an hour grew so (docs/decisions/0128).
const CUTOFF: f32 = 6.3;
const FURTHER: f32 = 0.26;
/// Standard deviations of other speech beyond which a take is like the others.
const ALIKE: f32 = 4.75;
/// How much the background's correlations are trusted less than what they say: it is not all the speech there is.
const SHRINK: f32 = 0.1;
/// Ways in which each take is heard, the first as it is.
const WAYS: usize = 12;
/// Where a word may end before the end of what is looked at: seconds.
const LEARNED: (f32, f32) = (0.04, 0.2);
const JUDGED: (f32, f32) = (-0.08, 0.4);
/// Silence before a take, so that all that is looked at was heard, and after it.
const BEFORE: usize = KEPT * BLOCK * mel::STEP + SAMPLE_RATE as usize / 10;
const AFTER: usize = SAMPLE_RATE as usize * 6 / 10;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    #[error("{0} recordings are too few to learn a word from; at least {LEAST} are needed")]
    TooFew(usize),
    #[error("{0} recordings are more than can be learned from; give at most {MOST}")]
    TooMany(usize),
    #[error("the recordings have nothing in common; each must hold the word, once, and nothing else")]
    NothingInCommon,
}

/// What was learned.
#[derive(Debug)]
pub struct Lesson {
    /// The word's file, to be put into the folder of wake words as `NAME.json`.
    pub file: String,
    /// For each take, how far beyond the cut-off (above 0) or below it is for a line learned from the others, in
    /// standard deviations of other speech.
    pub margins: Vec<f32>,
}

impl Lesson {
    /// Takes that would not have been heard.
    pub fn missed(&self) -> usize {
        self.margins.iter().filter(|&&margin| margin <= 0.0).count()
    }

    /// Share of such words, in such a room, that will be missed: as if the margins were normally distributed.
    pub fn miss_rate(&self) -> f32 {
        let count = self.margins.len() as f32;
        let mean = self.margins.iter().sum::<f32>() / count;
        let variance =
            self.margins.iter().map(|margin| (margin - mean).powi(2)).sum::<f32>() / (count - 1.0).max(1.0);
        below(-mean / variance.sqrt().max(0.5)).max(self.missed() as f32 / count)
    }
}

/// Learns words.
pub struct Teacher {
    network: Arc<Network>,
    background: Background,
}

impl Teacher {
    /// With the network that was [fetched](super::fetch()) into `folder`.
    ///
    /// # Errors
    /// No such network, or another one.
    pub fn open(folder: &std::path::Path) -> Result<Teacher, sotto_weights::Error> {
        Ok(Teacher { network: weights::open(folder)?, background: Background::known() })
    }

    /// A recording (16 kHz mono) of the word said once, with some quiet before and after.
    ///
    /// # Errors
    /// What is wrong with it, to be told to whoever speaks.
    pub fn take(&self, samples: &[i16]) -> Result<Take, Unfit> {
        let (begin, end) = bounds(samples)?;
        let mut plain = Vec::new();
        let mut varied = Vec::new();
        for way in 0..WAYS {
            let mut chance = Chance(way as u64 + 1);
            let (sound, end) = another_way(samples, (begin, end), way, &mut chance);
            varied.extend(self.said(&sound, end, LEARNED));
            if way == 0 {
                plain = self.said(&sound, end, JUDGED);
            }
        }
        Ok(Take { plain, varied })
    }

    /// Whether `take` is the word that the others are: it would be heard by who learned from them.
    ///
    /// # Errors
    /// [`Unfit::Different`] where it is not.
    pub fn is_alike(&self, take: &Take, others: &[Take]) -> Result<(), Unfit> {
        // Two say too little of what they have in common.
        if others.len() < 3 {
            return Ok(());
        }
        let others: Vec<&Take> = others.iter().collect();
        let line = self.line(&others).ok_or(Unfit::Different)?;
        // Far below the cut-off: who speaks a little differently helps the word to be heard.
        if margin(&line.weights, take) + line.cutoff > ALIKE { Ok(()) } else { Err(Unfit::Different) }
    }

    /// The word `phrase`, from what was said.
    ///
    /// # Errors
    /// Too few takes, or such as have nothing in common.
    pub fn learn(&self, phrase: &str, takes: &[Take]) -> Result<Lesson, LearnError> {
        match takes.len() {
            few if few < LEAST => return Err(LearnError::TooFew(few)),
            many if many > MOST => return Err(LearnError::TooMany(many)),
            _ => {}
        }
        let all: Vec<&Take> = takes.iter().collect();
        let Line { weights, .. } = self.line(&all).ok_or(LearnError::NothingInCommon)?;
        let mut margins = Vec::with_capacity(takes.len());
        for (at, take) in takes.iter().enumerate() {
            let mut others = all.clone();
            others.remove(at);
            let without = self.line(&others).ok_or(LearnError::NothingInCommon)?;
            margins.push(margin(&without.weights, take));
        }
        Ok(Lesson { file: weights.write(phrase), margins })
    }

    /// The statistics of other speech, as `background.bin` holds them: how that file was made.
    pub fn background(&self, recordings: impl Iterator<Item = Vec<i16>>) -> Vec<u8> {
        let mut sums = Sums::default();
        // One after the other without a pause, so that no moment is unlike the others.
        let mut speech = Speech::new(Arc::clone(&self.network), false);
        for recording in recordings {
            speech.push(&recording, |said| sums.add(said));
        }
        sums.file()
    }

    /// What the network makes of each 76 frames of `samples`, 8 further each time: to be compared with openWakeWord's.
    pub fn embeddings(&self, mut samples: &[i16]) -> Vec<Vec<f32>> {
        let (mut mel, mut stream) = (mel::Mel::new(), Stream::new(Arc::clone(&self.network)));
        let frames: Vec<mel::Frame> = std::iter::from_fn(|| mel.next(&mut samples)).collect();
        let (blocks, _) = frames.as_chunks::<BLOCK>();
        blocks.iter().map(|block| stream.push(block).to_vec()).skip(PRIMING - 1).collect()
    }

    /// What was said at all moments that end so many seconds after sample `end`.
    fn said(&self, sound: &[i16], end: usize, (from, to): (f32, f32)) -> Vec<Said> {
        let rate = SAMPLE_RATE as f32;
        let mut block = KEPT - 1;
        let mut found = Vec::new();
        Speech::new(Arc::clone(&self.network), false).push(sound, |said| {
            block += 1;
            let heard = (block * BLOCK - 1) * mel::STEP + mel::WINDOW;
            let after = (heard as f32 - end as f32) / rate;
            if (from..=to).contains(&after) {
                found.push(*said);
            }
        });
        found
    }

    /// The line that lies far enough beyond other speech, in the direction of these takes.
    fn line(&self, takes: &[&Take]) -> Option<Line> {
        let Background { mean, deviation, correlation } = &self.background;
        let count: usize = takes.iter().map(|take| take.varied.len()).sum();
        let mut middle = vec![0.0f64; INPUT];
        for said in takes.iter().flat_map(|take| &take.varied) {
            for (n, sum) in middle.iter_mut().enumerate() {
                *sum += f64::from((said[n] - mean[n]) / deviation[n]) / count as f64;
            }
        }
        let spread = |row: usize, column: usize| {
            let known = f64::from(correlation[row * INPUT + column]);
            let less = f64::from(SHRINK);
            known * (1.0 - less) + if row == column { less } else { 0.0 }
        };
        let direction = solve(spread, &middle)?;
        // How widely other speech is spread in this direction.
        let mut width = 0.0;
        for (row, a) in direction.iter().enumerate() {
            for (column, b) in direction.iter().enumerate() {
                width += a * b * f64::from(correlation[row * INPUT + column]);
            }
        }
        let width = width.sqrt();
        if !(width.is_finite() && width > 1e-9) {
            return None;
        }
        let weights: [f32; INPUT] =
            std::array::from_fn(|n| (direction[n] / width / f64::from(deviation[n])) as f32);
        let other: f32 = weights.iter().zip(mean).map(|(weight, mean)| weight * mean).sum();
        let apart = direction.iter().zip(&middle).map(|(a, b)| a * b).sum::<f64>() / width;
        let cutoff = CUTOFF + FURTHER * apart as f32;
        Some(Line { weights: Weights { weights, bias: -other - cutoff }, cutoff })
    }
}

/// What was learned, and how many standard deviations of other speech it lies beyond that.
struct Line {
    weights: Weights,
    cutoff: f32,
}

/// How far beyond the cut-off the best moment of a take is.
fn margin(weights: &Weights, take: &Take) -> f32 {
    take.plain.iter().map(|said| weights.logit(said)).fold(f32::NEG_INFINITY, f32::max)
}

/// A take as it might have been said: at another speed, louder or fainter, in noise; silence around it. The first way
/// is as it was. Also where the word ends now.
fn another_way(
    samples: &[i16],
    (begin, end): (usize, usize),
    way: usize,
    chance: &mut Chance,
) -> (Vec<i16>, usize) {
    let plain = way == 0;
    let speed = if plain { 1.0 } else { chance.between(0.9, 1.1) };
    // Where the word falls into the steps of the network.
    let before = BEFORE + (chance.between(0.0, (BLOCK * mel::STEP) as f32)) as usize;
    let length = (samples.len() as f32 / speed) as usize;
    let mut sound = vec![0.0f32; before + length + AFTER];
    for (n, out) in sound[before..before + length].iter_mut().enumerate() {
        let at = n as f32 * speed;
        let sample = |n: usize| f32::from(samples.get(n).copied().unwrap_or(0));
        let (a, b) = (sample(at as usize), sample(at as usize + 1));
        *out = a + (b - a) * at.fract();
    }
    let moved = |sample: usize| before + (sample as f32 / speed) as usize;
    let (begin, end) = (moved(begin), moved(end).min(sound.len()));
    if !plain {
        let word = &sound[begin..end];
        let loud = (word.iter().map(|x| x * x).sum::<f32>() / word.len().max(1) as f32).sqrt();
        let noise = colour(sound.len(), way % 3, chance);
        let share = loud * 10f32.powf(-chance.between(0.0, 30.0) / 20.0);
        let gain = 10f32.powf(chance.between(-12.0, 3.0) / 20.0);
        for (sample, noise) in sound.iter_mut().zip(noise) {
            *sample = (*sample + noise * share) * gain;
        }
    }
    // The cast saturates.
    (sound.into_iter().map(|sample| sample as i16).collect(), end)
}

/// Noise of power one: white, or like that of rooms, the stronger the lower.
fn colour(length: usize, kind: usize, chance: &mut Chance) -> Vec<f32> {
    let memory = [0.0, 0.9, 0.98][kind % 3];
    let mut last = 0.0;
    let noise = (0..length).map(|_| {
        // Four in the place of a normal distribution.
        let white: f32 = (0..4).map(|_| chance.between(-1.0, 1.0)).sum();
        last = memory * last + white;
        last
    });
    let mut noise: Vec<f32> = noise.collect();
    let power = noise.iter().map(|x| x * x).sum::<f32>() / length.max(1) as f32;
    noise.iter_mut().for_each(|x| *x /= power.sqrt().max(1e-9));
    noise
}

/// Splitmix64: the same takes always teach the same word.
struct Chance(u64);

impl Chance {
    fn between(&mut self, from: f32, to: f32) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        from + (to - from) * (mixed >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// `x` with `matrix · x = right`, by Cholesky; `None` where the matrix (symmetric) is not positive.
fn solve(matrix: impl Fn(usize, usize) -> f64, right: &[f64]) -> Option<Vec<f64>> {
    let size = right.len();
    let mut lower = vec![0.0; size * size];
    for row in 0..size {
        for column in 0..=row {
            let (a, b) = (&lower[row * size..][..column], &lower[column * size..][..column]);
            let rest = matrix(row, column) - a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            lower[row * size + column] = if row == column {
                if rest.is_nan() || rest <= 1e-12 {
                    return None;
                }
                rest.sqrt()
            } else {
                rest / lower[column * size + column]
            };
        }
    }
    let mut x = right.to_vec();
    for row in 0..size {
        let known: f64 = (0..row).map(|n| lower[row * size + n] * x[n]).sum();
        x[row] = (x[row] - known) / lower[row * size + row];
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|n| lower[n * size + row] * x[n]).sum();
        x[row] = (x[row] - known) / lower[row * size + row];
    }
    Some(x)
}

/// Share of a normal distribution that lies below `x` deviations (Abramowitz and Stegun 26.2.17, within 1e-7).
fn below(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let density = 0.398_942_3 * (-x * x / 2.0).exp();
    let tail = density
        * t
        * (0.319_381_53 + t * (-0.356_563_78 + t * (1.781_477_9 + t * (-1.821_256 + t * 1.330_274_4))));
    if x > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_solved_or_refused() {
        let matrix = [[4.0, 2.0, 0.6], [2.0, 5.0, 1.0], [0.6, 1.0, 3.0]];
        let x = solve(|a, b| matrix[a][b], &[1.0, -2.0, 3.0]).unwrap();
        for (row, right) in matrix.iter().zip([1.0, -2.0, 3.0]) {
            let left: f64 = row.iter().zip(&x).map(|(a, x)| a * x).sum();
            assert!((left - right).abs() < 1e-12);
        }
        assert!(solve(|_, _| 1.0, &[1.0, 2.0]).is_none());
        assert!(solve(|_, _| f64::NAN, &[1.0]).is_none());
    }

    #[test]
    fn the_share_that_will_be_missed_is_estimated() {
        let lesson = |margins: &[f32]| Lesson { file: String::new(), margins: margins.to_vec() };
        assert!(lesson(&[5.0, 6.0, 7.0, 5.5, 6.5]).miss_rate() < 0.001);
        assert!((lesson(&[-1.0, 1.0, -1.0, 1.0]).miss_rate() - 0.5).abs() < 0.01);
        // Never less than was missed.
        assert!(lesson(&[9.0, 9.0, 9.0, -0.1]).miss_rate() >= 0.25);
        assert!((below(-1.96) - 0.025).abs() < 1e-4 && (below(1.0) - 0.8413).abs() < 1e-4);
    }

    #[test]
    fn noise_has_the_power_asked_for() {
        for kind in 0..3 {
            let noise = colour(16_000, kind, &mut Chance(3));
            let power = noise.iter().map(|x| x * x).sum::<f32>() / 16_000.0;
            assert!((power - 1.0).abs() < 1e-3);
        }
    }
}
