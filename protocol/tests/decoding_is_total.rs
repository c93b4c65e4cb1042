//! Any bytes give a message or an error, and whatever was decoded is written and read again as the same.

use std::fmt::Debug;

use proptest::prelude::*;
use sotto_protocol::*;

fn any_bytes<M: Message + PartialEq>(bytes: &[u8]) {
    if let Ok(message) = M::decode(bytes.to_vec().into()) {
        assert!(M::decode(message.encode().into()).is_ok_and(|again| again == message));
    }
}

fn all_kinds(bytes: &[u8]) {
    any_bytes::<ToHub>(bytes);
    any_bytes::<ToSatellite>(bytes);
    any_bytes::<Speech>(bytes);
    any_bytes::<Reply>(bytes);
    any_bytes::<Pairing>(bytes);
    any_bytes::<Update>(bytes);
}

fn round_trip<M: Message + PartialEq + Debug>(message: M) {
    assert_eq!(M::decode(message.encode().into()).as_ref(), Ok(&message));
}

/// Golden messages with bytes changed reach deeper than noise does.
fn golden() -> Vec<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let lines = include_str!("golden_v1.txt").lines().filter_map(|line| line.split_once(' '));
    lines.map(|(_, digits)| digits.as_bytes().chunks(2).map(byte).collect()).collect()
}

proptest! {
    #[test]
    fn noise(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        all_kinds(&bytes);
    }

    #[test]
    fn damaged_messages(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let golden = golden();
        let mut bytes = which.get(&golden).clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        all_kinds(&bytes);
        all_kinds(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn hello(
        satellite in "[a-z0-9_-]{1,40}",
        text in "[^\\p{Cc}]{0,60}",
        wake_words in prop::collection::vec("[a-z_]{1,20}", 0..5),
        version in 1u32..,
    ) {
        round_trip(ToHub::Hello(Hello {
            version,
            satellite,
            name: text.clone(),
            area: text.clone(),
            capabilities: vec![Capability::Button, Capability::Lamp],
            hardware: text.clone(),
            software: text.clone(),
            wake_words,
            architecture: text.chars().take(10).collect(),
        }));
    }

    #[test]
    fn header(
        id in any::<[u8; 16]>(),
        score in 0f32..=1.0,
        readier in -1f32..=1.0,
        level_dbfs in -200f32..=20.0,
        numbers in any::<[u32; 3]>(),
        word in "[^\\p{Cc}]{0,60}",
    ) {
        round_trip(Speech::Header(UtteranceHeader {
            utterance: UtteranceId::from_bytes(id),
            trigger: Trigger::WakeWord { word, score, readier },
            level_dbfs,
            preroll_packets: numbers[0],
            language: None,
            age_ms: numbers[1],
            first_packet: numbers[2],
        }));
    }

    #[test]
    fn packet(sequence in any::<u32>(), rest in prop::collection::vec(any::<u8>(), 0..1275)) {
        let packet = Packet::new([vec![0x48], rest].concat()).unwrap();
        round_trip(Speech::Packet { sequence, packet: packet.clone() });
        round_trip(Reply::Packet { sequence, packet });
    }
}

#[test]
fn fields_of_a_later_version_are_ignored_and_messages_named() {
    // Field 200 of a heartbeat, and message 200 of the control stream, both unknown today.
    let unknown_field = [0xc2, 0x0c, 2, 9, 9];
    let heartbeat = ToHub::Heartbeat(Heartbeat { uptime_ms: 5, frames_lost: 0, signal_dbm: 0 });
    let known = [8, 5].as_slice();
    let body = [known, &unknown_field].concat();
    let extended = [&[0x12, body.len() as u8], body.as_slice()].concat();
    assert_eq!(ToHub::decode(extended.into()), Ok(heartbeat));
    assert_eq!(ToHub::decode(unknown_field.to_vec().into()), Err(DecodeError::Unknown { number: 200 }));
    // A reason that only a later version has is a reason nobody knows, not an error.
    let end = Speech::End { reason: EndReason::Unspecified, packets: 1 };
    assert_eq!(Speech::decode(vec![0x1a, 4, 8, 99, 16, 1].into()), Ok(end));
}

#[test]
fn wrong_values_are_named() {
    let check = |message: ToSatellite, field| match ToSatellite::decode(message.encode().into()) {
        Err(DecodeError::Field { field: found, .. }) => assert_eq!(found, field),
        other => panic!("{field}: {other:?}"),
    };
    let settings = Settings { muted: false, volume: 0.5, sensitivity: 0.5, wake_words: vec![] };
    check(ToSatellite::Settings(Settings { volume: f32::NAN, ..settings.clone() }), "volume");
    check(ToSatellite::Settings(Settings { sensitivity: 1.5, ..settings.clone() }), "sensitivity");
    check(ToSatellite::Settings(Settings { wake_words: vec!["x".repeat(300)], ..settings }), "wake word");
    let text = "a\u{1b}[2Jb".into();
    check(ToSatellite::Error(ProtocolError { code: ErrorCode::Limit, text }), "text");
}

#[test]
fn audio_of_another_rate_is_told_apart_from_garbage() {
    let header = Speech::Header(UtteranceHeader {
        utterance: UtteranceId::from_bytes([1; 16]),
        trigger: Trigger::Speech,
        level_dbfs: -20.0,
        preroll_packets: 0,
        language: None,
        age_ms: 0,
        first_packet: 0,
    });
    // 16000 Hz as a varint is 80 7d; 48000 is 80 f7 02, but 44100 would do as well as any: only the value counts.
    let bytes = header.encode();
    let at = bytes.windows(2).position(|pair| pair == [0x80, 0x7d]).unwrap();
    let mut wrong = bytes.clone();
    wrong[at + 1] = 0x7c;
    assert_eq!(Speech::decode(wrong.into()), Err(DecodeError::Audio));
    assert_eq!(DecodeError::Audio.code(), ErrorCode::AudioFormat);
}
