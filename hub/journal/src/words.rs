//! What was said and what came of it, as one sealed piece: transcript, intent, slots, explanation, timings.
//!
//! It is all kept together because any of it tells what somebody said.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The words of one recording. What was said is wiped from memory on drop; `Debug` prints a size.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Words {
    pub transcript: Option<Zeroizing<String>>,
    /// BCP 47, as the speech engine found it or was told.
    pub language: Option<String>,
    pub intent: Option<String>,
    /// Slot and value, in the order of the sentence.
    pub slots: Vec<(String, Zeroizing<String>)>,
    /// Why this sentence and no other: a JSON text of the intent engine's.
    pub explanation: Option<Zeroizing<String>>,
    /// Stage and milliseconds, in the order they ran.
    pub stages: Vec<(String, u32)>,
}

impl Words {
    /// Without what repeats the words themselves, for a person who keeps no transcripts.
    pub(crate) fn without_transcript(mut self) -> Self {
        self.transcript = None;
        self.explanation = None;
        self
    }

    /// Everything a search looks at, in lower case.
    pub(crate) fn searchable(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        let slots = self.slots.iter().flat_map(|(slot, value)| [slot.as_str(), value.as_str()]);
        let transcript = self.transcript.iter().map(|transcript| transcript.as_str());
        for part in transcript.chain(self.intent.as_deref()).chain(slots) {
            text.push_str(&part.to_lowercase());
            text.push('\n');
        }
        text
    }

    /// JSON, padded with blanks to whole steps so that its size tells little of how much was said.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        const STEP: usize = 256;
        let written = Written {
            transcript: self.transcript.as_ref().map(|text| text.as_str()),
            language: self.language.as_deref(),
            intent: self.intent.as_deref(),
            slots: self.slots.iter().map(|(slot, value)| (slot.as_str(), value.as_str())).collect(),
            explanation: self.explanation.as_ref().map(|text| text.as_str()),
            stages: self.stages.iter().map(|(stage, ms)| (stage.as_str(), *ms)).collect(),
        };
        let mut bytes = Zeroizing::new(serde_json::to_vec(&written).unwrap_or_default());
        let padded = bytes.len().next_multiple_of(STEP);
        bytes.resize(padded, b' ');
        bytes
    }

    /// `None` for bytes that no version of [`Self::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let read: Read = serde_json::from_slice(bytes).ok()?;
        Some(Words {
            transcript: read.transcript.map(Zeroizing::new),
            language: read.language,
            intent: read.intent,
            slots: read.slots.into_iter().map(|(slot, value)| (slot, Zeroizing::new(value))).collect(),
            explanation: read.explanation.map(Zeroizing::new),
            stages: read.stages,
        })
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.transcript.as_ref().map_or(0, |text| text.len());
        write!(f, "Words({bytes} bytes of transcript, {} slots)", self.slots.len())
    }
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<&'a str>,
    slots: Vec<(&'a str, &'a str)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a str>,
    stages: Vec<(&'a str, u32)>,
}

#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    transcript: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    intent: Option<String>,
    #[serde(default)]
    slots: Vec<(String, String)>,
    #[serde(default)]
    explanation: Option<String>,
    #[serde(default)]
    stages: Vec<(String, u32)>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_read_back(
            transcript in proptest::option::of(".{0,80}"),
            slots in proptest::collection::vec((".{0,10}", ".{0,20}"), 0..4),
            stages in proptest::collection::vec(("[a-z]{1,9}", any::<u32>()), 0..4),
        ) {
            let slots = slots.into_iter().map(|(slot, value)| (slot, value.into())).collect();
            let words = Words { transcript: transcript.map(Zeroizing::new), slots, stages, ..Words::default() };
            let bytes = words.to_bytes();
            prop_assert_eq!(bytes.len() % 256, 0);
            prop_assert_eq!(Words::from_bytes(&bytes), Some(words));
        }

        #[test]
        fn any_bytes_are_words_or_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Words::from_bytes(&bytes);
        }
    }

    #[test]
    fn debug_says_a_size() {
        let words = Words { transcript: Some("where is the cat".to_owned().into()), ..Words::default() };
        assert_eq!(format!("{words:?}"), "Words(16 bytes of transcript, 0 slots)");
    }
}
