//! The bytes of every message, as version 1 wrote them. They never change: a message that needs other bytes is
//! another message. A new one adds a line to `golden_v1.txt`.

use std::fmt::Debug;

use sotto_protocol::*;

const UTTERANCE: UtteranceId = UtteranceId::from_bytes([7; 16]);

/// Compares with the line called `name`, both ways.
fn check<M: Message + PartialEq + Debug>(name: &str, message: M) {
    let bytes = message.encode();
    let found: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let golden = include_str!("golden_v1.txt")
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("golden_v1.txt needs the line:\n{name} {found}"));
    assert_eq!(found, golden, "{name}");
    assert_eq!(M::decode(bytes.into()).as_ref(), Ok(&message), "{name}");
}

fn packet() -> Packet {
    Packet::new(vec![0x48, 1, 2, 3]).unwrap()
}

fn head() -> JournalHead {
    JournalHead { sequence: 42, head: [1; 32], signature: [2; 64], at_ms: 1_796_000_000_000 }
}

fn error() -> ProtocolError {
    ProtocolError { code: ErrorCode::UnknownMessage, text: "message 99".into() }
}

#[test]
fn what_a_satellite_says() {
    check(
        "hello",
        ToHub::Hello(Hello {
            version: 1,
            satellite: "kitchen-1".into(),
            name: "Kitchen shelf".into(),
            area: "Küche".into(),
            capabilities: vec![Capability::Speaker, Capability::MuteSwitch],
            hardware: "Raspberry Pi Zero 2 W".into(),
            software: "0.1.0".into(),
            wake_words: vec!["okay_nabu".into(), "alexa".into()],
            architecture: String::new(),
        }),
    );
    check("heartbeat", ToHub::Heartbeat(Heartbeat { uptime_ms: 1000, frames_lost: 3, signal_dbm: 0 }));
    check(
        "heartbeat_signal",
        ToHub::Heartbeat(Heartbeat { uptime_ms: 1000, frames_lost: 3, signal_dbm: -61 }),
    );
    check("level", ToHub::Level(Level { dbfs: -32.5, speech: true }));
    check("panel", ToHub::Panel(Panel { muted: true, mute_switch: true, volume: 0.5 }));
    check("held_head", ToHub::HeldHead(head()));
    check("satellite_error", ToHub::Error(error()));
}

#[test]
fn what_the_hub_says() {
    let known = KnownUtterance { utterance: UTTERANCE, received: 12, ended: true };
    check(
        "hello_ack",
        ToSatellite::HelloAck(HelloAck {
            version: 1,
            hub: "hub-1".into(),
            hub_name: "Home".into(),
            utterances: vec![known],
            update_key: None,
        }),
    );
    check("ack", ToSatellite::Ack { utterance: UTTERANCE, received: 50 });
    let reason = DismissReason::AnsweredElsewhere;
    check("dismiss", ToSatellite::Dismiss { utterance: UTTERANCE, reason });
    let intent = Some("HassTurnOn".into());
    check("outcome", ToSatellite::Outcome(Outcome { utterance: UTTERANCE, kind: OutcomeKind::Done, intent }));
    let wake_words = vec!["alexa".into()];
    check(
        "settings",
        ToSatellite::Settings(Settings { muted: true, volume: 0.75, sensitivity: 0.5, wake_words }),
    );
    check("stop", ToSatellite::Stop { utterance: UTTERANCE });
    check("keep_head", ToSatellite::KeepHead(head()));
    check("hub_error", ToSatellite::Error(error()));
    check("watch_level", ToSatellite::WatchLevel(WatchLevel { for_ms: 5000 }));
    check("fetch_update", ToSatellite::FetchUpdate);
    check(
        "hello_ack_with_key",
        ToSatellite::HelloAck(HelloAck {
            version: 1,
            hub: "hub-1".into(),
            hub_name: "Home".into(),
            utterances: vec![],
            update_key: Some(UpdateKey::from_bytes([9; 32])),
        }),
    );
}

#[test]
fn what_is_said_of_another_program() {
    check("update_ask", Update::Ask { architecture: "aarch64".into(), software: "0.1.0".into() });
    let signature = Signature([5; 64]);
    check("update_offer", Update::Offer { version: "0.2.0".into(), size: 9, sha256: [4; 32], signature });
    check("update_piece", Update::Piece(vec![1, 2, 3].into()));
    check("update_nothing", Update::Nothing);
}

#[test]
fn what_is_spoken() {
    let header = |trigger| UtteranceHeader {
        utterance: UTTERANCE,
        trigger,
        level_dbfs: -20.25,
        preroll_packets: 75,
        language: Some("de".into()),
        age_ms: 140,
        first_packet: 0,
    };
    let wake_word = Trigger::WakeWord { word: "okay_nabu".into(), score: 0.875, readier: 0.0 };
    check("header_wake_word", Speech::Header(header(wake_word)));
    let readier = Trigger::WakeWord { word: "alexa".into(), score: 0.5, readier: 0.25 };
    check("header_wake_word_readier", Speech::Header(header(readier)));
    check("header_speech", Speech::Header(UtteranceHeader { language: None, ..header(Trigger::Speech) }));
    check(
        "header_push_to_talk",
        Speech::Header(UtteranceHeader { first_packet: 9, ..header(Trigger::PushToTalk) }),
    );
    check("packet", Speech::Packet { sequence: 300, packet: packet() });
    check("end", Speech::End { reason: EndReason::Silence, packets: 301 });

    let purpose = ReplyPurpose::Answer;
    check("reply_header", Reply::Header(ReplyHeader { purpose, volume: 1.0, utterance: Some(UTTERANCE) }));
    check("reply_packet", Reply::Packet { sequence: 0, packet: packet() });
    check("reply_end", Reply::End { packets: 1 });
}

#[test]
fn what_pairing_says() {
    let check = |name: &str, message: Pairing| {
        // Pairing messages cannot be printed, so they are compared in a form that can.
        let bytes = message.encode();
        let found: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = format!("{name} {found}");
        assert!(include_str!("golden_v1.txt").lines().any(|golden| golden == line), "golden line:\n{line}");
        assert!(Pairing::decode(bytes.into()).is_ok_and(|decoded| decoded == message), "{name}");
    };
    let peer = Peer {
        id: "kitchen-1".into(),
        name: "Kitchen shelf".into(),
        area: "Kitchen".into(),
        hardware: "a test".into(),
    };
    check("pair_start", Pairing::Start { version: 1, pake: [0x41; 33], peer });
    let peer = Peer { id: "hub-1".into(), ..Peer::default() };
    check("pair_answer", Pairing::Answer { pake: [0x42; 33], peer });
    check("pair_confirm", Pairing::Confirm { mac: [3; 32] });
    check("pair_refused", Pairing::Refused(RefusedReason::Burnt));
}
