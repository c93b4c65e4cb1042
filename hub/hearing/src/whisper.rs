//! The engine `whisper`: any language and any sentence, when a model is installed.
//!
//! `samples → encoder sized to the clip → greedy decoder → tokens → words`
//!
//! Whisper was made for 30 s at a time; its encoder is told how much of that there is, which saves most of the
//! time of a short command. Too short a context can make the decoder loop, so a reading that repeats itself or
//! does not end is heard again with more. Deliberately absent: temperature fallback (five times the time for a
//! clip that is not speech), and whisper-rs's own "safe" abort callback, prompt and grammar, which are unsound
//! or leak.

use std::ffi::c_void;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState, get_lang_id,
};

use crate::engine::{HearingError, Hypothesis, RATE, Request, Word};
use crate::recognizer::{Cancel, Recognizer};

/// The encoder sees one position for every 20 ms.
const SAMPLES_A_POSITION: usize = RATE / 50;
/// Added to the clip's own length: the decoder needs to see that speech has ended (0.5 s).
const MARGIN: usize = 25;
/// Contexts are multiples of this, so that compiled matrix sizes repeat, and never less: shorter ones loop.
const STEP: usize = 64;
const SMALLEST: usize = 192;
/// Nobody says more than this many tokens in a second; a reading with more is a loop.
const TOKENS_A_SECOND: f32 = 12.0;
/// Prompt tokens at most: half of the text context, as Whisper itself allows.
const PROMPT: usize = 200;

/// A loaded model. Loading takes seconds and memory; states over it are cheap.
pub struct WhisperModel {
    context: WhisperContext,
    multilingual: bool,
    positions: usize,
}

impl WhisperModel {
    /// Loads a ggml file. A file that is no model, a truncated one or one of another kind is an error.
    pub fn load(path: &Path) -> Result<Self, HearingError> {
        whisper_rs::install_logging_hooks();
        check_processor(&used(), path)?;
        check_header(path)?;
        let mut settings = WhisperContextParameters::new();
        settings.use_gpu(false);
        let context = WhisperContext::new_with_params(path, settings)
            .map_err(|_| unusable(path, "it is truncated or of another kind"))?;
        let positions = usize::try_from(context.model_n_audio_ctx()).unwrap_or(0);
        if positions < SMALLEST {
            return Err(unusable(path, "its audio context is too small"));
        }
        let multilingual = context.is_multilingual();
        Ok(WhisperModel { context, multilingual, positions })
    }
}

fn unusable(path: &Path, why: &str) -> HearingError {
    HearingError::Model(format!(
        "{} cannot be used as a Whisper model: {why}; remove it and pull it again (sotto-hub models pull)",
        path.display()
    ))
}

/// What whisper.cpp was compiled to use of a processor, and whether this one has it. An instruction that it does not
/// have would end the process in the middle of a word; small Celerons and Atoms lack these to this day.
fn used() -> Vec<(&'static str, bool, bool)> {
    #[cfg(target_arch = "x86_64")]
    {
        let built = whisper_rs::SystemInfo::default();
        vec![
            ("AVX", built.avx, is_x86_feature_detected!("avx")),
            ("AVX2", built.avx2, is_x86_feature_detected!("avx2")),
            ("FMA", built.fma, is_x86_feature_detected!("fma")),
            ("F16C", built.f16c, is_x86_feature_detected!("f16c")),
        ]
    }
    // Elsewhere it is compiled for the oldest processor of the architecture.
    #[cfg(not(target_arch = "x86_64"))]
    Vec::new()
}

fn check_processor(used: &[(&str, bool, bool)], path: &Path) -> Result<(), HearingError> {
    let lacking: Vec<&str> =
        used.iter().filter(|(_, used, there)| *used && !there).map(|(name, _, _)| *name).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(HearingError::Model(format!(
        "this processor has no {}, which Whisper as it was built here needs for {}; use engine = \"phrase\" in \
         [hearing], or \"remote\" with another machine",
        lacking.join(", "),
        path.display()
    )))
}

/// The loader of whisper.cpp trusts its file and may crash on a bad one, so what it allocates by is looked at
/// first: sizes, mel filters and vocabulary, laid out as in `whisper.cpp`'s `whisper_model_load`.
fn check_header(path: &Path) -> Result<(), HearingError> {
    let file = File::open(path).map_err(|error| {
        let path = path.display();
        HearingError::Model(format!(
            "the model {path} cannot be opened: {error}; pull it with sotto-hub models pull"
        ))
    })?;
    let mut file = BufReader::new(file);
    let number = |file: &mut BufReader<File>| {
        let mut four = [0; 4];
        file.read_exact(&mut four).map_err(|_| unusable(path, "it is truncated"))?;
        Ok::<i64, HearingError>(i64::from(i32::from_le_bytes(four)))
    };
    if number(&mut file)? != 0x6767_6d6c {
        return Err(unusable(path, "it is not a ggml file"));
    }
    // Vocabulary, audio context/width/heads/layers, text context/width/heads/layers, mel bands, number format.
    for limit in [200_000, 6_000, 4_096, 64, 128, 4_096, 4_096, 64, 128, 512, 4_096] {
        if !(0..=limit).contains(&number(&mut file)?) {
            return Err(unusable(path, "its header holds impossible sizes"));
        }
    }
    let skip = |file: &mut BufReader<File>, length: i64| {
        let there = std::io::copy(&mut file.take(length.unsigned_abs()), &mut std::io::sink()).unwrap_or(0);
        if there == length.unsigned_abs() { Ok(()) } else { Err(unusable(path, "it is truncated")) }
    };
    let (bands, bins) = (number(&mut file)?, number(&mut file)?);
    if !(1..=512).contains(&bands) || !(1..=4_096).contains(&bins) {
        return Err(unusable(path, "its mel filters have impossible sizes"));
    }
    skip(&mut file, 4 * bands * bins)?;
    let words = number(&mut file)?;
    if !(1..=200_000).contains(&words) {
        return Err(unusable(path, "its vocabulary has an impossible size"));
    }
    for _ in 0..words {
        let length = number(&mut file)?;
        if !(0..=1_000).contains(&length) {
            return Err(unusable(path, "its vocabulary is damaged"));
        }
        skip(&mut file, length)?;
    }
    Ok(())
}

/// One state over a shared model.
pub struct Whisper {
    model: Arc<WhisperModel>,
    state: WhisperState,
    threads: usize,
    path: PathBuf,
}

impl Whisper {
    pub fn new(model: Arc<WhisperModel>, path: &Path, threads: usize) -> Result<Self, HearingError> {
        let state =
            model.context.create_state().map_err(|_| unusable(path, "there is no memory for a state"))?;
        Ok(Whisper { model, state, threads, path: path.to_owned() })
    }

    /// Tokens that make the words of the house likely.
    fn prompt(&self, words: &[String]) -> Vec<i32> {
        if words.is_empty() {
            return Vec::new();
        }
        let text: String = words
            .iter()
            .flat_map(|word| word.chars().filter(|c| *c != '\0').chain(", ".chars()))
            .take(4_000)
            .collect();
        let mut tokens = self.model.context.tokenize(&format!(" {text}"), 4_000).unwrap_or_default();
        tokens.truncate(PROMPT);
        tokens
    }

    fn run(
        &mut self,
        sound: &[f32],
        request: &Request,
        prompt: &[i32],
        positions: usize,
        cancel: &Cancel,
    ) -> Result<Reading, HearingError> {
        let language = self.language(request)?;
        let mut settings = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
        settings.set_n_threads(self.threads as i32);
        settings.set_audio_ctx(positions as i32);
        settings.set_language(language.as_deref());
        settings.set_tokens(prompt);
        settings.set_no_context(true);
        settings.set_single_segment(true);
        settings.set_no_timestamps(false);
        settings.set_token_timestamps(true);
        settings.set_temperature(0.0);
        settings.set_temperature_inc(0.0);
        settings.set_suppress_blank(true);
        settings.set_suppress_nst(true);
        settings.set_print_special(false);
        settings.set_print_progress(false);
        settings.set_print_realtime(false);
        settings.set_print_timestamps(false);
        let seconds = sound.len() as f32 / RATE as f32;
        let most = (TOKENS_A_SECOND * (seconds + 1.0)) as usize;
        settings.set_max_tokens(most as i32);
        // SAFETY: `cancel` outlives `full`, which is the only one to call back, from this thread or its own
        // workers; `Cancel` may be read from any thread.
        unsafe {
            settings.set_abort_callback(Some(give_up));
            settings.set_abort_callback_user_data(std::ptr::from_ref(cancel).cast_mut().cast());
        }
        let done = self.state.full(settings, sound);
        cancel.check()?;
        done.map_err(|_| HearingError::Crashed)?;
        Ok(self.reading(most))
    }

    /// The language to ask for: `None` lets Whisper detect it.
    fn language(&self, request: &Request) -> Result<Option<String>, HearingError> {
        let asked = request
            .language
            .as_deref()
            .map(|language| language.split(['-', '_']).next().unwrap_or_default().to_lowercase());
        match asked {
            _ if !self.model.multilingual => match asked {
                Some(language) if language != "en" => Err(HearingError::Language(language)),
                _ => Ok(Some("en".to_owned())),
            },
            None => Ok(None),
            Some(language)
                if language.bytes().all(|b| b.is_ascii_lowercase()) && get_lang_id(&language).is_some() =>
            {
                Ok(Some(language))
            }
            Some(language) => Err(HearingError::Language(language)),
        }
    }

    fn reading(&self, most: usize) -> Reading {
        let end_of_text = self.model.context.token_eot();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut count = 0;
        for segment in self.state.as_iter() {
            for index in 0..segment.n_tokens() {
                let Some(token) = segment.get_token(index) else { continue };
                let data = token.token_data();
                if data.id >= end_of_text {
                    continue;
                }
                count += 1;
                let Ok(bytes) = token.to_bytes() else { continue };
                let (start, end) = (centiseconds(data.t0), centiseconds(data.t1));
                match pieces.last_mut() {
                    Some(last) if !bytes.starts_with(b" ") => {
                        last.bytes.extend_from_slice(bytes);
                        last.probabilities.push(data.p);
                        last.end = end.max(last.end);
                    }
                    _ => {
                        pieces.push(Piece { bytes: bytes.to_vec(), probabilities: vec![data.p], start, end })
                    }
                }
            }
        }
        let words: Vec<Word> = pieces.into_iter().filter_map(Piece::into_word).collect();
        let looped = count >= most || repeats(&words);
        Reading { words, looped }
    }
}

struct Reading {
    words: Vec<Word>,
    looped: bool,
}

struct Piece {
    bytes: Vec<u8>,
    probabilities: Vec<f32>,
    start: Duration,
    end: Duration,
}

impl Piece {
    fn into_word(self) -> Option<Word> {
        let text = String::from_utf8_lossy(&self.bytes).trim().to_owned();
        // Whisper's remarks on sounds, "[MUSIC]" or "(coughs)", are not words that somebody said.
        if text.is_empty() || text.starts_with(['[', '(', '♪']) || !text.chars().any(char::is_alphanumeric)
        {
            return None;
        }
        let confidence = self.probabilities.iter().map(|p| p.max(1e-6).ln()).sum::<f32>()
            / self.probabilities.len() as f32;
        Some(Word { text, confidence: confidence.exp().clamp(0.0, 1.0), start: self.start, end: self.end })
    }
}

fn centiseconds(value: i64) -> Duration {
    Duration::from_millis(10 * u64::try_from(value).unwrap_or(0))
}

/// Whether the last words are the same few, four times over: a decoder that loops.
fn repeats(words: &[Word]) -> bool {
    (1..=8).any(|length| {
        let needed = 4 * length;
        words.len() >= needed && {
            let tail: Vec<&str> =
                words[words.len() - needed..].iter().map(|word| word.text.as_str()).collect();
            tail.chunks(length).all(|chunk| chunk == &tail[..length])
        }
    })
}

/// Encoder positions for a clip: its length and a margin, rounded up, not beyond what the model has.
fn positions_for(samples: usize, most: usize) -> usize {
    (samples.div_ceil(SAMPLES_A_POSITION) + MARGIN).next_multiple_of(STEP).clamp(SMALLEST, most)
}

unsafe extern "C" fn give_up(cancel: *mut c_void) -> bool {
    // SAFETY: points at the `Cancel` of the `run` that set it, which is still waiting.
    unsafe { &*cancel.cast::<Cancel>() }.check().is_err()
}

impl Recognizer for Whisper {
    fn hear(
        &mut self,
        samples: &[i16],
        request: &Request,
        cancel: &Cancel,
    ) -> Result<Vec<Hypothesis>, HearingError> {
        // Less than 0.1 s makes whisper.cpp refuse.
        if samples.len() < RATE / 10 {
            return Ok(Vec::new());
        }
        let sound: Vec<f32> = samples.iter().map(|sample| f32::from(*sample) / 32768.0).collect();
        let prompt = self.prompt(&request.words);
        let mut words = Vec::new();
        // Whisper hears 30 s at a time; a longer clip is heard in parts.
        for part in sound.chunks(self.model.positions * SAMPLES_A_POSITION) {
            if part.len() < RATE / 10 {
                break;
            }
            let mut positions = positions_for(part.len(), self.model.positions);
            loop {
                let reading = self.run(part, request, &prompt, positions, cancel)?;
                if !reading.looped {
                    words.extend(reading.words);
                    break;
                }
                if positions >= self.model.positions {
                    tracing::debug!(model = %self.path.display(), "the decoder loops on this clip; nothing was understood");
                    return Ok(Vec::new());
                }
                positions = (2 * positions).min(self.model.positions);
            }
        }
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let confidence = words.iter().map(|word| word.confidence).sum::<f32>() / words.len() as f32;
        Ok(vec![Hypothesis { words, confidence }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        let word = |text: &str| Word {
            text: text.into(),
            confidence: 1.0,
            start: Duration::ZERO,
            end: Duration::ZERO,
        };
        text.split(' ').map(word).collect()
    }

    #[test]
    fn a_processor_that_lacks_something_is_told_so() {
        let check = |used: &[(&str, bool, bool)], expect: Option<&str>| {
            let said = check_processor(used, Path::new("base.en.bin")).err().map(|error| error.to_string());
            assert_eq!(said.is_some(), expect.is_some(), "{said:?}");
            assert!(said.unwrap_or_default().contains(expect.unwrap_or_default()));
        };
        check(&[], None);
        check(&[("AVX", true, true), ("AVX2", false, false)], None);
        check(&[("AVX", true, true), ("AVX2", true, false), ("FMA", true, false)], Some("no AVX2, FMA,"));
        check_processor(&used(), Path::new("base.en.bin")).expect("it was built for this machine");
    }

    #[test]
    fn a_context_covers_the_clip_and_not_much_more() {
        for (seconds, positions) in [(0, 192), (3, 192), (4, 256), (10, 576), (29, 1500), (60, 1500)] {
            assert_eq!(positions_for(seconds * RATE, 1500), positions, "{seconds} s");
        }
    }

    #[test]
    fn a_loop_is_seen_and_emphasis_is_not() {
        assert!(repeats(&words("so the the the the")));
        assert!(repeats(&words("a thank you thank you thank you thank you")));
        for fine in ["no no no", "turn on the light", "very very very good"] {
            assert!(!repeats(&words(fine)), "{fine}");
        }
    }
}
