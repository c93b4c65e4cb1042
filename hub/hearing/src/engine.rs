//! What every speech engine offers: samples in while the person speaks, word hypotheses out at the end.
//!
//! `Engine::begin → Hearing::push … push → Hearing::finish → Vec<Hypothesis>`
//!
//! Dropping a `Hearing` cancels it. Everything is bounded: the clip by `LONGEST`, the wait by a deadline, the
//! number of clips that wait by the queue. Deliberately absent: intents, areas and people; an engine knows
//! sounds and words only.

use std::fmt;
use std::time::Duration;

use crate::grammar::{Grammar, GrammarNotes};

/// Samples a second that every engine takes, mono.
pub const RATE: usize = 16_000;

/// The longest clip that an engine takes; a command is a few seconds, a dictation under a minute.
pub const LONGEST: Duration = Duration::from_secs(60);

/// A hypothesis below this confidence is not acted on: the house asks, or stays quiet (decision 0131).
pub const ACCEPT: f32 = 0.4;

/// A hypothesis below this confidence was not said to the house at all: of 200 clips of other talk, in quiet and in a
/// kitchen, two thirds are below, of 420 commands in quiet and in noise none.
pub const FORCED: f32 = 0.02;

/// What is known about an utterance before it is heard.
#[derive(Clone, Default)]
pub struct Request {
    /// Language as in BCP 47 (`en`, `pt-BR`), or `None` to let the engine detect or assume its own.
    pub language: Option<String>,
    /// Names and words of the house that are likely to be said; for engines that take a prompt.
    pub words: Vec<String>,
    /// Who waits: clips of the same room queue behind each other, different rooms take turns.
    pub room: String,
}

/// One recognised word.
#[derive(Clone, PartialEq)]
pub struct Word {
    pub text: String,
    /// Between 0 and 1.
    pub confidence: f32,
    /// From the start of the clip.
    pub start: Duration,
    pub end: Duration,
}

/// One reading of the whole clip.
#[derive(Clone, PartialEq)]
pub struct Hypothesis {
    pub words: Vec<Word>,
    /// How likely it is that the words are right, between 0 and 1.
    pub confidence: f32,
}

impl Hypothesis {
    /// The words with blanks between them.
    pub fn text(&self) -> String {
        self.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word({} characters)", self.text.chars().count())
    }
}

impl fmt::Debug for Hypothesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hypothesis({} words)", self.words.len())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} words of the house)", self.words.len())
    }
}

/// Why there is no answer. None of them says what was spoken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HearingError {
    #[error("the utterance is longer than {} seconds; say it in parts", LONGEST.as_secs())]
    TooLong,
    #[error("cancelled")]
    Cancelled,
    #[error("too many rooms are waiting to be understood; try again in a moment")]
    Overloaded,
    #[error("the speech engine took too long; a smaller model would be quicker (sotto-hub models list)")]
    TimedOut,
    #[error("the speech engine stopped in the middle of this utterance; say it again")]
    Crashed,
    #[error("the phrase engine has no grammar yet; give the hub sentences to listen for")]
    NoGrammar,
    #[error("this engine does not know the language {0}; choose a multilingual model")]
    Language(String),
    #[error("{0}")]
    Model(String),
    #[error("no speech server answers: {0}")]
    Remote(String),
}

/// A speech engine, shared by all sessions.
pub trait Engine: Send + Sync {
    /// `whisper`, `phrase`, `remote`, `auto` or `both`.
    fn name(&self) -> &'static str;
    /// The model in use, for people: a file name or a server.
    fn model(&self) -> String;
    /// Starts to listen to one utterance. Never blocks.
    fn begin(&self, request: Request) -> Box<dyn Hearing>;
    /// What may be said from now on, for engines that need to know; says which pronunciations were guessed.
    /// The change takes effect in the background; utterances under way keep what they began with.
    fn set_grammar(&self, _grammar: Grammar) -> Result<GrammarNotes, HearingError> {
        Ok(GrammarNotes::default())
    }
}

/// One utterance under way. Dropping it cancels it.
pub trait Hearing: Send {
    /// The next samples, 16 kHz mono, any number. After `TooLong` the utterance is over.
    fn push(&mut self, samples: &[i16]) -> Result<(), HearingError>;
    /// The speaker has ended: hearing begins, and nobody waits yet. `finish` does the same and waits.
    fn end(&mut self) {}
    /// The speaker has ended: waits for the engine and returns what was heard, best first. Empty means that
    /// nothing was said, or nothing that this engine can make words of.
    fn finish(self: Box<Self>) -> Result<Vec<Hypothesis>, HearingError>;
}
