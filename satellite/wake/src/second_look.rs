//! A second look at a wake, by somebody with more time than a satellite: the hub.
//!
//! `sound around the wake → heard afresh as it is → nearly the cut-off?; in altered versions → half of it, in the mean?`
//!
//! A network that was deceived was mostly deceived by an accident: by what came long before, by how the sound fell
//! into its steps, by the speed at which something was said. A word that was said survives small changes of these.
//! So the same model hears the sound again without the past that it had at the satellite, which must nearly reach the
//! word's cut-off again, and then after other pasts and at other speeds, which must reach half of it in the mean. What this
//! changes is in `docs/measurements.md`, and why it is done so in `docs/decisions/0042-a-second-look.md`.
//!
//! Deliberately absent: keeping any of the sound.

use std::sync::Arc;
use std::time::Duration;

use crate::detector::{Mean, WakeWord};
use crate::frontend::{FrontEnd, SAMPLE_RATE};
use crate::model::Kind;
use crate::network::Network;
use crate::taught::{Speech, Taught};

/// How much sound a look needs: before the detection, and after it. Without the latter most words that were said are
/// doubted, because the mean goes on rising after it has passed the cut-off.
pub const BEFORE: Duration = Duration::from_millis(1_500);
pub const AFTER: Duration = Duration::from_millis(300);

/// What is heard before the sound, so that networks and front end have a past.
#[derive(Clone, Copy)]
enum Past {
    Silence,
    /// The sound's own beginning backwards: the same room, and no word.
    Mirror,
}

/// Altered versions: what came before, and how fast it is said.
const ALTERED: [(Past, f32); 4] =
    [(Past::Silence, 1.0), (Past::Mirror, 1.0), (Past::Mirror, 0.93), (Past::Mirror, 1.07)];

/// Length of a past in samples.
const PAST: usize = SAMPLE_RATE as usize;

/// Shares of the cut-off: what the sound as it is must reach, Opus having taken a little away, and what the mean over
/// the altered versions must.
const AS_IT_IS: f32 = 0.9;
const ALTERED_MEAN: f32 = 0.5;

/// Looks again at wakes of one word.
#[derive(Clone, Debug)]
pub struct SecondLook {
    word: WakeWord,
}

impl SecondLook {
    /// As strict as `word` is.
    pub fn new(word: WakeWord) -> Self {
        SecondLook { word }
    }

    /// Whether the word was said in `sound` (16 kHz mono): [`BEFORE`] its detection and [`AFTER`] it.
    pub fn is_genuine(&self, sound: &[i16]) -> bool {
        let longest = samples(BEFORE + AFTER);
        let sound = &sound[sound.len().saturating_sub(longest)..];
        if self.highest(0, sound) <= AS_IT_IS * self.word.cutoff() {
            return false;
        }
        let scores = ALTERED.iter().map(|&(past, speed)| {
            let past: Vec<i16> = match past {
                Past::Silence => vec![0; PAST],
                Past::Mirror => sound.iter().take(PAST).rev().copied().collect(),
            };
            let before = (past.len() as f32 / speed) as usize;
            self.highest(before, &at_speed([&past[..], sound].concat(), speed))
        });
        scores.sum::<f32>() / ALTERED.len() as f32 > ALTERED_MEAN * self.word.cutoff()
    }

    /// The highest mean probability after `before` samples.
    fn highest(&self, before: usize, sound: &[i16]) -> f32 {
        match self.word.model().kind() {
            Kind::Trained(plan) => self.highest_of_trained(Network::new(Arc::clone(plan)), before, sound),
            Kind::Taught(taught) => highest_of_taught(taught, before, sound),
        }
    }

    fn highest_of_trained(&self, mut network: Network, before: usize, sound: &[i16]) -> f32 {
        let mut frontend = FrontEnd::new();
        let mut mean = Mean::new(self.word.window());
        let mut highest = 0.0f64;
        let mut rest = sound;
        while let Some(features) = frontend.next(&mut rest) {
            if let Some(mean) = network.push(&features).and_then(|p| mean.push(p))
                && sound.len() - rest.len() > before
            {
                highest = highest.max(mean);
            }
        }
        highest as f32
    }
}

fn highest_of_taught(taught: &Taught, before: usize, sound: &[i16]) -> f32 {
    let mut speech = Speech::new(Arc::clone(&taught.network), false);
    let mut highest = 0.0f32;
    let (past, sound) = sound.split_at(before.min(sound.len()));
    speech.push(past, |_| {});
    speech.push(sound, |said| highest = highest.max(taught.weights.probability(said)));
    highest
}

/// Straight lines between samples are good enough for a change of a few per cent.
fn at_speed(sound: Vec<i16>, speed: f32) -> Vec<i16> {
    if speed == 1.0 {
        return sound;
    }
    let length = (sound.len().saturating_sub(1) as f32 / speed) as usize;
    let sample = |n: usize| {
        let at = n as f32 * speed;
        let [a, b] = [0, 1].map(|next| f32::from(sound[(at as usize + next).min(sound.len() - 1)]));
        (a + (b - a) * at.fract()).round() as i16
    };
    (0..length).map(sample).collect()
}

fn samples(time: Duration) -> usize {
    time.as_millis() as usize * SAMPLE_RATE as usize / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_faster_is_shorter_and_otherwise_the_same() {
        let slope: Vec<i16> = (0..16_000).map(|n| n / 2).collect();
        for speed in [0.93, 1.0, 1.07] {
            let heard = at_speed(slope.clone(), speed);
            assert!((heard.len() as f32 - 16_000.0 / speed).abs() <= 2.0, "{} samples", heard.len());
            let (at, expect) = (heard[8_000], (8_000.0 * speed / 2.0) as i16);
            assert!(at.abs_diff(expect) <= 1, "{at} instead of {expect}");
            assert!(at_speed(Vec::new(), speed).is_empty());
        }
    }
}
