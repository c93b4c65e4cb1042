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

use sotto_protocol::{DismissReason, EndReason, Outcome, OutcomeKind, Packet, UtteranceId};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::Config;
use crate::ear::AUTHOR;
use crate::encode::{CodecError, Decoder};
use crate::listening::{Action, Event, Line, Listening, Mute, Opening};
use crate::microphone::{Heard, Microphone};
use crate::panel::{Panel, Touch};
use crate::sound::{FRAME_TIME, Frame, frames};
use crate::speaker::Speaker;

/// Time for the hub to hear that what is being said was cut off.
const FAREWELL: Duration = Duration::from_millis(300);

/// Time for the connection to close.
const GOODBYE: Duration = Duration::from_millis(700);

/// How often it is looked whether the loudspeaker has finished, and the level is told to who watches it.
const LOOK: Duration = Duration::from_millis(100);

/// Silence that is listened to after a recording has ended, so that its last word finds its end.
const AFTERWARDS: Duration = Duration::from_millis(1500);

/// The way to the hub. Nothing here waits: a slow network never holds up the microphone.
pub trait ToHub: Send {
    fn open(&mut self, opening: Opening);
    fn send(&mut self, packet: Packet);
    fn end(&mut self, reason: EndReason);
    /// The utterance under way is not wanted any more.
    fn cancel(&mut self);
    /// Whether the microphone is off, and whether it is the switch that turned it off.
    fn muted(&mut self, muted: bool, by_switch: bool);
    /// How loud the loudspeaker is set, 0 to 1.
    fn volume(&mut self, volume: f32);
    /// How many frames the microphone has lost since it was opened.
    fn lost(&mut self, frames: u64);
    /// How loud it is, for somebody who looks at it.
    fn level(&mut self, dbfs: f32, speech: bool);
}

/// What the hub says.
#[derive(Clone, PartialEq)]
pub enum HubSays {
    Line(Line),
    /// Whoever types it at a hub pairs this satellite.
    Code(String),
    Trouble(String),
    Dismissed(UtteranceId, DismissReason),
    /// It has heard enough of this utterance; the outcome follows.
    Enough(UtteranceId),
    Outcome(Outcome),
    /// 20 ms of a spoken reply, at 0 to 1 of the volume.
    Speech {
        packet: Packet,
        volume: f32,
    },
    Settings {
        muted: bool,
        volume: f32,
        sensitivity: f32,
        wake_words: Vec<String>,
    },
    /// Send the level ten times a second for so long.
    WatchLevel(Duration),
}

/// The hub, near or far. Dropping it, or closing `says`, ends the connection.
pub struct Hub {
    pub to: Box<dyn ToHub>,
    pub says: mpsc::Receiver<HubSays>,
}

/// Everything that a satellite is made of.
pub struct Satellite {
    pub config: Config,
    /// With an ear for the configuration's words, as readily as their authors meant.
    pub listening: Listening,
    pub microphone: Microphone,
    pub panel: Panel,
    pub speaker: Speaker,
    pub hub: Hub,
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

/// What changes while it works.
#[derive(Default)]
struct Progress {
    /// Frames since the recording ended.
    afterwards: Option<usize>,
    /// Utterances that nobody answered.
    unanswered: usize,
    meter: Meter,
    /// What the hub last asked to listen for, or what the ear began with: words, and how readily.
    listens_for: (Vec<String>, f32),
}

impl Satellite {
    /// Works until `shutdown`, or with `once` until the recording is through. What is being said at
    /// shutdown is marked as cut off, and the hub is told.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), Stopped> {
        let mut decoder = Decoder::new()?;
        let listens_for = (self.config.wake_words().to_vec(), AUTHOR);
        let mut progress = Progress { listens_for, ..Progress::default() };
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shutdown = std::pin::pin!(shutdown);
        let mut hub_speaks = true;
        let result = loop {
            tokio::select! {
                () = &mut shutdown => break Ok(()),
                message = self.hub.says.recv(), if hub_speaks => match message {
                    Some(message) => self.hub_says(message, &mut decoder, &mut progress),
                    None => hub_speaks = false,
                },
                touch = self.panel.touched() => self.touched(touch),
                heard = self.microphone.next() => {
                    let heard = heard.unwrap_or_else(|| Heard::Broken("it closed".into()));
                    if let Err(error) = self.heard(heard, &mut progress) {
                        break Err(error);
                    }
                }
                _ = look.tick() => self.hub.to.lost(self.microphone.overruns()),
            }
            self.listening.playing(self.speaker.speaking());
            if let Some(trouble) = self.speaker.trouble() {
                (self.tell)(Event::Trouble(trouble));
            }
            self.act(&mut progress);
            if self.once && self.through(&progress) {
                break match progress.unanswered {
                    0 => Ok(()),
                    count => Err(Stopped::NoAnswer(count)),
                };
            }
        };
        self.leave(&mut progress).await;
        result
    }

    /// The recording has ended, and so has everything that came of it.
    fn through(&self, progress: &Progress) -> bool {
        progress.afterwards.is_some_and(|after| after >= frames(AFTERWARDS))
            && self.listening.settled()
            && !self.speaker.sounding()
    }

    /// Marks what is under way as cut off, and gives the hub a moment to hear of it.
    async fn leave(mut self, progress: &mut Progress) {
        let speaking = self.listening.open();
        self.listening.stop();
        self.act(progress);
        if speaking {
            tokio::time::sleep(FAREWELL).await;
        }
        self.hub.says.close();
        let gone = async { while self.hub.says.recv().await.is_some() {} };
        // A hub that does not answer is not waited for.
        let _ = tokio::time::timeout(GOODBYE, gone).await;
    }

    fn heard(&mut self, heard: Heard, progress: &mut Progress) -> Result<(), Stopped> {
        match heard {
            Heard::Sound(frame) => {
                self.listening.hear(&frame);
                progress.afterwards = progress.afterwards.map(|frames| frames + 1);
                if !self.listening.muted()
                    && let Some(dbfs) = progress.meter.push(&frame)
                {
                    self.hub.to.level(dbfs, self.listening.hears_voice());
                }
            }
            Heard::Lost(why) => {
                self.listening.lost_microphone();
                (self.tell)(Event::Trouble(format!("the microphone is gone: {why}; looking for it")));
            }
            Heard::Returned => (self.tell)(Event::Listening),
            Heard::Ended => progress.afterwards = Some(0),
            Heard::Broken(why) => return Err(Stopped::Microphone(why)),
        }
        Ok(())
    }

    fn act(&mut self, progress: &mut Progress) {
        let Self { listening, hub, panel, speaker, tell, .. } = self;
        for action in listening.actions() {
            match action {
                Action::Open(opening) => hub.to.open(opening),
                Action::Send(packet) => hub.to.send(packet),
                Action::End(reason) => hub.to.end(reason),
                Action::Drop => hub.to.cancel(),
                Action::Muted { muted, by_switch } => hub.to.muted(muted, by_switch),
                Action::Show(state) => panel.lamps.show(state),
                Action::Play(earcon) => speaker.play(earcon),
                Action::Hush => speaker.hush(),
                Action::Tell(event) => {
                    use OutcomeKind::{Interrupted, NotReached};
                    if let Event::Outcome(Outcome { kind: NotReached | Interrupted, .. }) = &event {
                        progress.unanswered += 1;
                    }
                    tell(event);
                }
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

    fn hub_says(&mut self, message: HubSays, decoder: &mut Decoder, progress: &mut Progress) {
        match message {
            HubSays::Line(line) => self.listening.line(line),
            HubSays::Code(code) => (self.tell)(Event::Code(code)),
            HubSays::Trouble(trouble) => (self.tell)(Event::Trouble(trouble)),
            HubSays::Dismissed(utterance, reason) => self.listening.dismissed(utterance, reason),
            HubSays::Enough(utterance) => self.listening.enough(utterance),
            HubSays::Outcome(outcome) => self.listening.outcome(outcome),
            HubSays::Speech { packet, volume } => match decoder.decode(&packet) {
                Ok(frame) => self.speaker.say(&frame, volume),
                Err(error) => tracing::warn!("a reply has a gap of {} ms: {error}", FRAME_TIME.as_millis()),
            },
            HubSays::Settings { muted, volume, sensitivity, wake_words } => {
                self.listening.mute(Mute::Setting, muted);
                self.speaker.volume(volume);
                self.hub.to.volume(volume);
                // The hub says it with every connection; an ear that is as it should be goes on listening.
                let words =
                    if wake_words.is_empty() { self.config.wake_words().to_vec() } else { wake_words };
                let asked = (words, sensitivity);
                if progress.listens_for != asked {
                    self.listen_for(&asked.0, asked.1);
                    progress.listens_for = asked;
                }
            }
            HubSays::WatchLevel(time) => progress.meter = Meter::lasting(time),
        }
    }

    /// Other words, or more or less readily. A word that this satellite has no model of changes nothing.
    fn listen_for(&mut self, words: &[String], sensitivity: f32) {
        match self.config.open_ear(words, sensitivity) {
            Ok(ear) => self.listening.listen_with(ear),
            Err(error) => (self.tell)(Event::Trouble(error.to_string())),
        }
    }
}

/// Levels ten times a second, for as long as somebody watches.
#[derive(Default)]
struct Meter {
    /// Frames until nobody watches.
    left: usize,
    /// Power so far, and of how many frames.
    power: f32,
    count: usize,
}

impl Meter {
    fn lasting(time: Duration) -> Self {
        Self { left: frames(time), ..Self::default() }
    }

    /// The level of the last 100 ms, root mean square in decibels below full scale, when they are full.
    fn push(&mut self, frame: &Frame) -> Option<f32> {
        self.left = self.left.checked_sub(1)?;
        self.power += 10f32.powf(frame.dbfs() / 10.0);
        self.count += 1;
        (self.count == frames(LOOK)).then(|| {
            let mean = std::mem::take(&mut self.power) / std::mem::take(&mut self.count) as f32;
            (10.0 * mean.log10()).max(-100.0)
        })
    }
}

#[cfg(test)]
mod tests;
