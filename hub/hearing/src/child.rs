//! The hub's end of the hearing process: starts it, sends it clips, and starts it again when it dies.
//!
//! One process holds the model; as many clips are heard in it at a time as it has recognizers. Each of those has
//! a `Remote` here, which is what the pool's threads see.

use std::collections::HashMap;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::{HearingError, Hypothesis, Request};
use crate::local::Kind;
use crate::recognizer::{Cancel, Recognizer};
use crate::wire::{self, Order, Reply};
use crate::word_graph::Prepared;
use crate::worker::COMMAND;

/// A large model takes this long to load from a slow disk.
const LOADING: Duration = Duration::from_secs(120);
/// How often a waiting thread looks whether its clip is still wanted.
const LOOK: Duration = Duration::from_millis(20);
/// A process that does not answer this long after its deadline or a cancellation hangs and is killed.
const GRACE: Duration = Duration::from_secs(2);

type Answer = Result<Vec<Hypothesis>, HearingError>;

/// How to start the process.
pub struct Start {
    /// This program itself.
    pub program: PathBuf,
    pub kind: Kind,
    pub path: PathBuf,
    pub count: usize,
}

/// Keeps one hearing process alive.
pub struct Keeper {
    start: Start,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    process: Option<Arc<Process>>,
    grammar: Option<Arc<Order>>,
}

struct Process {
    child: Mutex<Child>,
    input: Mutex<ChildStdin>,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    answers: HashMap<u64, SyncSender<Answer>>,
    ended: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Keeper {
    /// Starts the process and waits until its model is loaded.
    pub fn start(start: Start) -> Result<Arc<Self>, HearingError> {
        let keeper = Arc::new(Keeper { start, state: Mutex::default() });
        keeper.process()?;
        Ok(keeper)
    }

    /// One for each clip that the process can hear at a time.
    pub fn recognizers(self: &Arc<Self>) -> Vec<Box<dyn Recognizer>> {
        let first = |index| index == 0;
        (0..self.start.count)
            .map(|index| {
                Box::new(Remote { keeper: self.clone(), first: first(index) }) as Box<dyn Recognizer>
            })
            .collect()
    }

    /// The process that runs, or a new one.
    fn process(&self) -> Result<Arc<Process>, HearingError> {
        let mut state = lock(&self.state);
        if let Some(process) = state.process.as_ref().filter(|process| !lock(&process.waiting).ended) {
            return Ok(process.clone());
        }
        let process = Arc::new(Process::start(&self.start)?);
        if let Some(grammar) = &state.grammar {
            process.send(grammar)?;
        }
        state.process = Some(process.clone());
        Ok(process)
    }

    fn set_grammar(&self, prepared: &Prepared) -> Result<(), HearingError> {
        let order = Arc::new(Order::from(prepared));
        lock(&self.state).grammar = Some(order.clone());
        self.process()?.send(&order)
    }
}

impl Process {
    fn start(start: &Start) -> Result<Self, HearingError> {
        let failed = |error: std::io::Error| {
            HearingError::Model(format!(
                "the hearing process {} did not start: {error}",
                start.program.display()
            ))
        };
        let mut child = Command::new(&start.program)
            .arg(COMMAND)
            .arg(start.kind.name())
            .arg(&start.path)
            .arg(start.count.to_string())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let Some((input, output)) = pipes else { return Err(HearingError::Crashed) };
        let waiting: Arc<Mutex<Waiting>> = Arc::default();
        let (ready, readiness) = mpsc::sync_channel(1);
        let listeners = waiting.clone();
        thread::Builder::new()
            .name("hearing-replies".to_owned())
            .spawn(move || listen(output, &listeners, &ready))
            .map_err(failed)?;
        let process = Process { child: Mutex::new(child), input: Mutex::new(input), waiting };
        match readiness.recv_timeout(LOADING) {
            Ok((None, confined)) => {
                if !confined {
                    tracing::warn!(
                        "this kernel has no landlock; the hearing process could read files of its user"
                    );
                }
                Ok(process)
            }
            Ok((Some(error), _)) => Err(HearingError::Model(error)),
            Err(RecvTimeoutError::Timeout) => Err(HearingError::TimedOut),
            Err(RecvTimeoutError::Disconnected) => Err(HearingError::Model(format!(
                "the hearing process died while it loaded {}; the file may be damaged",
                start.path.display()
            ))),
        }
    }

    fn send(&self, order: &Order) -> Result<(), HearingError> {
        wire::send(&mut *lock(&self.input), order).map_err(|_| self.died())
    }

    /// A pipe that breaks tells of a dead process before the end of its replies does; nobody may be sent to it again.
    fn died(&self) -> HearingError {
        let mut waiting = lock(&self.waiting);
        waiting.ended = true;
        waiting.answers.clear();
        HearingError::Crashed
    }

    /// Sends a clip; the answer comes by the channel.
    fn hear(
        &self,
        samples: &[i16],
        request: &Request,
        left: Duration,
    ) -> Result<(u64, Receiver<Answer>), HearingError> {
        let (sender, answer) = sync_channel(1);
        let id = {
            let mut waiting = lock(&self.waiting);
            if waiting.ended {
                return Err(HearingError::Crashed);
            }
            waiting.next += 1;
            let id = waiting.next;
            waiting.answers.insert(id, sender);
            id
        };
        let mut input = lock(&self.input);
        wire::send(&mut *input, &wire::hear(id, request, left))
            .and_then(|()| wire::send_bytes(&mut *input, &wire::samples_to_bytes(samples)))
            .map_err(|_| self.died())?;
        Ok((id, answer))
    }

    fn kill(&self) {
        let _ = lock(&self.child).kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Hands out replies until the process ends; whoever still waits then has lost an utterance.
fn listen(output: ChildStdout, waiting: &Mutex<Waiting>, ready: &SyncSender<(Option<String>, bool)>) {
    let mut output = BufReader::new(output);
    while let Ok(reply) = wire::receive::<Reply>(&mut output) {
        match reply {
            Reply::Ready { error, confined } => {
                let _ = ready.try_send((error, confined));
            }
            Reply::Heard { id, outcome } => {
                if let Some(answer) = lock(waiting).answers.remove(&id) {
                    let found = outcome.map(|found| found.into_iter().map(Hypothesis::from).collect());
                    let _ = answer.try_send(found.map_err(Into::into));
                }
            }
        }
    }
    let mut waiting = lock(waiting);
    waiting.ended = true;
    waiting.answers.clear();
}

/// A recognizer that is really in the process.
struct Remote {
    keeper: Arc<Keeper>,
    /// The process learns a grammar once, not once for each of its recognizers.
    first: bool,
}

impl Recognizer for Remote {
    fn set_grammar(&mut self, grammar: &Prepared) -> Result<(), HearingError> {
        if self.first { self.keeper.set_grammar(grammar) } else { Ok(()) }
    }

    fn hear(&mut self, samples: &[i16], request: &Request, cancel: &Cancel) -> Answer {
        let process = self.keeper.process()?;
        let left = cancel.deadline().saturating_duration_since(Instant::now());
        let (id, answer) = process.hear(samples, request, left)?;
        let mut unwanted: Option<(Instant, HearingError)> = None;
        loop {
            match answer.recv_timeout(LOOK) {
                Ok(answer) => return unwanted.map_or(answer, |(_, why)| Err(why)),
                Err(RecvTimeoutError::Disconnected) => return Err(HearingError::Crashed),
                Err(RecvTimeoutError::Timeout) => match (cancel.check(), &unwanted) {
                    (Err(why), None) => {
                        let _ = process.send(&Order::Cancel { id });
                        unwanted = Some((Instant::now(), why));
                    }
                    (_, Some((since, why))) if since.elapsed() > GRACE => {
                        process.kill();
                        return Err(why.clone());
                    }
                    _ => {}
                },
            }
        }
    }
}
