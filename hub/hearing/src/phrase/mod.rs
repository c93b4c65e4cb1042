//! The engine `phrase`: PocketSphinx with a grammar of just what the house can be asked.
//!
//! ```text
//! samples → features → where is the voice ─┬ noise half taken off ┬─ pauses cut → Gaussians moved into this noise
//!                                          └ most of it taken off ┘   → grammar search → words
//! ```
//!
//! It needs nothing but the distribution's packages, hears a command in a hundredth of the time that it takes
//! to say, and can only ever answer with a sentence that the house knows. Deliberately absent: dictation.

mod features;
mod gaussians;
mod lexicon;
mod memory_file;
mod noise;
mod pauses;
mod pronounce;
mod sphinx;
mod sureness;
mod voice;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use features::{Bands, Cepstrum, FrontEnd};
use gaussians::Gaussians;
pub use lexicon::Lexicon;
use noise::Surroundings;
use sphinx::{BestPath, Decoder, Model};
use sureness::Evidence;
use voice::{Found, Voice};

use crate::engine::{HearingError, Hypothesis, Request, Word};
use crate::recognizer::{Cancel, Recognizer};
use crate::word_graph::Prepared;

/// Where Debian's `pocketsphinx-en-us` puts its model.
pub const MODEL_FOLDER: &str = "/usr/share/pocketsphinx/model/en-us";
/// Time from one frame of features to the next.
const FRAME: Duration = Duration::from_millis(10);
/// Fewer frames than this hold no word.
const FEWEST_FRAMES: usize = 20;

/// Tells where in a clip somebody speaks.
pub struct Listener {
    front_end: FrontEnd,
    voice: Voice,
}

impl Listener {
    pub fn new() -> Listener {
        Listener { front_end: FrontEnd::new(), voice: Voice::new() }
    }

    /// From the first sound of a voice to the last, with a margin for weak consonants; `None` when nobody speaks.
    pub fn speech(&mut self, samples: &[i16]) -> Option<std::ops::Range<usize>> {
        let mut frames: Vec<Bands> = Vec::with_capacity(samples.len() / features::STEP);
        self.front_end.restart();
        self.front_end.push(samples, &mut frames);
        let speech = pauses::speech(&self.voice.find(&frames).spoken, VIEWS[1].voice);
        let (first, last) = (speech.iter().position(|s| *s)?, speech.iter().rposition(|s| *s)?);
        (speech.iter().filter(|speech| **speech).count() >= FEWEST_FRAMES)
            .then(|| first * features::STEP..((last + 1) * features::STEP).min(samples.len()))
    }
}

/// The acoustic model, read once and shared by all decoders.
pub struct Acoustics {
    folder: PathBuf,
    means: Gaussians,
    variances: Gaussians,
}

impl Acoustics {
    /// Reads the model in `folder`, laid out like `MODEL_FOLDER`.
    pub fn read(folder: &Path) -> Result<Self, HearingError> {
        let folder = folder.join("en-us");
        let read = |name: &str| {
            Gaussians::read(&folder.join(name)).map_err(|error| HearingError::Model(error.to_string()))
        };
        let (means, variances) = (read("means")?, read("variances")?);
        Ok(Acoustics { folder, means, variances })
    }
}

/// One decoder and the grammar that it listens for.
pub struct Phrase {
    acoustics: Arc<Acoustics>,
    front_end: FrontEnd,
    voice: Voice,
    moved: Gaussians,
    variances: Vec<u8>,
    decoder: Option<Decoder>,
}

impl Phrase {
    pub fn new(acoustics: Arc<Acoustics>) -> Self {
        let moved = acoustics.means.clone();
        let variances = acoustics.variances.to_bytes();
        Phrase { acoustics, front_end: FrontEnd::new(), voice: Voice::new(), moved, variances, decoder: None }
    }

    fn open(&self, prepared: &Prepared) -> Result<Decoder, sphinx::SphinxError> {
        let settings: Vec<(&str, String)> =
            SETTINGS.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        let mut decoder = Decoder::open(&Model {
            folder: &self.acoustics.folder,
            dictionary: &prepared.dictionary,
            means: &self.acoustics.means.to_bytes(),
            variances: &self.variances,
            settings: &settings,
        })?;
        decoder.add(GRAMMAR, &prepared.network)?;
        Ok(decoder)
    }
}

const GRAMMAR: &str = "house";

/// Narrower beams lose words in noise; no lattice, for the grammar has one best path and no second opinion.
const SETTINGS: [(&str, &str); 4] =
    [("-beam", "1e-80"), ("-pbeam", "1e-80"), ("-wbeam", "1e-60"), ("-bestpath", "no")];

/// A way of listening to a clip.
struct View {
    /// How sure a frame's voice must be to be kept.
    voice: f32,
    /// How much of the noise is taken off (0: nothing, 1: all that the network takes for noise).
    cleaned: f32,
    /// How much shorter the vocal tract is taken to be than that of the acoustic model's average speaker.
    shorter: f32,
}

/// Two views err differently: a steady noise is best left to the Gaussians, other people's talk is best taken off, and
/// people's vocal tracts are not of one length. Where both hear the same, they are nearly always right.
const VIEWS: [View; 2] =
    [View { voice: 0.5, cleaned: 0.8, shorter: 0.0 }, View { voice: 0.35, cleaned: 0.3, shorter: 0.04 }];

/// What one view heard.
struct Heard {
    best: BestPath,
    /// Which frame of the clip each frame of the decoder was.
    kept: Vec<usize>,
}

impl Heard {
    /// The words alone, without silence.
    fn spoken(&self) -> impl Iterator<Item = (&sphinx::Segment, &str)> {
        self.best.segments.iter().filter(|segment| !segment.word.starts_with(['<', '('])).map(|segment| {
            let word = segment.word.split_once('(').map_or(segment.word.as_str(), |(word, _)| word);
            (segment, word)
        })
    }

    fn text(&self) -> String {
        self.spoken().map(|(_, word)| word).collect::<Vec<_>>().join(" ")
    }

    /// Score for each frame: how far the sentence is from what was heard.
    fn fit(&self) -> f32 {
        self.best.score as f32 / self.kept.len().max(1) as f32
    }

    fn hypothesis(&self, confidence: f32) -> Hypothesis {
        let at = |frame: usize| FRAME * self.kept[frame.min(self.kept.len() - 1)] as u32;
        let words = self.spoken().map(|(segment, word)| Word {
            text: word.to_owned(),
            confidence,
            start: at(segment.first),
            end: at(segment.last) + FRAME,
        });
        Hypothesis { words: words.collect(), confidence }
    }
}

impl Phrase {
    /// Hears a clip in one way; `None` when nobody speaks or no sentence fits.
    fn listen(
        &mut self,
        view: &View,
        frames: &[Bands],
        found: &Found,
    ) -> Result<Option<Heard>, HearingError> {
        let decoder = self.decoder.as_mut().ok_or(HearingError::NoGrammar)?;
        let speech = pauses::speech(&found.spoken, view.voice);
        let kept: Vec<usize> = (0..frames.len()).filter(|t| speech[*t]).collect();
        if kept.len() < FEWEST_FRAMES {
            return Ok(None);
        }
        let bands: Vec<Bands> = kept
            .iter()
            .map(|t| {
                features::lengthened(&between(&frames[*t], &found.bands[*t], view.cleaned), view.shorter)
            })
            .collect();
        let noise = noise::between(kept.iter().map(|t| (&frames[*t], &found.bands[*t])));
        let noise = features::lengthened(&noise, view.shorter);
        Surroundings::estimate(&self.front_end, &noise, &bands).apply(
            &self.front_end,
            &self.acoustics.means,
            &mut self.moved,
        );
        let failed = |_| HearingError::Crashed;
        decoder.adapt(&self.moved.to_bytes(), &self.variances).map_err(failed)?;
        let cepstra: Vec<Cepstrum> = bands.iter().map(|bands| self.front_end.cepstrum(bands)).collect();
        let best = decoder.decode(GRAMMAR, &cepstra).map_err(failed)?;
        Ok(best.map(|best| Heard { best, kept }).filter(|heard| heard.spoken().next().is_some()))
    }
}

/// Part of the way from what was heard to the voice alone, as seen by the ear: on the logarithms.
fn between(heard: &Bands, voice: &Bands, part: f32) -> Bands {
    std::array::from_fn(|band| {
        let (heard, voice) = ((heard[band] + 1e-4).ln(), (voice[band] + 1e-4).ln());
        (heard + part * (voice - heard)).exp()
    })
}

impl Recognizer for Phrase {
    fn set_grammar(&mut self, prepared: &Prepared) -> Result<(), HearingError> {
        self.decoder = Some(self.open(prepared).map_err(|error| HearingError::Model(error.to_string()))?);
        Ok(())
    }

    fn hear(
        &mut self,
        samples: &[i16],
        _request: &Request,
        cancel: &Cancel,
    ) -> Result<Vec<Hypothesis>, HearingError> {
        if self.decoder.is_none() {
            return Err(HearingError::NoGrammar);
        }
        let mut frames: Vec<Bands> = Vec::with_capacity(samples.len() / features::STEP);
        self.front_end.restart();
        self.front_end.push(samples, &mut frames);
        if frames.len() < FEWEST_FRAMES {
            return Ok(Vec::new());
        }
        let found = self.voice.find(&frames);
        let mut heard: Vec<Heard> = Vec::with_capacity(VIEWS.len());
        for view in &VIEWS {
            cancel.check()?;
            heard.extend(self.listen(view, &frames, &found)?);
        }
        heard.sort_by(|a, b| b.fit().total_cmp(&a.fit()));
        let Some(best) = heard.first() else { return Ok(Vec::new()) };
        let agreed = heard.len() == VIEWS.len() && heard.iter().all(|other| other.text() == best.text());
        let mut hypotheses = vec![best.hypothesis(Evidence::of(best, agreed).confidence())];
        if !agreed && let Some(other) = heard.get(1) {
            hypotheses.push(other.hypothesis(Evidence::of(other, false).confidence()));
        }
        Ok(hypotheses)
    }
}
