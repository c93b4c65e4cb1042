//! Teaching the house one's own voice: ten sentences into the browser's microphone, or from own recordings; how well
//! it went, learning anew, and forgetting it.
//!
//! Sound is looked at and let go; what is kept is the profile, by the journal. Deliberately absent: anybody else's.

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use isolang::Language as Iso;
use jiff::Timestamp;
use sotto_journal::{MemberError, Purpose, VoiceChoices};

use crate::answer::{go, page};
use crate::bench::SOUND;
use crate::frame::Frame;
use crate::house::port_trouble;
use crate::language::Language;
use crate::port::{Taught, Voice, VoiceQuality};
use crate::session;
use crate::settings::refused;
use crate::trouble::Trouble;
use crate::visitor::{Deed, Member};

/// Sentences on the page; the hub says how many it needs.
const SENTENCES: usize = 10;

#[derive(Template)]
#[template(path = "voice.html")]
struct VoicePage {
    frame: Frame,
    /// The hub has what it takes.
    possible: bool,
    state: String,
    tone: &'static str,
    made: Option<String>,
    /// The sentence to read next; `None` when it is done.
    sentence: Option<String>,
    progress: String,
    done: usize,
    needed: usize,
    named: bool,
    languages: Vec<Spoken>,
    any: bool,
    note: Option<String>,
}

/// A language that somebody may choose: code, name in itself, and whether it is chosen.
struct Spoken {
    code: String,
    name: String,
    chosen: bool,
}

pub async fn voice_page(member: Member) -> Result<Response, Trouble> {
    show(member, None).await
}

async fn show(member: Member, note: Option<String>) -> Result<Response, Trouble> {
    let lang = member.lang;
    let session = member.session.clone();
    let kept = member
        .shared
        .ask(move |journal| -> Result<_, MemberError> {
            Ok((journal.voice(&session.person)?, journal.voice_choices(&session.person)?))
        })
        .await?;
    let (kept, choices) = kept.map_err(|error| refused(lang, &error))?;
    let known = kept.as_ref().and_then(|(_, profile)| member.shared.port.voice(profile));
    let possible = member.shared.port.tells_voices();
    let Voice { sentences, needed, quality } =
        known.unwrap_or(Voice { sentences: 0, needed: SENTENCES, quality: VoiceQuality::Unfinished });
    let (state, tone) = match (possible, quality) {
        (false, _) => ("voice.no_model", "warn"),
        (true, VoiceQuality::Unfinished) if sentences == 0 => ("voice.none", ""),
        (true, VoiceQuality::Unfinished) => ("voice.unfinished", "warn"),
        (true, VoiceQuality::Poor) => ("voice.poor", "bad"),
        (true, VoiceQuality::Fair) => ("voice.fair", "good"),
        (true, VoiceQuality::Good) => ("voice.good", "good"),
    };
    let made = kept.as_ref().map(|(made, _)| lang.moment(*made, member.zone(), member.today()));
    let next = (possible && sentences < needed)
        .then(|| lang.say(&format!("aloud.{}", sentences % SENTENCES + 1)).to_owned());
    let (n, of) = (sentences.to_string(), needed.to_string());
    Ok(page(&VoicePage {
        frame: member.frame("voice.title"),
        possible,
        state: lang.say(state).to_owned(),
        tone,
        made,
        sentence: next,
        progress: lang.fill("voice.progress", &[("n", &n), ("of", &of)]),
        done: sentences.min(needed),
        needed,
        named: choices.named,
        languages: languages(member.shared.port.languages(), choices.language.as_deref()),
        any: kept.is_some(),
        note,
    }))
}

/// One sentence from the browser's microphone (16-bit little-endian, mono, 16 kHz). What to do next comes as text.
pub async fn take(member: Member, headers: HeaderMap, body: Body) -> Result<Response, Trouble> {
    let lang = member.lang;
    let token = headers.get("x-csrf").and_then(|token| token.to_str().ok()).unwrap_or_default();
    if !session::same(token, &member.session.csrf) {
        return Err(Trouble::Elsewhere(lang));
    }
    let body = to_bytes(body, SOUND).await.map_err(|_| Trouble::TooMuch(lang))?;
    let samples: Vec<i16> = body.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    match learn(&member, samples).await? {
        None => Ok(lang.say("voice.taken").to_owned().into_response()),
        Some(problem) => Ok((StatusCode::UNPROCESSABLE_ENTITY, problem).into_response()),
    }
}

/// One of the person's own recordings, which they say is their voice.
pub async fn from_recording(Path(id): Path<String>, deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, .. } = deed;
    let lang = member.lang;
    let Ok(id) = id.parse() else { return Err(Trouble::NotHere(lang)) };
    let session = member.session.clone();
    let sound = member
        .shared
        .ask(move |journal| {
            let theirs = journal.is_own(id, &session.person)?;
            let listen = || journal.listen(id, &session.person, Purpose::Identify, Timestamp::now());
            Ok::<_, MemberError>(theirs.then(listen).and_then(Result::ok).map(|sound| sound.pcm().to_vec()))
        })
        .await?;
    let samples = sound.map_err(|error| refused(lang, &error))?.ok_or(Trouble::NotHere(lang))?;
    let problem = learn(&member, samples).await?;
    show(member, Some(problem.unwrap_or_else(|| lang.say("voice.taken").to_owned()))).await
}

/// Learns from `samples` and keeps what was learned; or says what is wrong with them.
async fn learn(member: &Member, samples: Vec<i16>) -> Result<Option<String>, Trouble> {
    let lang = member.lang;
    let wait = member.shared.heavy.take(&member.session.id);
    wait.map_err(|wait| Trouble::TooOften(lang, wait.as_secs() + 1))?;
    let session = member.session.clone();
    let kept = member.shared.ask(move |journal| journal.voice(&session.person)).await?;
    let kept = kept.map_err(|error| refused(lang, &error))?;
    let before = kept.map(|(_, profile)| profile.to_vec()).unwrap_or_default();
    let taught = member.shared.port.teach_voice(before, samples).await;
    match taught.map_err(|error| port_trouble(lang, &error))? {
        Taught::Learned(profile) => {
            let session = member.session.clone();
            let set = move |journal: &sotto_journal::Journal| {
                journal.set_voice(&session.person, &profile, Timestamp::now())
            };
            member.shared.ask(set).await?.map_err(|error| refused(lang, &error))?;
            Ok(None)
        }
        Taught::Again(why) => Ok(Some(problem(lang, why).to_owned())),
    }
}

/// `known` as choices; a code without a name of its own stands for itself.
fn languages(known: Vec<String>, chosen: Option<&str>) -> Vec<Spoken> {
    let spoken = |code: String| {
        let base = code.split(['-', '_']).next().unwrap_or_default();
        let name = Iso::from_639_1(base).or_else(|| Iso::from_639_3(base)).and_then(|iso| iso.to_autonym());
        let name = match name {
            Some(name) if base == code => name.to_owned(),
            Some(name) => format!("{name} ({code})"),
            None => code.clone(),
        };
        Spoken { chosen: chosen == Some(code.as_str()), name, code }
    };
    known.into_iter().map(spoken).collect()
}

fn problem(lang: &'static Language, why: &str) -> &'static str {
    match why {
        "short" => lang.say("voice.too_short"),
        "quiet" => lang.say("voice.too_quiet"),
        "loud" => lang.say("voice.too_loud"),
        "noise" => lang.say("voice.too_noisy"),
        _ => lang.say("voice.another"),
    }
}

/// Forgets the voice: to be done with it, or to learn it anew.
pub async fn erase(deed: Deed) -> Result<Response, Trouble> {
    let session = deed.member.session.clone();
    let erased =
        deed.member.shared.ask(move |journal| journal.erase_voice(&session.person, Timestamp::now())).await?;
    erased.map_err(|error| refused(deed.member.lang, &error))?;
    Ok(go("/voice"))
}

/// What counts for them where their voice is recognised.
pub async fn choose(deed: Deed) -> Result<Response, Trouble> {
    let known = deed.member.shared.port.languages();
    let language = known.into_iter().find(|code| code == deed.form.get("language"));
    let choices = VoiceChoices { named: deed.form.has("named"), language };
    let session = deed.member.session.clone();
    let set = move |journal: &sotto_journal::Journal| {
        journal.set_voice_choices(&session.person, &choices, Timestamp::now())
    };
    deed.member.shared.ask(set).await?.map_err(|error| refused(deed.member.lang, &error))?;
    Ok(go("/voice"))
}
