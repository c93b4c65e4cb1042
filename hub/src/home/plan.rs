//! Who carries a command out: an own action, the hub, or Home Assistant; and what has to be said twice first. Pure.

use std::time::{Duration, Instant};

use sotto_house::Acted;

use super::answer::Answer;
use super::connection::Once;
use super::inbox::Inside;
use super::phrases::{Language, Phrase};
use super::target::{NoTarget, Which};
use super::{Entity, Settings, Spoken, act, ask, confirm};
use crate::config::Acts;

/// Who does what about a command.
pub enum Plan {
    Say(Answer),
    Own(Once, Option<(String, Duration)>),
    Hub(Vec<Once>, Option<String>),
    HomeAssistant(Part),
}

/// What Home Assistant has to do, and what if it is not there.
pub struct Part {
    /// Its package is there, and answers.
    pub replies: bool,
    /// It was said as often as the household wants.
    pub confirmed: bool,
    /// What the hub does when nobody on the broker gets it.
    pub otherwise: Option<Vec<Once>>,
}

/// Decides; nothing has been said yet when it returns.
pub fn plan(settings: &Settings, inside: &mut Inside, spoken: &Spoken, language: Language) -> Plan {
    let refused = |phrase| Plan::Say(Answer::of(Acted::Refused, language, phrase));
    if let Some(own) = settings.own.find(&spoken.intent).or_else(|| inside.beside.find(&spoken.intent)) {
        return match own.message(spoken) {
            Some(message) => Plan::Own(message, own.reply.clone()),
            None => refused(Phrase::Senseless),
        };
    }
    let known = &inside.known;
    let here = spoken.area.as_ref();
    let deed = act::deed(&spoken.intent, &spoken.slots);
    let mut which = Which::read(&spoken.slots);
    if let Ok(Some(deed)) = &deed
        && which.name.is_none()
        && which.domains.is_empty()
    {
        which.domains = act::domains(deed).iter().map(|domain| (*domain).to_owned()).collect();
    }
    let things = which.find(known, here);
    let lets_in = confirm::lets_in(&spoken.intent, &spoken.slots, things.as_deref().unwrap_or_default());
    let replies = known.has_home_assistant();
    let home_assistant = |otherwise| Plan::HomeAssistant(Part { replies, confirmed: lets_in, otherwise });
    let by_home_assistant = match settings.acts {
        Acts::HomeAssistant => true,
        Acts::Auto => known.has_home_assistant(),
        // What only Home Assistant can reach is its part whatever the household prefers.
        Acts::Hub => things.as_ref().is_ok_and(|things| things.iter().any(|thing| !thing.on_broker())),
    };
    let plan = if by_home_assistant {
        let otherwise = match (settings.acts, deed, things) {
            (Acts::Auto, Ok(Some(deed)), Ok(things)) => by_hub(&things, &deed).ok().flatten(),
            _ => None,
        };
        home_assistant(otherwise)
    } else {
        match deed {
            Err(_) => return refused(Phrase::Senseless),
            Ok(None) => match ask::answer(&spoken.intent, &spoken.slots, known, here, language) {
                // In other languages the sentences' own responses say it.
                Some(speech) => Plan::Hub(Vec::new(), Language::has(&spoken.language).then_some(speech)),
                // Timers, lists, media: whoever listens on the broker may know them.
                None => home_assistant(None),
            },
            Ok(Some(deed)) => match things {
                Err(NoTarget::Ambiguous) => return refused(Phrase::Ambiguous),
                Err(NoTarget::Unknown) => home_assistant(None),
                Ok(things) => match by_hub(&things, &deed) {
                    Ok(Some(messages)) => Plan::Hub(messages, None),
                    Ok(None) => home_assistant(None),
                    Err(act::CannotAct::Away) => {
                        return Plan::Say(Answer::of(Acted::NotReached, language, Phrase::Away));
                    }
                    Err(act::CannotAct::Unable | act::CannotAct::Template) => return refused(Phrase::Unable),
                    Err(act::CannotAct::Senseless) => return refused(Phrase::Senseless),
                },
            },
        }
    };
    let first = settings.confirm
        && lets_in
        && !spoken.vouched
        && !inside.confirmations.is_second(Instant::now(), &spoken.satellite, &spoken.intent, &spoken.slots);
    if first { refused(Phrase::SayAgain) } else { plan }
}

/// The messages for all that is meant; `None` when one of them is not on the broker. Of several, those that
/// cannot do it, or are away, do not keep the others from it.
fn by_hub(things: &[Entity], deed: &act::Deed) -> Result<Option<Vec<Once>>, act::CannotAct> {
    if things.iter().any(|thing| !thing.on_broker()) {
        return Ok(None);
    }
    let (mut messages, mut failed) = (Vec::new(), None);
    for thing in things {
        match act::messages(thing, deed) {
            Ok(more) => messages.extend(more),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if messages.is_empty() => Err(error),
        _ => Ok(Some(messages)),
    }
}
