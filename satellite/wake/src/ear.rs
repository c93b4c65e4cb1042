//! Sound in, what was heard out: several wake words and voice activity over one front end.
//!
//! `samples → front end → each wake word's network → detections; the voice network → voice`
//!
//! Deliberately absent: the microphone, threads, and any memory of the sound beyond 30 ms.

use std::sync::Arc;

use crate::detector::{Detector, Mean, WakeWord};
use crate::frontend::{FrontEnd, STEP};
use crate::model::{Kind, Model};
use crate::network::Network;
use crate::taught::Speech;

/// One thing an ear noticed. `at` counts samples since the ear was made or reset, up to the end of the
/// window in which it was noticed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    /// Wake word number `word` (in the order given to [`Ear::new`]) was said, with this mean probability.
    Wake { word: usize, probability: f32, at: u64 },
    /// Voice activity, every 30 ms where the ear has a voice model.
    Voice(Voice),
}

/// How likely it is that somebody is speaking (0 to 1), and how loud the last 30 ms were: decibels below
/// the loudest square wave, −100 for digital silence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voice {
    pub probability: f32,
    pub level: f32,
    pub at: u64,
}

/// Listens to one stream of 16 kHz mono sound.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use sotto_wake::{Ear, Heard, Model, WakeWord};
/// let nabu = Model::open("models/okay_nabu.json".as_ref())?;
/// let voice = Model::open("models/vad.json".as_ref())?;
/// let mut ear = Ear::new(&[WakeWord::new(nabu)], Some(&voice));
/// # let chunk = [0i16; 320];
/// for heard in ear.push(&chunk) {
///     if let Heard::Wake { word, probability, .. } = heard {
///         println!("wake word {word} with {probability}");
///     }
/// }
/// # Ok(()) }
/// ```
pub struct Ear {
    frontend: FrontEnd,
    detectors: Vec<Detector>,
    /// Where there are taught words.
    speech: Option<Speech>,
    voice: Option<(Network, Mean)>,
    /// Windows so far.
    windows: u64,
    heard: Vec<Heard>,
}

impl std::fmt::Debug for Ear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ear").field("words", &self.detectors.len()).finish_non_exhaustive()
    }
}

/// Voice probabilities are averaged over two runs, 60 ms: enough against single stray values, and a
/// delay of 15 ms.
const VOICE_WINDOW: usize = 2;

/// Events that a second of sound can bring, with room to spare; a longer chunk makes the list grow once.
const ROOM: usize = 64;

impl Ear {
    pub fn new(words: &[WakeWord], voice: Option<&Model>) -> Self {
        let voice = voice.and_then(Model::network).map(|network| (network, Mean::new(VOICE_WINDOW)));
        // All taught words look at one network's work.
        let speech = words.iter().find_map(|word| match word.model().kind() {
            Kind::Taught(taught) => Some(Speech::new(Arc::clone(&taught.network), voice.is_some())),
            Kind::Trained(_) => None,
        });
        Ear {
            frontend: FrontEnd::new(),
            detectors: words.iter().map(Detector::new).collect(),
            speech,
            voice,
            windows: 0,
            heard: Vec::with_capacity(ROOM),
        }
    }

    /// Forgets everything, as if new.
    pub fn reset(&mut self) {
        self.frontend.reset();
        self.detectors.iter_mut().for_each(Detector::reset);
        if let Some(speech) = &mut self.speech {
            speech.reset();
        }
        if let Some((network, mean)) = &mut self.voice {
            network.reset();
            mean.clear();
        }
        self.windows = 0;
    }

    /// Hears a chunk of any length and says what was noticed in it, in order.
    pub fn push(&mut self, mut samples: &[i16]) -> impl Iterator<Item = Heard> + '_ {
        self.heard.clear();
        loop {
            let before = samples;
            let features = self.frontend.next(&mut samples);
            self.listen(&before[..before.len() - samples.len()]);
            let Some(features) = features else { break };
            self.windows += 1;
            // The first window ends after 30 ms.
            let at = (self.windows + 2) * STEP as u64;
            for (word, detector) in self.detectors.iter_mut().enumerate() {
                if let Some(probability) = detector.push(&features, self.windows) {
                    self.heard.push(Heard::Wake { word, probability, at });
                }
            }
            if let Some((network, mean)) = &mut self.voice
                && let Some(probability) = network.push(&features).and_then(|p| mean.push(p))
            {
                if let Some(speech) = &mut self.speech {
                    speech.voice(probability as f32);
                }
                let level = self.frontend.level();
                self.heard.push(Heard::Voice(Voice { probability: probability as f32, level, at }));
            }
        }
        self.heard.drain(..)
    }

    /// Lets the taught words hear what the front end has just taken in.
    fn listen(&mut self, samples: &[i16]) {
        let Some(speech) = &mut self.speech else { return };
        // The window that is filling up with these samples.
        let (now, at) = (self.windows + 1, (self.windows + 3) * STEP as u64);
        speech.push(samples, |said| {
            for (word, detector) in self.detectors.iter_mut().enumerate() {
                if let Some(probability) = detector.said(said, now) {
                    self.heard.push(Heard::Wake { word, probability, at });
                }
            }
        });
    }
}
