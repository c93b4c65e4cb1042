//! The house: satellites on a list by floor plan's simplest form, the area; pairing; engines; what is around.
//!
//! Everybody may see what listens in their home; changing it is for administrators.

use askama::Template;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sotto_house::{Area, SatelliteId};

use crate::answer::{go, page};
use crate::erase::AskPage;
use crate::frame::Frame;
use crate::language::Language;
use crate::port::{ModelState, PairingState, PortError, Satellite, SatelliteChange, SatelliteState};
use crate::trouble::Trouble;
use crate::visitor::{Deed, Member};

#[derive(Template)]
#[template(path = "house.html")]
struct HousePage {
    frame: Frame,
    administrator: bool,
    areas: Vec<OneArea>,
    found: Vec<(String, String)>,
    pairing: Option<OnePairing>,
    models: Vec<OneModel>,
    neighbours: Vec<(String, bool, String)>,
}

struct OneArea {
    name: String,
    satellites: Vec<OneSatellite>,
}

struct OneSatellite {
    id: String,
    name: String,
    area: String,
    state: &'static str,
    tone: &'static str,
    heard: String,
    false_wakes: String,
    bytes: String,
    volume: u8,
    sensitivity: u8,
    muted: bool,
    by_hand: bool,
    /// Whether there is a microphone to watch.
    hears: bool,
    version: String,
    update: Option<String>,
}

struct OnePairing {
    code: String,
    text: String,
    waiting: bool,
}

struct OneModel {
    name: String,
    kind: String,
    state: String,
    tone: &'static str,
    progress: Option<u8>,
    may_pull: bool,
}

pub async fn house_page(member: Member) -> Response {
    let lang = member.lang;
    let port = &member.shared.port;
    let mut areas: Vec<OneArea> = Vec::new();
    let mut satellites = port.satellites();
    satellites
        .sort_by(|a, b| (a.area.is_none(), &a.area, &a.name).cmp(&(b.area.is_none(), &b.area, &b.name)));
    for satellite in satellites {
        let name = satellite.area.as_ref().map_or(lang.say("house.no_area"), Area::as_str).to_owned();
        let one = one_satellite(&member, satellite);
        match areas.last_mut() {
            Some(area) if area.name == name => area.satellites.push(one),
            _ => areas.push(OneArea { name, satellites: vec![one] }),
        }
    }
    let administrator = member.person().is_administrator();
    let pairing = port.pairing().filter(|_| administrator).map(|pairing| OnePairing {
        waiting: pairing.state == PairingState::Waiting,
        text: match &pairing.state {
            PairingState::Waiting => {
                let until = Timestamp::try_from(pairing.expires).unwrap_or_default();
                lang.fill("house.pairing_waits", &[("clock", &lang.clock(until, member.zone()))])
            }
            PairingState::Paired(id) => lang.fill("house.pairing_done", &[("satellite", id.as_str())]),
            PairingState::Burnt => lang.say("house.pairing_burnt").to_owned(),
        },
        code: pairing.code,
    });
    let models = port
        .models()
        .into_iter()
        .map(|model| {
            let (state, tone) = match &model.state {
                ModelState::InUse => (lang.say("model.in_use").to_owned(), "good"),
                ModelState::Installed => (lang.say("model.installed").to_owned(), ""),
                ModelState::Pulling(_) => (lang.say("model.pulling").to_owned(), "warn"),
                ModelState::NotInstalled => (lang.say("model.not_installed").to_owned(), ""),
                ModelState::Failed(why) => (why.clone(), "bad"),
            };
            let size = model.bytes.map(|bytes| format!(" · {}", lang.bytes(bytes))).unwrap_or_default();
            OneModel {
                kind: format!("{}{size}", model.kind),
                name: model.name,
                state,
                tone,
                progress: match model.state {
                    ModelState::Pulling(part) => Some((part.clamp(0.0, 1.0) * 100.0) as u8),
                    _ => None,
                },
                may_pull: administrator
                    && matches!(model.state, ModelState::NotInstalled | ModelState::Failed(_)),
            }
        })
        .collect();
    let found = port.found().into_iter().map(|found| (found.id.as_str().to_owned(), found.name));
    let neighbours = port.neighbours().into_iter().map(|one| (one.name, one.reachable, one.note));
    page(&HousePage {
        frame: member.frame("house.title"),
        administrator,
        areas,
        found: found.filter(|_| administrator).collect(),
        pairing,
        models,
        neighbours: neighbours.collect(),
    })
}

fn one_satellite(member: &Member, satellite: Satellite) -> OneSatellite {
    let lang = member.lang;
    let (state, tone) = match satellite.state {
        SatelliteState::Ready => ("satellite.ready", "good"),
        SatelliteState::Listening => ("satellite.listening", "warn"),
        SatelliteState::Speaking => ("satellite.speaking", "warn"),
        SatelliteState::MutedByHand => ("satellite.muted_by_hand", ""),
        SatelliteState::MutedHere => ("satellite.muted_here", ""),
        SatelliteState::Away => ("satellite.away", "bad"),
    };
    let heard = satellite.last_heard.and_then(|heard| Timestamp::try_from(heard).ok());
    OneSatellite {
        id: satellite.id.as_str().to_owned(),
        name: satellite.name,
        area: satellite.area.map(|area| area.as_str().to_owned()).unwrap_or_default(),
        state: lang.say(state),
        tone,
        heard: match heard {
            Some(heard) => lang.moment(heard, member.zone(), member.today()),
            None => lang.say("satellite.never").to_owned(),
        },
        false_wakes: lang.number(satellite.false_wakes_today.into()),
        bytes: lang.bytes(satellite.bytes_today),
        volume: satellite.volume.min(100),
        sensitivity: satellite.sensitivity.min(100),
        muted: satellite.state == SatelliteState::MutedHere,
        by_hand: satellite.state == SatelliteState::MutedByHand,
        hears: !matches!(
            satellite.state,
            SatelliteState::Away | SatelliteState::MutedByHand | SatelliteState::MutedHere
        ),
        version: satellite.version,
        update: satellite.update,
    }
}

/// How loud it is at each microphone, from 0 (a quiet room, about -60 dBFS) to 100. For administrators, who set
/// microphones up: to others it would tell who is at home. A number says nothing of what is spoken.
pub async fn levels(member: Member) -> Result<Response, Trouble> {
    let member = member.administrator()?;
    let levels = member.shared.port.levels().into_iter();
    let meter = |level: f32| ((level.clamp(-60.0, 0.0) + 60.0) / 60.0 * 100.0) as u8;
    let levels: serde_json::Map<String, serde_json::Value> =
        levels.map(|(id, level)| (id.as_str().to_owned(), meter(level).into())).collect();
    Ok(axum::Json(levels).into_response())
}

fn satellite(deed: &Deed) -> Result<SatelliteId, Trouble> {
    SatelliteId::new(deed.form.get("satellite")).map_err(|_| Trouble::NotHere(deed.member.lang))
}

/// Back to the page, or the reason why not.
fn done(lang: &'static Language, result: Result<(), PortError>) -> Result<Response, Trouble> {
    match result {
        Ok(()) => Ok(go("/house")),
        Err(error) => Err(port_trouble(lang, &error)),
    }
}

pub fn port_trouble(lang: &'static Language, error: &PortError) -> Trouble {
    match error {
        PortError::NoSuchSatellite => Trouble::NotHere(lang),
        PortError::NotConnected => Trouble::Refused(lang, lang.say("satellite.not_connected").to_owned()),
        error => Trouble::Refused(lang, error.to_string()),
    }
}

pub async fn begin_pairing(deed: Deed) -> Result<Response, Trouble> {
    let deed = deed.administrator()?;
    let begun = deed.member.shared.port.begin_pairing().await;
    done(deed.member.lang, begun.map(drop))
}

pub async fn pair_found(deed: Deed) -> Result<Response, Trouble> {
    let deed = deed.administrator()?;
    let (id, code) = (satellite(&deed)?, deed.form.get("code").chars().take(64).collect());
    done(deed.member.lang, deed.member.shared.port.pair_found(id, code).await)
}

pub async fn cancel_pairing(deed: Deed) -> Result<Response, Trouble> {
    let deed = deed.administrator()?;
    done(deed.member.lang, deed.member.shared.port.cancel_pairing().await)
}

pub async fn change(deed: Deed) -> Result<Response, Trouble> {
    let deed = deed.administrator()?;
    let id = satellite(&deed)?;
    let lang = deed.member.lang;
    let form = &deed.form;
    let wrong = || Trouble::Refused(lang, lang.say("satellite.wrong").to_owned());
    let name: String = form.get("name").chars().filter(|c| !c.is_control()).take(Area::LIMIT).collect();
    let area = match form.get("area") {
        "" => None,
        area => Some(Area::new(area).map_err(|_| wrong())?),
    };
    let part = |name: &str| -> Result<Option<u8>, Trouble> {
        match form.get(name) {
            "" => Ok(None),
            text => text.parse().ok().filter(|part| *part <= 100).map(Some).ok_or_else(wrong),
        }
    };
    let change = SatelliteChange {
        name: Some(name).filter(|name| !name.is_empty()),
        area,
        volume: part("volume")?,
        sensitivity: part("sensitivity")?,
        muted: Some(form.has("muted")),
    };
    done(lang, deed.member.shared.port.change(id, change).await)
}

pub async fn ask_revoke(deed: Deed) -> Result<Response, Trouble> {
    let deed = deed.administrator()?;
    let id = satellite(&deed)?;
    let lang = deed.member.lang;
    let satellites = deed.member.shared.port.satellites();
    let Some(one) = satellites.iter().find(|one| one.id == id) else { return Err(Trouble::NotHere(lang)) };
    Ok(page(&AskPage {
        frame: deed.member.frame("house.revoke"),
        title: lang.fill("house.revoke_title", &[("satellite", &one.name)]),
        lines: vec![lang.say("house.revoke_what").to_owned(), lang.say("house.revoke_recordings").to_owned()],
        action: "/house/revoke",
        hidden: vec![("satellite".to_owned(), id.as_str().to_owned())],
        button: lang.say("house.revoke").to_owned(),
        keep: lang.say("house.revoke_keep"),
        back: "/house",
    }))
}

pub async fn revoke(deed: Deed) -> Result<Response, Trouble> {
    let deed = deed.administrator()?;
    let id = satellite(&deed)?;
    done(deed.member.lang, deed.member.shared.port.revoke(id).await)
}

pub async fn update(deed: Deed) -> Result<Response, Trouble> {
    let deed = deed.administrator()?;
    let id = satellite(&deed)?;
    done(deed.member.lang, deed.member.shared.port.update(id).await)
}

pub async fn pull(deed: Deed) -> Result<Response, Trouble> {
    let deed = deed.administrator()?;
    let model = deed.form.get("model").chars().take(100).collect();
    done(deed.member.lang, deed.member.shared.port.pull(model).await)
}
