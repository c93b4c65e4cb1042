//! One connection to the hub after another: hello, then utterances up, orders down, until it breaks.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::ConnectionError;
use quinn::crypto::rustls::QuicClientConfig;
use sotto_protocol::{
    ALPN, DecodeError, ErrorCode, Heartbeat, Hello, HelloAck, Identity, Level, MessageReader, Panel,
    ProtocolError, ReadError, Speech, ToHub, ToSatellite, VERSION, client_tls, write_message,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::backoff::{Backoff, luck};
use super::find::{Finder, resolve};
use super::utterance::{Next, Utterance};
use super::{FromHub, Line, LinkConfig, Pin, head, interrupted, reply, unpaired};

/// A hub that is silent for so long is gone; it sends something every two seconds.
const IDLE: Duration = Duration::from_secs(6);

/// One try at one address. Short, because a hub that has just come back is met by the next.
const TRY: Duration = Duration::from_secs(2);

/// The next address is tried along with the ones before it after so long, as in RFC 8305.
const STAGGER: Duration = Duration::from_millis(150);

const HEARTBEAT: Duration = Duration::from_secs(10);

/// What the link is made of.
pub struct Parts {
    pub config: LinkConfig,
    pub identity: Identity,
    pub endpoint: quinn::Endpoint,
    pub line: Arc<Line>,
    pub events: mpsc::Sender<FromHub>,
}

/// Why there is no connection.
enum Lost {
    /// Try again.
    Broken(String),
    /// Another connection of this satellite has taken over: wait long before fighting for it.
    Replaced,
    /// The hub, proved by its certificate, says that this satellite is none of its own.
    Revoked(String),
    /// Nobody listens to the link any more.
    Unwanted,
}

/// A socket for IPv6 and IPv4, or for IPv4 alone where the kernel has no IPv6.
pub fn endpoint() -> std::io::Result<quinn::Endpoint> {
    quinn::Endpoint::client(SocketAddr::from(([0u16; 8], 0)))
        .or_else(|_| quinn::Endpoint::client(SocketAddr::from(([0u8; 4], 0))))
}

pub fn transport() -> quinn::TransportConfig {
    let mut transport = quinn::TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(1u32.into())
        .max_concurrent_uni_streams(2u32.into())
        .stream_receive_window((32u32 * 1024).into())
        .receive_window((96u32 * 1024).into())
        .send_window(256 * 1024)
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(Duration::from_secs(2)))
        .max_idle_timeout(Some(
            quinn::IdleTimeout::try_from(IDLE).expect("six seconds are a valid time-out"),
        ));
    transport
}

/// Keeps the satellite linked for as long as somebody listens.
pub async fn keep(
    parts: Parts,
    mut levels: mpsc::Receiver<Level>,
    mut panel: watch::Receiver<Option<Panel>>,
) {
    let line = parts.line.clone();
    let events = parts.events.clone();
    line.set_away(Some(Instant::now()));
    let give_up = async {
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        loop {
            tick.tick().await;
            for id in line.give_up(Instant::now()) {
                if events.send(interrupted(id)).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = give_up => {}
        () = events.closed() => {}
        () = stay(&parts, &mut levels, &mut panel) => {}
    }
    parts.endpoint.close(quinn::VarInt::from_u32(ErrorCode::None as u32), b"goodbye");
    let _ = tokio::time::timeout(Duration::from_millis(300), parts.endpoint.wait_idle()).await;
}

/// Paired or not, online or not, round and round.
async fn stay(parts: &Parts, levels: &mut mpsc::Receiver<Level>, panel: &mut watch::Receiver<Option<Panel>>) {
    let mut finder = None;
    let mut backoff = Backoff::default();
    loop {
        let pin = match Pin::load(&parts.config.data) {
            Ok(Some(pin)) => pin,
            Ok(None) => match unpaired::wait(parts).await {
                Some(pin) => pin,
                None => return,
            },
            Err(error) => {
                let reason = error.to_string();
                if parts.events.send(FromHub::Offline { reason }).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(5)).await;
                continue;
            }
        };
        if finder.is_none() && parts.config.address.is_none() {
            finder = Finder::start().inspect_err(|error| tracing::warn!(%error, "no mDNS here")).ok();
        }
        let lost = match connect(parts, &pin, finder.as_ref()).await {
            Ok((connection, address)) => {
                remember(parts, &pin, address);
                let began = Instant::now();
                let lost = serve(parts, connection, &pin, levels, panel).await;
                if began.elapsed() > Duration::from_secs(5) {
                    backoff.reset();
                }
                lost
            }
            Err(lost) => lost,
        };
        let mut wait = backoff.next(luck());
        let reason = match lost {
            Lost::Broken(reason) => reason,
            Lost::Replaced => {
                wait = Duration::from_secs(5).mul_f64(1.0 + luck());
                "another satellite uses the same identity".to_owned()
            }
            Lost::Revoked(reason) => {
                tracing::warn!("the hub has revoked this satellite");
                if let Err(error) = Pin::remove(&parts.config.data) {
                    tracing::error!(%error, "the pairing could not be forgotten");
                }
                head::forget(&parts.config.data);
                backoff.reset();
                if parts.events.send(FromHub::Revoked { reason }).await.is_err() {
                    return;
                }
                continue;
            }
            Lost::Unwanted => return,
        };
        if parts.events.send(FromHub::Offline { reason }).await.is_err() {
            return;
        }
        // Whatever mDNS has to say about the hub ends the wait.
        let news = async {
            match &mut finder {
                Some(finder) => finder.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = news => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// The hub's address of today is where to look first tomorrow.
fn remember(parts: &Parts, pin: &Pin, address: SocketAddr) {
    let address = address.to_string();
    if pin.address != address {
        let moved = Pin { address, ..pin.clone() };
        if let Err(error) = moved.save(&parts.config.data) {
            tracing::warn!(%error, "the hub's new address is not remembered");
        }
    }
}

/// Tries every address that may be the hub's; the first that proves to be wins.
async fn connect(
    parts: &Parts,
    pin: &Pin,
    finder: Option<&Finder>,
) -> Result<(quinn::Connection, SocketAddr), Lost> {
    let broken = |why: String| Lost::Broken(why);
    let tls = client_tls(&parts.identity, Some(pin.fingerprint), ALPN)
        .map_err(|error| broken(error.to_string()))?;
    let tls = QuicClientConfig::try_from(tls).map_err(|error| broken(error.to_string()))?;
    let mut client = quinn::ClientConfig::new(Arc::new(tls));
    client.transport_config(Arc::new(transport()));

    let mut addresses = Vec::new();
    match &parts.config.address {
        Some(address) => match resolve(address).await {
            Ok(resolved) => addresses.extend(resolved),
            Err(error) => return Err(broken(format!("the hub's address {address} leads nowhere: {error}"))),
        },
        None => {
            let hubs = finder.map(Finder::hubs).unwrap_or_default();
            let own = hubs.into_iter().filter(|hub| hub.fingerprint == pin.fingerprint);
            addresses.extend(own.flat_map(|hub| hub.addresses));
        }
    }
    if let Ok(last) = pin.address.parse()
        && !addresses.contains(&last)
    {
        addresses.push(last);
    }
    if addresses.is_empty() {
        return Err(broken("the hub is nowhere to be seen; is it on, and on this network?".into()));
    }
    let mut tries = JoinSet::new();
    for (index, address) in addresses.into_iter().take(16).enumerate() {
        let (endpoint, client) = (parts.endpoint.clone(), client.clone());
        tries.spawn(async move {
            tokio::time::sleep(STAGGER * index as u32).await;
            let connecting =
                endpoint.connect_with(client, address, "sotto.local").map_err(|error| error.to_string())?;
            match tokio::time::timeout(TRY, connecting).await {
                Ok(Ok(connection)) => Ok((connection, address)),
                Ok(Err(error)) => Err(format!("no hub of ours answers at {address}: {error}")),
                Err(_) => Err(format!("nobody answers at {address}")),
            }
        });
    }
    let mut why = "the hub cannot be reached".to_owned();
    while let Some(tried) = tries.join_next().await {
        match tried {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(error)) => why = error,
            Err(_) => {}
        }
    }
    Err(broken(why))
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
async fn serve(
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
    });
    write_message(&mut send, &hello).await.map_err(|error| error.to_string())?;
    let mut control = Control::new(receive);
    let ack = match control.next().await {
        Ok(Some(ToSatellite::HelloAck(ack))) => ack,
        Ok(_) => return Err("the hub answers the hello with something else".into()),
        Err(error) => return Err(error.to_string()),
    };
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
    let began = Instant::now();
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
                Ok(Some(message)) => match heard(parts, message).await {
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
                let uptime_ms = began.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
                Some(ToHub::Heartbeat(Heartbeat { uptime_ms, frames_lost: 0 }))
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
async fn heard(parts: &Parts, message: ToSatellite) -> Option<Option<ToHub>> {
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

/// Sends one utterance from packet `first` on. It ends with the utterance, or with the connection.
async fn speak(connection: quinn::Connection, utterance: Arc<Utterance>, first: u32) {
    let Ok(mut stream) = connection.open_uni().await else { return };
    let header = Speech::Header(utterance.header(first, Instant::now()));
    if write_message(&mut stream, &header).await.is_err() {
        return;
    }
    let mut sent = first as usize;
    loop {
        match utterance.next(sent) {
            Next::Packets(packets) => {
                for packet in packets {
                    let sequence = sent as u32;
                    // A stream that the hub has stopped, or a connection that broke: both are told elsewhere.
                    if write_message(&mut stream, &Speech::Packet { sequence, packet }).await.is_err() {
                        return;
                    }
                    sent += 1;
                }
            }
            Next::End { reason, packets } => {
                if write_message(&mut stream, &Speech::End { reason, packets }).await.is_ok() {
                    let _ = stream.finish();
                }
                return;
            }
            Next::Wait => {
                tokio::select! {
                    () = utterance.changed() => {}
                    _ = stream.stopped() => return,
                }
            }
            Next::Erased => {
                let _ = stream.reset(quinn::VarInt::from_u32(ErrorCode::None as u32));
                return;
            }
        }
    }
}
