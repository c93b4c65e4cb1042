//! A satellite that breaks the protocol, or floods, loses its connection or waits; the others notice nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sotto_hub::satellites::FromSatellite;
use sotto_protocol::*;
use sotto_satellite::link::Pin;
use sotto_tests::linked::{Hub, Satellite, assert_whole, collect, packet};

/// A paired satellite that says what it likes.
struct Rogue {
    connection: quinn::Connection,
    control: quinn::SendStream,
    said: MessageReader<quinn::RecvStream, ToSatellite>,
    _endpoint: quinn::Endpoint,
}

fn hello(id: &str) -> ToHub {
    ToHub::Hello(Hello {
        version: VERSION,
        satellite: id.to_owned(),
        name: "Rogue".into(),
        area: String::new(),
        capabilities: Vec::new(),
        hardware: String::new(),
        software: String::new(),
        wake_words: Vec::new(),
        architecture: String::new(),
    })
}

fn header(id: u8) -> UtteranceHeader {
    UtteranceHeader {
        utterance: UtteranceId::from_bytes([id; 16]),
        trigger: Trigger::Speech,
        level_dbfs: -20.0,
        preroll_packets: 0,
        language: None,
        age_ms: 0,
        first_packet: 0,
    }
}

/// As it goes on the wire, with its length.
fn framed(message: &impl Message) -> Vec<u8> {
    let body = message.encode();
    let mut framed = Vec::new();
    let mut length = body.len();
    while length >= 0x80 {
        framed.push(length as u8 | 0x80);
        length >>= 7;
    }
    framed.push(length as u8);
    framed.extend(body);
    framed
}

impl Rogue {
    async fn connect(hub: &Hub, data: &std::path::Path) -> anyhow::Result<Rogue> {
        let identity = Identity::load_or_make(data)?;
        let pin = Pin::load(data)?.expect("it is paired");
        let endpoint = quinn::Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let client = quic_client(&identity, Some(pin.fingerprint), ALPN)?;
        let connection = endpoint.connect_with(client, hub.address(), "sotto.local")?.await?;
        let (mut control, answers) = connection.open_bi().await?;
        write_message(&mut control, &hello(&pin.satellite)).await?;
        let mut said = MessageReader::new(answers);
        assert!(matches!(said.next().await?, Some(ToSatellite::HelloAck(_))));
        Ok(Rogue { connection, control, said, _endpoint: endpoint })
    }

    /// Sends `bytes` on a new stream and leaves it open, or ends it.
    async fn stream(&self, bytes: &[u8], end: bool) -> anyhow::Result<quinn::SendStream> {
        let mut stream = self.connection.open_uni().await?;
        stream.write_all(bytes).await?;
        if end {
            stream.finish()?;
        }
        Ok(stream)
    }

    async fn closed_with(&self) -> u64 {
        let closed = tokio::time::timeout(Duration::from_secs(10), self.connection.closed()).await;
        match closed {
            Ok(quinn::ConnectionError::ApplicationClosed(close)) => close.error_code.into_inner(),
            other => panic!("not closed with a code: {other:?}"),
        }
    }
}

#[tokio::test]
async fn whoever_breaks_the_protocol_is_told_how_and_loses_the_connection() -> anyhow::Result<()> {
    let mut hub = Hub::start()?;
    let (rogue_data, _) = hub.pair("Rogue", "Hall").await?;
    tokio::time::sleep(Duration::from_millis(1050)).await;
    let (data, _) = hub.pair("Kitchen", "Kitchen").await?;
    let mut kitchen = Satellite::start(data.path(), hub.address())?;
    kitchen.online().await?;

    let begun = framed(&Speech::Header(header(1)));
    let packet_5 = framed(&Speech::Packet { sequence: 5, packet: packet(5) });
    let mut wrong_rate = begun.clone();
    let at = wrong_rate.windows(2).position(|pair| pair == [0x80, 0x7d]).expect("16000 is in it");
    wrong_rate[at + 1] = 0x7c;
    // A packet of 60 ms, in an envelope of the right shape.
    let wrong_packet = [begun.clone(), vec![8, 0x12, 6, 0x08, 0, 0x12, 2, 0x58, 0]].concat();
    let cases: [(&str, Vec<u8>, bool, ErrorCode); 8] = [
        ("garbage", vec![5, 0xff, 0xff, 0xff, 0xff, 0xff], false, ErrorCode::Malformed),
        ("half a message", begun[..begun.len() / 2].to_vec(), true, ErrorCode::Malformed),
        ("4 GiB", vec![0x80, 0x80, 0x80, 0x80, 0x10], false, ErrorCode::TooLong),
        ("a length without end", vec![0xff; 20], false, ErrorCode::TooLong),
        ("another rate", wrong_rate, false, ErrorCode::AudioFormat),
        ("another packet length", wrong_packet, false, ErrorCode::AudioFormat),
        ("no header", packet_5.clone(), false, ErrorCode::Unexpected),
        // Of an utterance of its own: the hub has given up the one before.
        ("missing packets", [framed(&Speech::Header(header(2))), packet_5].concat(), false, ErrorCode::Limit),
    ];
    for (case, bytes, end, expect) in cases {
        let rogue = Rogue::connect(&hub, rogue_data.path()).await?;
        let _stream = rogue.stream(&bytes, end).await?;
        assert_eq!(rogue.closed_with().await, expect as u64, "{case}");
        let id = kitchen.speak(10)?;
        let received = collect(&mut hub, |all| all.get(id.bytes()).is_some_and(|one| one.ended > 0)).await?;
        assert_whole(&received[id.bytes()], 10);
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_message_is_answered_and_the_conversation_goes_on() -> anyhow::Result<()> {
    let mut hub = Hub::start()?;
    let (data, _) = hub.pair("Rogue", "Hall").await?;
    let mut rogue = Rogue::connect(&hub, data.path()).await?;
    // Message 200, which no version has.
    rogue.control.write_all(&[5, 0xc2, 0x0c, 2, 9, 9]).await?;
    let Some(ToSatellite::Error(error)) = rogue.said.next().await? else { panic!("not answered") };
    assert_eq!(error.code, ErrorCode::UnknownMessage);
    write_message(&mut rogue.control, &ToHub::Panel(Panel { muted: true, mute_switch: true, volume: 0.5 }))
        .await?;
    hub.until(|event| matches!(event, FromSatellite::Panel { .. }).then_some(())).await
}

#[tokio::test]
async fn another_satellites_utterance_cannot_be_taken_over() -> anyhow::Result<()> {
    let mut hub = Hub::start()?;
    let (rogue_data, _) = hub.pair("Rogue", "Hall").await?;
    tokio::time::sleep(Duration::from_millis(1050)).await;
    let (data, _) = hub.pair("Kitchen", "Kitchen").await?;
    let mut kitchen = Satellite::start(data.path(), hub.address())?;
    kitchen.online().await?;
    let sender = kitchen.open()?;
    (0..10).for_each(|sequence| assert!(sender.send(packet(sequence))));
    hub.until(|event| matches!(event, FromSatellite::Audio { sequence: 9, .. }).then_some(())).await?;

    let rogue = Rogue::connect(&hub, rogue_data.path()).await?;
    let stolen = UtteranceHeader { utterance: sender.id(), first_packet: 10, ..header(0) };
    let foreign = framed(&Speech::Packet { sequence: 10, packet: packet(99) });
    let _stream = rogue.stream(&[framed(&Speech::Header(stolen)), foreign].concat(), false).await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    (10..20).for_each(|sequence| assert!(sender.send(packet(sequence))));
    sender.end(EndReason::Silence);
    let received = collect(&mut hub, |all| all.values().any(|one| one.ended > 0)).await?;
    let rest = &received[sender.id().bytes()];
    assert_eq!(rest.sequences, (10..20).collect::<Vec<_>>());
    assert_eq!(rest.packets[0].as_slice(), packet(10).bytes().as_ref());
    Ok(())
}

/// One floods with whole utterances as fast as the network takes them; the other must be served as ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_flooding_satellite_does_not_slow_the_others() -> anyhow::Result<()> {
    let mut hub = Hub::start()?;
    let (rogue_data, _) = hub.pair("Rogue", "Hall").await?;
    tokio::time::sleep(Duration::from_millis(1050)).await;
    let (data, _) = hub.pair("Kitchen", "Kitchen").await?;
    let mut kitchen = Satellite::start(data.path(), hub.address())?;
    kitchen.online().await?;
    let rogue = Rogue::connect(&hub, rogue_data.path()).await?;
    let flood = tokio::spawn(async move {
        let mut sent = 0usize;
        for id in 2..250u8 {
            let Ok(mut stream) = rogue.connection.open_uni().await else { break };
            let _ = stream.write_all(&framed(&Speech::Header(header(id)))).await;
            for sequence in 0..1700 {
                let one = framed(&Speech::Packet { sequence, packet: packet(sequence) });
                if stream.write_all(&one).await.is_err() {
                    break;
                }
                sent += 1;
            }
        }
        sent
    });
    let began = Instant::now();
    let mut flooded = 0;
    let mut heard = 0;
    while heard < 5 {
        let id = kitchen.speak(50)?;
        loop {
            match hub.next().await? {
                FromSatellite::Audio { utterance, .. } if utterance.bytes() != id.bytes() => flooded += 1,
                FromSatellite::UtteranceEnded { utterance, .. } if utterance.bytes() == id.bytes() => break,
                FromSatellite::UtteranceLost { utterance } => assert_ne!(utterance.bytes(), id.bytes()),
                _ => {}
            }
        }
        heard += 1;
    }
    flood.abort();
    // What was let through of the flood is the burst and the pace, however long the five utterances took.
    let limits = sotto_hub::satellites::Limits::default();
    let most = f64::from(limits.burst) + f64::from(limits.packets_per_second) * began.elapsed().as_secs_f64();
    assert!(f64::from(flooded) <= most + 4.0, "{flooded} packets of the flood passed, {most} are allowed");
    Ok(())
}
