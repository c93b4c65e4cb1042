//! Who lives here: members and roles, invitations, who may open the house's recordings.

use askama::Template;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use jiff::Timestamp;
use qrcode::QrCode;
use sotto_house::{PersonId, Role};
use sotto_journal::{Member as JournalMember, StoreError};

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

/// The members, and which adult looks after which child (child first).
pub async fn everybody(member: &Member) -> Result<(Vec<JournalMember>, Vec<(PersonId, PersonId)>), Trouble> {
    let found = member.ask(|journal, _| Ok((journal.members()?, journal.guardians()?))).await?;
    found.map_err(|error: StoreError| Trouble::store(member.lang, &error))
}

pub async fn people_page(member: Member) -> Result<Response, Trouble> {
    let lang = member.lang;
    let (members, guardians) = everybody(&member).await?;
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
    let Deed { member, form } = deed;
    member.administrator()?;
    let Some(role) = role(form.get("role")) else {
        return Err(Trouble::Refused(member.lang, member.lang.say("trouble.refused.remedy").to_owned()));
    };
    let address = invitation(&member, &headers, role, form.has("administrator")).await?;
    let (side, modules) = qr(&address).unwrap_or_default();
    Ok(page(&InvitationPage { frame: member.frame("people.invitation"), address, side, modules }))
}

fn role(name: &str) -> Option<Role> {
    match name {
        "adult" => Some(Role::Adult),
        "child" => Some(Role::Child),
        "guest" => Some(Role::Guest),
        _ => None,
    }
}

/// The one-time address for somebody new, under the name by which the page was reached.
pub async fn invitation(
    member: &Member,
    headers: &HeaderMap,
    role: Role,
    administrator: bool,
) -> Result<String, Trouble> {
    member.administrator()?;
    let administrator = administrator && role == Role::Adult;
    let token = member.ask(move |journal, who| journal.invite(who, role, administrator, Timestamp::now()));
    let token = token.await?.map_err(|error| refused(member.lang, &error))?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("sotto.local");
    Ok(format!("https://{host}/join/{}", token.reveal().as_str()))
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

fn on(deed: &Deed) -> bool {
    deed.form.get("on") == "yes"
}

pub async fn administrator(deed: Deed) -> Result<Response, Trouble> {
    deed.member.administrator()?;
    set_administrator(&deed.member, person(&deed)?, on(&deed)).await?;
    Ok(go("/people"))
}

pub async fn set_administrator(member: &Member, who: PersonId, on: bool) -> Result<(), Trouble> {
    member.administrator()?;
    let set = member.ask(move |journal, by| journal.set_administrator(by, who, on, Timestamp::now()));
    set.await?.map_err(|error| refused(member.lang, &error))?;
    // What somebody may do is settled when they sign in, so they sign in again.
    member.shared.sign_out(who, None);
    Ok(())
}

/// Lets an adult who was added at the console into the recordings of the house.
pub async fn admit(deed: Deed) -> Result<Response, Trouble> {
    admit_one(&deed.member, person(&deed)?).await?;
    Ok(go("/people"))
}

pub async fn admit_one(member: &Member, who: PersonId) -> Result<(), Trouble> {
    let admitted = member.ask(move |journal, by| journal.admit(by, who, Timestamp::now()));
    admitted.await?.map_err(|error| refused(member.lang, &error))?;
    member.shared.sign_out(who, None);
    Ok(())
}

/// Lets somebody review the clips of those who opted in, or no longer.
pub async fn reviewer(deed: Deed) -> Result<Response, Trouble> {
    deed.member.administrator()?;
    set_reviewer(&deed.member, person(&deed)?, on(&deed)).await?;
    Ok(go("/people"))
}

pub async fn set_reviewer(member: &Member, who: PersonId, on: bool) -> Result<(), Trouble> {
    member.administrator()?;
    let set = member.ask(move |journal, by| journal.set_reviewer(by, who, on, Timestamp::now()));
    set.await?.map_err(|error| refused(member.lang, &error))?;
    member.shared.sessions.set_reviewer(who, on);
    Ok(())
}

/// Says that an adult looks after a child, or no longer.
pub async fn guardian(deed: Deed) -> Result<Response, Trouble> {
    deed.member.administrator()?;
    let adult = deed.form.get("guardian").parse().map_err(|_| Trouble::NotHere(deed.member.lang))?;
    set_guardian(&deed.member, person(&deed)?, adult, on(&deed)).await?;
    Ok(go("/people"))
}

pub async fn set_guardian(
    member: &Member,
    child: PersonId,
    adult: PersonId,
    on: bool,
) -> Result<(), Trouble> {
    member.administrator()?;
    let set = member.ask(move |journal, by| journal.set_guardian(by, child, adult, on, Timestamp::now()));
    set.await?.map_err(|error| refused(member.lang, &error))
}

pub async fn ask_leave(deed: Deed) -> Result<Response, Trouble> {
    let who = person(&deed)?;
    let lang = deed.member.lang;
    let (members, _) = everybody(&deed.member).await?;
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
        keep: lang.say("people.leave_keep").to_owned(),
        back: "/people",
    }))
}

pub async fn leave(deed: Deed) -> Result<Response, Trouble> {
    remove(&deed.member, person(&deed)?).await?;
    Ok(go("/people"))
}

/// Somebody leaves: their key goes, and with it everything that was theirs.
pub async fn remove(member: &Member, who: PersonId) -> Result<(), Trouble> {
    let left = member.ask(move |journal, by| journal.remove_member(by, who, Timestamp::now()));
    left.await?.map_err(|error| refused(member.lang, &error))?;
    member.shared.sign_out(who, None);
    Ok(())
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
