//! What the hub and its hearing process say to each other over two pipes.
//!
//! A message is its length (32 bits, little-endian), then JSON; samples follow a `Hear` as 16-bit numbers in a
//! message of their own. Both ends are this program, so there are no versions; but the hub does not trust its
//! child, which has been reading foreign files, so lengths are limited.

use std::io::{self, Read, Write};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::engine::{HearingError, Hypothesis, Request, Word};
use crate::word_graph::{Arc, Prepared, WordGraph};

/// Longest message: a grammar of two million transitions fits.
const LONGEST: usize = 256 << 20;

/// From the hub to its hearing process.
#[derive(Serialize, Deserialize)]
pub enum Order {
    Grammar {
        states: usize,
        ends: Vec<usize>,
        arcs: Vec<(usize, usize, String)>,
        dictionary: String,
    },
    /// Samples follow.
    Hear {
        id: u64,
        language: Option<String>,
        words: Vec<String>,
        milliseconds_left: u64,
    },
    Cancel {
        id: u64,
    },
}

/// From the hearing process to the hub.
#[derive(Serialize, Deserialize)]
pub enum Reply {
    /// The model is loaded, or why it is not. `confined`: whether the kernel took away the file system too.
    Ready {
        error: Option<String>,
        confined: bool,
    },
    Heard {
        id: u64,
        outcome: Result<Vec<Reading>, Failure>,
    },
}

#[derive(Serialize, Deserialize)]
pub struct Reading {
    confidence: f32,
    /// Text, confidence, start and end in milliseconds.
    words: Vec<(String, f32, u64, u64)>,
}

#[derive(Serialize, Deserialize)]
pub enum Failure {
    TooLong,
    Cancelled,
    Overloaded,
    TimedOut,
    Crashed,
    NoGrammar,
    Language(String),
    Model(String),
    Remote(String),
}

pub fn send<T: Serialize>(pipe: &mut impl Write, message: &T) -> io::Result<()> {
    send_bytes(pipe, &serde_json::to_vec(message)?)
}

pub fn send_bytes(pipe: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    pipe.write_all(&length.to_le_bytes())?;
    pipe.write_all(bytes)?;
    pipe.flush()
}

pub fn receive<T: DeserializeOwned>(pipe: &mut impl Read) -> io::Result<T> {
    Ok(serde_json::from_slice(&receive_bytes(pipe)?)?)
}

pub fn receive_bytes(pipe: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    pipe.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // Grows as bytes arrive, so that a lie about the length costs nothing.
    let mut bytes = Vec::new();
    pipe.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

pub fn samples_to_bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

pub fn samples_from_bytes(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
}

impl From<&Prepared> for Order {
    fn from(prepared: &Prepared) -> Self {
        let arcs = prepared.network.arcs.iter().map(|arc| (arc.from, arc.to, arc.word.clone())).collect();
        Order::Grammar {
            states: prepared.network.states,
            ends: prepared.network.ends.clone(),
            arcs,
            dictionary: prepared.dictionary.clone(),
        }
    }
}

/// The grammar of an order that has one.
pub fn prepared(
    states: usize,
    ends: Vec<usize>,
    arcs: Vec<(usize, usize, String)>,
    dictionary: String,
) -> Prepared {
    let arcs = arcs.into_iter().map(|(from, to, word)| Arc { from, to, word, probability: 1.0 }).collect();
    Prepared { network: WordGraph { states, ends, arcs }, dictionary, notes: Default::default() }
}

impl From<&Hypothesis> for Reading {
    fn from(hypothesis: &Hypothesis) -> Self {
        let milliseconds = |time: Duration| time.as_millis() as u64;
        let words = hypothesis.words.iter();
        let words = words.map(|w| (w.text.clone(), w.confidence, milliseconds(w.start), milliseconds(w.end)));
        Reading { confidence: hypothesis.confidence, words: words.collect() }
    }
}

impl From<Reading> for Hypothesis {
    fn from(reading: Reading) -> Self {
        let part = |value: f32| if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
        let words = reading.words.into_iter().map(|(text, confidence, start, end)| Word {
            text,
            confidence: part(confidence),
            start: Duration::from_millis(start),
            end: Duration::from_millis(end),
        });
        Hypothesis { words: words.collect(), confidence: part(reading.confidence) }
    }
}

impl From<HearingError> for Failure {
    fn from(error: HearingError) -> Self {
        match error {
            HearingError::TooLong => Failure::TooLong,
            HearingError::Cancelled => Failure::Cancelled,
            HearingError::Overloaded => Failure::Overloaded,
            HearingError::TimedOut => Failure::TimedOut,
            HearingError::Crashed => Failure::Crashed,
            HearingError::NoGrammar => Failure::NoGrammar,
            HearingError::Language(language) => Failure::Language(language),
            HearingError::Model(why) => Failure::Model(why),
            HearingError::Remote(why) => Failure::Remote(why),
        }
    }
}

impl From<Failure> for HearingError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooLong => HearingError::TooLong,
            Failure::Cancelled => HearingError::Cancelled,
            Failure::Overloaded => HearingError::Overloaded,
            Failure::TimedOut => HearingError::TimedOut,
            Failure::Crashed => HearingError::Crashed,
            Failure::NoGrammar => HearingError::NoGrammar,
            Failure::Language(language) => HearingError::Language(language),
            Failure::Model(why) => HearingError::Model(why),
            Failure::Remote(why) => HearingError::Remote(why),
        }
    }
}

/// How a request crosses the pipe; the room stays on this side.
pub fn hear(id: u64, request: &Request, left: Duration) -> Order {
    Order::Hear {
        id,
        language: request.language.clone(),
        words: request.words.clone(),
        milliseconds_left: left.as_millis() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_arrives() {
        let mut pipe = Vec::new();
        send(&mut pipe, &Order::Cancel { id: 7 }).unwrap();
        send_bytes(&mut pipe, &samples_to_bytes(&[1, -2, i16::MIN])).unwrap();
        let mut pipe = pipe.as_slice();
        assert!(matches!(receive(&mut pipe).unwrap(), Order::Cancel { id: 7 }));
        assert_eq!(samples_from_bytes(&receive_bytes(&mut pipe).unwrap()), [1, -2, i16::MIN]);
        assert!(pipe.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_hub_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = receive::<Reply>(&mut bytes.as_slice());
        }
    }
}
