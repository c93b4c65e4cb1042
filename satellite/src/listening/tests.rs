//! Whole conversations in milliseconds: sound made up frame by frame, and what the machine did with it.

use super::*;
use crate::sound::FRAME;

/// What happens to a satellite, in the order it happens.
enum Happens {
    /// Somebody speaks, or nobody does, for so many milliseconds.
    Voice(u64),
    Silence(u64),
    Press,
    Release,
    Switch(bool),
    Setting(bool),
    Says(OutcomeKind),
    Dismisses,
    Microphone,
    Becomes(Line),
    Stop,
}
use Happens::*;

struct Room {
    machine: Listening,
    /// What it did, shortest possible; a run of packets is one entry.
    did: Vec<String>,
    utterance: UtteranceId,
}

impl Room {
    fn new(trigger: config::Trigger) -> Self {
        let config = Config { trigger, ..Config::default() };
        let ids = UtteranceIds::from_secret([7; 32]);
        let mut machine = Listening::new(&config, Ear::for_voices(), ids).unwrap();
        machine.line(Line::Online);
        machine.actions().for_each(drop);
        Self { machine, did: Vec::new(), utterance: UtteranceId::from_bytes([0; 16]) }
    }

    fn happens(&mut self, what: Happens) {
        match what {
            Voice(ms) => self.sounds(ms, 2_000),
            Silence(ms) => self.sounds(ms, 10),
            Press => self.machine.press(),
            Release => self.machine.release(),
            Switch(off) => self.machine.mute(Mute::Switch, off),
            Setting(off) => self.machine.mute(Mute::Setting, off),
            Says(kind) => self.machine.outcome(Outcome { utterance: self.utterance, kind, intent: None }),
            Dismisses => self.machine.dismissed(self.utterance, DismissReason::AnsweredElsewhere),
            Microphone => self.machine.lost_microphone(),
            Becomes(line) => self.machine.line(line),
            Stop => self.machine.stop(),
        }
        self.note();
    }

    fn sounds(&mut self, ms: u64, amplitude: i16) {
        let frame = Frame::from(std::array::from_fn::<i16, FRAME, _>(|i| {
            (f32::from(amplitude) * (i as f32 * 0.4).sin()) as i16
        }));
        for _ in 0..ms / 20 {
            self.machine.hear(&frame);
            self.note();
        }
    }

    fn note(&mut self) {
        for action in self.machine.actions() {
            self.did.push(match action {
                Action::Open(opening) => {
                    self.utterance = opening.utterance;
                    format!("open {:?} after {}", opening.trigger, opening.preroll.len())
                }
                Action::Send(_) if self.did.last().is_some_and(|last| last == "send") => continue,
                Action::Send(_) => "send".into(),
                Action::End(reason) => format!("end {reason:?}"),
                Action::Drop => "drop".into(),
                Action::Show(state) => format!("show {state:?}"),
                Action::Play(earcon) => format!("play {earcon:?}"),
                // Told by the actions around them.
                Action::Hush | Action::Tell(_) | Action::Muted { .. } => continue,
            });
        }
    }
}

/// What a satellite with this trigger does when all this happens to it.
fn check(trigger: config::Trigger, happens: impl IntoIterator<Item = Happens>, expect: &[&str]) {
    let mut room = Room::new(trigger);
    happens.into_iter().for_each(|what| room.happens(what));
    assert_eq!(room.did, expect);
}

const SPEECH: config::Trigger = config::Trigger::Speech;
const BUTTON: config::Trigger = config::Trigger::PushToTalk;

#[test]
fn speech_is_sent_while_it_is_spoken_and_its_outcome_is_heard() {
    let opened = ["open Speech after 25", "play Woke", "show Listening", "send", "end Silence"];
    check(
        SPEECH,
        [Silence(1_000), Voice(2_000), Silence(2_000), Says(OutcomeKind::Done)],
        &[&opened[..], &["show Thinking", "play Done", "show Idle"]].concat(),
    );
    check(
        SPEECH,
        [Silence(1_000), Voice(2_000), Silence(2_000), Says(OutcomeKind::NotUnderstood)],
        &[&opened[..], &["show Thinking", "play Failed", "show Idle"]].concat(),
    );
    // Two sentences are two utterances; a click is none.
    check(SPEECH, [Silence(1_000), Voice(60), Silence(1_000)], &[]);
    let mut room = Room::new(SPEECH);
    for _ in 0..2 {
        room.happens(Silence(1_500));
        room.happens(Voice(1_500));
    }
    assert_eq!(room.did.iter().filter(|did| did.starts_with("open")).count(), 2);
}

#[test]
fn a_button_held_is_released_to_end_and_a_tap_listens_for_the_end() {
    let begun = ["open PushToTalk after 25", "play Woke", "show Listening", "send"];
    check(
        BUTTON,
        [Silence(1_000), Press, Voice(800), Silence(2_000), Voice(800), Release],
        &[&begun[..], &["end Released", "show Thinking"]].concat(),
    );
    check(
        BUTTON,
        [Silence(1_000), Press, Silence(100), Release, Voice(1_500), Silence(2_000)],
        &[&begun[..], &["end Silence", "show Thinking"]].concat(),
    );
    check(
        BUTTON,
        [Silence(1_000), Press, Release, Voice(500), Press, Release],
        &[&begun[..], &["end Released", "show Thinking"]].concat(),
    );
    check(BUTTON, [Silence(1_000), Voice(3_000), Release], &[]);
}

#[test]
fn nobody_is_listened_to_for_ever() {
    let ends = |happens: Vec<Happens>, expect: &str| {
        let mut room = Room::new(BUTTON);
        happens.into_iter().for_each(|what| room.happens(what));
        assert!(room.did.iter().any(|did| did == expect), "{:?}", room.did);
    };
    ends(vec![Press, Release, Silence(3_100)], "end NothingSaid");
    let on_and_on = || (0..16).flat_map(|_| [Voice(900), Silence(100)]);
    ends([Press, Release].into_iter().chain(on_and_on()).collect(), "end Limit");
    ends(vec![Press, Voice(15_100)], "end Limit");
}

#[test]
fn muted_nothing_is_heard_kept_or_sent() {
    check(BUTTON, [Switch(true), Silence(500), Press, Voice(1_000)], &["show Muted"]);
    check(
        SPEECH,
        [Silence(1_000), Voice(1_000), Switch(true), Voice(2_000), Switch(false), Silence(1_000)],
        &[
            "open Speech after 25",
            "play Woke",
            "show Listening",
            "send",
            "end Cancelled",
            "show Muted",
            "show Idle",
        ],
    );
    // What was said while muted, or before, is not in the pre-roll afterwards.
    check(
        BUTTON,
        [Voice(1_000), Switch(true), Voice(1_000), Switch(false), Silence(40), Press],
        &["show Muted", "show Idle", "open PushToTalk after 2", "play Woke", "show Listening"],
    );
    let mut room = Room::new(SPEECH);
    room.happens(Silence(1_000));
    room.happens(Switch(true));
    let heard = room.machine.ear.heard();
    room.happens(Voice(10_000));
    assert_eq!(room.machine.ear.heard(), heard, "the engine gets no samples");
}

#[test]
fn software_cannot_undo_the_switch() {
    check(SPEECH, [Switch(true), Setting(true), Setting(false), Silence(500), Voice(1_000)], &["show Muted"]);
    check(SPEECH, [Setting(true), Switch(true), Switch(false), Voice(1_000)], &["show Muted"]);
    check(SPEECH, [Setting(true), Switch(true), Switch(false), Setting(false)], &["show Muted", "show Idle"]);
}

#[test]
fn what_the_hub_does_not_want_stops_at_once() {
    let begun = ["open PushToTalk after 0", "play Woke", "show Listening", "send"];
    check(
        BUTTON,
        [Press, Release, Voice(500), Dismisses, Voice(2_000), Dismisses],
        &[&begun[..], &["drop", "show Idle"]].concat(),
    );
    check(
        BUTTON,
        [Press, Release, Voice(500), Says(OutcomeKind::FalseWake), Voice(500)],
        &[&begun[..], &["drop", "show Idle"]].concat(),
    );
    check(
        BUTTON,
        [Press, Voice(500), Release, Dismisses, Says(OutcomeKind::Done)],
        &[&begun[..], &["end Released", "show Thinking", "show Idle"]].concat(),
    );
}

#[test]
fn an_utterance_without_an_outcome_is_given_up() {
    check(
        BUTTON,
        [Press, Voice(500), Release, Silence(29_000), Silence(1_100), Says(OutcomeKind::Done)],
        &[
            "open PushToTalk after 0",
            "play Woke",
            "show Listening",
            "send",
            "end Released",
            "show Thinking",
            "play Failed",
            "show Idle",
        ],
    );
}

#[test]
fn what_is_cut_off_is_marked_as_cut_off() {
    for cut in [Microphone, Stop] {
        check(
            BUTTON,
            [Press, Voice(500), cut, Voice(100)],
            &["open PushToTalk after 0", "play Woke", "show Listening", "send", "end Cancelled", "show Idle"],
        );
    }
}

#[test]
fn a_satellite_that_was_never_paired_sends_nothing() {
    check(
        SPEECH,
        [Becomes(Line::Unpaired), Silence(1_000), Voice(200), Silence(500), Press],
        &["show Pairing", "play Failed", "play Failed"],
    );
    check(SPEECH, [Becomes(Line::Offline), Becomes(Line::Online)], &["show Offline", "show Idle"]);
}
