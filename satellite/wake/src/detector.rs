//! Probabilities → detections: sliding mean, cut-off, refractory period.

use std::sync::Arc;
use std::time::Duration;

use crate::frontend::{SAMPLE_RATE, STEP};
use crate::model::{Kind, Model};
use crate::network::Network;
use crate::taught::{Said, Weights};

/// After a detection the same word is not heard again for this long: one utterance of a word keeps the
/// mean high for up to half a second, and nobody repeats a wake word faster than this.
pub const REFRACTORY: Duration = Duration::from_secs(1);

/// A wake word to listen for, and how readily.
#[derive(Clone, Debug)]
pub struct WakeWord {
    pub(crate) model: Model,
    cutoff: f32,
    window: usize,
    refractory: Duration,
}

impl WakeWord {
    /// As readily as the model's author chose.
    pub fn new(model: Model) -> Self {
        WakeWord { cutoff: model.cutoff(), window: model.window(), refractory: REFRACTORY, model }
    }

    /// The mean probability that must be exceeded, instead of the author's.
    pub fn with_cutoff(mut self, cutoff: f32) -> Self {
        self.cutoff = cutoff.clamp(0.0, STRICTEST);
        self
    }

    /// Runs of the network the mean is taken over, instead of the author's.
    pub fn with_window(mut self, window: usize) -> Self {
        self.window = window.max(1);
        self
    }

    pub fn with_refractory(mut self, refractory: Duration) -> Self {
        self.refractory = refractory;
        self
    }

    /// 0 to 1, where 0.5 is the author's cut-off: an even scale in log-odds, on which 1 turns a cut-off of
    /// 0.90 into 0.50 and 0 into 0.99.
    pub fn with_sensitivity(self, sensitivity: f32) -> Self {
        const ODDS: f32 = 4.4;
        let author = self.model.cutoff().clamp(0.01, STRICTEST);
        let odds = (author / (1.0 - author)).ln() - ODDS * (sensitivity.clamp(0.0, 1.0) - 0.5);
        self.with_cutoff(1.0 / (1.0 + (-odds).exp()))
    }

    /// What to say.
    pub fn phrase(&self) -> &str {
        self.model.phrase()
    }

    pub fn model(&self) -> &Model {
        &self.model
    }

    pub fn cutoff(&self) -> f32 {
        self.cutoff
    }

    /// Runs of the network that the mean is taken over.
    pub fn window(&self) -> usize {
        self.window
    }
}

/// The highest probability a network can give is 255/256, so a cut-off above this would never fire.
const STRICTEST: f32 = 0.99;

/// What gives a wake word's probability.
enum Source {
    Trained(Box<Network>),
    Taught(Arc<Weights>),
}

/// Listens for one wake word and decides when it was said.
pub(crate) struct Detector {
    source: Source,
    cutoff: f32,
    mean: Mean,
    /// Windows for which to stay quiet after a detection.
    refractory: u64,
    quiet_until: u64,
    /// The mean must fall below the cut-off between two detections.
    armed: bool,
}

impl Detector {
    pub fn new(word: &WakeWord) -> Self {
        let windows = word.refractory.as_millis() as u64 * u64::from(SAMPLE_RATE) / 1_000 / STEP as u64;
        Detector {
            source: match word.model.kind() {
                Kind::Trained(plan) => Source::Trained(Box::new(Network::new(Arc::clone(plan)))),
                Kind::Taught(taught) => Source::Taught(Arc::clone(&taught.weights)),
            },
            cutoff: word.cutoff,
            mean: Mean::new(word.window),
            refractory: windows,
            quiet_until: 0,
            armed: true,
        }
    }

    pub fn reset(&mut self) {
        if let Source::Trained(network) = &mut self.source {
            network.reset();
        }
        self.mean.clear();
        self.quiet_until = 0;
        self.armed = true;
    }

    /// Takes window number `now`; the mean probability if the word was detected in it.
    pub fn push(&mut self, features: &crate::frontend::Features, now: u64) -> Option<f32> {
        let Source::Trained(network) = &mut self.source else { return None };
        let probability = network.push(features)?;
        self.decide(probability, now)
    }

    /// Takes what was said up to window number `now`; the mean probability if the word was detected in it.
    pub fn said(&mut self, said: &Said, now: u64) -> Option<f32> {
        let Source::Taught(weights) = &self.source else { return None };
        let probability = weights.probability(said);
        self.decide(probability, now)
    }

    fn decide(&mut self, probability: f32, now: u64) -> Option<f32> {
        // To the precision of the cut-off, so that a mean of exactly 0.9 is not above 0.9.
        let mean = self.mean.push(probability)? as f32;
        if mean <= self.cutoff {
            self.armed = true;
            return None;
        }
        if !self.armed || now < self.quiet_until {
            return None;
        }
        self.armed = false;
        self.quiet_until = now + self.refractory;
        Some(mean)
    }
}

/// Mean of the last few probabilities, once there are that many.
pub(crate) struct Mean {
    recent: Vec<f32>,
    next: usize,
    full: bool,
}

impl Mean {
    pub fn new(window: usize) -> Self {
        Mean { recent: vec![0.0; window], next: 0, full: false }
    }

    pub fn clear(&mut self) {
        (self.next, self.full) = (0, false);
    }

    /// Probabilities are multiples of 1/256, so their sum is exact.
    pub fn push(&mut self, probability: f32) -> Option<f64> {
        self.recent[self.next] = probability;
        self.next = (self.next + 1) % self.recent.len();
        self.full |= self.next == 0;
        let sum: f64 = self.recent.iter().map(|&p| f64::from(p)).sum();
        self.full.then(|| sum / self.recent.len() as f64)
    }
}
