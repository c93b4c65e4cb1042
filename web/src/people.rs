//! Who lives here: members and roles, invitations, who may open the house's recordings.

use askama::Template;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use jiff::Timestamp;
use qrcode::QrCode;
use sotto_house::{PersonId, Role};
use sotto_journal::StoreError;

use crate::account::role_key;
use crate::answer::{go, page};
use crate::erase::AskPage;
use crate::frame::Frame;
use crate::settings::refused;
use crate::trouble::Trouble;
use crate::visitor::{Deed, Member};

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    frame: Frame,
    people: Vec<OnePerson>,
    may_invite: bool,
}

struct OnePerson {
    id: String,
    name: String,
    about: String,
    me: bool,
    administrator: bool,
    waits: bool,
    may_admit: bool,
    may_promote: bool,
    reviewer: bool,
    may_remove: bool,
    /// A child whom the reader looks after.
    my_ward: bool,
    /// The adults who may look after this child, and whether each does: for an administrator.
    guardians: Vec<Guardian>,
}

struct Guardian {
    id: String,
    is: bool,
    label: String,
}

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage {
    frame: Frame,
    address: String,
    /// Side of the code in modules, with its quiet zone.
    side: usize,
    /// An SVG path of the dark modules.
    modules: String,
}

pub async fn people_page(member: Member) -> Result<Response, Trouble> {
    let lang = member.lang;
    let found = member.shared.ask(|journal| Ok((journal.members()?, journal.guardians()?))).await?;
    let (members, guardians) = found.map_err(|e: StoreError| Trouble::Broken(lang, e.to_string()))?;
    let me = member.person();
    let adults: Vec<_> = members.iter().filter(|one| one.role == Role::Adult).cloned().collect();
    let guards = |child: PersonId, adult: PersonId| guardians.contains(&(child, adult));
    let people = members
        .into_iter()
        .map(|one| {
            let mut about = vec![lang.say(role_key(one.role)).to_owned()];
            about.extend(one.administrator.then(|| lang.say("role.administrator").to_owned()));
            about.extend(one.reviewer.then(|| lang.say("role.reviewer").to_owned()));
            let since = lang.date(one.joined.to_zoned_datetime(member.zone().clone()).date());
            about.push(lang.fill("people.since", &[("when", &since)]));
            let names: Vec<&str> = adults
                .iter()
                .filter(|adult| guards(one.id, adult.id))
                .map(|adult| adult.name.as_str())
                .collect();
            if !names.is_empty() {
                about.push(lang.fill("people.guarded_by", &[("names", &names.join(", "))]));
            }
            let choices = adults.iter().filter(|_| me.is_administrator() && one.role == Role::Child);
            let choices = choices
                .map(|adult| {
                    let is = guards(one.id, adult.id);
                    let key = if is { "people.no_guardian" } else { "people.guardian" };
                    Guardian { id: adult.id.to_string(), is, label: lang.fill(key, &[("name", &adult.name)]) }
                })
                .collect();
            let waits = one.role == Role::Adult && !one.opens_house;
            OnePerson {
                id: one.id.to_string(),
                name: one.name,
                about: about.join(" · "),
                me: one.id == me.id(),
                administrator: one.administrator,
                waits,
                may_admit: waits && me.opens_house(),
                may_promote: me.is_administrator() && one.role == Role::Adult,
                reviewer: one.reviewer,
                may_remove: me.is_administrator() || one.id == me.id(),
                my_ward: guards(one.id, me.id()),
                guardians: choices,
            }
        })
        .collect();
    let may_invite = me.is_administrator();
    Ok(page(&PeoplePage { frame: member.frame("people.title"), people, may_invite }))
}

pub async fn invite(headers: HeaderMap, deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed.administrator()?;
    let lang = member.lang;
    let role = match form.get("role") {
        "adult" => Role::Adult,
        "child" => Role::Child,
        "guest" => Role::Guest,
        _ => return Err(Trouble::Refused(lang, lang.say("trouble.refused.remedy").to_owned())),
    };
    let administrator = form.has("administrator") && role == Role::Adult;
    let session = member.session.clone();
    let token = member
        .shared
        .ask(move |journal| journal.invite(&session.person, role, administrator, Timestamp::now()))
        .await?
        .map_err(|error| refused(lang, &error))?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("sotto.local");
    let address = format!("https://{host}/join/{}", token.reveal().as_str());
    let (side, modules) = qr(&address).unwrap_or_default();
    Ok(page(&InvitationPage { frame: member.frame("people.invitation"), address, side, modules }))
}

/// A QR code as one SVG path over a grid, with the four light modules around it that readers need.
fn qr(text: &str) -> Option<(usize, String)> {
    use std::fmt::Write;
    const QUIET: usize = 4;
    let code = QrCode::new(text).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (at, colour) in code.to_colors().into_iter().enumerate() {
        if colour == qrcode::Color::Dark {
            let _ = write!(path, "M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET);
        }
    }
    Some((width + 2 * QUIET, path))
}

fn person(deed: &Deed) -> Result<PersonId, Trouble> {
    deed.form.get("person").parse().map_err(|_| Trouble::NotHere(deed.member.lang))
}

pub async fn administrator(deed: Deed) -> Result<Response, Trouble> {
    let deed = deed.administrator()?;
    let (who, on) = (person(&deed)?, deed.form.get("on") == "yes");
    let (lang, session) = (deed.member.lang, deed.member.session.clone());
    let set = deed
        .member
        .shared
        .ask(move |journal| journal.set_administrator(&session.person, who, on, Timestamp::now()))
        .await?;
    set.map_err(|error| refused(lang, &error))?;
    // What somebody may do is settled when they sign in, so they sign in again.
    deed.member.shared.sign_out(who, None);
    Ok(go("/people"))
}

/// Lets an adult who was added at the console into the recordings of the house.
pub async fn admit(deed: Deed) -> Result<Response, Trouble> {
    let who = person(&deed)?;
    let (lang, session) = (deed.member.lang, deed.member.session.clone());
    let admitted =
        deed.member.shared.ask(move |journal| journal.admit(&session.person, who, Timestamp::now())).await?;
    admitted.map_err(|error| refused(lang, &error))?;
    deed.member.shared.sign_out(who, None);
    Ok(go("/people"))
}

/// Lets somebody review the clips of those who opted in, or no longer.
pub async fn reviewer(deed: Deed) -> Result<Response, Trouble> {
    let deed = deed.administrator()?;
    let (who, on) = (person(&deed)?, deed.form.get("on") == "yes");
    let (lang, session) = (deed.member.lang, deed.member.session.clone());
    let set = deed
        .member
        .shared
        .ask(move |journal| journal.set_reviewer(&session.person, who, on, Timestamp::now()))
        .await?;
    set.map_err(|error| refused(lang, &error))?;
    deed.member.shared.sessions.set_reviewer(who, on);
    Ok(go("/people"))
}

/// Says that an adult looks after a child, or no longer.
pub async fn guardian(deed: Deed) -> Result<Response, Trouble> {
    let deed = deed.administrator()?;
    let (child, on) = (person(&deed)?, deed.form.get("on") == "yes");
    let (lang, session) = (deed.member.lang, deed.member.session.clone());
    let Ok(adult) = deed.form.get("guardian").parse() else { return Err(Trouble::NotHere(lang)) };
    let set = deed
        .member
        .shared
        .ask(move |journal| journal.set_guardian(&session.person, child, adult, on, Timestamp::now()))
        .await?;
    set.map_err(|error| refused(lang, &error))?;
    Ok(go("/people"))
}

pub async fn ask_leave(deed: Deed) -> Result<Response, Trouble> {
    let who = person(&deed)?;
    let lang = deed.member.lang;
    let members = deed.member.shared.ask(|journal| journal.members()).await?;
    let members = members.map_err(|e| Trouble::Broken(lang, e.to_string()))?;
    let Some(one) = members.into_iter().find(|one| one.id == who) else { return Err(Trouble::NotHere(lang)) };
    Ok(page(&AskPage {
        frame: deed.member.frame("people.leave"),
        title: lang.fill("people.leave_title", &[("name", &one.name)]),
        lines: ["people.leave_what", "people.leave_stays", "erase.undo"]
            .map(|key| lang.say(key).into())
            .into(),
        action: "/people/leave",
        hidden: vec![("person".to_owned(), who.to_string())],
        button: lang.fill("people.leave_go", &[("name", &one.name)]),
        keep: lang.say("people.leave_keep"),
        back: "/people",
    }))
}

/// Somebody leaves: their key goes, and with it everything that was theirs.
pub async fn leave(deed: Deed) -> Result<Response, Trouble> {
    let who = person(&deed)?;
    let (lang, session) = (deed.member.lang, deed.member.session.clone());
    let left = deed
        .member
        .shared
        .ask(move |journal| journal.remove_member(&session.person, who, Timestamp::now()))
        .await?;
    left.map_err(|error| refused(lang, &error))?;
    deed.member.shared.sign_out(who, None);
    Ok(go("/people"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_fits_a_code() {
        let address = format!("https://sotto.local:8443/join/{}", "a".repeat(64));
        let (side, path) = qr(&address).unwrap();
        assert!((29..80).contains(&side), "{side}");
        assert!(path.starts_with("M4 4h1v1h-1z"), "the finder pattern begins after the quiet zone");
        assert_eq!(qr(&"x".repeat(10_000)), None);
    }
}
