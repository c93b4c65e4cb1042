//! A session of a satellite of the first version, as its bytes were on the day it was made. Whatever becomes of
//! the protocol, a hub must go on understanding exactly these.

use std::net::SocketAddr;

use sotto_house::{End, Trigger};
use sotto_hub::satellites::FromSatellite;
use sotto_protocol::{ALPN, Identity, MessageReader, ToSatellite, quic_client};
use sotto_satellite::link::Pin;
use sotto_tests::linked::Hub;

/// `control` and `speech` lines of hexadecimal digits, in the order they were sent.
const SESSION: &str = include_str!("session_v1.txt");

fn bytes(stream: &str) -> Vec<u8> {
    let lines = SESSION.lines().filter_map(|line| line.strip_prefix(stream));
    let digits: Vec<u8> = lines.flat_map(str::bytes).filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[tokio::test]
async fn a_recorded_session_is_heard_as_it_was() -> anyhow::Result<()> {
    let mut hub = Hub::start()?;
    let (data, pin) = hub.pair("Kitchen", "Kitchen").await?;
    let identity = Identity::load_or_make(data.path())?;
    let pin = Pin::load(data.path())?.unwrap_or(pin);
    let endpoint = quinn::Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let client = quic_client(&identity, Some(pin.fingerprint), ALPN)?;
    let connection = endpoint.connect_with(client, hub.address(), "sotto.local")?.await?;

    // The id has the satellite's own certificate in it, so the recorded hello is sent with this one's.
    let (mut control, answers) = connection.open_bi().await?;
    let recorded = bytes("control");
    let id_at = recorded.windows(14).position(|window| window == b"kitchen-000000").expect("the recorded id");
    let mut hello = recorded.clone();
    hello[id_at..id_at + 14].copy_from_slice(pin.satellite.as_bytes());
    control.write_all(&hello).await?;
    let mut said = MessageReader::<_, ToSatellite>::new(answers);
    assert!(matches!(said.next().await?, Some(ToSatellite::HelloAck(ack)) if ack.version >= 1));

    let mut speech = connection.open_uni().await?;
    speech.write_all(&bytes("speech")).await?;
    speech.finish()?;
    let opened = hub
        .until(|event| match event {
            FromSatellite::UtteranceOpened(opened) => Some(opened.clone()),
            _ => None,
        })
        .await?;
    assert_eq!(opened.trigger, Trigger::WakeWord("okay_nabu".into()));
    assert_eq!((opened.pre_roll.as_millis(), opened.age.as_millis()), (20, 140));
    assert_eq!(opened.language.as_deref(), Some("de"));
    let mut packets = Vec::new();
    let end = loop {
        match hub.next().await? {
            FromSatellite::Audio { packet, .. } => packets.push(packet),
            FromSatellite::UtteranceEnded { end, spoken, .. } => break (end, spoken.as_millis()),
            FromSatellite::UtteranceLost { .. } => panic!("lost"),
            _ => {}
        }
    };
    assert_eq!(packets, [vec![0x48, 1, 2, 3], vec![0x48, 4, 5, 6], vec![0x48, 7]]);
    assert_eq!(end, (End::Endpoint, 40));
    assert!(matches!(said.next().await?, Some(ToSatellite::Ack { received: 3, .. })));
    Ok(())
}
