//! How the API spells things: the only types of this crate that are written as JSON.

use serde::{Deserialize, Serialize};
use sotto_house::Role;
use sotto_journal as journal;
use utoipa::{IntoParams, ToSchema};

use crate::history::outcome;
use crate::port;
use crate::session::hex;
use crate::settings::RETENTIONS;
use crate::visitor::Form;

/// What went wrong and what to do.
#[derive(Serialize, ToSchema)]
pub struct Problem {
    pub error: String,
}

/// A member of the household.
#[derive(Serialize, ToSchema)]
pub struct Me {
    pub id: String,
    pub name: String,
    /// `adult`, `child` or `guest`.
    pub role: String,
    pub administrator: bool,
}

pub fn role(role: Role) -> &'static str {
    match role {
        Role::Adult => "adult",
        Role::Child => "child",
        Role::Guest => "guest",
    }
}

impl From<&journal::Member> for Me {
    fn from(one: &journal::Member) -> Me {
        let (id, name) = (one.id.to_string(), one.name.clone());
        Me { id, name, role: role(one.role).to_owned(), administrator: one.administrator }
    }
}

/// Which recordings: everything that is given must fit.
#[derive(Default, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// `ten` (minutes), `hour`, `today`, `yesterday`, `week` or `month`.
    pub period: Option<String>,
    /// First day, as `2026-11-24`.
    pub from: Option<String>,
    /// Last day.
    pub to: Option<String>,
    /// `mine` or `house`.
    pub person: Option<String>,
    pub area: Option<String>,
    pub satellite: Option<String>,
    /// `done`, `not_understood`, `false_wake`, `nothing_said`, `answered_elsewhere`, `refused`, `not_reached`,
    /// `interrupted` or `not_heard`.
    pub outcome: Option<String>,
    /// Where the next page begins, from the page before.
    pub after: Option<String>,
    /// 1 to 500.
    pub limit: Option<u32>,
}

impl Filter {
    pub fn form(&self) -> Form {
        let fields = [
            ("period", &self.period),
            ("from", &self.from),
            ("to", &self.to),
            ("person", &self.person),
            ("area", &self.area),
            ("satellite", &self.satellite),
            ("outcome", &self.outcome),
            ("after", &self.after),
        ];
        let mut form = Form::default();
        for (name, value) in fields {
            form.0.extend(value.clone().map(|value| (name.to_owned(), value)));
        }
        form.0.extend(self.limit.map(|limit| ("limit".to_owned(), limit.to_string())));
        form
    }
}

/// A filter with words, each of which is in transcript, intent or slots.
#[derive(Deserialize, ToSchema)]
pub struct Search {
    pub words: String,
    #[serde(default)]
    pub filter: Filter,
}

impl Search {
    pub fn form(&self) -> Form {
        let mut form = self.filter.form();
        form.0.push(("words".to_owned(), self.words.clone()));
        form
    }
}

/// What is to be erased.
#[derive(Deserialize, ToSchema)]
pub struct Erase {
    /// These recordings; without it, all that fit the filter.
    pub ids: Option<Vec<String>>,
    #[serde(default)]
    pub filter: Filter,
    /// Must be true for an empty filter.
    #[serde(default)]
    pub everything: bool,
}

#[derive(Deserialize, ToSchema)]
pub struct HandOver {
    /// The id of the person whose it is.
    pub to: String,
}

#[derive(Serialize, ToSchema)]
pub struct Slot {
    pub name: String,
    pub value: String,
}

#[derive(Serialize, ToSchema)]
pub struct Stage {
    pub stage: String,
    /// Milliseconds since the trigger at which it was reached.
    pub ms: u32,
}

/// One recording with its words.
#[derive(Serialize, ToSchema)]
pub struct Recording {
    pub id: String,
    /// When the wake word was heard, RFC 3339.
    pub at: String,
    /// `mine` or `house`.
    pub person: String,
    pub area: Option<String>,
    pub satellite: String,
    pub outcome: String,
    pub seconds: f64,
    /// When it goes by itself.
    pub expires: Option<String>,
    pub transcript: Option<String>,
    pub intent: Option<String>,
    pub slots: Vec<Slot>,
    pub stages: Vec<Stage>,
}

impl From<&journal::Entry> for Recording {
    fn from(entry: &journal::Entry) -> Recording {
        let words = entry.words.clone().unwrap_or_default();
        let slot = |(name, value): &(String, _)| Slot { name: name.clone(), value: text(value) };
        let stage = |(stage, ms): &(String, u32)| Stage { stage: stage.clone(), ms: *ms };
        Recording {
            id: entry.recording.to_string(),
            at: entry.at.to_string(),
            person: if entry.owner == journal::Owner::House { "house" } else { "mine" }.to_owned(),
            area: entry.area.as_ref().map(|area| area.as_str().to_owned()),
            satellite: entry.satellite.as_str().to_owned(),
            outcome: outcome(entry.outcome).0.to_owned(),
            seconds: entry.length.as_secs_f64(),
            expires: entry.expires.map(|at| at.to_string()),
            transcript: words.transcript.as_ref().map(text),
            intent: words.intent.clone(),
            slots: words.slots.iter().map(slot).collect(),
            stages: words.stages.iter().map(stage).collect(),
        }
    }
}

fn text(text: &zeroize::Zeroizing<String>) -> String {
    text.to_string()
}

#[derive(Serialize, ToSchema)]
pub struct Recordings {
    pub recordings: Vec<Recording>,
    /// To be sent as `after` for the next page.
    pub next: Option<String>,
}

/// Proof of an erasure, signed by the hub (Ed25519).
#[derive(Serialize, ToSchema)]
pub struct Receipt {
    pub number: u64,
    pub at: String,
    pub recordings: u64,
    pub signature: String,
}

impl From<&journal::Receipt> for Receipt {
    fn from(receipt: &journal::Receipt) -> Receipt {
        Receipt {
            number: receipt.erasure,
            at: receipt.at.to_string(),
            recordings: receipt.count,
            signature: hex(&receipt.signature),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct AccessRecord {
    pub number: u64,
    pub at: String,
    pub who: String,
    pub act: String,
    pub why: String,
    /// `mine` or `house`.
    pub of: String,
    pub count: u64,
    /// Which, when they are few.
    pub recordings: Vec<String>,
}

impl AccessRecord {
    pub fn new(record: &journal::AccessRecord, who: String, act: &str, why: &str) -> AccessRecord {
        AccessRecord {
            number: record.seq,
            at: record.at.to_string(),
            who,
            act: act.to_owned(),
            why: why.to_owned(),
            of: if record.subject == journal::Owner::House { "house" } else { "mine" }.to_owned(),
            count: record.count,
            recordings: record.recordings.iter().map(|id| id.to_string()).collect(),
        }
    }
}

/// How long recordings are kept.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    NotAtAll,
    Day,
    Week,
    Month,
    ThreeMonths,
    EighteenMonths,
    UntilErased,
}

impl Keep {
    /// In the order of [`RETENTIONS`].
    const ALL: [Keep; 7] = [
        Keep::NotAtAll,
        Keep::Day,
        Keep::Week,
        Keep::Month,
        Keep::ThreeMonths,
        Keep::EighteenMonths,
        Keep::UntilErased,
    ];
}

#[derive(Serialize, Deserialize, ToSchema)]
pub struct Settings {
    pub keep: Keep,
    pub transcripts: bool,
    pub review: bool,
    pub training: bool,
    pub voice_erasure: bool,
    /// Whether the voice is recognised. This and what follows stays as it is where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognise: Option<bool>,
    /// Whether words go out over MQTT when the voice was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words_out: Option<bool>,
    /// Whether others may hand recordings over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<bool>,
}

impl From<journal::Settings> for Settings {
    fn from(settings: journal::Settings) -> Settings {
        let at = RETENTIONS.iter().position(|(known, _)| *known == settings.keep).unwrap_or(0);
        Settings {
            keep: Keep::ALL[at],
            transcripts: settings.transcripts,
            review: settings.review,
            training: settings.training,
            voice_erasure: settings.voice_erasure,
            recognise: Some(settings.recognise),
            words_out: Some(settings.words_out),
            given: Some(settings.given),
        }
    }
}

impl Settings {
    /// What was chosen, over what holds `now`.
    pub fn chosen(&self, now: journal::Settings) -> journal::Settings {
        let (keep, _) = RETENTIONS[self.keep as usize];
        journal::Settings {
            keep,
            transcripts: self.transcripts,
            review: self.review,
            training: self.training,
            voice_erasure: self.voice_erasure,
            recognise: self.recognise.unwrap_or(now.recognise),
            words_out: self.words_out.unwrap_or(now.words_out),
            given: self.given.unwrap_or(now.given),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Satellite {
    pub id: String,
    pub name: String,
    pub area: Option<String>,
    /// `ready`, `listening`, `speaking`, `muted_by_hand`, `muted_here` or `away`.
    pub state: String,
    pub volume: u8,
    pub sensitivity: u8,
    /// Bytes of audio that left its room today.
    pub bytes_today: u64,
    pub false_wakes_today: u32,
    pub version: String,
}

impl From<&port::Satellite> for Satellite {
    fn from(one: &port::Satellite) -> Satellite {
        let state = match one.state {
            port::SatelliteState::Ready => "ready",
            port::SatelliteState::Listening => "listening",
            port::SatelliteState::Speaking => "speaking",
            port::SatelliteState::MutedByHand => "muted_by_hand",
            port::SatelliteState::MutedHere => "muted_here",
            port::SatelliteState::Away => "away",
        };
        Satellite {
            id: one.id.as_str().to_owned(),
            name: one.name.clone(),
            area: one.area.as_ref().map(|area| area.as_str().to_owned()),
            state: state.to_owned(),
            volume: one.volume,
            sensitivity: one.sensitivity,
            bytes_today: one.bytes_today,
            false_wakes_today: one.false_wakes_today,
            version: one.version.clone(),
        }
    }
}

#[derive(Deserialize, ToSchema)]
pub struct SatelliteChange {
    pub name: Option<String>,
    pub area: Option<String>,
    /// 0 to 100.
    pub volume: Option<u8>,
    /// 0 to 100.
    pub sensitivity: Option<u8>,
    pub muted: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
pub struct Explain {
    pub text: String,
    pub area: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Explanation {
    pub text: String,
    pub intent: Option<String>,
    pub slots: Vec<Slot>,
    pub sentence: Option<String>,
    pub alternatives: Vec<String>,
}

impl From<port::Explanation> for Explanation {
    fn from(it: port::Explanation) -> Explanation {
        Explanation {
            text: it.text,
            intent: it.intent,
            slots: it.slots.into_iter().map(|(name, value)| Slot { name, value }).collect(),
            sentence: it.sentence,
            alternatives: it.alternatives.into_iter().map(|(sentence, _)| sentence).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::retention;

    #[test]
    fn every_retention_is_spelled_as_on_the_page() {
        for (keep, (chosen, name)) in Keep::ALL.iter().zip(RETENTIONS) {
            assert_eq!(serde_json::to_value(keep).unwrap(), name);
            assert_eq!(retention(name), Some(chosen));
        }
    }
}
