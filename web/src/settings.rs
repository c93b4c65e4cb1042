//! What the house may keep of a person: every switch with what it does and what it does not do.
//!
//! The first visit asks the same questions before anything is assumed.

use askama::Template;
use axum::response::Response;
use jiff::Timestamp;
use sotto_house::{Area, FalseWakes, Retention};
use sotto_journal::{MemberError, Settings, Touches};

use crate::answer::{go, page};
use crate::frame::Frame;
use crate::language::Language;
use crate::trouble::Trouble;
use crate::visitor::{Deed, Member};
use crate::welcome::member_error;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    first: bool,
    saved: bool,
    keeps: Vec<Choice>,
    keep_touches: String,
    switches: Vec<Switch>,
    house: Option<HouseKeep>,
    areas: Vec<AreaKeep>,
    /// Whether the configuration lets the words of those go out who were not recognised.
    words_leave: bool,
}

/// What an adult chooses for everybody.
struct HouseKeep {
    keeps: Vec<Choice>,
    false_wakes: Vec<Choice>,
    claims: bool,
    touches: String,
}

/// Value, label, chosen.
type Choice = (&'static str, String, bool);

struct Switch {
    name: &'static str,
    title: String,
    does: String,
    not: String,
    touches: Option<String>,
    on: bool,
}

struct AreaKeep {
    name: String,
    keeps: Vec<Choice>,
}

const SWITCHES: [&str; 7] =
    ["transcripts", "recognise", "voice_erasure", "given", "review", "training", "words_out"];

pub const RETENTIONS: [(Retention, &str); 7] = [
    (Retention::NotAtAll, "not_at_all"),
    (Retention::Day, "day"),
    (Retention::Week, "week"),
    (Retention::Month, "month"),
    (Retention::ThreeMonths, "three_months"),
    (Retention::EighteenMonths, "eighteen_months"),
    (Retention::UntilErased, "until_erased"),
];

/// A retention by its name on the page.
pub fn retention(name: &str) -> Option<Retention> {
    RETENTIONS.iter().find(|(_, known)| *known == name).map(|(retention, _)| *retention)
}

pub const FALSE_WAKES: [(FalseWakes, &str); 3] =
    [(FalseWakes::NotAtAll, "not_at_all"), (FalseWakes::Minutes, "minutes"), (FalseWakes::Day, "day")];

fn false_wakes(name: &str) -> Option<FalseWakes> {
    FALSE_WAKES.iter().find(|(_, known)| *known == name).map(|(choice, _)| *choice)
}

fn choices(lang: &Language, chosen: Retention) -> Vec<Choice> {
    let label = |name: &str| lang.say(&format!("retention.{name}")).to_owned();
    RETENTIONS.iter().map(|(retention, name)| (*name, label(name), *retention == chosen)).collect()
}

pub async fn settings_page(member: Member) -> Result<Response, Trouble> {
    show(member, false).await
}

/// The first visit: the same switches, asked before anything is kept.
pub async fn first_page(member: Member) -> Result<Response, Trouble> {
    show(member, true).await
}

async fn show(member: Member, first: bool) -> Result<Response, Trouble> {
    let lang = member.lang;
    let session = member.session.clone();
    let shared = member.shared.clone();
    let satellites = shared.port.satellites();
    let found = shared
        .ask(move |journal| -> Result<_, MemberError> {
            let settings = journal.settings(&session.person)?;
            let touches = journal.touches(&session.person, Timestamp::now())?;
            let house = (journal.house_keep()?, journal.false_wakes()?, journal.claims()?);
            let voice = journal.voice(&session.person)?.is_some();
            Ok((settings, touches, house, journal.area_keeps()?, voice))
        })
        .await?;
    let (settings, touches, house, area_keeps, voice) = found.map_err(|error| refused(lang, &error))?;
    let switches = SWITCHES
        .iter()
        .map(|name| Switch {
            name,
            title: lang.say(&format!("settings.{name}")).to_owned(),
            does: lang.say(&format!("settings.{name}_does")).to_owned(),
            not: lang.say(&format!("settings.{name}_not")).to_owned(),
            touches: touched(lang, name, &touches, voice),
            on: on(&settings, name),
        })
        .collect();
    let mut areas: Vec<Area> = satellites.into_iter().filter_map(|satellite| satellite.area).collect();
    areas.extend(area_keeps.iter().map(|(area, _)| area.clone()));
    areas.sort();
    areas.dedup();
    let adult = member.person().is_adult();
    let house = adult.then(|| HouseKeep {
        keeps: choices(lang, house.0),
        false_wakes: FALSE_WAKES
            .iter()
            .map(|(choice, name)| {
                (*name, lang.say(&format!("retention.{name}")).to_owned(), *choice == house.1)
            })
            .collect(),
        claims: house.2,
        touches: lang.count("settings.house_touches", touches.house),
    });
    let areas = areas
        .into_iter()
        .filter(|_| adult)
        .map(|area| {
            let keep = area_keeps.iter().find(|(known, _)| *known == area).map(|(_, keep)| *keep);
            AreaKeep {
                name: area.as_str().to_owned(),
                keeps: choices(lang, keep.unwrap_or(Retention::UntilErased)),
            }
        })
        .collect();
    Ok(page(&SettingsPage {
        frame: member.frame(if first { "settings.first_title" } else { "settings.title" }),
        first,
        saved: member.path.ends_with("?saved"),
        keeps: choices(lang, settings.keep)
            .into_iter()
            .map(|(value, label, here)| (value, with_what_goes(lang, value, label, &touches), here))
            .collect(),
        keep_touches: lang.count("settings.keep_touches", touches.recordings),
        switches,
        house,
        areas,
        words_leave: member.shared.port.words_leave(),
    }))
}

/// A choice, and how many recordings it would erase at once.
fn with_what_goes(lang: &Language, value: &str, label: String, touches: &Touches) -> String {
    let too_old = touches.too_old.iter().find(|(keep, _)| retention(value) == Some(*keep));
    match too_old {
        Some((_, goes)) if *goes > 0 => format!("{label} ({})", lang.count("settings.too_old", *goes)),
        _ => label,
    }
}

/// What a switch bears on at this moment.
fn touched(lang: &Language, switch: &str, touches: &Touches, voice: bool) -> Option<String> {
    let count = match switch {
        "recognise" | "words_out" => {
            let known = if voice { "settings.voice_known" } else { "settings.voice_unknown" };
            return Some(lang.say(known).to_owned());
        }
        "given" => return None,
        "review" => touches.with_reviewers,
        "training" => touches.exported,
        _ => touches.recordings,
    };
    Some(lang.count(&format!("settings.{switch}_touches"), count))
}

fn on(settings: &Settings, name: &str) -> bool {
    match name {
        "transcripts" => settings.transcripts,
        "review" => settings.review,
        "training" => settings.training,
        "recognise" => settings.recognise,
        "words_out" => settings.words_out,
        "given" => settings.given,
        _ => settings.voice_erasure,
    }
}

pub async fn settings(deed: Deed) -> Result<Response, Trouble> {
    save(deed).await?;
    Ok(go("/settings?saved"))
}

pub async fn first(deed: Deed) -> Result<Response, Trouble> {
    save(deed).await?;
    Ok(go("/history"))
}

async fn save(deed: Deed) -> Result<(), Trouble> {
    let Deed { member, form } = deed;
    let lang = member.lang;
    let Some(keep) = retention(form.get("keep")) else { return Err(unknown(lang)) };
    let settings = Settings {
        keep,
        transcripts: form.has("transcripts"),
        review: form.has("review"),
        training: form.has("training"),
        voice_erasure: form.has("voice_erasure"),
        recognise: form.has("recognise"),
        words_out: form.has("words_out"),
        given: form.has("given"),
    };
    let saved = member.ask(move |journal, who| journal.set_settings(who, settings, Timestamp::now()));
    saved.await?.map_err(|error| refused(lang, &error))
}

/// What is decided for everybody.
#[derive(Debug, Clone, Copy)]
pub struct OfHouse {
    /// How long the house's own recordings stay.
    pub keep: Retention,
    pub false_wakes: FalseWakes,
    /// Whether what is the house's may be claimed.
    pub claims: bool,
}

pub async fn house(deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    let chosen = retention(form.get("house_keep")).zip(false_wakes(form.get("false_wakes")));
    let Some((keep, false_wakes)) = chosen else { return Err(unknown(member.lang)) };
    set_house(&member, OfHouse { keep, false_wakes, claims: form.has("claims") }).await?;
    Ok(go("/settings?saved"))
}

pub async fn set_house(member: &Member, chosen: OfHouse) -> Result<(), Trouble> {
    let set = member.ask(move |journal, who| -> Result<(), MemberError> {
        let now = Timestamp::now();
        journal.set_claims(who, chosen.claims, now)?;
        journal.set_house_keep(who, chosen.keep, now)?;
        journal.set_false_wakes(who, chosen.false_wakes, now)
    });
    set.await?.map_err(|error| refused(member.lang, &error))
}

/// What is decided for everybody, and how long areas keep.
pub async fn of_house(member: &Member) -> Result<(OfHouse, Vec<(Area, Retention)>), Trouble> {
    let found = member.ask(|journal, _| -> Result<_, MemberError> {
        let (keep, false_wakes) = (journal.house_keep()?, journal.false_wakes()?);
        Ok((OfHouse { keep, false_wakes, claims: journal.claims()? }, journal.area_keeps()?))
    });
    found.await?.map_err(|error| refused(member.lang, &error))
}

pub async fn area(deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    let Some(keep) = retention(form.get("keep")) else { return Err(unknown(member.lang)) };
    set_area(&member, form.get("area"), keep).await?;
    Ok(go("/settings?saved"))
}

/// How long an area keeps, for everybody; "until erased" is the same as no limit.
pub async fn set_area(member: &Member, area: &str, keep: Retention) -> Result<(), Trouble> {
    let area = Area::new(area).map_err(|_| unknown(member.lang))?;
    let keep = (keep != Retention::UntilErased).then_some(keep);
    let set = member.ask(move |journal, who| journal.set_area_keep(who, &area, keep, Timestamp::now()));
    set.await?.map_err(|error| refused(member.lang, &error))
}

fn unknown(lang: &'static Language) -> Trouble {
    Trouble::Refused(lang, lang.say("trouble.refused.remedy").to_owned())
}

/// A member error as a page.
pub fn refused(lang: &'static Language, error: &MemberError) -> Trouble {
    match error {
        MemberError::Store(error) => Trouble::store(lang, error),
        MemberError::NotAdministrator => Trouble::NotYours(lang),
        error => Trouble::Refused(lang, member_error(lang, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_of_the_house_is_on_the_page() {
        assert_eq!(RETENTIONS.map(|(retention, _)| retention), Retention::ALL);
        for (choice, name) in RETENTIONS {
            assert_eq!(retention(name), Some(choice));
        }
        assert_eq!(retention("forever"), None);
        assert_eq!(FALSE_WAKES.map(|(choice, _)| choice), FalseWakes::ALL);
    }
}
