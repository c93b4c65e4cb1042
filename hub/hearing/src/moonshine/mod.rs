//! The engine `phrase` with a network: Moonshine writes what it hears, held to the sentences of the house.
//!
//! ```text
//! samples → frames ─┬─ the likeliest sentence of the house ─┐
//!                   └─ the likeliest text of all ───────────┴─ how far apart? → hypotheses
//! ```
//!
//! It is fetched once (`sotto-hub models pull moonshine`) and hears far more than PocketSphinx in noise and among
//! other people's talk. Deliberately absent: other languages than English; training.

mod matrix;
mod network;
mod numbers;
mod pieces;
mod search;
mod spelling;
mod stretches;
mod sureness;
mod weights;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{ACCEPT, HearingError, Hypothesis, RATE, Request, Word};
use crate::phrase::Listener;
use crate::recognizer::{Cancel, Recognizer};
use crate::word_graph::Prepared;
pub(crate) use matrix::Matrix;
use network::{FEWEST_SAMPLES, Network};
use pieces::Pieces;
use search::{Found, search};
use spelling::Spelling;
pub use weights::{FOLDER, PACKAGE, installed};

/// Kept before and after speech.
const MARGIN: usize = 3 * RATE / 10;
/// The network was taught on up to 30 s; it hears less than that at a time, so that time grows with length alone.
const LONGEST_PART: usize = 20 * RATE;
const SHORTEST_PART: usize = 12 * RATE;

/// The network and its symbols, read once and shared.
pub struct Model {
    network: Network,
    pieces: Pieces,
}

impl Model {
    pub fn read(path: &Path) -> Result<Model, HearingError> {
        weights::open(path).map_err(|error| HearingError::Model(error.to_string()))
    }

    /// What the network writes by itself (samples between -1 and 1), and the logarithm of its probability; for
    /// comparing with other programs that run it.
    pub fn write(&self, samples: &[f32]) -> (String, f32) {
        if samples.len() < FEWEST_SAMPLES {
            return Default::default();
        }
        let go_on = || Ok::<(), Infallible>(());
        let Ok(clip) = self.network.encode(samples, go_on);
        let Ok(Found { free, .. }) = search(&self.network, &self.pieces, None, &clip, go_on);
        let words: Vec<&str> = free.words.iter().map(|word| word.text.as_str()).collect();
        (words.join(" "), free.score)
    }
}

pub struct Moonshine {
    model: Arc<Model>,
    listener: Listener,
    sentences: Option<Spelling>,
}

impl Moonshine {
    pub fn new(model: Arc<Model>) -> Moonshine {
        Moonshine { model, listener: Listener::new(), sentences: None }
    }

    fn search(&mut self, samples: &[f32], whole: bool, cancel: &Cancel) -> Result<Found, HearingError> {
        let Model { network, pieces } = &*self.model;
        let clip = network.encode(samples, || cancel.check())?;
        let sentences = self.sentences.as_mut().filter(|_| whole);
        search(network, pieces, sentences, &clip, || cancel.check())
    }
}

impl Recognizer for Moonshine {
    fn set_grammar(&mut self, grammar: &Prepared) -> Result<(), HearingError> {
        self.sentences = Some(Spelling::new(&grammar.network, &self.model.pieces));
        Ok(())
    }

    fn hear(
        &mut self,
        samples: &[i16],
        _request: &Request,
        cancel: &Cancel,
    ) -> Result<Vec<Hypothesis>, HearingError> {
        // Of silence and of sounds the network makes words ("You", "Thank you") like any that was taught by subtitles.
        let Some(speech) = self.listener.speech(samples) else { return Ok(Vec::new()) };
        let from = speech.start.saturating_sub(MARGIN);
        let samples: Vec<f32> = samples[from..(speech.end + MARGIN).min(samples.len())]
            .iter()
            .map(|sample| f32::from(*sample) / 32768.0)
            .collect();
        let parts = parts(&samples);
        let (mut hypotheses, mut text, mut at) = (Vec::new(), Vec::new(), from);
        for part in &parts {
            let found = self.search(part, parts.len() == 1, cancel)?;
            hypotheses = sureness::weigh(&found);
            text.extend(later(found.free.words, at));
            at += part.len();
        }
        for hypothesis in &mut hypotheses {
            hypothesis.words = later(std::mem::take(&mut hypothesis.words), from);
        }
        // Other talk forced into a sentence is none; what was said is written down instead: a name to remember, or what
        // nobody here can do.
        hypotheses.retain(|hypothesis| hypothesis.confidence >= ACCEPT);
        if hypotheses.is_empty() && !text.is_empty() {
            hypotheses.push(sureness::of_free_text(text));
        }
        Ok(hypotheses)
    }
}

/// Words of a part that begins after so many samples.
fn later(words: Vec<Word>, samples: usize) -> Vec<Word> {
    let by = Duration::from_secs_f64(samples as f64 / RATE as f64);
    let word = |word: Word| Word { start: word.start + by, end: word.end + by, ..word };
    words.into_iter().map(word).collect()
}

/// A clip as the network likes it, not longer than [`LONGEST_PART`]: cut where it is quietest.
fn parts(mut samples: &[f32]) -> Vec<&[f32]> {
    const STEP: usize = RATE / 10;
    let mut parts = Vec::new();
    while samples.len() > LONGEST_PART {
        let steps = samples[..LONGEST_PART].chunks(STEP).enumerate().skip(SHORTEST_PART / STEP);
        let energy = |step: &[f32]| step.iter().map(|sample| sample * sample).sum::<f32>();
        let quietest = steps.min_by(|a, b| energy(a.1).total_cmp(&energy(b.1)));
        let (part, rest) = samples.split_at(quietest.map_or(LONGEST_PART, |(n, _)| n * STEP + STEP / 2));
        parts.push(part);
        samples = rest;
    }
    if samples.len() >= FEWEST_SAMPLES {
        parts.push(samples);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_clip_is_cut_where_it_is_quiet_and_nothing_is_lost() {
        let loud = |samples: usize| (0..samples).map(|n| (n as f32 * 0.7).sin());
        let quiet = std::iter::repeat_n(0.001, RATE);
        let clip: Vec<f32> = loud(15 * RATE).chain(quiet).chain(loud(19 * RATE)).collect();
        let cut = parts(&clip);
        assert_eq!(cut.iter().map(|part| part.len()).sum::<usize>(), clip.len());
        assert!((15 * RATE..16 * RATE).contains(&cut[0].len()), "{}", cut[0].len());
        assert!(cut.iter().all(|part| part.len() <= LONGEST_PART));
        assert_eq!(parts(&clip[..3 * RATE]), [&clip[..3 * RATE]]);
        assert!(parts(&clip[..100]).is_empty());
    }
}
