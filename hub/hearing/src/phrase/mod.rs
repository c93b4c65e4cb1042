//! The engine `phrase`: PocketSphinx with a grammar of just what the house can be asked.
//!
//! `samples → features → pauses cut → Gaussians moved into this noise → grammar search → words`
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

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use features::{Bands, Cepstrum, FrontEnd};
use gaussians::Gaussians;
pub use lexicon::{Lexicon, Prepared};
use noise::Surroundings;
use pauses::Pauses;
pub use sphinx::{Arc as GraphArc, Network};
use sphinx::{Decoder, Model};

use crate::engine::{HearingError, Hypothesis, Request, Word};
use crate::recognizer::{Cancel, Recognizer};

/// Where Debian's `pocketsphinx-en-us` puts its model.
pub const MODEL_FOLDER: &str = "/usr/share/pocketsphinx/model/en-us";
/// Time from one frame of features to the next.
const FRAME: Duration = Duration::from_millis(10);
/// Fewer frames than this hold no word.
const FEWEST_FRAMES: usize = 20;

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
    moved: Gaussians,
    variances: Vec<u8>,
    decoder: Option<Decoder>,
}

impl Phrase {
    pub fn new(acoustics: Arc<Acoustics>) -> Self {
        let moved = acoustics.means.clone();
        let variances = acoustics.variances.to_bytes();
        Phrase { acoustics, front_end: FrontEnd::new(), moved, variances, decoder: None }
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

/// How well the best path fits, a frame: most real commands score above -30, in noise as in quiet (the Gaussians have
/// been moved into the noise), the worst clean one and synthetic voices around -33, other talk that was forced into a
/// command mostly far below. Refusing a real command is the commoner harm behind a wake word.
const FIT_OF_AN_EVEN_CHANCE: f32 = -34.0;
/// How quickly certainty comes and goes around that.
const FIT_SCALE: f32 = 2.0;

/// How likely it is that these words were meant, from the score of a path over so many frames.
fn confidence(score: i32, frames: usize) -> f32 {
    let fit = score as f32 / frames.max(1) as f32;
    1.0 / (1.0 + ((FIT_OF_AN_EVEN_CHANCE - fit) / FIT_SCALE).exp())
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
        let decoder = self.decoder.as_mut().ok_or(HearingError::NoGrammar)?;
        let mut frames: Vec<Bands> = Vec::with_capacity(samples.len() / features::STEP);
        self.front_end.restart();
        self.front_end.push(samples, &mut frames);
        if frames.len() < FEWEST_FRAMES {
            return Ok(Vec::new());
        }
        let pauses = Pauses::find(&frames);
        let kept: Vec<usize> = (0..frames.len()).filter(|t| pauses.speech[*t]).collect();
        if kept.len() < FEWEST_FRAMES {
            return Ok(Vec::new());
        }
        cancel.check()?;
        let speech: Vec<Bands> = kept.iter().map(|t| frames[*t]).collect();
        Surroundings::estimate(&self.front_end, &pauses.noise, &speech).apply(
            &self.front_end,
            &self.acoustics.means,
            &mut self.moved,
        );
        let failed = |_| HearingError::Crashed;
        decoder.adapt(&self.moved.to_bytes(), &self.variances).map_err(failed)?;
        cancel.check()?;
        let cepstra: Vec<Cepstrum> = speech.iter().map(|bands| self.front_end.cepstrum(bands)).collect();
        let Some(best) = decoder.decode(GRAMMAR, &cepstra).map_err(failed)? else {
            return Ok(Vec::new());
        };
        let at = |frame: usize| FRAME * kept[frame.min(kept.len() - 1)] as u32;
        let words: Vec<Word> = best
            .segments
            .iter()
            .filter(|segment| !segment.word.starts_with('<') && !segment.word.starts_with('('))
            .map(|segment| Word {
                text: segment.word.split_once('(').map_or(segment.word.as_str(), |(word, _)| word).to_owned(),
                confidence: 0.0,
                start: at(segment.first),
                end: at(segment.last) + FRAME,
            })
            .collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let confidence = confidence(best.score, kept.len());
        let words = words.into_iter().map(|word| Word { confidence, ..word }).collect();
        Ok(vec![Hypothesis { words, confidence }])
    }
}
