//! One satellite's connection: hello, then the control stream both ways and a task per utterance stream.

use std::sync::Arc;
use std::time::Instant;

use sotto_house::Area;
use sotto_protocol::{
    DecodeError, ErrorCode, Hello, HelloAck, MessageReader, ReadError, ToHub, ToSatellite, VERSION,
    write_message,
};
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::task::JoinSet;

use super::pace::Pace;
use super::server::PATIENCE;
use super::trust::Paired;
use super::{FromSatellite, Live, OUTGOING, Satellite, Shared, close, error, lock, stream};

/// Control messages a second, and at once: levels come ten times a second.
const CONTROL: (u32, u32) = (200, 50);

type Control = MessageReader<quinn::RecvStream, ToHub>;

/// Serves a paired satellite until its connection ends.
pub async fn serve(shared: Arc<Shared>, connection: quinn::Connection, paired: Paired) {
    let greeted = tokio::time::timeout(PATIENCE, greet(&connection, &paired)).await;
    let Ok(Some((send, control, hello))) = greeted else {
        return close(&connection, ErrorCode::Unexpected, "no hello came");
    };
    let satellite = Satellite {
        id: paired.id.clone(),
        name: paired.name,
        area: paired.area,
        hardware: hello.hardware,
        software: hello.software,
        capabilities: hello.capabilities,
        wake_words: hello.wake_words,
        architecture: hello.architecture,
        address: connection.remote_address(),
    };
    let (outgoing, queue) = mpsc::channel(OUTGOING);
    // Under one lock, so that a connection is either the newest for everybody or for nobody.
    let (generation, known, answers) = {
        let mut live = lock(&shared.live);
        let (generation, known, answers) = lock(&shared.calls).connected(&satellite.id);
        let (connection, satellite) = (connection.clone(), satellite.clone());
        let id = satellite.id.clone();
        if let Some(old) =
            live.insert(id, Live { generation, connection, outgoing: outgoing.clone(), satellite })
        {
            close(&old.connection, ErrorCode::Replaced, "the same satellite has connected again");
        }
        (generation, known, answers)
    };
    // The list may have changed during the handshake: a revocation must not be slept through.
    if let super::trust::Standing::Revoked { reason } = lock(&shared.trust).standing(paired.fingerprint) {
        close(&connection, ErrorCode::Revoked, &reason);
    }
    let hub = (shared.hub.clone(), shared.config.name.clone());
    let update_key = Some(shared.identity.update_key());
    let ack = HelloAck { version: VERSION, hub: hub.0, hub_name: hub.1, utterances: known, update_key };
    tokio::spawn(write(connection.clone(), send, ToSatellite::HelloAck(ack), queue));
    for answer in answers {
        let _ = outgoing.try_send(answer);
    }
    tracing::info!(satellite = %satellite.id, "connected");
    let id = satellite.id.clone();
    if shared.events.send(FromSatellite::Connected(satellite)).await.is_ok() {
        let caller = stream::Caller { id: id.clone(), generation, connection: connection.clone(), outgoing };
        run(&shared, control, caller).await;
    }

    let last = {
        let mut live = lock(&shared.live);
        // Where silence ended it, the satellite has been away for as long already.
        let silent = matches!(connection.close_reason(), Some(quinn::ConnectionError::TimedOut));
        let away = if silent { sotto_protocol::IDLE } else { std::time::Duration::ZERO };
        let since = Instant::now().checked_sub(away).unwrap_or_else(Instant::now);
        let last = lock(&shared.calls).disconnected(since, &id, generation);
        if live.get(&id).is_some_and(|live| live.generation == generation) {
            live.remove(&id);
        }
        last
    };
    if last {
        tracing::info!(satellite = %id, "disconnected");
        let _ = shared.events.send(FromSatellite::Disconnected { satellite: id }).await;
    }
}

/// Waits for the control stream and the hello on it.
async fn greet(
    connection: &quinn::Connection,
    paired: &Paired,
) -> Option<(quinn::SendStream, Control, Hello)> {
    let (send, receive) = connection.accept_bi().await.ok()?;
    let mut control = Control::new(receive);
    match control.next().await {
        Ok(Some(ToHub::Hello(hello))) if hello.satellite == paired.id.as_str() => {
            Some((send, control, hello))
        }
        Ok(Some(ToHub::Hello(_))) => {
            close(connection, ErrorCode::Unexpected, "this certificate is paired under another id");
            None
        }
        Ok(_) => None,
        Err(error) => {
            refuse(connection, &error);
            None
        }
    }
}

/// Tells the other side what it did wrong, if it is still there, and ends the connection.
pub fn refuse(connection: &quinn::Connection, error: &ReadError) {
    if let Some(code) = error.code() {
        tracing::warn!(%error, "a satellite broke the protocol and loses its connection");
        close(connection, code, &error.to_string());
    }
}

async fn write(
    connection: quinn::Connection,
    mut send: quinn::SendStream,
    ack: ToSatellite,
    mut queue: mpsc::Receiver<ToSatellite>,
) {
    if write_message(&mut send, &ack).await.is_err() {
        return;
    }
    loop {
        let message = tokio::select! {
            message = queue.recv() => message,
            _ = connection.closed() => None,
        };
        let Some(message) = message else { return };
        if write_message(&mut send, &message).await.is_err() {
            return;
        }
    }
}

async fn run(shared: &Arc<Shared>, mut control: Control, caller: stream::Caller) {
    // Dropped at the end, and with it every reader: none outlives its connection.
    let mut readers = JoinSet::new();
    let limits = shared.config.limits;
    let pace = Arc::new(AsyncMutex::new(Pace::new(Instant::now(), limits.burst, limits.packets_per_second)));
    let mut control_pace = Pace::new(Instant::now(), CONTROL.0, CONTROL.1);
    loop {
        tokio::select! {
            message = control.next() => match message {
                Ok(Some(message)) => {
                    tokio::time::sleep(control_pace.take(Instant::now())).await;
                    if !heard(shared, &caller, message).await {
                        return;
                    }
                }
                Ok(None) => return close(&caller.connection, ErrorCode::None, "goodbye"),
                Err(ReadError::Decode(unknown @ DecodeError::Unknown { .. })) => {
                    tokio::time::sleep(control_pace.take(Instant::now())).await;
                    let _ = caller.outgoing.try_send(error(ErrorCode::UnknownMessage, unknown));
                }
                Err(error) => return refuse(&caller.connection, &error),
            },
            opened = caller.connection.accept_uni() => match opened {
                Ok(receive) => {
                    readers.spawn(stream::read(shared.clone(), caller.clone(), receive, pace.clone()));
                }
                Err(_) => return,
            },
            Some(_) = readers.join_next() => {}
        }
    }
}

/// Passes on what the satellite said about itself. False when nobody listens any more.
async fn heard(shared: &Shared, caller: &stream::Caller, message: ToHub) -> bool {
    let satellite = caller.id.clone();
    let event = match message {
        ToHub::Level(level) => FromSatellite::Level { satellite, dbfs: level.dbfs, speech: level.speech },
        ToHub::Panel(panel) => FromSatellite::Panel { satellite, panel },
        ToHub::HeldHead(head) => FromSatellite::HeldHead { satellite, head },
        ToHub::Heartbeat(heartbeat) => {
            if heartbeat.frames_lost > 0 {
                tracing::debug!(%satellite, lost = heartbeat.frames_lost, "sound was lost at the microphone");
            }
            match heartbeat.signal_dbm {
                0 => return true,
                dbm => FromSatellite::Signal { satellite, dbm },
            }
        }
        ToHub::Error(error) => {
            tracing::warn!(%satellite, code = ?error.code, "the satellite refuses a message of the hub");
            return true;
        }
        ToHub::Hello(_) => {
            close(&caller.connection, ErrorCode::Unexpected, "a second hello");
            return true;
        }
    };
    shared.events.send(event).await.is_ok()
}

/// The area a satellite is in now: it may have been moved since it connected.
pub fn area(shared: &Shared, caller: &stream::Caller) -> Option<Area> {
    lock(&shared.live).get(&caller.id).and_then(|live| live.satellite.area.clone())
}
