//! One connection to the hub: hello, then utterances up, orders down, until it breaks.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use quinn::ConnectionError;
use sotto_protocol::{
    DecodeError, ErrorCode, Heartbeat, Hello, HelloAck, IDLE, Level, MessageReader, Panel, ProtocolError,
    ReadError, ToHub, ToSatellite, VERSION, write_message,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::keep::Parts;
use super::speak::speak;
use super::{FromHub, Pin, head, interrupted, reply, signal, update};

const HEARTBEAT: Duration = Duration::from_secs(10);

/// Why there is no connection.
pub enum Lost {
    /// Try again.
    Broken(String),
    /// Another connection of this satellite has taken over: wait long before fighting for it.
    Replaced,
    /// The hub, proved by its certificate, says that this satellite is none of its own.
    Revoked(String),
    /// Nobody listens to the link any more.
    Unwanted,
}

/// What a closed connection means.
fn lost(error: &ConnectionError) -> Lost {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            let reason = String::from_utf8_lossy(&close.reason).into_owned();
            let code = i32::try_from(close.error_code.into_inner()).map(ErrorCode::try_from);
            match code {
                Ok(Ok(ErrorCode::Revoked | ErrorCode::NotPaired)) => Lost::Revoked(reason),
                Ok(Ok(ErrorCode::Replaced)) => Lost::Replaced,
                _ => Lost::Broken(reason),
            }
        }
        ConnectionError::TimedOut => Lost::Broken("the hub has fallen silent".into()),
        ConnectionError::Reset => Lost::Broken("the hub has restarted".into()),
        error => Lost::Broken(error.to_string()),
    }
}

type Control = MessageReader<quinn::RecvStream, ToSatellite>;

/// Greets the hub and serves the connection until it ends.
pub async fn serve(
    parts: &Parts,
    connection: quinn::Connection,
    pin: &Pin,
    levels: &mut mpsc::Receiver<Level>,
    panel: &mut watch::Receiver<Option<Panel>>,
) -> Lost {
    let greeted = tokio::time::timeout(Duration::from_secs(5), greet(parts, &connection, pin)).await;
    let (mut send, mut control, ack) = match greeted {
        Ok(Ok(greeted)) => greeted,
        Ok(Err(why)) => return connection.close_reason().map_or(Lost::Broken(why), |error| lost(&error)),
        Err(_) => {
            connection
                .close(quinn::VarInt::from_u32(ErrorCode::Unexpected as u32), b"no answer to the hello");
            return Lost::Broken("the hub does not answer the hello".into());
        }
    };
    let mut writers = JoinSet::new();
    let mut started = HashSet::new();
    for utterance in parts.line.utterances() {
        let known = ack.utterances.iter().find(|known| known.utterance == utterance.id());
        started.insert(utterance.id());
        match known {
            Some(known) if known.ended => {}
            Some(known) => {
                writers.spawn(speak(connection.clone(), utterance, known.received));
            }
            // The hub has restarted. If it had all of this one, it may have acted on it; nobody can say.
            None if utterance.end_sent() => {
                if parts.line.remove(utterance.id())
                    && parts.events.send(interrupted(utterance.id())).await.is_err()
                {
                    return Lost::Unwanted;
                }
            }
            None => {
                writers.spawn(speak(connection.clone(), utterance, 0));
            }
        }
    }
    parts.line.set_away(None);
    let online = FromHub::Online { hub: ack.hub, hub_name: ack.hub_name };
    if parts.events.send(online).await.is_err() {
        return Lost::Unwanted;
    }
    let why = run(parts, &connection, &mut send, &mut control, &mut writers, started, levels, panel).await;
    let silent = matches!(connection.close_reason(), Some(ConnectionError::TimedOut));
    let since = Instant::now().checked_sub(if silent { IDLE } else { Duration::ZERO });
    parts.line.set_away(since.or_else(|| Some(Instant::now())));
    connection.close(quinn::VarInt::from_u32(ErrorCode::None as u32), b"");
    why
}

async fn greet(
    parts: &Parts,
    connection: &quinn::Connection,
    pin: &Pin,
) -> Result<(quinn::SendStream, Control, HelloAck), String> {
    let (mut send, receive) = connection.open_bi().await.map_err(|error| error.to_string())?;
    let hello = ToHub::Hello(Hello {
        version: VERSION,
        satellite: pin.satellite.clone(),
        name: pin.name.clone(),
        area: pin.area.clone(),
        capabilities: parts.config.capabilities.clone(),
        hardware: parts.config.hardware.clone(),
        software: parts.config.software.clone(),
        wake_words: parts.config.wake_words.clone(),
        architecture: std::env::consts::ARCH.into(),
    });
    write_message(&mut send, &hello).await.map_err(|error| error.to_string())?;
    let mut control = Control::new(receive);
    let ack = match control.next().await {
        Ok(Some(ToSatellite::HelloAck(ack))) => ack,
        Ok(_) => return Err("the hub answers the hello with something else".into()),
        Err(error) => return Err(error.to_string()),
    };
    if let Some(key) = ack.update_key
        && let Err(error) = Pin::keep_update_key(&parts.config.data, key)
    {
        tracing::warn!(%error, "the hub's key for programs is not kept");
    }
    if let Some(head) = head::load(&parts.config.data) {
        write_message(&mut send, &ToHub::HeldHead(head)).await.map_err(|error| error.to_string())?;
    }
    Ok((send, control, ack))
}

#[allow(clippy::too_many_arguments)]
async fn run(
    parts: &Parts,
    connection: &quinn::Connection,
    send: &mut quinn::SendStream,
    control: &mut Control,
    writers: &mut JoinSet<()>,
    mut started: HashSet<sotto_protocol::UtteranceId>,
    levels: &mut mpsc::Receiver<Level>,
    panel: &mut watch::Receiver<Option<Panel>>,
) -> Lost {
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    panel.mark_changed();
    loop {
        for utterance in parts.line.utterances() {
            if started.insert(utterance.id()) {
                writers.spawn(speak(connection.clone(), utterance, 0));
            }
        }
        let say = tokio::select! {
            message = control.next() => match message {
                Ok(Some(message)) => match heard(parts, connection, message).await {
                    Some(answer) => answer,
                    None => return Lost::Unwanted,
                },
                Ok(None) => return Lost::Broken("the hub has ended the conversation".into()),
                Err(ReadError::Decode(unknown @ DecodeError::Unknown { .. })) => {
                    let code = ErrorCode::UnknownMessage;
                    Some(ToHub::Error(ProtocolError { code, text: unknown.to_string() }))
                }
                Err(error) => match connection.close_reason() {
                    Some(closed) => return lost(&closed),
                    None => return Lost::Broken(error.to_string()),
                },
            },
            stream = connection.accept_uni() => match stream {
                Ok(stream) => {
                    writers.spawn(reply::read(stream, parts.events.clone()));
                    None
                }
                Err(error) => return lost(&error),
            },
            () = parts.line.opened.notified() => None,
            Some(level) = levels.recv() => Some(ToHub::Level(level)),
            Ok(()) = panel.changed() => panel.borrow_and_update().map(ToHub::Panel),
            _ = heartbeat.tick() => {
                let (uptime, frames_lost) = (parts.line.uptime(), parts.line.frames_lost());
                let uptime_ms = uptime.as_millis().try_into().unwrap_or(u64::MAX);
                Some(ToHub::Heartbeat(Heartbeat { uptime_ms, frames_lost, signal_dbm: signal::dbm() }))
            }
            Some(_) = writers.join_next() => None,
        };
        if let Some(message) = say
            && let Err(error) = write_message(send, &message).await
        {
            return connection.close_reason().map_or(Lost::Broken(error.to_string()), |error| lost(&error));
        }
    }
}

/// Does what the hub says. Gives what to answer, if anything; `None` outside when nobody listens any more.
async fn heard(parts: &Parts, connection: &quinn::Connection, message: ToSatellite) -> Option<Option<ToHub>> {
    let event = match message {
        // Everything stays until the outcome: an acknowledgement only matters to the hub's own bookkeeping.
        ToSatellite::Ack { .. } => return Some(None),
        ToSatellite::Dismiss { utterance, reason } => {
            if !parts.line.remove(utterance) {
                return Some(None);
            }
            FromHub::Dismissed { utterance, reason }
        }
        ToSatellite::Outcome(outcome) => {
            if !parts.line.remove(outcome.utterance) {
                return Some(None);
            }
            FromHub::Outcome(outcome)
        }
        ToSatellite::Stop { utterance } => match parts.line.get(utterance) {
            Some(_) => FromHub::Stopped { utterance },
            None => return Some(None),
        },
        ToSatellite::Settings(settings) => FromHub::Settings(settings),
        ToSatellite::WatchLevel(watch) => FromHub::WatchLevel(Duration::from_millis(watch.for_ms.into())),
        ToSatellite::KeepHead(head) => {
            if let Err(error) = head::keep(&parts.config.data, head) {
                tracing::warn!(%error, "a head of the access records could not be kept");
            }
            return Some(None);
        }
        ToSatellite::FetchUpdate => {
            let (data, address) = (parts.config.data.clone(), connection.remote_address());
            tokio::spawn(async move {
                match update::fetch(&data, Some(address)).await {
                    Ok(Some(version)) => tracing::info!(version, "another program is here, to be tried"),
                    Ok(None) => tracing::info!("the hub has no other program for this satellite"),
                    Err(error) => tracing::error!(%error, "no other program could be fetched"),
                }
            });
            return Some(None);
        }
        ToSatellite::Error(error) => {
            tracing::warn!(code = ?error.code, text = error.text, "the hub refuses a message");
            return Some(None);
        }
        ToSatellite::HelloAck(_) => {
            let code = ErrorCode::Unexpected;
            return Some(Some(ToHub::Error(ProtocolError {
                code,
                text: "a second answer to the hello".into(),
            })));
        }
    };
    parts.events.send(event).await.ok().map(|()| None)
}
