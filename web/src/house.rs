//! The house: satellites on a list by floor plan's simplest form, the area; pairing; engines; what is around.
//!
//! Everybody may see what listens in their home; changing it is for administrators.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sotto_house::{Area, SatelliteId};

use crate::answer::{go, page};
use crate::erase::AskPage;
use crate::frame::Frame;
use crate::language::Language;
use crate::port::{Answer, PairingState, Port, PortError, Satellite, SatelliteChange, SatelliteState};
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
    in_use: String,
    /// Name, note, tone and state.
    neighbours: Vec<(String, String, &'static str, &'static str)>,
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
    /// That there is a newer program, and what its button says.
    update: Option<(String, String)>,
}

struct OnePairing {
    code: String,
    text: String,
    waiting: bool,
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
    let found = port.found().into_iter().map(|found| (found.id.as_str().to_owned(), found.name));
    let neighbours = port.neighbours().into_iter().map(|one| {
        let (tone, state) = match one.reachable {
            Some(true) => ("good", "house.reachable"),
            Some(false) => ("bad", "house.unreachable"),
            None => ("", "house.unseen"),
        };
        (one.name, one.note, tone, lang.say(state))
    });
    page(&HousePage {
        frame: member.frame("house.title"),
        administrator,
        areas,
        found: found.filter(|_| administrator).collect(),
        pairing,
        in_use: crate::models::in_use(&member).join(", "),
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
        update: satellite.update.map(|version| {
            let say = |key| lang.fill(key, &[("version", &version)]);
            (say("satellite.update_here"), say("satellite.update"))
        }),
    }
}

/// How loud it is at each microphone, from 0 (a quiet room, about -60 dBFS) to 100. For administrators, who set
/// microphones up: to others it would tell who is at home. A number says nothing of what is spoken.
pub fn loudness(member: &Member) -> Result<BTreeMap<String, u8>, Trouble> {
    member.administrator()?;
    let meter = |level: f32| ((level.clamp(-60.0, 0.0) + 60.0) / 60.0 * 100.0) as u8;
    let levels = member.shared.port.levels().into_iter();
    Ok(levels.map(|(id, level)| (id.as_str().to_owned(), meter(level))).collect())
}

pub async fn levels(member: Member) -> Result<Response, Trouble> {
    Ok(axum::Json(loudness(&member)?).into_response())
}

pub fn satellite(lang: &'static Language, id: &str) -> Result<SatelliteId, Trouble> {
    SatelliteId::new(id).map_err(|_| Trouble::NotHere(lang))
}

/// Has the hub do something, for an administrator.
pub async fn administer<'a, T>(
    member: &'a Member,
    wish: impl FnOnce(&'a dyn Port) -> Answer<'a, T>,
) -> Result<T, Trouble> {
    member.administrator()?;
    let answer = wish(member.shared.port.as_ref());
    answer.await.map_err(|error| port_trouble(member.lang, &error))
}

pub fn port_trouble(lang: &'static Language, error: &PortError) -> Trouble {
    match error {
        PortError::NoSuchSatellite => Trouble::NotHere(lang),
        PortError::NotConnected => Trouble::Refused(lang, lang.say("satellite.not_connected").to_owned()),
        error => Trouble::Refused(lang, error.to_string()),
    }
}

pub async fn begin_pairing(deed: Deed) -> Result<Response, Trouble> {
    administer(&deed.member, |port| port.begin_pairing()).await?;
    Ok(go("/house#pairing"))
}

pub async fn pair_found(deed: Deed) -> Result<Response, Trouble> {
    pair(&deed.member, deed.form.get("satellite"), deed.form.get("code")).await?;
    Ok(go("/house#pairing"))
}

/// Pairs with a satellite that was found, by the code that it shows.
pub async fn pair(member: &Member, id: &str, code: &str) -> Result<(), Trouble> {
    member.administrator()?;
    let (id, code) = (satellite(member.lang, id)?, code.chars().take(64).collect());
    administer(member, |port| port.pair_found(id, code)).await
}

pub async fn cancel_pairing(deed: Deed) -> Result<Response, Trouble> {
    administer(&deed.member, |port| port.cancel_pairing()).await?;
    Ok(go("/house#pairing"))
}

/// What somebody wants to be otherwise at a satellite; what is not given stays.
#[derive(Default)]
pub struct Change<'a> {
    pub name: Option<&'a str>,
    pub area: Option<&'a str>,
    pub volume: Option<u32>,
    pub sensitivity: Option<u32>,
    pub muted: Option<bool>,
}

pub async fn change(deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    let wrong = |_| Trouble::Refused(member.lang, member.lang.say("satellite.wrong").to_owned());
    let given = |name| Some(form.get(name)).filter(|text| !text.is_empty());
    let part = |name| given(name).map(str::parse).transpose().map_err(wrong);
    member.administrator()?;
    let wanted = Change {
        name: given("name"),
        area: given("area"),
        volume: part("volume")?,
        sensitivity: part("sensitivity")?,
        muted: Some(form.has("muted")),
    };
    alter(&member, form.get("satellite"), wanted).await?;
    Ok(go("/house"))
}

pub async fn alter(member: &Member, id: &str, wanted: Change<'_>) -> Result<(), Trouble> {
    member.administrator()?;
    let lang = member.lang;
    let id = satellite(lang, id)?;
    let wrong = || Trouble::Refused(lang, lang.say("satellite.wrong").to_owned());
    let label = |text: &str| Area::new(text).map_err(|_| wrong());
    let part = |part: u32| u8::try_from(part).ok().filter(|part| *part <= 100).ok_or_else(wrong);
    let change = SatelliteChange {
        name: wanted.name.map(label).transpose()?.map(|name| name.as_str().to_owned()),
        area: wanted.area.map(label).transpose()?,
        volume: wanted.volume.map(part).transpose()?,
        sensitivity: wanted.sensitivity.map(part).transpose()?,
        muted: wanted.muted,
    };
    administer(member, |port| port.change(id, change)).await
}

pub async fn ask_revoke(deed: Deed) -> Result<Response, Trouble> {
    deed.member.administrator()?;
    let lang = deed.member.lang;
    let id = satellite(lang, deed.form.get("satellite"))?;
    let satellites = deed.member.shared.port.satellites();
    let Some(one) = satellites.iter().find(|one| one.id == id) else { return Err(Trouble::NotHere(lang)) };
    Ok(page(&AskPage {
        frame: deed.member.frame("house.revoke"),
        title: lang.fill("house.revoke_title", &[("satellite", &one.name)]),
        lines: vec![lang.say("house.revoke_what").to_owned(), lang.say("house.revoke_recordings").to_owned()],
        action: "/house/revoke",
        hidden: vec![("satellite".to_owned(), id.as_str().to_owned())],
        button: lang.say("house.revoke").to_owned(),
        keep: lang.say("house.revoke_keep").to_owned(),
        back: "/house",
    }))
}

pub async fn revoke(deed: Deed) -> Result<Response, Trouble> {
    banish(&deed.member, deed.form.get("satellite")).await?;
    Ok(go("/house"))
}

/// Never trusts a satellite again.
pub async fn banish(member: &Member, id: &str) -> Result<(), Trouble> {
    member.administrator()?;
    let id = satellite(member.lang, id)?;
    administer(member, |port| port.revoke(id)).await
}

pub async fn update(deed: Deed) -> Result<Response, Trouble> {
    renew(&deed.member, deed.form.get("satellite")).await?;
    Ok(go("/house"))
}

/// Has a satellite fetch the program that the hub has for it.
pub async fn renew(member: &Member, id: &str) -> Result<(), Trouble> {
    member.administrator()?;
    let id = satellite(member.lang, id)?;
    administer(member, |port| port.update(id)).await
}
