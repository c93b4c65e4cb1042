//! What the satellite does with what it hears: one machine, sound in, actions out.
//!
//! ```text
//! frame → muted? → pre-roll → ear → trigger → Open (pre-roll, encoded) → Send … → endpoint → End → outcome
//! ```
//!
//! Its only clock is the count of frames, so an hour of sound is heard in seconds in a test. Muted wins
//! over everything: no frame reaches the pre-roll, the ear or the encoder.
//!
//! Deliberately absent: devices, network, threads, clocks, disk.

mod actions;
mod speaking;
mod waiting;

use std::mem;
use std::time::Duration;

use sotto_protocol::{DismissReason, EndReason, Outcome, OutcomeKind, Trigger, UtteranceId, UtteranceIds};
use sotto_wake::{End, Endpointer, Endpointing};

pub use actions::{Action, Earcon, Event, Line, Mute, Opening, State};
use speaking::Speaking;
use waiting::Waiting;

use crate::config::{self, Config};
use crate::ear::{Ear, Noticed};
use crate::encode::{CodecError, Encoder};
use crate::preroll::Preroll;
use crate::sound::{FRAME_TIME, Frame, frames};

/// Pre-roll where no wake word has to be carried along: the first syllable, which comes before the button
/// is down or the voice is certain.
const SHORT_PREROLL: Duration = Duration::from_millis(500);

/// A button held for longer is released to end the utterance; a shorter press is a tap, after which the
/// satellite listens for the end itself.
const HOLD: Duration = Duration::from_millis(400);

/// Sound of the trigger whose level tells the hub who stands nearer: about a wake word's length.
const TRIGGER: Duration = Duration::from_millis(700);

/// An utterance that is being spoken.
struct Open {
    utterance: UtteranceId,
    /// Frames since the trigger.
    frames: u64,
    /// The button is down.
    held: bool,
}

pub struct Listening {
    trigger: config::Trigger,
    endpointing: Endpointing,
    preroll: Preroll,
    ear: Ear,
    endpointer: Endpointer,
    encoder: Encoder,
    ids: UtteranceIds,
    /// Frames heard since the start.
    now: u64,
    speaking: Speaking,
    open: Option<Open>,
    waiting: Waiting,
    line: Line,
    switched_off: bool,
    set_off: bool,
    playing: bool,
    shown: State,
    actions: Vec<Action>,
}

impl Listening {
    pub fn new(config: &Config, ear: Ear, ids: UtteranceIds) -> Result<Self, CodecError> {
        let ms = |ms: u32| Duration::from_millis(ms.into());
        let endpointing = Endpointing {
            silence: ms(config.endpoint.silence_ms),
            nobody_spoke: ms(config.endpoint.nobody_spoke_ms),
            longest: ms(config.endpoint.longest_ms),
        };
        Ok(Self {
            trigger: config.trigger,
            endpointing,
            preroll: Preroll::new(frames(config.preroll())),
            ear,
            endpointer: Endpointer::new(endpointing),
            encoder: Encoder::new(config.opus.bitrate, config.opus.complexity)?,
            ids,
            now: 0,
            speaking: Speaking::default(),
            open: None,
            waiting: Waiting::default(),
            line: Line::Offline,
            switched_off: false,
            set_off: false,
            playing: false,
            shown: State::Idle,
            actions: Vec::new(),
        })
    }

    /// What is to be done after the inputs so far.
    pub fn actions(&mut self) -> impl Iterator<Item = Action> + '_ {
        let state = self.state();
        if state != self.shown {
            self.shown = state;
            self.actions.push(Action::Show(state));
        }
        self.actions.drain(..)
    }

    /// The next 20 ms from the microphone.
    pub fn hear(&mut self, frame: &Frame) {
        self.now += 1;
        self.give_up_on_lost();
        if self.muted() {
            return;
        }
        match &mut self.open {
            None => self.preroll.push(*frame),
            Some(open) => {
                open.frames += 1;
                self.send(frame);
            }
        }
        let (mut woke, mut end, mut speaks) = (None, None, false);
        self.ear.hear(frame, |noticed| match noticed {
            Noticed::Wake { word, score, readier } => woke = woke.take().or(Some((word, score, readier))),
            Noticed::Voice(voice) => {
                end = end.or(self.endpointer.push(voice));
                speaks |= self.speaking.hear(voice);
            }
        });
        match &self.open {
            Some(open) if FRAME_TIME * open.frames as u32 >= self.endpointing.longest => {
                self.end(EndReason::Limit);
            }
            // While the button is down, its holder says when it ends.
            Some(open) if !open.held => match end {
                Some(End::Spoke { .. }) => self.end(EndReason::Silence),
                Some(End::NobodySpoke) => self.end(EndReason::NothingSaid),
                Some(End::TooLong) => self.end(EndReason::Limit),
                None => {}
            },
            Some(_) => {}
            None => match (self.trigger, woke) {
                (config::Trigger::WakeWord, Some((word, score, readier))) => {
                    self.actions.push(Action::Tell(Event::Woke { word: word.clone(), score }));
                    self.begin(Trigger::WakeWord { word, score, readier }, usize::MAX);
                }
                (config::Trigger::Speech, _) if speaks && !self.playing => {
                    self.begin(Trigger::Speech, frames(SHORT_PREROLL));
                }
                _ => {}
            },
        }
    }

    /// The action button goes down: begins an utterance, or ends the one under way.
    pub fn press(&mut self) {
        if self.muted() {
            return;
        }
        if self.open.is_some() {
            return self.end(EndReason::Released);
        }
        self.begin(Trigger::PushToTalk, frames(SHORT_PREROLL));
        if let Some(open) = &mut self.open {
            open.held = true;
        }
    }

    /// The action button comes up: ends the utterance if it was held, and leaves a tap to the endpointer.
    pub fn release(&mut self) {
        if let Some(open) = &mut self.open
            && mem::take(&mut open.held)
            && FRAME_TIME * open.frames as u32 >= HOLD
        {
            self.end(EndReason::Released);
        }
    }

    /// Switch or setting turn the microphone off or on. Off, nothing that was heard before is left.
    pub fn mute(&mut self, by: Mute, off: bool) {
        let before = self.muted();
        let which = match by {
            Mute::Switch => &mut self.switched_off,
            Mute::Setting => &mut self.set_off,
        };
        if mem::replace(which, off) == off {
            return;
        }
        self.actions.push(Action::Muted { muted: self.muted(), by_switch: self.switched_off });
        if self.muted() == before {
            return;
        }
        if !before {
            self.end(EndReason::Cancelled);
            self.forget();
        }
        self.actions.push(Action::Tell(Event::Muted(!before)));
    }

    /// The microphone went away: what was being said has a hole in it, and is not acted on.
    pub fn lost_microphone(&mut self) {
        self.end(EndReason::Cancelled);
        self.forget();
    }

    /// How the hub can be reached now.
    pub fn line(&mut self, line: Line) {
        if mem::replace(&mut self.line, line) != line {
            self.actions.push(Action::Tell(Event::Line(line)));
        }
    }

    /// The loudspeaker begins or stops to speak for the hub.
    pub fn playing(&mut self, playing: bool) {
        self.playing = playing;
    }

    /// Other words, or more or less readily. What was heard so far is forgotten.
    pub fn listen_with(&mut self, ear: Ear) {
        self.ear = ear;
        self.speaking.forget();
    }

    /// The hub does not want this utterance.
    pub fn dismissed(&mut self, utterance: UtteranceId, reason: DismissReason) {
        if self.settle(utterance) {
            self.actions.push(Action::Tell(Event::Dismissed { utterance, reason }));
        }
    }

    /// The hub has heard enough of this utterance, and its outcome follows.
    pub fn enough(&mut self, utterance: UtteranceId) {
        if self.open.as_ref().is_some_and(|open| open.utterance == utterance) {
            self.end(EndReason::Silence);
        }
    }

    /// What became of an utterance.
    pub fn outcome(&mut self, outcome: Outcome) {
        use OutcomeKind::*;
        if !self.settle(outcome.utterance) {
            return;
        }
        match outcome.kind {
            Done => self.actions.push(Action::Play(Earcon::Done)),
            NotUnderstood | Refused | NotReached | Interrupted | NotHeard => {
                self.actions.push(Action::Play(Earcon::Failed));
            }
            // Nobody asked anything of this satellite, so it says nothing.
            FalseWake | NothingSaid | AnsweredElsewhere | Unspecified => {}
        }
        self.actions.push(Action::Tell(Event::Outcome(outcome)));
    }

    /// The satellite stops: an utterance under way is marked as cut off.
    pub fn stop(&mut self) {
        self.end(EndReason::Cancelled);
    }

    /// Whether an utterance is being spoken.
    pub fn open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether there is a voice just now.
    pub fn hears_voice(&self) -> bool {
        self.speaking.is_heard()
    }

    /// Nothing is being said and every utterance has its outcome.
    pub fn settled(&self) -> bool {
        self.open.is_none() && self.waiting.is_empty()
    }

    pub fn muted(&self) -> bool {
        self.switched_off || self.set_off
    }

    fn state(&self) -> State {
        match self.line {
            _ if self.muted() => State::Muted,
            _ if self.open.is_some() => State::Listening,
            Line::Unpaired => State::Pairing,
            Line::Offline => State::Offline,
            Line::Online if self.playing => State::Speaking,
            Line::Online if !self.waiting.is_empty() => State::Thinking,
            Line::Online => State::Idle,
        }
    }

    fn begin(&mut self, trigger: Trigger, preroll: usize) {
        if self.line == Line::Unpaired {
            self.preroll.forget();
            self.trouble("it is paired with no hub yet: `sotto-satellite pair CODE`".into());
            return self.actions.push(Action::Play(Earcon::Failed));
        }
        let level_dbfs = self.preroll.dbfs(frames(TRIGGER));
        let heard = self.preroll.take(preroll);
        let encoded: Result<Vec<_>, _> = self
            .encoder
            .reset()
            .and_then(|()| heard.iter().map(|frame| self.encoder.encode(frame)).collect());
        let preroll = match encoded {
            Ok(packets) => packets,
            Err(error) => return self.trouble(error.to_string()),
        };
        let utterance = self.ids.draw();
        self.endpointer.begin();
        self.open = Some(Open { utterance, frames: 0, held: false });
        self.actions.extend([
            Action::Tell(Event::Opened {
                utterance,
                trigger: trigger.clone(),
                preroll: FRAME_TIME * preroll.len() as u32,
            }),
            Action::Open(Opening { utterance, trigger, level_dbfs, preroll }),
            Action::Hush,
            Action::Play(Earcon::Woke),
        ]);
    }

    fn send(&mut self, frame: &Frame) {
        match self.encoder.encode(frame) {
            Ok(packet) => self.actions.push(Action::Send(packet)),
            Err(error) => {
                self.trouble(error.to_string());
                self.end(EndReason::Cancelled);
            }
        }
    }

    fn end(&mut self, reason: EndReason) {
        let Some(Open { utterance, frames, .. }) = self.open.take() else { return };
        self.speaking.forget();
        let length = FRAME_TIME * frames as u32;
        self.actions.extend([Action::End(reason), Action::Tell(Event::Ended { utterance, reason, length })]);
        if reason != EndReason::Cancelled {
            self.waiting.add(utterance, self.now);
        }
    }

    /// Forgets an utterance that has found its end at the hub; false if this satellite knows none such.
    fn settle(&mut self, utterance: UtteranceId) -> bool {
        if self.open.as_ref().is_some_and(|open| open.utterance == utterance) {
            self.open = None;
            self.actions.push(Action::Drop);
            return true;
        }
        self.waiting.settle(utterance)
    }

    fn give_up_on_lost(&mut self) {
        if let Some(utterance) = self.waiting.lost(self.now) {
            self.outcome(Outcome { utterance, kind: OutcomeKind::NotReached, intent: None });
        }
    }

    fn forget(&mut self) {
        self.preroll.forget();
        self.ear.forget();
        self.endpointer = Endpointer::new(self.endpointing);
        self.speaking.forget();
    }

    fn trouble(&mut self, what: String) {
        self.actions.push(Action::Tell(Event::Trouble(what)));
    }
}

#[cfg(test)]
mod tests;
