//! One utterance stream: header, packets, end. What is out of order, too much or no longer wanted stops here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sotto_house::{Bid, End, SatelliteId, Trigger, UtteranceId};
use sotto_protocol::{
    DecodeError, DismissReason, EndReason, ErrorCode, FRAME, MessageReader, ReadError, Speech, ToSatellite,
    UtteranceHeader,
};
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use super::calls::{Generation, Opening, Verdict};
use super::connection::{area, refuse};
use super::pace::Pace;
use super::server::PATIENCE;
use super::{FromSatellite, Opened, Shared, close, error, lock};

/// Packets between two acknowledgements: 200 ms, as much as a resumed utterance sends again.
const ACK_EVERY: u32 = 10;

/// The connection that a stream belongs to.
#[derive(Clone)]
pub struct Caller {
    pub id: SatelliteId,
    pub generation: Generation,
    pub connection: quinn::Connection,
    pub outgoing: mpsc::Sender<ToSatellite>,
}

type Messages = MessageReader<quinn::RecvStream, Speech>;

/// Reads one utterance to its end, or to where it stops making sense.
pub async fn read(
    shared: Arc<Shared>,
    caller: Caller,
    receive: quinn::RecvStream,
    pace: Arc<AsyncMutex<Pace>>,
) {
    let mut messages = Messages::new(receive);
    let header = match tokio::time::timeout(PATIENCE, messages.next()).await {
        Ok(Ok(Some(Speech::Header(header)))) => header,
        Ok(Ok(_)) => {
            return close(&caller.connection, ErrorCode::Unexpected, "a stream begins with its header");
        }
        Ok(Err(error)) => return refuse(&caller.connection, &error),
        Err(_) => return stop(&mut messages, ErrorCode::Limit),
    };
    let id = header.utterance;
    let preroll = header.preroll_packets;
    if !open(&shared, &caller, &mut messages, header).await {
        return;
    }
    loop {
        let message = messages.next().await;
        // Waiting here leaves the bytes where they are: the satellite feels it, and nobody else does.
        let wait = pace.lock().await.take(Instant::now());
        tokio::time::sleep(wait).await;
        let Ok(permit) = shared.events.reserve().await else { return };
        // The verdict and its event are one step under the lock, so that two streams of one utterance, before
        // and after a break, can neither repeat nor overtake each other.
        let verdict = match message {
            Ok(Some(Speech::Packet { sequence, packet })) => {
                let mut calls = lock(&shared.calls);
                let verdict = calls.packet(caller.generation, id, sequence);
                if verdict == Verdict::Take {
                    let packet = packet.into_bytes().into();
                    permit.send(FromSatellite::Audio { utterance: house(id), sequence, packet });
                }
                verdict
            }
            Ok(Some(Speech::End { reason, packets })) => {
                let mut calls = lock(&shared.calls);
                let verdict = calls.end(Instant::now(), caller.generation, id, packets);
                if verdict == Verdict::Take {
                    let spoken = FRAME * packets.saturating_sub(preroll);
                    permit.send(FromSatellite::UtteranceEnded {
                        utterance: house(id),
                        end: end(reason),
                        spoken,
                    });
                    ack(&caller, id, packets);
                    return;
                }
                verdict
            }
            Err(ReadError::Decode(unknown @ DecodeError::Unknown { .. })) => {
                let _ = caller.outgoing.try_send(error(ErrorCode::UnknownMessage, unknown));
                continue;
            }
            // A connection that broke may come back within ten seconds; `calls` keeps the time.
            Err(ReadError::Broken(_)) if caller.connection.close_reason().is_some() => return,
            Err(ReadError::Broken(_)) | Ok(None) => return lost(&shared, id, permit),
            Err(error) => {
                lost(&shared, id, permit);
                return refuse(&caller.connection, &error);
            }
            Ok(Some(Speech::Header(_))) => {
                lost(&shared, id, permit);
                return close(&caller.connection, ErrorCode::Unexpected, "a second header");
            }
        };
        match verdict {
            Verdict::Take => {
                let received = lock(&shared.calls).received(id);
                if received.is_multiple_of(ACK_EVERY) {
                    ack(&caller, id, received);
                }
            }
            Verdict::Again => {}
            Verdict::Finished | Verdict::Stale => return stop(&mut messages, ErrorCode::None),
            Verdict::Refuse => {
                let Ok(permit) = shared.events.reserve().await else { return };
                lost(&shared, id, permit);
                return close(&caller.connection, ErrorCode::Limit, "packets are missing, or too many came");
            }
        }
    }
}

/// Announces a new utterance to the house. False where its packets are not wanted.
async fn open(shared: &Shared, caller: &Caller, messages: &mut Messages, header: UtteranceHeader) -> bool {
    let Ok(permit) = shared.events.reserve().await else { return false };
    let area = area(shared, caller);
    let id = header.utterance;
    let opening = {
        let mut calls = lock(&shared.calls);
        let opening = calls.open(&caller.id, caller.generation, id, header.first_packet);
        if opening == Opening::New {
            permit.send(FromSatellite::UtteranceOpened(opened(caller, area, header)));
        }
        opening
    };
    match opening {
        Opening::New | Opening::Resumed => return true,
        Opening::Finished | Opening::Stale => stop(messages, ErrorCode::None),
        Opening::TooMany => {
            let reason = DismissReason::Limit;
            let _ = caller.outgoing.try_send(ToSatellite::Dismiss { utterance: id, reason });
            stop(messages, ErrorCode::Limit);
        }
        Opening::Gap => {
            let reason = DismissReason::Busy;
            let _ = caller.outgoing.try_send(ToSatellite::Dismiss { utterance: id, reason });
            stop(messages, ErrorCode::Unexpected);
        }
    }
    false
}

fn opened(caller: &Caller, area: Option<sotto_house::Area>, header: UtteranceHeader) -> Opened {
    let (trigger, score, readier) = match header.trigger {
        sotto_protocol::Trigger::WakeWord { word, score, readier } => {
            (Trigger::WakeWord(word), score, readier)
        }
        sotto_protocol::Trigger::Speech => (Trigger::Speech, 0.0, 0.0),
        sotto_protocol::Trigger::PushToTalk => (Trigger::Button, 1.0, 0.0),
    };
    Opened {
        utterance: house(header.utterance),
        satellite: caller.id.clone(),
        area,
        trigger,
        bid: Bid::new(score, header.level_dbfs),
        readier,
        age: Duration::from_millis(header.age_ms.into()),
        pre_roll: FRAME * header.preroll_packets,
        language: header.language,
    }
}

/// Tells the house, once, that an utterance will not be completed.
fn lost(shared: &Shared, id: sotto_protocol::UtteranceId, permit: mpsc::Permit<'_, FromSatellite>) {
    if lock(&shared.calls).finish(Instant::now(), id) {
        permit.send(FromSatellite::UtteranceLost { utterance: house(id) });
    }
}

fn ack(caller: &Caller, utterance: sotto_protocol::UtteranceId, received: u32) {
    // One that finds no room is made up for by the next.
    let _ = caller.outgoing.try_send(ToSatellite::Ack { utterance, received });
}

fn stop(messages: &mut Messages, code: ErrorCode) {
    let _ = messages.stream().stop(quinn::VarInt::from_u32(code as u32));
}

fn house(id: sotto_protocol::UtteranceId) -> UtteranceId {
    UtteranceId::from_bytes(*id.bytes())
}

fn end(reason: EndReason) -> End {
    match reason {
        EndReason::Limit => End::Limit,
        EndReason::Cancelled => End::Cancelled,
        EndReason::NothingSaid => End::NothingSaid,
        // A reason of a later version: the person has stopped, whyever.
        EndReason::Silence | EndReason::Released | EndReason::Unspecified => End::Endpoint,
    }
}
