//! PocketSphinx, the parts that we use, made safe.
//!
//! One `Decoder` owns one `ps_decoder_t` and everything it points to. Text goes in as Rust strings, features
//! as fixed-size frames, and every pointer that comes out is copied before the next call. The library prints
//! its troubles through `err_set_logfp`; it is told to be silent, for its messages contain words.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::{self, NonNull};

use super::features::Cepstrum;
use super::memory_file::MemoryFile;
use crate::word_graph::WordGraph;

mod raw {
    use super::{c_char, c_int, c_void};

    #[repr(C)]
    pub struct Decoder([u8; 0]);
    #[repr(C)]
    pub struct Settings([u8; 0]);
    /// The head of `fsg_model_t` (`sphinxbase/fsg_model.h`), as far as its two public state numbers.
    #[repr(C)]
    pub struct Fsg {
        references: c_int,
        name: *mut c_char,
        words: i32,
        words_allocated: i32,
        vocabulary: *mut *mut c_char,
        silences: *mut c_void,
        alternates: *mut c_void,
        math: *mut LogMath,
        states: i32,
        pub start: i32,
        pub last: i32,
        weight: f32,
    }
    #[repr(C)]
    pub struct LogMath([u8; 0]);
    #[repr(C)]
    pub struct Segment([u8; 0]);
    #[repr(C)]
    pub struct Transform([u8; 0]);

    unsafe extern "C" {
        pub fn err_set_logfp(stream: *mut c_void);
        pub fn ps_args() -> *const c_void;
        pub fn cmd_ln_parse_r(
            inout: *mut Settings,
            definitions: *const c_void,
            count: i32,
            arguments: *mut *mut c_char,
            strict: i32,
        ) -> *mut Settings;
        pub fn cmd_ln_free_r(settings: *mut Settings) -> c_int;
        pub fn ps_init(settings: *mut Settings) -> *mut Decoder;
        pub fn ps_free(decoder: *mut Decoder) -> c_int;
        pub fn ps_get_logmath(decoder: *mut Decoder) -> *mut LogMath;
        pub fn logmath_log(math: *mut LogMath, probability: f64) -> c_int;
        pub fn fsg_model_init(name: *const c_char, math: *mut LogMath, weight: f32, states: i32) -> *mut Fsg;
        pub fn fsg_model_free(fsg: *mut Fsg) -> c_int;
        pub fn fsg_model_word_add(fsg: *mut Fsg, word: *const c_char) -> c_int;
        pub fn fsg_model_trans_add(fsg: *mut Fsg, from: i32, to: i32, log_probability: i32, word: i32);
        pub fn fsg_model_null_trans_add(fsg: *mut Fsg, from: i32, to: i32, log_probability: i32) -> i32;
        pub fn ps_set_fsg(decoder: *mut Decoder, name: *const c_char, fsg: *mut Fsg) -> c_int;
        pub fn ps_set_search(decoder: *mut Decoder, name: *const c_char) -> c_int;
        pub fn ps_mllr_read(file: *const c_char) -> *mut Transform;
        pub fn ps_update_mllr(decoder: *mut Decoder, transform: *mut Transform) -> *mut Transform;
        pub fn ps_start_utt(decoder: *mut Decoder) -> c_int;
        pub fn ps_process_cep(
            decoder: *mut Decoder,
            data: *mut *mut f32,
            frames: c_int,
            no_search: c_int,
            full: c_int,
        ) -> c_int;
        pub fn ps_end_utt(decoder: *mut Decoder) -> c_int;
        pub fn ps_get_hyp(decoder: *mut Decoder, score: *mut i32) -> *const c_char;
        pub fn ps_seg_iter(decoder: *mut Decoder) -> *mut Segment;
        pub fn ps_seg_next(segment: *mut Segment) -> *mut Segment;
        pub fn ps_seg_word(segment: *mut Segment) -> *const c_char;
        pub fn ps_seg_frames(segment: *mut Segment, first: *mut c_int, last: *mut c_int);
        pub fn ps_seg_prob(
            segment: *mut Segment,
            acoustic: *mut i32,
            language: *mut i32,
            backoff: *mut i32,
        ) -> i32;
    }
}

/// Why the library refused.
#[derive(Debug, thiserror::Error)]
pub enum SphinxError {
    /// The acoustic model could not be loaded.
    #[error("the acoustic model in {0} could not be loaded; install the package pocketsphinx-en-us again")]
    Model(String),
    /// A grammar could not be turned into a search, usually because of a word without a pronunciation.
    #[error("the grammar could not be loaded")]
    Grammar,
    /// The decoder stopped in the middle of an utterance.
    #[error("the decoder failed on this utterance")]
    Decode,
    /// No anonymous file could be made.
    #[error("no memory for a file: {0}")]
    Memory(#[from] std::io::Error),
}

/// What a decoder needs to know when it opens.
pub struct Model<'a> {
    /// Folder of the acoustic model (`mdef`, `sendump`, …).
    pub folder: &'a Path,
    /// Pronunciations, one `word PH ON ES` a line.
    pub dictionary: &'a str,
    /// Contents of the model's `means` and `variances`.
    pub means: &'a [u8],
    pub variances: &'a [u8],
    /// More of PocketSphinx's own settings, as `("-beam", "1e-60")`.
    pub settings: &'a [(&'a str, String)],
}

/// One word of a best path, with its first and last frame.
#[derive(Clone)]
pub struct Segment {
    pub word: String,
    pub first: usize,
    pub last: usize,
    /// How much worse than the best sounds of its frames it is, 0 at most.
    pub score: i32,
}

/// A best path and its score: how much worse than the best sounds of each frame it is, 0 at most.
pub struct BestPath {
    pub score: i32,
    pub segments: Vec<Segment>,
}

/// One PocketSphinx decoder, ready for any number of utterances, one after the other.
pub struct Decoder {
    decoder: NonNull<raw::Decoder>,
    settings: NonNull<raw::Settings>,
    /// What the settings point at; the library opens the files again for every adaptation.
    means: MemoryFile,
    variances: MemoryFile,
    identity: MemoryFile,
    _dictionary: MemoryFile,
    _fillers: MemoryFile,
    _features: MemoryFile,
}

// The library has no thread-local state and its only global one is the log stream, set once below.
unsafe impl Send for Decoder {}

/// Silence is the only filler: noise words between the words of a grammar cost four times the time and help
/// nothing (measured).
const FILLERS: &str = "<s> SIL\n</s> SIL\n<sil> SIL\n";

/// Stands in for the model's own `feat.params`, which would overrule the settings: no mean normalisation, for
/// the features come normalised, or the Gaussians are moved to where the features are.
const FEATURES: &str =
    "-feat 1s_c_d_dd\n-svspec 0-12/13-25/26-38\n-agc none\n-cmn none\n-varnorm no\n-model ptm\n";

impl Decoder {
    pub fn open(model: &Model) -> Result<Self, SphinxError> {
        let wrong = || SphinxError::Model(model.folder.display().to_string());
        let dictionary = MemoryFile::new("dictionary", model.dictionary.as_bytes())?;
        let fillers = MemoryFile::new("fillers", FILLERS.as_bytes())?;
        let means = MemoryFile::new("means", model.means)?;
        let variances = MemoryFile::new("variances", model.variances)?;
        let features = MemoryFile::new("features", FEATURES.as_bytes())?;
        let identity = MemoryFile::new("identity", identity_transform().as_bytes())?;
        let in_folder = |name: &str| model.folder.join(name).display().to_string();
        let mut arguments = vec!["sotto".to_owned()];
        for (key, value) in [
            ("-hmm", model.folder.display().to_string()),
            ("-mdef", in_folder("mdef")),
            ("-tmat", in_folder("transition_matrices")),
            ("-sendump", in_folder("sendump")),
            ("-mean", means.path()),
            ("-var", variances.path()),
            ("-dict", dictionary.path()),
            ("-fdict", fillers.path()),
            ("-featparams", features.path()),
        ] {
            arguments.extend([key.to_owned(), value]);
        }
        for (key, value) in model.settings {
            arguments.extend([(*key).to_owned(), value.clone()]);
        }
        let arguments: Vec<CString> =
            arguments.into_iter().map(CString::new).collect::<Result<_, _>>().map_err(|_| wrong())?;
        let mut pointers: Vec<*mut c_char> = arguments.iter().map(|a| a.as_ptr().cast_mut()).collect();
        // SAFETY: the arguments live until the end of this function, and the library copies what it keeps.
        unsafe {
            raw::err_set_logfp(ptr::null_mut());
            let settings = raw::cmd_ln_parse_r(
                ptr::null_mut(),
                raw::ps_args(),
                pointers.len() as i32,
                pointers.as_mut_ptr(),
                0,
            );
            let settings = NonNull::new(settings).ok_or_else(wrong)?;
            let Some(decoder) = NonNull::new(raw::ps_init(settings.as_ptr())) else {
                raw::cmd_ln_free_r(settings.as_ptr());
                return Err(wrong());
            };
            Ok(Decoder {
                decoder,
                settings,
                means,
                variances,
                identity,
                _dictionary: dictionary,
                _fillers: fillers,
                _features: features,
            })
        }
    }

    /// Adds a grammar, to be chosen by name for each utterance.
    pub fn add(&mut self, name: &str, network: &WordGraph) -> Result<(), SphinxError> {
        let name = CString::new(name).map_err(|_| SphinxError::Grammar)?;
        let words: Vec<CString> = network
            .arcs
            .iter()
            .map(|arc| CString::new(arc.word.as_str()))
            .collect::<Result<_, _>>()
            .map_err(|_| SphinxError::Grammar)?;
        let (states, beyond) = (network.states, |state: usize| state >= network.states);
        if network.arcs.iter().any(|arc| beyond(arc.from) || beyond(arc.to))
            || network.ends.iter().any(|end| beyond(*end))
        {
            return Err(SphinxError::Grammar);
        }
        // SAFETY: states are in range (checked above), strings outlive the calls, `ps_set_fsg` keeps its own
        // reference and ours is given back.
        unsafe {
            let math = raw::ps_get_logmath(self.decoder.as_ptr());
            let fsg = raw::fsg_model_init(name.as_ptr(), math, 1.0, states as i32 + 1);
            if fsg.is_null() {
                return Err(SphinxError::Grammar);
            }
            (*fsg).start = 0;
            // The library wants one end: a state of its own, reached in silence.
            (*fsg).last = states as i32;
            for end in &network.ends {
                raw::fsg_model_null_trans_add(fsg, *end as i32, states as i32, 0);
            }
            for (arc, word) in network.arcs.iter().zip(&words) {
                let id = raw::fsg_model_word_add(fsg, word.as_ptr());
                let cost = raw::logmath_log(math, f64::from(arc.probability));
                raw::fsg_model_trans_add(fsg, arc.from as i32, arc.to as i32, cost, id);
            }
            let done = raw::ps_set_fsg(self.decoder.as_ptr(), name.as_ptr(), fsg);
            raw::fsg_model_free(fsg);
            if done == 0 { Ok(()) } else { Err(SphinxError::Grammar) }
        }
    }

    /// Replaces the acoustic model's Gaussians (files in the model's own format and of the same shape).
    pub fn adapt(&mut self, means: &[u8], variances: &[u8]) -> Result<(), SphinxError> {
        self.means.write(means)?;
        self.variances.write(variances)?;
        let path = CString::new(self.identity.path()).map_err(|_| SphinxError::Decode)?;
        // SAFETY: an adaptation makes the library read means and variances again from the files that its
        // settings name (`gauden_mllr_transform`); with the identity as transform they arrive unchanged.
        // `ps_update_mllr` takes the transform over and frees the one before.
        unsafe {
            let transform = raw::ps_mllr_read(path.as_ptr());
            if transform.is_null() {
                return Err(SphinxError::Decode);
            }
            raw::ps_update_mllr(self.decoder.as_ptr(), transform);
        }
        Ok(())
    }

    /// The best path of a whole utterance through one grammar, or `None` when no path fits to the end.
    pub fn decode(&mut self, grammar: &str, frames: &[Cepstrum]) -> Result<Option<BestPath>, SphinxError> {
        let name = CString::new(grammar).map_err(|_| SphinxError::Grammar)?;
        let mut frames = frames.to_vec();
        let mut rows: Vec<*mut f32> = frames.iter_mut().map(|frame| frame.as_mut_ptr()).collect();
        let count = c_int::try_from(rows.len()).map_err(|_| SphinxError::Decode)?;
        let decoder = self.decoder.as_ptr();
        // SAFETY: `rows` points at `count` rows of 13 numbers that outlive the call; the library only reads.
        unsafe {
            if raw::ps_set_search(decoder, name.as_ptr()) < 0 {
                return Err(SphinxError::Grammar);
            }
            if raw::ps_start_utt(decoder) < 0 {
                return Err(SphinxError::Decode);
            }
            let done = raw::ps_process_cep(decoder, rows.as_mut_ptr(), count, 0, 1);
            if raw::ps_end_utt(decoder) < 0 || done < 0 {
                return Err(SphinxError::Decode);
            }
            let mut score = 0;
            if raw::ps_get_hyp(decoder, &mut score).is_null() {
                return Ok(None);
            }
            Ok(Some(BestPath { score, segments: self.segments() }))
        }
    }

    fn segments(&self) -> Vec<Segment> {
        let mut segments = Vec::new();
        // SAFETY: the iterator is valid until `ps_seg_next` returns null, which frees it.
        unsafe {
            let mut segment = raw::ps_seg_iter(self.decoder.as_ptr());
            while !segment.is_null() {
                let (mut first, mut last) = (0, 0);
                raw::ps_seg_frames(segment, &mut first, &mut last);
                let (mut score, mut language, mut backoff) = (0, 0, 0);
                raw::ps_seg_prob(segment, &mut score, &mut language, &mut backoff);
                let word = raw::ps_seg_word(segment);
                if !word.is_null() {
                    segments.push(Segment {
                        word: CStr::from_ptr(word).to_string_lossy().into_owned(),
                        first: first.max(0) as usize,
                        last: last.max(0) as usize,
                        score,
                    });
                }
                segment = raw::ps_seg_next(segment);
            }
        }
        segments
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: both were made by `open` and are freed once.
        unsafe {
            raw::ps_free(self.decoder.as_ptr());
            raw::cmd_ln_free_r(self.settings.as_ptr());
        }
    }
}

/// The adaptation that changes nothing, for three streams of 13 numbers, as `ps_mllr_read` wants it.
fn identity_transform() -> String {
    let mut text = String::from("1\n3\n");
    for _ in 0..3 {
        text.push_str("13\n");
        for row in 0..13 {
            let row: Vec<&str> = (0..13).map(|column| if row == column { "1" } else { "0" }).collect();
            text.push_str(&row.join(" "));
            text.push('\n');
        }
        text.push_str(&["0"; 13].join(" "));
        text.push('\n');
        text.push_str(&["1"; 13].join(" "));
        text.push('\n');
    }
    text
}
