//! Speech engines and models: what there is, fetching one while the page tells how far it is, removing one.
//!
//! Everybody may see what listens to them; changing it is for administrators.

use askama::Template;
use axum::response::Response;

use crate::answer::{go, page};
use crate::erase::AskPage;
use crate::frame::Frame;
use crate::house::administer;
use crate::language::Language;
use crate::port::{Model, ModelKind, ModelState};
use crate::trouble::Trouble;
use crate::visitor::{Deed, Member};

#[derive(Template)]
#[template(path = "models.html")]
struct ModelsPage {
    frame: Frame,
    administrator: bool,
    kinds: Vec<Kind>,
    busy: bool,
}

struct Kind {
    title: &'static str,
    does: &'static str,
    models: Vec<One>,
}

struct One {
    name: String,
    purpose: String,
    about: String,
    recommended: bool,
    /// A name of the state, for the script to see that it changed.
    state: &'static str,
    said: &'static str,
    tone: &'static str,
    pulling: Option<Pulling>,
    failed: Option<String>,
    may_fetch: bool,
    may_remove: bool,
}

struct Pulling {
    /// In hundredths; without it, nobody knows.
    part: Option<u8>,
    arrived: String,
}

pub async fn models_page(member: Member) -> Response {
    let lang = member.lang;
    let administrator = member.person().is_administrator();
    let all = member.shared.port.models();
    let busy = all.iter().any(|model| matches!(model.state, ModelState::Pulling(_)));
    let kind = |kind: ModelKind, title, does| Kind {
        title: lang.say(title),
        does: lang.say(does),
        models: all.iter().filter(|one| one.kind == kind).map(|one| shown(lang, one)).collect(),
    };
    let kinds = [
        kind(ModelKind::Speech, "model.speech", "model.speech_does"),
        kind(ModelKind::Voices, "model.voices", "model.voices_does"),
    ];
    let kinds = kinds.into_iter().filter(|kind| !kind.models.is_empty()).collect();
    page(&ModelsPage { frame: member.frame("model.title"), administrator, kinds, busy })
}

/// What is in use, for the page of the house.
pub fn in_use(member: &Member) -> Vec<String> {
    let used = member.shared.port.models().into_iter().filter(|model| model.state == ModelState::InUse);
    used.map(|model| model.name).collect()
}

fn shown(lang: &'static Language, model: &Model) -> One {
    let (state, said, tone) = match &model.state {
        ModelState::InUse => ("in_use", "model.in_use", "good"),
        ModelState::Installed => ("installed", "model.installed", ""),
        ModelState::Pulling(_) => ("pulling", "model.pulling", "warn"),
        ModelState::NotInstalled => ("not_installed", "model.not_installed", ""),
        ModelState::Failed(_) => ("failed", "model.failed", "bad"),
    };
    let mut about = Vec::new();
    about.extend(model.bytes.map(|bytes| lang.bytes(bytes)));
    if model.kind == ModelKind::Speech {
        about.push(lang.say(if model.multilingual { "model.many" } else { "model.english" }).to_owned());
    }
    about.push(lang.fill("model.licence", &[("licence", &model.licence)]));
    let pulling = match model.state {
        ModelState::Pulling(part) => Some(Pulling {
            part: part.map(|part| (part.clamp(0.0, 1.0) * 100.0) as u8),
            arrived: match part.zip(model.bytes) {
                Some((part, bytes)) => {
                    let done = lang.bytes((f64::from(part.clamp(0.0, 1.0)) * bytes as f64) as u64);
                    lang.fill("model.arrived", &[("done", &done), ("total", &lang.bytes(bytes))])
                }
                None => lang.say("model.arriving").to_owned(),
            },
        }),
        _ => None,
    };
    let key = format!("purpose.{}", model.name.replace('.', "_"));
    let purpose = lang.say(&key);
    One {
        name: model.name.clone(),
        purpose: if purpose == key { model.purpose.clone() } else { purpose.to_owned() },
        about: about.join(" · "),
        recommended: model.recommended,
        state,
        said: lang.say(said),
        tone,
        pulling,
        failed: match &model.state {
            ModelState::Failed(why) => Some(why.clone()),
            _ => None,
        },
        may_fetch: matches!(model.state, ModelState::NotInstalled | ModelState::Failed(_)),
        may_remove: model.removable && matches!(model.state, ModelState::InUse | ModelState::Installed),
    }
}

/// The name of a model that there is, for an administrator.
pub fn known(member: &Member, name: &str) -> Result<String, Trouble> {
    member.administrator()?;
    let known = member.shared.port.models().into_iter().find(|model| model.name == name);
    known.map(|model| model.name).ok_or(Trouble::NotHere(member.lang))
}

fn named(deed: &Deed) -> Result<String, Trouble> {
    known(&deed.member, deed.form.get("model"))
}

pub async fn fetch(deed: Deed) -> Result<Response, Trouble> {
    let name = named(&deed)?;
    administer(&deed.member, |port| port.pull(name)).await?;
    Ok(go("/house/models"))
}

pub async fn cancel(deed: Deed) -> Result<Response, Trouble> {
    let name = named(&deed)?;
    administer(&deed.member, |port| port.cancel_pull(name)).await?;
    Ok(go("/house/models"))
}

pub async fn ask_remove(deed: Deed) -> Result<Response, Trouble> {
    let (lang, name) = (deed.member.lang, named(&deed)?);
    let models = deed.member.shared.port.models();
    let Some(model) = models.into_iter().find(|model| model.name == name && model.removable) else {
        return Err(Trouble::NotHere(lang));
    };
    let freed = lang.fill("model.remove_frees", &[("size", &lang.bytes(model.bytes.unwrap_or(0)))]);
    let used = (model.state == ModelState::InUse).then(|| lang.say("model.remove_used").to_owned());
    Ok(page(&AskPage {
        frame: deed.member.frame("model.remove"),
        title: lang.fill("model.remove_title", &[("name", &name)]),
        lines: used.into_iter().chain([freed, lang.say("model.remove_again").to_owned()]).collect(),
        action: "/house/models/remove",
        hidden: vec![("model".to_owned(), name)],
        button: lang.say("model.remove").to_owned(),
        keep: lang.say("model.remove_keep").to_owned(),
        back: "/house/models",
    }))
}

pub async fn remove(deed: Deed) -> Result<Response, Trouble> {
    let name = named(&deed)?;
    administer(&deed.member, |port| port.remove_model(name)).await?;
    Ok(go("/house/models"))
}
