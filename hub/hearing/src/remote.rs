//! The engine `remote`: a Wyoming speech-to-text server elsewhere in the house, such as faster-whisper on a GPU box.
//!
//! `transcribe, audio-start, audio-chunk …, audio-stop → transcript`, each event a line of JSON with the lengths of
//! what follows it, as in github.com/rhasspy/wyoming. Several servers: the one that answered last is asked first,
//! and the next when it fails. Deliberately absent: encryption, which Wyoming has not; this stays in the house.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::engine::{HearingError, Hypothesis, RATE, Request, Word};
use crate::recognizer::{Cancel, Recognizer};

/// A server in the same house answers its door in a blink.
const CONNECTING: Duration = Duration::from_millis(800);
/// How often a waiting client looks whether its clip is still wanted.
const LOOK: Duration = Duration::from_millis(50);
/// Longest line, data or payload that is read.
const LONGEST: u64 = 1 << 20;
/// Samples in an audio chunk: 64 ms.
const CHUNK: usize = 1024;
/// Wyoming has no confidences: a transcript is taken as it is.
const CONFIDENCE: f32 = 0.8;

/// Servers that share the work.
pub struct Servers {
    addresses: Vec<String>,
    /// Index of the one that answered last.
    first: AtomicUsize,
}

impl Servers {
    /// `host:port` each.
    pub fn new(addresses: Vec<String>) -> Result<Arc<Self>, HearingError> {
        let wrong = addresses.iter().find(|address| {
            address
                .rsplit_once(':')
                .is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
        });
        match wrong {
            Some(wrong) => {
                Err(HearingError::Remote(format!("{wrong:?} is not host:port, as in gpu-box:10300")))
            }
            None if addresses.is_empty() => Err(HearingError::Remote("none is configured".to_owned())),
            None => Ok(Arc::new(Servers { addresses, first: AtomicUsize::new(0) })),
        }
    }

    pub fn describe(&self) -> String {
        self.addresses.join(", ")
    }

    /// Which servers answer `describe` with speech recognition, in the order of the configuration.
    pub fn health(&self) -> Vec<(String, Result<(), HearingError>)> {
        let cancel = Cancel::at(Instant::now() + Duration::from_secs(2));
        let check = |address: &String| {
            let mut server = Connection::open(address)?;
            server.send("describe", json!({}), &[])?;
            let info = server.wait_for("info", &cancel)?;
            match info.get("asr").and_then(Value::as_array).is_some_and(|asr| !asr.is_empty()) {
                true => Ok(()),
                false => Err(HearingError::Remote(format!("{address} is no speech-to-text server"))),
            }
        };
        self.addresses.iter().map(|address| (address.clone(), check(address))).collect()
    }
}

/// One conversation at a time with one of the servers.
pub struct Remote {
    servers: Arc<Servers>,
}

impl Remote {
    pub fn new(servers: Arc<Servers>) -> Self {
        Remote { servers }
    }
}

impl Recognizer for Remote {
    fn hear(
        &mut self,
        samples: &[i16],
        request: &Request,
        cancel: &Cancel,
    ) -> Result<Vec<Hypothesis>, HearingError> {
        let count = self.servers.addresses.len();
        let first = self.servers.first.load(Ordering::Relaxed);
        let mut why = HearingError::Remote("none is configured".to_owned());
        for index in (0..count).map(|i| (first + i) % count) {
            match transcribe(&self.servers.addresses[index], samples, request, cancel) {
                Ok(text) => {
                    self.servers.first.store(index, Ordering::Relaxed);
                    return Ok(hypothesis(&text, samples.len()).into_iter().collect());
                }
                Err(error @ (HearingError::Cancelled | HearingError::TimedOut)) => return Err(error),
                Err(error) => why = error,
            }
        }
        Err(why)
    }
}

fn transcribe(
    address: &str,
    samples: &[i16],
    request: &Request,
    cancel: &Cancel,
) -> Result<String, HearingError> {
    let mut server = Connection::open(address)?;
    let format = json!({ "rate": RATE, "width": 2, "channels": 1 });
    server.send("transcribe", json!({ "language": request.language }), &[])?;
    server.send("audio-start", format.clone(), &[])?;
    for chunk in samples.chunks(CHUNK) {
        cancel.check()?;
        let bytes: Vec<u8> = chunk.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        server.send("audio-chunk", format.clone(), &bytes)?;
    }
    server.send("audio-stop", json!({}), &[])?;
    let transcript = server.wait_for("transcript", cancel)?;
    match transcript.get("text").and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(server.wrong("a transcript without text")),
    }
}

/// Words at even distances: Wyoming gives no times.
fn hypothesis(text: &str, samples: usize) -> Option<Hypothesis> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let each = Duration::from_secs_f64(samples as f64 / RATE as f64) / (words.len().max(1) as u32);
    let words: Vec<Word> = words
        .iter()
        .zip(0u32..)
        .map(|(word, i)| Word {
            text: (*word).to_owned(),
            confidence: CONFIDENCE,
            start: each * i,
            end: each * (i + 1),
        })
        .collect();
    (!words.is_empty()).then_some(Hypothesis { words, confidence: CONFIDENCE })
}

struct Connection {
    address: String,
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: &str) -> Result<Self, HearingError> {
        let failed = |error: std::io::Error| HearingError::Remote(format!("{address}: {error}"));
        let mut last = std::io::Error::other("the name is unknown");
        for place in address.to_socket_addrs().map_err(failed)? {
            match TcpStream::connect_timeout(&place, CONNECTING) {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(failed)?;
                    stream.set_read_timeout(Some(LOOK)).map_err(failed)?;
                    stream.set_write_timeout(Some(Duration::from_secs(5))).map_err(failed)?;
                    return Ok(Connection { address: address.to_owned(), stream: BufReader::new(stream) });
                }
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    fn wrong(&self, what: &str) -> HearingError {
        HearingError::Remote(format!("{} sent {what}; is it a Wyoming server?", self.address))
    }

    fn send(&mut self, kind: &str, data: Value, payload: &[u8]) -> Result<(), HearingError> {
        let mut message = json!({ "type": kind, "data": data });
        if !payload.is_empty() {
            message["payload_length"] = payload.len().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(b'\n');
        bytes.extend_from_slice(payload);
        let failed = |error: std::io::Error| HearingError::Remote(format!("{}: {error}", self.address));
        self.stream.get_mut().write_all(&bytes).map_err(failed)
    }

    /// The data of the next event of this kind; others are passed over.
    fn wait_for(&mut self, kind: &str, cancel: &Cancel) -> Result<Value, HearingError> {
        loop {
            let line = self.line(cancel)?;
            let event: Value = serde_json::from_slice(&line).map_err(|_| self.wrong("what is not JSON"))?;
            let length = |name: &str| event.get(name).and_then(Value::as_u64).unwrap_or(0);
            let (data, payload) = (length("data_length"), length("payload_length"));
            if data > LONGEST || payload > LONGEST {
                return Err(self.wrong("more than it should"));
            }
            let more = self.bytes(data as usize, cancel)?;
            self.bytes(payload as usize, cancel)?;
            let found = event.get("type").and_then(Value::as_str) == Some(kind);
            if event.get("type").and_then(Value::as_str) == Some("error") {
                return Err(HearingError::Remote(format!("{} reported an error", self.address)));
            }
            if found && data > 0 {
                return serde_json::from_slice(&more).map_err(|_| self.wrong("data that is not JSON"));
            }
            if found {
                return Ok(event.get("data").cloned().unwrap_or(Value::Null));
            }
        }
    }

    fn line(&mut self, cancel: &Cancel) -> Result<Vec<u8>, HearingError> {
        let mut line = Vec::new();
        loop {
            cancel.check()?;
            match (&mut self.stream).take(LONGEST).read_until(b'\n', &mut line) {
                Ok(_) if line.last() == Some(&b'\n') => return Ok(line),
                Ok(0) => return Err(HearingError::Remote(format!("{} hung up", self.address))),
                Ok(_) if line.len() as u64 >= LONGEST => return Err(self.wrong("a line without end")),
                Ok(_) => {}
                Err(error) => self.patience(error)?,
            }
        }
    }

    fn bytes(&mut self, count: usize, cancel: &Cancel) -> Result<Vec<u8>, HearingError> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while bytes.len() < count {
            cancel.check()?;
            let most = (count - bytes.len()).min(buffer.len());
            match self.stream.read(&mut buffer[..most]) {
                Ok(0) => return Err(HearingError::Remote(format!("{} hung up", self.address))),
                Ok(got) => bytes.extend_from_slice(&buffer[..got]),
                Err(error) => self.patience(error)?,
            }
        }
        Ok(bytes)
    }

    /// A look at the clock is no error.
    fn patience(&self, error: std::io::Error) -> Result<(), HearingError> {
        use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
        match error.kind() {
            WouldBlock | TimedOut | Interrupted => Ok(()),
            _ => Err(HearingError::Remote(format!("{}: {error}", self.address))),
        }
    }
}
