//! Several recognizers behind one `Engine`: utterances collect their clip, threads take turns at the queue.
//!
//! ```text
//! Utterance ─ push ─ finish ─┐                ┌─ thread: recognizer
//! Utterance ─ push ─ finish ─┴─ queue (fair) ─┴─ thread: recognizer
//! ```
//!
//! **Early start**: for engines where hearing takes longer than a pause, the clip so far is queued at the first
//! 150 ms of silence; if nothing more is said, that answer is the answer.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::{Engine, Hearing, HearingError, Hypothesis, LONGEST, RATE, Request};
use crate::grammar::{Grammar, GrammarNotes};
use crate::phrase::Lexicon;
use crate::queue::Queue;
use crate::recognizer::{Cancel, Recognizer};
use crate::silence::Silence;
use crate::word_graph::{GraphError, Prepared};

/// An answer is due this long after it was asked for, and the length of the clip again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Early starts in one utterance: somebody who hesitates more often is waited for.
const MOST_EARLY: usize = 4;

type Answer = Result<Vec<Hypothesis>, HearingError>;

struct Job {
    samples: Vec<i16>,
    request: Request,
    cancel: Cancel,
    answer: SyncSender<Answer>,
}

#[derive(Default)]
struct State {
    queue: Queue<Job>,
    /// The newest grammar and its number, counted from 1.
    grammar: (u64, Option<Arc<Prepared>>),
    closed: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a pool presents itself.
pub struct About {
    pub name: &'static str,
    pub model: String,
    pub early_start: bool,
    pub sentences: Sentences,
}

/// What an engine does with the sentences of the house.
pub enum Sentences {
    /// Nothing: it hears any text.
    Unused,
    /// It is told how each word is said.
    Pronounced(Lexicon),
    /// It is told how each word is written.
    Written,
}

impl Sentences {
    fn prepare(&self, grammar: &Grammar) -> Result<Option<Prepared>, HearingError> {
        let wrong = |error: GraphError| HearingError::Model(error.to_string());
        match self {
            Sentences::Unused => Ok(None),
            Sentences::Pronounced(lexicon) => lexicon.prepare(grammar).map_err(wrong).map(Some),
            Sentences::Written => Prepared::spelled(grammar).map_err(wrong).map(Some),
        }
    }
}

pub struct Pool {
    about: About,
    shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Pool {
    /// One thread for each recognizer; they end when the pool is dropped.
    pub fn start(about: About, recognizers: Vec<Box<dyn Recognizer>>) -> Result<Self, HearingError> {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let mut pool = Pool { about, shared, threads: Vec::new() };
        for recognizer in recognizers {
            let shared = pool.shared.clone();
            let thread = thread::Builder::new()
                .name(format!("hearing-{}", pool.about.name))
                .spawn(move || serve(&shared, recognizer))
                .map_err(|error| HearingError::Model(format!("no thread for the speech engine: {error}")))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        // A clip that is being heard ends by its deadline; after this no hearing process is left.
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(shared: &Shared, mut recognizer: Box<dyn Recognizer>) {
    let mut known = 0;
    loop {
        let mut state = shared.lock();
        let (job, grammar) = loop {
            if state.closed {
                return;
            }
            let (number, grammar) = &state.grammar;
            let newer = (*number != known).then(|| grammar.clone()).flatten();
            known = *number;
            // A new grammar first, so that nobody is heard with yesterday's names.
            if newer.is_some() {
                break (None, newer);
            }
            if let Some(job) = state.queue.pop() {
                break (Some(job), None);
            }
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        if let Some(grammar) = grammar
            && let Err(error) = recognizer.set_grammar(&grammar)
        {
            tracing::error!(%error, "the speech engine did not take the new grammar");
        }
        if let Some(job) = job {
            let answer =
                job.cancel.check().and_then(|()| recognizer.hear(&job.samples, &job.request, &job.cancel));
            // Nobody waits any more if the utterance was dropped.
            let _ = job.answer.try_send(answer);
        }
    }
}

impl Engine for Pool {
    fn name(&self) -> &'static str {
        self.about.name
    }

    fn model(&self) -> String {
        self.about.model.clone()
    }

    fn begin(&self, request: Request) -> Box<dyn Hearing> {
        Box::new(Utterance {
            shared: self.shared.clone(),
            request,
            samples: Vec::new(),
            early_start: self.about.early_start,
            silence: Silence::default(),
            early: None,
            early_starts: 0,
        })
    }

    fn set_grammar(&self, grammar: Grammar) -> Result<GrammarNotes, HearingError> {
        let Some(prepared) = self.about.sentences.prepare(&grammar)? else {
            return Ok(GrammarNotes::default());
        };
        let notes = prepared.notes.clone();
        let mut state = self.shared.lock();
        state.grammar = (state.grammar.0 + 1, Some(Arc::new(prepared)));
        drop(state);
        self.shared.changed.notify_all();
        Ok(notes)
    }
}

/// A clip that was given to the queue.
struct Pending {
    cancel: Cancel,
    answer: Receiver<Answer>,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

struct Utterance {
    shared: Arc<Shared>,
    request: Request,
    samples: Vec<i16>,
    early_start: bool,
    silence: Silence,
    /// An early start under way, still good as long as nothing more is said.
    early: Option<Pending>,
    early_starts: usize,
}

impl Utterance {
    fn submit(&self) -> Result<Pending, HearingError> {
        let clip = Duration::from_secs_f64(self.samples.len() as f64 / RATE as f64);
        let cancel = Cancel::at(Instant::now() + PATIENCE + clip);
        // Room for the one answer, so that a worker never waits for a listener.
        let (sender, answer) = sync_channel(1);
        let job = Job {
            samples: self.samples.clone(),
            request: self.request.clone(),
            cancel: cancel.clone(),
            answer: sender,
        };
        let mut state = self.shared.lock();
        // Early starts of somebody who went on speaking.
        state.queue.discard(|job| job.cancel.check().is_err());
        state.queue.push(&self.request.room, job).map_err(|_| HearingError::Overloaded)?;
        drop(state);
        self.shared.changed.notify_one();
        Ok(Pending { cancel, answer })
    }
}

impl Hearing for Utterance {
    fn push(&mut self, samples: &[i16]) -> Result<(), HearingError> {
        if self.samples.len() + samples.len() > LONGEST.as_secs() as usize * RATE {
            self.early = None;
            return Err(HearingError::TooLong);
        }
        self.samples.extend_from_slice(samples);
        if self.early_start {
            self.silence.push(samples);
            match (self.silence.paused(), &self.early) {
                (false, Some(_)) => self.early = None,
                (true, None) if self.early_starts < MOST_EARLY => {
                    self.early_starts += 1;
                    self.early = self.submit().ok();
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        if self.early.is_none() {
            self.early = self.submit().ok();
        }
    }

    fn finish(mut self: Box<Self>) -> Answer {
        let pending = match self.early.take() {
            Some(early) => early,
            None => self.submit()?,
        };
        // The worker keeps the deadline itself; the second more is for one that hangs.
        let wait =
            pending.cancel.deadline().saturating_duration_since(Instant::now()) + Duration::from_secs(1);
        match pending.answer.recv_timeout(wait) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err(HearingError::TimedOut),
            Err(RecvTimeoutError::Disconnected) => Err(HearingError::Crashed),
        }
    }
}

#[cfg(test)]
mod tests;
