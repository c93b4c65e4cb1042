//! One's own way in: the passphrase, and where one is signed in.

use askama::Template;
use axum::response::Response;
use jiff::Timestamp;
use sotto_journal::Passkey;
use zeroize::Zeroizing;

use crate::answer::{go, page};
use crate::frame::Frame;
use crate::settings::refused;
use crate::tokens::Scope;
use crate::trouble::Trouble;
use crate::visitor::{Deed, Member};
use crate::welcome::weak;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    name: String,
    role: String,
    note: Option<String>,
    bad: bool,
    person: String,
    passkeys: Vec<OnePasskey>,
    sessions: Vec<OneSession>,
    token: Option<String>,
    tokens: Vec<OneToken>,
    scopes: Vec<(&'static str, String)>,
}

struct OnePasskey {
    name: String,
    about: String,
    credential: String,
}

struct OneToken {
    name: String,
    about: String,
    handle: String,
}

struct OneSession {
    browser: String,
    since: String,
    handle: String,
    here: bool,
}

pub async fn account_page(member: Member) -> Result<Response, Trouble> {
    show(&member, None, false).await
}

async fn show(member: &Member, note: Option<String>, bad: bool) -> Result<Response, Trouble> {
    show_with(member, note, bad, None).await
}

async fn show_with(
    member: &Member,
    note: Option<String>,
    bad: bool,
    token: Option<String>,
) -> Result<Response, Trouble> {
    let lang = member.lang;
    let passkeys = passkeys(member).await?;
    let tokens = member.shared.tokens.own(member.session.id);
    let tokens = tokens
        .iter()
        .map(|token| {
            let since = Timestamp::try_from(token.since).unwrap_or_default();
            let since = lang.moment(since, member.zone(), member.today());
            let scopes =
                Scope::ALL.iter().filter(|(scope, _)| token.scopes.contains(scope)).map(|(_, name)| *name);
            let scopes: Vec<&str> = scopes.collect();
            OneToken {
                name: token.name.clone(),
                about: format!("{} · {}", scopes.join(", "), lang.fill("account.since", &[("when", &since)])),
                handle: token.handle.clone(),
            }
        })
        .collect();
    let sessions = member.shared.sessions.own(member.session.id);
    let sessions = sessions
        .into_iter()
        .map(|session| {
            let since = Timestamp::try_from(session.since).unwrap_or_default();
            let since = lang.moment(since, member.zone(), member.today());
            OneSession {
                browser: browser(&session.browser).unwrap_or_else(|| lang.say("account.browser").to_owned()),
                since: lang.fill("account.since", &[("when", &since)]),
                here: session.handle == member.session.handle,
                handle: session.handle.clone(),
            }
        })
        .collect();
    Ok(page(&AccountPage {
        frame: member.frame("account.title"),
        name: member.person().name().to_owned(),
        role: role_of(member),
        note,
        bad,
        person: crate::passkey::in_text(member.session.id.bytes()),
        passkeys: passkeys.into_iter().map(|passkey| one_passkey(member, passkey)).collect(),
        sessions,
        token,
        tokens,
        scopes: Scope::ALL.map(|(_, name)| (name, lang.say(&format!("scope.{name}")).to_owned())).into(),
    }))
}

pub async fn passkeys(member: &Member) -> Result<Vec<Passkey>, Trouble> {
    let passkeys = member.ask(|journal, who| journal.passkeys(who)).await?;
    passkeys.map_err(|error| Trouble::store(member.lang, &error))
}

fn one_passkey(member: &Member, passkey: Passkey) -> OnePasskey {
    let lang = member.lang;
    let moment = |at| lang.moment(at, member.zone(), member.today());
    let made = lang.fill("account.since", &[("when", &moment(passkey.made))]);
    let used = match passkey.used {
        Some(used) => lang.fill("passkey.used", &[("when", &moment(used))]),
        None => lang.say("passkey.unused").to_owned(),
    };
    OnePasskey {
        about: format!("{} · {made} · {used}", passkey.host),
        name: passkey.name,
        credential: crate::passkey::in_text(&passkey.credential),
    }
}

fn role_of(member: &Member) -> String {
    let (lang, person) = (member.lang, member.person());
    let role = lang.say(role_key(person.role()));
    if person.is_administrator() {
        format!("{role} · {}", lang.say("role.administrator"))
    } else {
        role.into()
    }
}

pub fn role_key(role: sotto_house::Role) -> &'static str {
    match role {
        sotto_house::Role::Adult => "role.adult",
        sotto_house::Role::Child => "role.child",
        sotto_house::Role::Guest => "role.guest",
    }
}

/// `Firefox on Android` from a `User-Agent`, when it says so.
fn browser(agent: &str) -> Option<String> {
    let first = |known: &[(&'static str, &'static str)]| {
        known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    let name = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ])?;
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    ]);
    Some(system.map_or(name.to_owned(), |system| format!("{name}, {system}")))
}

pub async fn passphrase(deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    match change_passphrase(&member, form.raw("old"), form.raw("new")).await {
        Ok(()) => show(&member, Some(member.lang.say("account.changed").to_owned()), false).await,
        Err(Trouble::Refused(_, why)) => show(&member, Some(why), true).await,
        Err(error) => Err(error),
    }
}

/// Another passphrase; whoever is signed in elsewhere is no longer.
pub async fn change_passphrase(member: &Member, old: &str, new: &str) -> Result<(), Trouble> {
    if let Some(weak) = weak(new, member.person().name()) {
        return Err(Trouble::Refused(member.lang, member.lang.say(weak).to_owned()));
    }
    member.try_heavy()?;
    let _seat = member.shared.hard.acquire().await;
    let (old, new) = (Zeroizing::new(old.to_owned()), Zeroizing::new(new.to_owned()));
    let changed =
        member.ask(move |journal, who| journal.change_passphrase(who, &old, &new, Timestamp::now()));
    changed.await?.map_err(|error| refused(member.lang, &error))?;
    member.shared.sign_out(member.session.id, Some(&member.session.handle));
    Ok(())
}

pub async fn close_session(deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    match member.shared.sessions.close_one(member.session.id, form.get("session")) {
        true => Ok(go("/account")),
        false => Err(Trouble::NotHere(member.lang)),
    }
}

/// Makes a token and shows it, this once.
pub async fn make_token(deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    let scopes: Vec<Scope> = form.all("scope").filter_map(Scope::named).collect();
    let token = new_token(&member, form.get("name"), scopes)?;
    show_with(&member, None, false, Some(token)).await
}

pub fn new_token(member: &Member, name: &str, scopes: Vec<Scope>) -> Result<String, Trouble> {
    let lang = member.lang;
    if scopes.is_empty() {
        return Err(Trouble::Refused(lang, lang.say("account.no_scope").to_owned()));
    }
    let made = member.shared.tokens.make(member.session.clone(), name, scopes);
    let made = made.map_err(|error| Trouble::Broken(lang, error.to_string()))?;
    made.ok_or_else(|| Trouble::Refused(lang, lang.say("account.too_many_tokens").to_owned()))
}

pub async fn end_token(deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    match member.shared.tokens.end_one(member.session.id, form.get("token")) {
        true => Ok(go("/account")),
        false => Err(Trouble::NotHere(member.lang)),
    }
}

/// Signs out everywhere, here too.
pub async fn close_all(deed: Deed) -> Response {
    deed.member.shared.sign_out(deed.member.session.id, None);
    go("/sign-in")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_named_as_people_name_it() {
        let check =
            |agent: &str, expect: Option<&str>| assert_eq!(browser(agent).as_deref(), expect, "{agent}");
        check(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537 Chrome/156.0 Safari/537",
            Some("Chrome, Linux"),
        );
        check("Mozilla/5.0 (Android 15; Mobile; rv:1) Gecko/1 Firefox/150.0", Some("Firefox, Android"));
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19 Safari/604",
            Some("Safari, iPhone"),
        );
        check("", None);
    }
}
