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
    let Known { made, voice, choices } = known(&member).await?;
    let possible = member.shared.port.tells_voices();
    let Voice { sentences, needed, quality } = voice;
    let (state, tone) = match (possible, quality) {
        (false, _) => ("voice.no_model", "warn"),
        (true, VoiceQuality::Again) => ("voice.again", "warn"),
        (true, VoiceQuality::Unfinished) if sentences == 0 => ("voice.none", ""),
        (true, VoiceQuality::Unfinished) => ("voice.unfinished", "warn"),
        (true, VoiceQuality::Poor) => ("voice.poor", "bad"),
        (true, VoiceQuality::Fair) => ("voice.fair", "good"),
        (true, VoiceQuality::Good) => ("voice.good", "good"),
    };
    let any = made.is_some();
    let made = made.map(|made| lang.moment(made, member.zone(), member.today()));
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
        any,
        note,
    }))
}

/// What is known of somebody's voice.
pub struct Known {
    /// When the profile was made; `None` without one.
    pub made: Option<Timestamp>,
    pub voice: Voice,
    pub choices: VoiceChoices,
}

pub async fn known(member: &Member) -> Result<Known, Trouble> {
    let kept = member.ask(|journal, who| -> Result<_, MemberError> {
        Ok((journal.voice(who)?, journal.voice_choices(who)?))
    });
    let (kept, choices) = kept.await?.map_err(|error| refused(member.lang, &error))?;
    let voice = kept.as_ref().and_then(|(_, profile)| member.shared.port.voice(profile));
    let none = Voice { sentences: 0, needed: SENTENCES, quality: VoiceQuality::Unfinished };
    Ok(Known { made: kept.map(|(made, _)| made), voice: voice.unwrap_or(none), choices })
}

/// One sentence from the browser's microphone (16-bit little-endian, mono, 16 kHz). What to do next comes as text.
pub async fn take(member: Member, headers: HeaderMap, body: Body) -> Result<Response, Trouble> {
    let lang = member.lang;
    let token = headers.get("x-csrf").and_then(|token| token.to_str().ok()).unwrap_or_default();
    if !session::same(token, &member.session.csrf) {
        return Err(Trouble::Elsewhere(lang));
    }
    match learn(&member, samples(body, lang).await?).await? {
        None => Ok(lang.say("voice.taken").to_owned().into_response()),
        Some(problem) => Ok((StatusCode::UNPROCESSABLE_ENTITY, problem).into_response()),
    }
}

/// Sound in a request: 16-bit little-endian samples, mono, 16 kHz, bounded.
pub async fn samples(body: Body, lang: &'static Language) -> Result<Vec<i16>, Trouble> {
    let body = to_bytes(body, SOUND).await.map_err(|_| Trouble::TooMuch(lang))?;
    Ok(body.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
}

pub async fn from_recording(Path(id): Path<String>, deed: Deed) -> Result<Response, Trouble> {
    let member = deed.member;
    let problem = learn_recording(&member, &id).await?;
    let taken = member.lang.say("voice.taken").to_owned();
    show(member, Some(problem.unwrap_or(taken))).await
}

/// One of the person's own recordings, which they say is their voice. Says what is wrong with it, if anything is.
pub async fn learn_recording(member: &Member, id: &str) -> Result<Option<String>, Trouble> {
    let lang = member.lang;
    let Ok(id) = id.parse() else { return Err(Trouble::NotHere(lang)) };
    let sound = member.ask(move |journal, who| {
        let theirs = journal.is_own(id, who)?;
        let listen = || journal.listen(id, who, Purpose::Identify, Timestamp::now());
        Ok::<_, MemberError>(theirs.then(listen).and_then(Result::ok).map(|sound| sound.pcm().to_vec()))
    });
    let samples = sound.await?.map_err(|error| refused(lang, &error))?.ok_or(Trouble::NotHere(lang))?;
    learn(member, samples).await
}

/// Learns from `samples` and keeps what was learned; or says what is wrong with them.
pub async fn learn(member: &Member, samples: Vec<i16>) -> Result<Option<String>, Trouble> {
    let lang = member.lang;
    member.try_heavy()?;
    let kept = member.ask(|journal, who| journal.voice(who)).await?;
    let kept = kept.map_err(|error| refused(lang, &error))?;
    let before = kept.map(|(_, profile)| profile.to_vec()).unwrap_or_default();
    let taught = member.shared.port.teach_voice(before, samples).await;
    match taught.map_err(|error| port_trouble(lang, &error))? {
        Taught::Learned(profile) => {
            let set = member.ask(move |journal, who| journal.set_voice(who, &profile, Timestamp::now()));
            set.await?.map_err(|error| refused(lang, &error))?;
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

pub async fn erase(deed: Deed) -> Result<Response, Trouble> {
    forget(&deed.member).await?;
    Ok(go("/voice"))
}

/// Forgets the voice: to be done with it, or to learn it anew.
pub async fn forget(member: &Member) -> Result<(), Trouble> {
    let erased = member.ask(|journal, who| journal.erase_voice(who, Timestamp::now())).await?;
    erased.map_err(|error| refused(member.lang, &error))
}

pub async fn choose(deed: Deed) -> Result<Response, Trouble> {
    let language = Some(deed.form.get("language")).filter(|code| !code.is_empty());
    set_choices(&deed.member, deed.form.has("named"), language).await?;
    Ok(go("/voice"))
}

/// What counts for somebody where their voice is recognised: whether it may be said who spoke, and their language.
pub async fn set_choices(member: &Member, named: bool, language: Option<&str>) -> Result<(), Trouble> {
    let lang = member.lang;
    let known = member.shared.port.languages();
    let unknown = || Trouble::Refused(lang, lang.say("trouble.refused.remedy").to_owned());
    let find = |code: &str| known.iter().find(|known| *known == code).cloned().ok_or_else(unknown);
    let choices = VoiceChoices { named, language: language.map(find).transpose()? };
    let set = member.ask(move |journal, who| journal.set_voice_choices(who, &choices, Timestamp::now()));
    set.await?.map_err(|error| refused(lang, &error))
}
