//! A satellite at work: its parts, tied together until it is told to stop.
//!
//! ```text
//! microphone ─┐              ┌→ hub
//! panel ──────┼→ listening ──┼→ lamps, speaker
//! hub ────────┘              └→ tell
//! ```
//!
//! Wiring only: what is to be done is decided in [`listening`](crate::listening).

use std::future::Future;
use std::time::Duration;

use sotto_protocol::{DismissReason, EndReason, Outcome, OutcomeKind, Packet};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::ear::{Ear, EarError};
use crate::encode::{CodecError, Decoder};
use crate::listening::{Action, Event, Line, Listening, Mute, Opening};
use crate::microphone::{Heard, Microphone};
use crate::panel::{Panel, Touch};
use crate::sound::{FRAME_TIME, frames};
use crate::speaker::Speaker;

/// How often it is looked whether the loudspeaker has finished.
const LOOK: Duration = Duration::from_millis(100);

/// Silence that is listened to after a recording has ended, so that its last word finds its end.
const AFTERWARDS: Duration = Duration::from_millis(1500);

/// The way to the hub. Nothing here waits: a slow network never holds up the microphone.
pub trait ToHub {
    fn open(&mut self, opening: Opening);
    fn send(&mut self, packet: Packet);
    fn end(&mut self, reason: EndReason);
    /// The utterance under way is not wanted any more.
    fn cancel(&mut self);
    /// Whether the microphone is off, and whether it is the switch that turned it off.
    fn muted(&mut self, muted: bool, by_switch: bool);
}

/// What the hub says, as the wiring needs it.
#[derive(Clone, Debug, PartialEq)]
pub enum FromHub {
    Line(Line),
    Dismissed(sotto_protocol::UtteranceId, DismissReason),
    Outcome(Outcome),
    /// 20 ms of a spoken reply, at 0 to 1 of the volume.
    Say {
        packet: Packet,
        volume: f32,
    },
    Settings {
        muted: bool,
        volume: f32,
        sensitivity: f32,
        wake_words: Vec<String>,
    },
}

/// Opens another ear: for these words, this readily.
pub type OpenEar = Box<dyn FnMut(&[String], f32) -> Result<Ear, EarError> + Send>;

/// Everything that a satellite is made of.
pub struct Satellite<Hub> {
    pub listening: Listening,
    pub microphone: Microphone,
    pub panel: Panel,
    pub speaker: Speaker,
    pub to_hub: Hub,
    pub from_hub: mpsc::Receiver<FromHub>,
    pub open_ear: OpenEar,
    pub tell: Box<dyn FnMut(Event) + Send>,
    /// Stop by itself after a recording has ended and each of its utterances has its outcome.
    pub once: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error("the microphone is gone: {0}")]
    Microphone(String),
    #[error("{0} of the recording's utterances had no answer; is the hub running and this satellite paired?")]
    NoAnswer(usize),
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl<Hub: ToHub> Satellite<Hub> {
    /// Works until `shutdown`, or with `once` until the recording is through. What is being said at
    /// shutdown is marked as cut off.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), Stopped> {
        let mut decoder = Decoder::new()?;
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shutdown = std::pin::pin!(shutdown);
        // Frames since the recording ended, and utterances that nobody answered.
        let (mut afterwards, mut unanswered) = (None, 0);
        let mut hub_speaks = true;
        loop {
            tokio::select! {
                () = &mut shutdown => {
                    self.listening.stop();
                    self.act(&mut unanswered);
                    return Ok(());
                }
                message = self.from_hub.recv(), if hub_speaks => match message {
                    Some(message) => self.hub_says(message, &mut decoder),
                    None => hub_speaks = false,
                },
                touch = self.panel.touched() => self.touched(touch),
                heard = self.microphone.next() => match heard {
                    Some(Heard::Sound(frame)) => {
                        self.listening.hear(&frame);
                        afterwards = afterwards.map(|frames: usize| frames + 1);
                    }
                    Some(Heard::Lost(why)) => {
                        self.listening.lost_microphone();
                        (self.tell)(Event::Trouble(format!("the microphone is gone: {why}; looking for it")));
                    }
                    Some(Heard::Returned) => (self.tell)(Event::Listening),
                    Some(Heard::Ended) => afterwards = Some(0),
                    Some(Heard::Broken(why)) => return Err(Stopped::Microphone(why)),
                    None => return Err(Stopped::Microphone("it closed".into())),
                },
                _ = look.tick() => {}
            }
            self.listening.playing(self.speaker.speaking());
            if let Some(trouble) = self.speaker.trouble() {
                (self.tell)(Event::Trouble(trouble));
            }
            self.act(&mut unanswered);
            let through = afterwards.is_some_and(|after| after >= frames(AFTERWARDS));
            if self.once && through && self.listening.settled() && !self.speaker.sounding() {
                return if unanswered == 0 { Ok(()) } else { Err(Stopped::NoAnswer(unanswered)) };
            }
        }
    }

    fn act(&mut self, unanswered: &mut usize) {
        let Self { listening, to_hub, panel, speaker, tell, .. } = self;
        for action in listening.actions() {
            match action {
                Action::Open(opening) => to_hub.open(opening),
                Action::Send(packet) => to_hub.send(packet),
                Action::End(reason) => to_hub.end(reason),
                Action::Drop => to_hub.cancel(),
                Action::Show(state) => panel.lamps.show(state),
                Action::Play(earcon) => speaker.play(earcon),
                Action::Hush => speaker.hush(),
                Action::Tell(event) => {
                    if let Event::Outcome(Outcome { kind: OutcomeKind::NotReached, .. }) = &event {
                        *unanswered += 1;
                    }
                    tell(event);
                }
                Action::Muted { muted, by_switch } => to_hub.muted(muted, by_switch),
            }
        }
    }

    fn touched(&mut self, touch: Touch) {
        match touch {
            Touch::Pressed => self.listening.press(),
            Touch::Released => self.listening.release(),
            Touch::Mute(off) => self.listening.mute(Mute::Switch, off),
        }
    }

    fn hub_says(&mut self, message: FromHub, decoder: &mut Decoder) {
        match message {
            FromHub::Line(line) => self.listening.line(line),
            FromHub::Dismissed(utterance, reason) => self.listening.dismissed(utterance, reason),
            FromHub::Outcome(outcome) => self.listening.outcome(outcome),
            FromHub::Say { packet, volume } => match decoder.decode(&packet) {
                Ok(frame) => self.speaker.say(&frame, volume),
                Err(error) => tracing::warn!("a reply has a gap of {} ms: {error}", FRAME_TIME.as_millis()),
            },
            FromHub::Settings { muted, volume, sensitivity, wake_words } => {
                self.listening.mute(Mute::Setting, muted);
                self.speaker.volume(volume);
                match (self.open_ear)(&wake_words, sensitivity) {
                    Ok(ear) => self.listening.listen_with(ear),
                    // The hub asks for a word that this satellite has no model of; the old ones still work.
                    Err(error) => (self.tell)(Event::Trouble(error.to_string())),
                }
            }
        }
    }
}
