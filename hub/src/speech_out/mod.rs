//! The hub's own voice: text to Opus packets.
//!
//! `text → voice (Piper or espeak-ng, a program of its own) → 16 kHz mono → Opus, 20 ms a packet → satellite`
//!
//! Text reaches the programs by their standard input: on a command line every user of the machine could read it.
//! Deliberately absent: the disk. What was said is kept in memory, a few megabytes of it, and nowhere else.

mod chime;
mod espeak;
mod packets;
mod piper;
mod program;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sotto_protocol::Packet;

pub use espeak::Espeak;
pub use piper::Piper;

/// Longest text that is spoken at once, in characters.
pub const LONGEST_TEXT: usize = 1000;
/// What spoken texts may take of the memory, in bytes of Opus: some half an hour.
const CACHE: usize = 6 * 1024 * 1024;

/// Mono PCM.
pub struct Sound {
    pub samples: Vec<i16>,
    /// Samples a second.
    pub rate: u32,
}

impl std::fmt::Debug for Sound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sound({} samples at {} Hz)", self.samples.len(), self.rate)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    #[error("there is no {0} on this machine; {1}")]
    Missing(&'static str, &'static str),
    #[error("{0} holds no voice that Piper could use: {1}")]
    NoVoice(PathBuf, &'static str),
    #[error("{program} could not be run: {why}")]
    Run { program: String, why: std::io::Error },
    #[error("{0} took too long and was stopped")]
    Slow(String),
    #[error("{0} gave no sound; does it know this language?")]
    Silent(String),
    #[error("the text is empty, or longer than {LONGEST_TEXT} characters")]
    Text,
    #[error("the sound cannot be encoded: {0}")]
    Encode(String),
}

/// A program that speaks.
pub trait Voice: Send + Sync {
    /// `espeak-ng`, or the Piper voice's name.
    fn name(&self) -> &str;
    /// Whether it can speak a language, by two-letter code.
    fn speaks(&self, language: &str) -> bool;
    /// Blocks until all of it is there.
    fn speak(&self, text: &str, language: &str) -> Result<Sound, VoiceError>;
}

/// Packets of one spoken text.
pub type Spoken = Arc<[Packet]>;

/// The voices of the house, best first, and what they said lately.
pub struct Speaker {
    voices: Vec<Box<dyn Voice>>,
    cache: Mutex<Cache>,
    chime: Spoken,
}

/// The newest at the end.
#[derive(Default)]
struct Cache {
    spoken: Vec<(String, String, Spoken)>,
    bytes: usize,
}

impl Speaker {
    /// Piper where it and `voice` (a `.onnx` file, `None` for none) are installed; espeak-ng after it.
    pub fn find(voice: Option<&Path>) -> Result<Speaker, VoiceError> {
        let mut voices: Vec<Box<dyn Voice>> = Vec::new();
        if let Some(voice) = voice {
            voices.push(Box::new(Piper::open(voice)?));
        }
        match Espeak::find() {
            Ok(espeak) => voices.push(Box::new(espeak)),
            Err(error) if voices.is_empty() => return Err(error),
            Err(_) => {}
        }
        Speaker::new(voices)
    }

    /// With these voices, best first.
    pub fn new(voices: Vec<Box<dyn Voice>>) -> Result<Speaker, VoiceError> {
        let chime = packets::encode(&chime::sound())?.into();
        Ok(Speaker { voices, cache: Mutex::default(), chime })
    }

    /// What the voices are called, best first.
    pub fn names(&self) -> Vec<&str> {
        self.voices.iter().map(|voice| voice.name()).collect()
    }

    /// The short sound before an announcement.
    pub fn chime(&self) -> Spoken {
        self.chime.clone()
    }

    /// Speaks `text`. Blocks for some tens of milliseconds the first time: call it off the async threads.
    pub fn speak(&self, text: &str, language: &str) -> Result<Spoken, VoiceError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST_TEXT {
            return Err(VoiceError::Text);
        }
        if let Some(spoken) = self.cached(text, language) {
            return Ok(spoken);
        }
        let mut error = VoiceError::Missing("voice", "install one (apt install espeak-ng)");
        for voice in self.voices.iter().filter(|voice| voice.speaks(language)) {
            match voice.speak(text, language).and_then(|sound| packets::encode(&sound)) {
                Ok(packets) => {
                    let spoken: Spoken = packets.into();
                    self.remember(text, language, spoken.clone());
                    return Ok(spoken);
                }
                Err(why) => error = why,
            }
        }
        Err(error)
    }

    fn cached(&self, text: &str, language: &str) -> Option<Spoken> {
        let mut cache = self.cache.lock().unwrap_or_else(|broken| broken.into_inner());
        let at = cache.spoken.iter().position(|(t, l, _)| t == text && l == language)?;
        let entry = cache.spoken.remove(at);
        let spoken = entry.2.clone();
        cache.spoken.push(entry);
        Some(spoken)
    }

    fn remember(&self, text: &str, language: &str, spoken: Spoken) {
        let size = |spoken: &Spoken| spoken.iter().map(|packet| packet.bytes().len() + 32).sum::<usize>();
        let mut cache = self.cache.lock().unwrap_or_else(|broken| broken.into_inner());
        cache.bytes += size(&spoken);
        cache.spoken.push((text.to_owned(), language.to_owned(), spoken));
        while cache.bytes > CACHE && cache.spoken.len() > 1 {
            let (.., oldest) = cache.spoken.remove(0);
            cache.bytes -= size(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Speaks a tone a letter long, in one language, and counts how often it was asked.
    struct Tone(&'static str, Arc<AtomicUsize>);

    impl Voice for Tone {
        fn name(&self) -> &str {
            "tone"
        }

        fn speaks(&self, language: &str) -> bool {
            language == self.0
        }

        fn speak(&self, text: &str, _: &str) -> Result<Sound, VoiceError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Ok(Sound { samples: vec![1000; text.len() * 22_050 / 10], rate: 22_050 })
        }
    }

    #[test]
    fn what_was_said_is_not_rendered_again() {
        let asked = Arc::new(AtomicUsize::new(0));
        let speaker = Speaker::new(vec![Box::new(Tone("en", asked.clone()))]).unwrap();
        let first = speaker.speak("hello", "en").unwrap();
        // Half a second, 20 ms a packet; the filter's delay may take one more.
        assert!((25..=27).contains(&first.len()), "{}", first.len());
        assert_eq!(speaker.speak(" hello ", "en").unwrap().len(), first.len());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        for wrong in ["", "  ", &"x".repeat(LONGEST_TEXT + 1)] {
            assert!(matches!(speaker.speak(wrong, "en"), Err(VoiceError::Text)));
        }
        assert!(speaker.speak("hallo", "de").is_err(), "no voice speaks German");
    }

    #[test]
    fn the_memory_of_it_is_bounded() {
        let speaker = Speaker::new(vec![Box::new(Tone("en", Arc::default()))]).unwrap();
        let packet = Packet::new(speaker.chime()[0].bytes().clone()).unwrap();
        for n in 0..40 {
            let long: Spoken = vec![packet.clone(); 10_000].into();
            speaker.remember(&n.to_string(), "en", long);
        }
        let cache = speaker.cache.lock().unwrap();
        assert!(cache.bytes <= CACHE && cache.spoken.len() < 40);
        assert_eq!(cache.spoken.last().unwrap().0, "39", "the newest stays");
    }

    #[test]
    fn espeak_speaks_where_it_is_installed() {
        let Ok(speaker) = Speaker::find(None) else {
            eprintln!("SKIPPED: espeak-ng is not installed");
            return;
        };
        assert_eq!(speaker.names(), ["espeak-ng"]);
        for (text, language) in [("the kitchen light is on", "en"), ("das Licht ist an", "de")] {
            let spoken = speaker.speak(text, language).unwrap();
            let seconds = spoken.len() as f32 * 0.02;
            assert!((0.6..5.0).contains(&seconds), "{seconds} s for {} letters", text.len());
        }
        assert!(speaker.speak("--help -v xx", "en").is_ok(), "a text is never an option");
        assert!(speaker.speak("hello", "no such tongue").is_err());
    }
}
