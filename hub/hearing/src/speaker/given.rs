//! The hub's end of the process that runs an encoder somebody brought as ONNX: starts it, asks it, and starts it again
//! when it has died or hung.
//!
//! ```text
//! hub: samples ═pipe═▶ process (confined, its memory bounded): onnx ═pipe═▶ numbers
//! ```
//!
//! As the hearing process ([`crate::worker`]): a foreign file is opened only where it can reach nothing and where a
//! crash costs one voice. Deliberately absent: a queue. Clips are compared one at a time.

use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::onnx::{LARGEST, Onnx};
use super::voiceprint::SIZES;
use crate::sandbox;
use crate::wire;
use crate::worker::COMMAND;

/// What the process is told to be, after [`COMMAND`].
pub const KIND: &str = "voice";
/// A large file takes this long to be read and tried on a small machine.
const LOADING: Duration = Duration::from_secs(60);
/// Longest that a clip of twelve seconds may take; a process that takes longer hangs.
const ANSWER: Duration = Duration::from_secs(10);
/// Memory of the process besides the file.
const MEMORY: u64 = 1 << 30;

#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    #[error("{} cannot tell voices apart: {why}", path.display())]
    Refused { path: PathBuf, why: String },
    #[error("the process for {} did not start: {source}", path.display())]
    Start { path: PathBuf, source: io::Error },
    #[error(
        "{} could not be tried: its process died or took longer than {} s; the file may be damaged, or too large",
        path.display(), LOADING.as_secs()
    )]
    Died { path: PathBuf },
    #[error("the encoder did not answer in {} s and was ended", ANSWER.as_secs())]
    Hung,
    #[error("the encoder's process died; another is started for the next clip")]
    Crashed,
    #[error("the encoder gave no voiceprint: {0}")]
    Answer(String),
}

#[derive(Serialize, Deserialize)]
struct Ready {
    confined: bool,
    /// Numbers of a voiceprint, or what is wrong with the file.
    opened: Result<usize, String>,
}

#[derive(Serialize, Deserialize)]
struct Embedded(Result<Vec<f32>, String>);

/// An encoder in a process of its own. Shared by threads, which wait for each other.
pub struct Given {
    program: PathBuf,
    file: PathBuf,
    size: usize,
    process: Mutex<Option<Process>>,
}

impl Given {
    /// Opens `file` in a process of `program`, which runs [`crate::worker::run`] when told to, and tries it.
    pub fn open(program: &Path, file: &Path) -> Result<Given, GivenError> {
        let (process, size) = Process::start(program, file)?;
        let process = Mutex::new(Some(process));
        Ok(Given { program: program.to_owned(), file: file.to_owned(), size, process })
    }

    /// Numbers of a voiceprint.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The voiceprint, of unit length, of `samples` (speech, mono, 16 kHz, full scale is 1).
    pub fn embed(&self, samples: &[f32]) -> Result<Vec<f32>, GivenError> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let running = match process.take() {
            Some(running) => running,
            None => Process::start(&self.program, &self.file)?.0,
        };
        // Whatever goes wrong on the way ends this process; the next clip gets another.
        let numbers = running.ask(samples)?;
        *process = Some(running);
        let numbers = numbers.map_err(GivenError::Answer)?;
        match numbers.len() == self.size && numbers.iter().all(|number| number.is_finite()) {
            true => Ok(numbers),
            false => Err(GivenError::Answer("not the numbers that it gave before".to_owned())),
        }
    }
}

struct Process {
    child: Child,
    /// To a thread of its own, as a process that hangs reads nothing.
    questions: SyncSender<Vec<u8>>,
    answers: Receiver<Vec<u8>>,
}

impl Process {
    fn start(program: &Path, file: &Path) -> Result<(Process, usize), GivenError> {
        let path = || file.to_owned();
        let failed = |source| GivenError::Start { path: path(), source };
        let mut child = Command::new(program)
            .args([COMMAND, KIND])
            .arg(file)
            .arg("1")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (questions, asked) = sync_channel::<Vec<u8>>(1);
        let (answered, answers) = sync_channel(1);
        let process = Process { child, questions, answers };
        let (Some(mut input), Some(output)) = (input, output) else { return Err(GivenError::Crashed) };
        let write =
            move || while asked.recv().is_ok_and(|bytes| wire::send_bytes(&mut input, &bytes).is_ok()) {};
        let read = move || {
            let mut output = BufReader::new(output);
            while wire::receive_bytes(&mut output).is_ok_and(|bytes| answered.send(bytes).is_ok()) {}
        };
        thread::Builder::new().name("voice-questions".to_owned()).spawn(write).map_err(failed)?;
        thread::Builder::new().name("voice-answers".to_owned()).spawn(read).map_err(failed)?;
        let ready = process.answers.recv_timeout(LOADING).ok();
        let ready: Option<Ready> = ready.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match ready {
            None => Err(GivenError::Died { path: path() }),
            Some(Ready { opened: Err(why), .. }) => Err(GivenError::Refused { path: path(), why }),
            Some(Ready { opened: Ok(size), confined }) => {
                if !confined {
                    tracing::warn!("this kernel has no landlock; the encoder could read files of its user");
                }
                match SIZES.contains(&size) {
                    true => Ok((process, size)),
                    false => Err(GivenError::Died { path: path() }),
                }
            }
        }
    }

    fn ask(&self, samples: &[f32]) -> Result<Result<Vec<f32>, String>, GivenError> {
        let bytes = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.questions.try_send(bytes).map_err(|_| GivenError::Crashed)?;
        let answer = self.answers.recv_timeout(ANSWER).map_err(|error| match error {
            RecvTimeoutError::Timeout => GivenError::Hung,
            RecvTimeoutError::Disconnected => GivenError::Crashed,
        })?;
        let Embedded(answer) = serde_json::from_slice(&answer).map_err(|_| GivenError::Crashed)?;
        Ok(answer)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is that process: confines itself, opens `file`, and answers until the pipe ends.
pub fn serve(file: &Path) {
    let size = std::fs::metadata(file).map_or(0, |about| about.len()).min(LARGEST);
    let opened = sandbox::confine(&[file], MEMORY + 4 * size)
        .map_err(|error| error.to_string())
        .and_then(|confined| Ok((confined, Onnx::open(file).map_err(|error| error.to_string())?)));
    let (mut input, mut output) = (BufReader::new(io::stdin()), io::stdout());
    let onnx = match opened {
        Err(why) => {
            let _ = wire::send(&mut output, &Ready { confined: false, opened: Err(why) });
            return;
        }
        Ok((confined, onnx)) => {
            let _ = wire::send(&mut output, &Ready { confined, opened: Ok(onnx.size()) });
            onnx
        }
    };
    while let Ok(bytes) = wire::receive_bytes(&mut input) {
        let samples: Vec<f32> =
            bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let answer = Embedded(onnx.embed(&samples).map_err(|error| error.to_string()));
        if wire::send(&mut output, &answer).is_err() {
            return;
        }
    }
}
