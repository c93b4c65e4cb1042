//! One utterance on its way: everything of it stays in RAM until the hub has answered, so that a broken link can
//! go on where the hub stopped. It prints its size only, and erasing it frees the audio at once.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use sotto_protocol::{EndReason, Packet, Trigger, UtteranceHeader, UtteranceId};
use tokio::sync::Notify;

use super::lock;

/// The longest utterance: 65 s, at most some 80 kB at 10 kb/s more than anybody sets.
const LONGEST: usize = 3250;

/// What an utterance is opened with.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    pub utterance: UtteranceId,
    pub trigger: Trigger,
    /// Root mean square of the trigger, in decibels below full scale.
    pub level_dbfs: f32,
    /// The first so many packets were heard before the trigger.
    pub preroll_packets: u32,
    pub language: Option<String>,
}

/// Shared between whoever speaks and the session that sends.
pub(super) struct Utterance {
    opening: Opening,
    opened_at: Instant,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    packets: Vec<Packet>,
    end: Option<EndReason>,
    /// The end has been written to some connection: the hub may have acted on it.
    end_sent: bool,
    /// Nobody wants it any more.
    erased: bool,
}

/// What there is to send next.
pub(super) enum Next {
    Packets(Vec<Packet>),
    End {
        reason: EndReason,
        packets: u32,
    },
    /// Nothing until [`Utterance::changed`].
    Wait,
    Erased,
}

impl Utterance {
    pub fn new(opening: Opening, opened_at: Instant) -> Self {
        Utterance { opening, opened_at, state: Mutex::default(), changed: Notify::new() }
    }

    pub fn id(&self) -> UtteranceId {
        self.opening.utterance
    }

    pub fn opened_at(&self) -> Instant {
        self.opened_at
    }

    pub fn header(&self, first_packet: u32, now: Instant) -> UtteranceHeader {
        let age = now.saturating_duration_since(self.opened_at).as_millis();
        UtteranceHeader {
            utterance: self.opening.utterance,
            trigger: self.opening.trigger.clone(),
            level_dbfs: self.opening.level_dbfs,
            preroll_packets: self.opening.preroll_packets,
            language: self.opening.language.clone(),
            age_ms: age.try_into().unwrap_or(u32::MAX),
            first_packet,
        }
    }

    /// What follows the first `sent` packets.
    pub fn next(&self, sent: usize) -> Next {
        let mut state = lock(&self.state);
        if state.erased {
            return Next::Erased;
        }
        match state.packets.get(sent..) {
            Some(packets) if !packets.is_empty() => Next::Packets(packets.to_vec()),
            _ => match state.end {
                Some(reason) => {
                    // Marked before it is written: from then on nobody can know whether the hub has it.
                    state.end_sent = true;
                    Next::End { reason, packets: state.packets.len() as u32 }
                }
                None => Next::Wait,
            },
        }
    }

    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    pub fn end_sent(&self) -> bool {
        lock(&self.state).end_sent
    }

    /// Frees the audio; the session and whoever speaks find out by themselves.
    pub fn erase(&self) {
        let mut state = lock(&self.state);
        state.packets = Vec::new();
        state.erased = true;
        drop(state);
        self.changed.notify_one();
    }

    fn push(&self, packet: Packet) -> bool {
        let mut state = lock(&self.state);
        let takes = !state.erased && state.end.is_none() && state.packets.len() < LONGEST;
        if takes {
            state.packets.push(packet);
        }
        drop(state);
        self.changed.notify_one();
        takes
    }

    fn end(&self, reason: EndReason) {
        lock(&self.state).end.get_or_insert(reason);
        self.changed.notify_one();
    }
}

/// Takes the packets of one utterance, the pre-roll first. Nothing here waits for the network. Dropping it
/// without an end cancels the utterance.
pub struct UtteranceSender {
    utterance: Arc<Utterance>,
}

impl UtteranceSender {
    pub(super) fn new(utterance: Arc<Utterance>) -> Self {
        UtteranceSender { utterance }
    }

    pub fn id(&self) -> UtteranceId {
        self.utterance.id()
    }

    /// False where no more is wanted: dismissed, given up, or longer than any utterance.
    pub fn send(&self, packet: Packet) -> bool {
        self.utterance.push(packet)
    }

    /// That was all. The first call counts.
    pub fn end(&self, reason: EndReason) {
        self.utterance.end(reason);
    }
}

impl Drop for UtteranceSender {
    fn drop(&mut self) {
        self.utterance.end(EndReason::Cancelled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender() -> UtteranceSender {
        let opening = Opening {
            utterance: UtteranceId::from_bytes([1; 16]),
            trigger: Trigger::PushToTalk,
            level_dbfs: -20.0,
            preroll_packets: 1,
            language: None,
        };
        UtteranceSender::new(Arc::new(Utterance::new(opening, Instant::now())))
    }

    fn packet() -> Packet {
        Packet::new(vec![0x48, 0]).unwrap()
    }

    #[test]
    fn what_was_spoken_can_be_read_again_until_it_is_erased() {
        let sender = sender();
        let utterance = sender.utterance.clone();
        assert!(matches!(utterance.next(0), Next::Wait));
        assert!(sender.send(packet()) && sender.send(packet()));
        for sent in [0, 1, 0] {
            assert!(matches!(utterance.next(sent), Next::Packets(packets) if packets.len() == 2 - sent));
        }
        sender.end(EndReason::Silence);
        assert!(!sender.send(packet()), "after the end");
        assert!(!utterance.end_sent());
        drop(sender);
        assert!(matches!(utterance.next(2), Next::End { reason: EndReason::Silence, packets: 2 }));
        assert!(utterance.end_sent());
        utterance.erase();
        assert!(matches!(utterance.next(0), Next::Erased));
    }

    #[test]
    fn no_utterance_grows_for_ever_and_a_dropped_one_is_cancelled() {
        let sender = sender();
        assert_eq!((0..LONGEST + 10).filter(|_| sender.send(packet())).count(), LONGEST);
        let utterance = sender.utterance.clone();
        drop(sender);
        assert!(matches!(utterance.next(LONGEST), Next::End { reason: EndReason::Cancelled, .. }));
    }
}
