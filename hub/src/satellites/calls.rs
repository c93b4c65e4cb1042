//! Which utterances are under way, what has arrived of each, and what may still arrive. No IO, no clock.
//!
//! `open → packet, packet, … → end → answer`, and at any point the connection may go and come back. This is where
//! "never twice" is kept: a packet counts only if it is the next one, on the satellite's newest connection.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sotto_house::SatelliteId;
use sotto_protocol::{KnownUtterance, ToSatellite, UtteranceId};

/// How long an utterance waits for its satellite to come back.
pub const RETURN: Duration = Duration::from_secs(10);

/// How long a finished one is remembered, so that a satellite that missed the answer gets it and a late stream
/// of it is recognised.
const MEMORY: Duration = Duration::from_secs(60);

/// Utterances of one satellite that may be open at once: the one being spoken, and one that is still arriving.
const OPEN: usize = 2;

/// Utterances of one satellite that are remembered.
const REMEMBERED: usize = 32;

/// One satellite's connection; a later one has a higher number.
pub type Generation = u64;

/// What to do with what arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// New, in order: pass it on.
    Take,
    /// Seen before: pass over it.
    Again,
    /// Nobody waits for this utterance any more.
    Finished,
    /// It belongs to a connection that has been replaced.
    Stale,
    /// Packets are missing before it, or it is over the limit.
    Refuse,
}

/// How an utterance may begin.
#[derive(Debug, PartialEq, Eq)]
pub enum Opening {
    New,
    Resumed,
    /// Already whole, dismissed or given up: the satellite need not send it.
    Finished,
    TooMany,
    /// It goes on later than where the hub stopped.
    Gap,
    Stale,
}

#[derive(Debug)]
struct Call {
    satellite: SatelliteId,
    received: u32,
    finished: Option<Instant>,
    away_since: Option<Instant>,
    answer: Option<ToSatellite>,
}

#[derive(Debug, Default)]
pub struct Calls {
    calls: HashMap<UtteranceId, Call>,
    newest: HashMap<SatelliteId, Generation>,
    counter: Generation,
    /// Packets of the longest utterance.
    longest: u32,
}

impl Calls {
    pub fn new(longest: u32) -> Calls {
        Calls { longest, ..Calls::default() }
    }

    /// A satellite has connected; what its older connections still bring is stale from here on. Gives what to
    /// tell it: the utterances that are remembered, and the answers that it may have missed.
    pub fn connected(
        &mut self,
        satellite: &SatelliteId,
    ) -> (Generation, Vec<KnownUtterance>, Vec<ToSatellite>) {
        self.counter += 1;
        self.newest.insert(satellite.clone(), self.counter);
        let mut known = Vec::new();
        let mut answers = Vec::new();
        for (utterance, call) in self.calls.iter().filter(|(_, call)| call.satellite == *satellite) {
            known.push(KnownUtterance {
                utterance: *utterance,
                received: call.received,
                ended: call.finished.is_some(),
            });
            answers.extend(call.answer.clone());
        }
        (self.counter, known, answers)
    }

    /// False where a newer connection has taken over already.
    pub fn disconnected(&mut self, now: Instant, satellite: &SatelliteId, generation: Generation) -> bool {
        if self.newest.get(satellite) != Some(&generation) {
            return false;
        }
        self.newest.remove(satellite);
        for call in self.calls.values_mut().filter(|call| call.satellite == *satellite) {
            call.away_since = Some(now);
        }
        true
    }

    pub fn open(
        &mut self,
        satellite: &SatelliteId,
        generation: Generation,
        id: UtteranceId,
        first: u32,
    ) -> Opening {
        if self.newest.get(satellite) != Some(&generation) {
            return Opening::Stale;
        }
        if let Some(call) = self.calls.get_mut(&id) {
            // Somebody else's id, guessed or repeated, is no way into it.
            if call.finished.is_some() || call.satellite != *satellite {
                return Opening::Finished;
            }
            if first > call.received {
                return Opening::Gap;
            }
            call.away_since = None;
            return Opening::Resumed;
        }
        if first != 0 {
            return Opening::Gap;
        }
        let own = || self.calls.values().filter(|call| call.satellite == *satellite);
        if own().filter(|call| call.finished.is_none()).count() >= OPEN || own().count() >= REMEMBERED {
            return Opening::TooMany;
        }
        let call = Call {
            satellite: satellite.clone(),
            received: 0,
            finished: None,
            away_since: None,
            answer: None,
        };
        self.calls.insert(id, call);
        Opening::New
    }

    pub fn packet(&mut self, generation: Generation, id: UtteranceId, sequence: u32) -> Verdict {
        let longest = self.longest;
        match self.current(generation, id) {
            Err(verdict) => verdict,
            Ok(call) if sequence < call.received => Verdict::Again,
            Ok(call) if sequence > call.received || sequence >= longest => Verdict::Refuse,
            Ok(call) => {
                call.received += 1;
                Verdict::Take
            }
        }
    }

    /// The satellite has said that `packets` was all. Take means that it is.
    pub fn end(&mut self, now: Instant, generation: Generation, id: UtteranceId, packets: u32) -> Verdict {
        match self.current(generation, id) {
            Err(verdict) => verdict,
            Ok(call) if call.received != packets => Verdict::Refuse,
            Ok(call) => {
                call.finished = Some(now);
                Verdict::Take
            }
        }
    }

    fn current(&mut self, generation: Generation, id: UtteranceId) -> Result<&mut Call, Verdict> {
        let call = self.calls.get_mut(&id).ok_or(Verdict::Finished)?;
        if self.newest.get(&call.satellite) != Some(&generation) {
            return Err(Verdict::Stale);
        }
        if call.finished.is_some() { Err(Verdict::Finished) } else { Ok(call) }
    }

    /// Nothing more of it is wanted. True the first time.
    pub fn finish(&mut self, now: Instant, id: UtteranceId) -> bool {
        match self.calls.get_mut(&id).filter(|call| call.finished.is_none()) {
            Some(call) => {
                call.finished = Some(now);
                true
            }
            None => false,
        }
    }

    /// Finishes it with what the satellite is to hear, now or when it is back. Gives the satellite.
    pub fn answer(&mut self, now: Instant, id: UtteranceId, answer: ToSatellite) -> Option<SatelliteId> {
        let call = self.calls.get_mut(&id)?;
        call.finished.get_or_insert(now);
        call.answer = Some(answer);
        Some(call.satellite.clone())
    }

    pub fn received(&self, id: UtteranceId) -> u32 {
        self.calls.get(&id).map_or(0, |call| call.received)
    }

    pub fn satellite(&self, id: UtteranceId) -> Option<&SatelliteId> {
        self.calls.get(&id).map(|call| &call.satellite)
    }

    /// Utterances whose satellite has been away too long: given up, once each. Forgets what is long finished.
    pub fn overdue(&mut self, now: Instant) -> Vec<UtteranceId> {
        self.calls.retain(|_, call| call.finished.is_none_or(|at| now.duration_since(at) < MEMORY));
        let late = |since: Instant| now.duration_since(since) >= RETURN;
        let mut given_up = Vec::new();
        for (id, call) in &mut self.calls {
            if call.finished.is_none() && call.away_since.is_some_and(late) {
                call.finished = Some(now);
                given_up.push(*id);
            }
        }
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: UtteranceId = UtteranceId::from_bytes([1; 16]);
    const SECOND: Duration = Duration::from_secs(1);

    fn kitchen() -> SatelliteId {
        SatelliteId::new("kitchen").unwrap()
    }

    #[test]
    fn an_utterance_is_resumed_where_it_stopped_and_taken_once() {
        let now = Instant::now();
        let mut calls = Calls::new(100);
        let (first, ..) = calls.connected(&kitchen());
        assert_eq!(calls.open(&kitchen(), first, ID, 0), Opening::New);
        assert_eq!(calls.packet(first, ID, 0), Verdict::Take);
        assert_eq!(calls.packet(first, ID, 1), Verdict::Take);
        assert_eq!(calls.packet(first, ID, 3), Verdict::Refuse);

        let (second, known, _) = calls.connected(&kitchen());
        assert_eq!(known, [KnownUtterance { utterance: ID, received: 2, ended: false }]);
        assert_eq!(calls.packet(first, ID, 2), Verdict::Stale);
        assert!(!calls.disconnected(now, &kitchen(), first));
        assert_eq!(calls.open(&kitchen(), second, ID, 3), Opening::Gap);
        assert_eq!(calls.open(&kitchen(), second, ID, 1), Opening::Resumed);
        assert_eq!(calls.packet(second, ID, 1), Verdict::Again);
        assert_eq!(calls.packet(second, ID, 2), Verdict::Take);
        assert_eq!(calls.end(now, second, ID, 4), Verdict::Refuse);
        assert_eq!(calls.end(now, second, ID, 3), Verdict::Take);
        assert_eq!(calls.end(now, second, ID, 3), Verdict::Finished);
        assert_eq!(calls.open(&kitchen(), second, ID, 0), Opening::Finished);

        let answer = ToSatellite::Stop { utterance: ID };
        assert_eq!(calls.answer(now, ID, answer.clone()), Some(kitchen()));
        let (_, known, answers) = calls.connected(&kitchen());
        assert!(known[0].ended);
        assert_eq!(answers, [answer]);
        assert!(calls.overdue(now + MEMORY).is_empty());
        assert!(calls.connected(&kitchen()).1.is_empty(), "remembered for ever");
    }

    #[test]
    fn a_satellite_that_stays_away_gives_its_utterance_up() {
        let now = Instant::now();
        let mut calls = Calls::new(100);
        let (generation, ..) = calls.connected(&kitchen());
        calls.open(&kitchen(), generation, ID, 0);
        assert!(calls.disconnected(now, &kitchen(), generation));
        assert!(calls.overdue(now + RETURN - SECOND).is_empty());
        assert_eq!(calls.overdue(now + RETURN), [ID]);
        assert!(calls.overdue(now + RETURN).is_empty());
        let (generation, known, _) = calls.connected(&kitchen());
        assert!(known[0].ended);
        assert_eq!(calls.open(&kitchen(), generation, ID, 0), Opening::Finished);
    }

    #[test]
    fn limits_hold() {
        let mut calls = Calls::new(2);
        let (generation, ..) = calls.connected(&kitchen());
        let id = |byte| UtteranceId::from_bytes([byte; 16]);
        assert_eq!(calls.open(&kitchen(), generation, id(1), 0), Opening::New);
        assert_eq!(calls.open(&kitchen(), generation, id(2), 0), Opening::New);
        assert_eq!(calls.open(&kitchen(), generation, id(3), 0), Opening::TooMany);
        assert_eq!(calls.packet(generation, id(1), 0), Verdict::Take);
        assert_eq!(calls.packet(generation, id(1), 1), Verdict::Take);
        assert_eq!(calls.packet(generation, id(1), 2), Verdict::Refuse);
        let bedroom = SatelliteId::new("bedroom").unwrap();
        let (other, ..) = calls.connected(&bedroom);
        assert_eq!(calls.open(&bedroom, other, id(1), 0), Opening::Finished, "another's utterance");
        assert_eq!(calls.packet(other, id(1), 2), Verdict::Stale);
        assert_eq!(
            calls.open(&bedroom, other, id(4), 0),
            Opening::New,
            "one does not use up another's limit"
        );
    }
}
