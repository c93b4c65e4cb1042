//! The hearing process: the hub runs itself again as this, and talks to it over its standard input and output.
//!
//! `confine → load the model → one thread a recognizer → orders in, replies out, until the pipe ends`
//!
//! When it crashes, the utterances under way are lost and nothing else; the hub starts another.

use std::collections::HashMap;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::{HearingError, Request};
use crate::local::{Kind, recognizers};
use crate::recognizer::{Cancel, Recognizer};
use crate::sandbox;
use crate::speaker;
use crate::wire::{self, Order, Reading, Reply};

/// The hidden first argument that makes a program a hearing process: `PROGRAM hearing-worker KIND PATH COUNT`.
pub const COMMAND: &str = "hearing-worker";

/// What a speech engine needs besides its model.
const MEMORY: u64 = 3 << 30;

/// Where replies go: one at a time.
type Output = Arc<Mutex<io::Stdout>>;

/// Serves the hub until the pipe ends, which it does when the hub dies. `arguments` are those after `COMMAND`.
pub fn run(arguments: &[String]) -> Result<(), HearingError> {
    let wrong = || HearingError::Model("hearing-worker is for the hub itself: KIND PATH COUNT".to_owned());
    let [kind, path, count] = arguments else { return Err(wrong()) };
    if kind == speaker::KIND {
        speaker::serve(path.as_ref());
        return Ok(());
    }
    let kind = Kind::parse(kind).ok_or_else(wrong)?;
    let (path, count) = (PathBuf::from(path), count.parse().map_err(|_| wrong())?);
    let size = std::fs::metadata(&path).map_or(0, |data| data.len());
    let output: Output = Arc::new(Mutex::new(io::stdout()));
    let opened = sandbox::confine(&[&path], MEMORY + 3 * size)
        .map_err(|error| HearingError::Model(error.to_string()))
        .and_then(|confined| Ok((confined, recognizers(kind, &path, count)?)));
    let (error, confined, recognizers) = match opened {
        Ok((confined, recognizers)) => (None, confined, recognizers),
        Err(error) => (Some(error.to_string()), false, Vec::new()),
    };
    let failed = error.is_some();
    reply(&output, &Reply::Ready { error, confined });
    if !failed {
        serve(recognizers, &output);
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A hub that is gone needs no reply; the pipe ends then and so does this process.
fn reply(output: &Output, reply: &Reply) {
    let mut output = lock(output);
    let _ = wire::send(&mut *output, reply);
    let _ = output.flush();
}

/// A recognizer that is not at work, and the number of the grammar that it knows.
type Idle = Arc<Mutex<Vec<(Box<dyn Recognizer>, u64)>>>;

fn serve(recognizers: Vec<Box<dyn Recognizer>>, output: &Output) {
    let idle: Idle =
        Arc::new(Mutex::new(recognizers.into_iter().map(|recognizer| (recognizer, 0)).collect()));
    let under_way: Arc<Mutex<HashMap<u64, Cancel>>> = Arc::default();
    let mut grammar = (0, None);
    let mut input = BufReader::new(io::stdin());
    while let Ok(order) = wire::receive::<Order>(&mut input) {
        match order {
            Order::Grammar { states, ends, arcs, dictionary } => {
                grammar = (grammar.0 + 1, Some(Arc::new(wire::prepared(states, ends, arcs, dictionary))));
                // Those that are idle learn it now, so that the next utterance does not wait for it.
                for (recognizer, known) in lock(&idle).iter_mut() {
                    if let Some(prepared) = &grammar.1
                        && recognizer.set_grammar(prepared).is_ok()
                    {
                        *known = grammar.0;
                    }
                }
            }
            Order::Cancel { id } => {
                if let Some(cancel) = lock(&under_way).get(&id) {
                    cancel.cancel();
                }
            }
            Order::Hear { id, language, words, milliseconds_left } => {
                let Ok(bytes) = wire::receive_bytes(&mut input) else { break };
                let cancel =
                    Cancel::at(Instant::now() + Duration::from_millis(milliseconds_left.min(600_000)));
                lock(&under_way).insert(id, cancel.clone());
                let request = Request { language, words, room: String::new() };
                let (idle, under_way, output, grammar) =
                    (idle.clone(), under_way.clone(), output.clone(), grammar.clone());
                std::thread::spawn(move || {
                    let samples = wire::samples_from_bytes(&bytes);
                    let recognizer = lock(&idle).pop();
                    let outcome = match recognizer {
                        // The hub sends no more at a time than there are recognizers.
                        None => Err(HearingError::Overloaded),
                        Some((mut recognizer, mut known)) => {
                            let outcome = catch_up(recognizer.as_mut(), &mut known, &grammar)
                                .and_then(|()| recognizer.hear(&samples, &request, &cancel));
                            lock(&idle).push((recognizer, known));
                            outcome
                        }
                    };
                    lock(&under_way).remove(&id);
                    let outcome =
                        outcome.map(|found| found.iter().map(Reading::from).collect()).map_err(Into::into);
                    reply(&output, &Reply::Heard { id, outcome });
                });
            }
        }
    }
}

/// Teaches a recognizer that was at work when the grammar changed.
fn catch_up(
    recognizer: &mut dyn Recognizer,
    known: &mut u64,
    (number, grammar): &(u64, Option<Arc<crate::word_graph::Prepared>>),
) -> Result<(), HearingError> {
    match grammar {
        Some(grammar) if known != number => {
            recognizer.set_grammar(grammar)?;
            *known = *number;
            Ok(())
        }
        _ => Ok(()),
    }
}
