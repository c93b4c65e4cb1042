//! What is asked for beyond an everyday command: to be let in, about one's own recordings, to mute a room.

use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use sotto_house::{Acted, Ask, Event, PersonId, Refusal, SatelliteId, UtteranceId};

use super::{Live, Sessions, locked, slots};
use crate::own::{self, Request};
use crate::utterance::{Said, Understood};

impl Sessions {
    /// What is asked for, where that is more than an everyday command.
    pub(super) fn asks(&mut self, utterance: UtteranceId) -> Option<Ask> {
        let live = self.live.get_mut(&utterance)?;
        let commands = &mut live.understood.as_mut()?.commands;
        if let Some(pin) = commands.iter().find(|command| command.intent == "SottoPin") {
            let spoken = crate::pin::spoken(&slots(pin));
            let right = self.adapters.pin.as_ref().is_some_and(|pin| pin.is(&spoken));
            // Nothing that comes later may see it: not the broker, not the next command.
            commands.clear();
            return Some(Ask::Pin { right });
        }
        if commands.iter().any(|command| own::is_own(&command.intent)) {
            return Some(Ask::Own);
        }
        let risky = commands.iter().any(|command| {
            self.adapters.risky.contains(&command.intent)
                || self.adapters.home.lets_in(&command.intent, &slots(command), live.area.as_ref())
        });
        let understood: Vec<&str> = commands.iter().map(|command| command.understood.as_str()).collect();
        let because: Vec<&str> = commands.iter().map(|command| &*command.sentence.template).collect();
        locked(&self.own).understood(
            &live.satellite,
            live.person,
            understood.join(", "),
            because.join(", "),
            Instant::now(),
        );
        risky.then_some(Ask::LetIn)
    }

    /// Mutes the satellites of the room that was named, or the one that was spoken to: anybody may ask for that.
    pub(super) fn mute(&self, live: &Live, slots: &Map<String, Value>) -> Acted {
        let named = slots.get("area").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let here = live.area.as_ref().map(|area| area.as_str().to_lowercase());
        let mut acted = Acted::Refused;
        for listed in self.adapters.satellites.list() {
            let area = listed.paired.area.as_ref().map(|area| area.as_str().to_lowercase());
            let meant = match named.is_empty() || Some(&named) == here.as_ref() {
                true => listed.paired.id == live.satellite || (area.is_some() && area == here),
                false => area.as_ref() == Some(&named),
            };
            if !meant {
                continue;
            }
            match self.adapters.settings.change(&listed.paired.id, |chosen| chosen.muted = true) {
                Ok(()) => {
                    self.adapters.settings.tell(&self.adapters.satellites, &listed.paired.id);
                    acted = Acted::Published;
                }
                Err(error) => tracing::error!(%error, "a satellite was not muted"),
            }
        }
        acted
    }

    /// What a person asked about their own recordings.
    pub(super) fn own(&mut self, utterance: UtteranceId, person: PersonId) {
        let Some(live) = self.live.get(&utterance) else { return };
        let commands = live.understood.as_ref().map(|understood| &understood.commands[..]);
        // In one breath with something else it is said again: it cannot be undone.
        let Some([command]) = commands else {
            return self.handle(Event::Acted { utterance, acted: Acted::Refused });
        };
        let slots = slots(command);
        let period = slots.get("period").and_then(Value::as_str);
        let minutes = slots.get("minutes").and_then(Value::as_i64);
        let Some(request) = Request::read(&command.intent, period, minutes) else {
            return self.handle(Event::Acted { utterance, acted: Acted::Refused });
        };
        if request.leaves_nothing() {
            live.utterance.keep_not();
        }
        let (satellite, language) = (live.satellite.clone(), live.language.clone());
        let (journal, own, said) = (self.parts.journal.clone(), self.own.clone(), self.said.clone());
        let voice = self.adapters.voice.clone();
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            let times = (Instant::now(), Timestamp::now(), &TimeZone::system());
            let answer = locked(&own).carry_out(request, person, &satellite, &journal, &language, times);
            let acted = if answer.done { Acted::Published } else { Acted::Refused };
            let _ = said.send(Said::Event(Event::Acted { utterance, acted }));
            let _within = runtime.enter();
            voice.answer(utterance, satellite, answer.speech, language);
        });
    }

    /// Says why something is not done, and keeps what waits for the PIN.
    pub(super) fn refuse(&mut self, utterance: UtteranceId, satellite: SatelliteId, why: Refusal) {
        if why == Refusal::SayPin
            && let Some(understood) = self.live.get(&utterance).and_then(|live| live.understood.as_ref())
        {
            self.waiting.insert(satellite.clone(), Box::new(Understood::clone(understood)));
        }
        let language = self.live.get(&utterance).map_or(&self.language, |live| &live.language).clone();
        let speech = own::refusal(why, &language).to_owned();
        self.adapters.voice.answer(utterance, satellite, speech, language);
    }
}
