//! The home: intents become light, over MQTT 5, with and without Home Assistant.
//!
//! ```text
//! what was spoken ─ payload ─┬─ own ────────────────────────────────┐
//!                            ├─ target ─ act / light ─ connection ──┼─ broker ─ devices, Home Assistant
//!                            ├─ ask (answered from known states)    │
//!                            └─ sotto/intent/<Intent> ──────────────┘
//! broker ─ discovery ─ entity ─ known        broker ─ devices (requests: mute, volume, say)
//! ```
//!
//! While the broker is away nothing is queued: every connection begins with an empty client, so that a command
//! that could not be published is gone, and never fires late. Words do not go out; intent and slots do.

mod address;
mod connection;
mod mdns;

mod payload;

mod discovery;
mod entity;
mod known;
mod template;

mod act;
mod ask;
mod confirm;
mod light;
mod own;
mod phrases;
mod target;

mod look;
mod possible;

mod announce;
mod devices;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use sotto_house::{Acted, Area, SatelliteId, UtteranceId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use address::{Address, Tls};
pub use announce::{Announcement, QuietHours, Where};
pub use connection::Message;
use connection::{Connection, Once, Presence, Sent};
pub use devices::{Activity, Heard, HubState, Request, SatelliteDevice, SatelliteState};
pub use discovery::Refusal;
pub use entity::{Aspect, Entity, Source};
pub use known::{AreaInfo, KnownHome};
pub use look::look;
pub use own::OwnActions;
pub use payload::{Spoken, reply_topic};
use phrases::{Language, Phrase};
pub use possible::{Possible, possible};
use target::{NoTarget, Which};

use crate::config::{self, Acts, Config};

/// Where Home Assistant's package tells what it exposes (retained).
pub const EXPOSED: &str = "sotto/home/exposed";
/// Where Home Assistant says that it has come (not retained) or gone.
const BIRTH: &str = "homeassistant/status";
/// Requests that wait for the hub; more at once are a flood, and are dropped.
const MOST_REQUESTS: usize = 64;
/// Utterances that are remembered, so that none is carried out twice.
const REMEMBERED: usize = 256;
/// Where the house tells of itself.
const FILTERS: [&str; 3] = ["homeassistant/+/+/config", "homeassistant/+/+/+/config", EXPOSED];

/// An intent on its way to whoever carries it out.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    pub intent: String,
    pub payload: Value,
}

impl Command {
    /// `sotto/intent/<Intent>`, or `None` when the intent's name cannot stand in a topic.
    fn topic(&self) -> Option<String> {
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let valid = !self.intent.is_empty() && self.intent.len() <= 200 && self.intent.chars().all(fits);
        valid.then(|| format!("sotto/intent/{}", self.intent))
    }
}

/// What the household has decided about its home.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The hub's id among others on the same broker: `a–z 0–9 - _`.
    pub id: String,
    /// What people call the hub.
    pub name: String,
    pub acts: Acts,
    /// Whether what lets somebody in must be said twice.
    pub confirm: bool,
    /// How long Home Assistant's answer is awaited.
    pub reply_within: Duration,
    pub own: OwnActions,
    /// Areas and entities that the household wrote down.
    pub written: config::Home,
}

impl Settings {
    /// Reads and checks `[hub]` and `[home]`.
    pub fn read(config: &Config, id: &str) -> Result<Settings, String> {
        let home = &config.home;
        Ok(Settings {
            id: id.to_owned(),
            name: config.hub.name.clone(),
            acts: home.acts,
            confirm: home.confirm,
            reply_within: Duration::from_secs_f64(home.reply_within),
            own: OwnActions::load(&home.actions).map_err(|error| format!("[[home.actions]] {error}"))?,
            written: home.clone(),
        })
    }
}

/// What became of a command, and what to say of it.
#[derive(Clone, PartialEq)]
pub struct Answer {
    pub acted: Acted,
    /// To be spoken at the satellite; `None`: nothing but its sound for done.
    pub speech: Option<String>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({:?}, {} bytes)", self.acted, self.speech.as_deref().map_or(0, str::len))
    }
}

impl Answer {
    fn of(acted: Acted, language: Language, phrase: Phrase<'_>) -> Answer {
        Answer { acted, speech: Some(language.say(phrase)) }
    }
}

/// What the connection's task and whoever acts share.
struct Inside {
    known: KnownHome,
    /// What the household wrote down of it.
    written: config::Home,
    /// Actions that stand next to sentences; those of the configuration come first.
    beside: OwnActions,
    confirmations: confirm::Confirmations,
    /// Who waits for an answer, by topic.
    waiting: HashMap<String, oneshot::Sender<Answer>>,
    done: VecDeque<UtteranceId>,
    unread: u64,
    /// Satellites that are paired, so at most a house full.
    false_wakes: HashMap<SatelliteId, u64>,
}

/// The way out to the house. Cheap to clone.
#[derive(Clone)]
pub struct Home {
    connection: Connection,
    inside: Arc<Mutex<Inside>>,
    settings: Arc<Settings>,
    names: watch::Receiver<u64>,
    renamed: watch::Sender<u64>,
}

fn lock(inside: &Mutex<Inside>) -> MutexGuard<'_, Inside> {
    inside.lock().unwrap_or_else(|broken| broken.into_inner())
}

impl Home {
    /// Connects with nothing decided but the hub's id, and lets requests be; see [`Home::open`].
    pub fn connect(address: Address, id: &str, stop: CancellationToken) -> (Home, JoinHandle<()>) {
        let settings = Settings::read(&Config::default(), id).expect("the defaults are right");
        let (home, _, task) = Home::open(address, settings, stop);
        (home, task)
    }

    /// Connects, and keeps reconnecting, until `stop`. What others ask of the hub comes out of the receiver.
    pub fn open(
        address: Address,
        settings: Settings,
        stop: CancellationToken,
    ) -> (Home, mpsc::Receiver<Request>, JoinHandle<()>) {
        let inside = Arc::new(Mutex::new(Inside {
            known: KnownHome::new(&settings.written),
            written: settings.written.clone(),
            beside: OwnActions::default(),
            confirmations: confirm::Confirmations::default(),
            waiting: HashMap::new(),
            done: VecDeque::new(),
            unread: 0,
            false_wakes: HashMap::new(),
        }));
        let (ask, requests) = mpsc::channel(MOST_REQUESTS);
        let (renamed, names) = watch::channel(0);
        let (shared, tell) = (inside.clone(), renamed.clone());
        let inbox = Box::new(move |connection: &Connection, message: Message| {
            arrived(connection, &mut lock(&shared), &ask, &tell, message);
        });
        let (connection, task) =
            Connection::open(address, format!("sotto-{}", settings.id), Presence::Hub, inbox, stop);
        for filter in FILTERS
            .into_iter()
            .chain([BIRTH, "sotto/reply/+"])
            .chain(devices::REQUESTS)
            .chain(settings.own.reply_topics())
        {
            connection.listen(filter);
        }
        let (topic, payload) = devices::hub(&settings.id, &settings.name, env!("CARGO_PKG_VERSION"));
        connection.stand(topic, payload);
        (Home { connection, inside, settings: Arc::new(settings), names, renamed }, requests, task)
    }

    pub fn is_online(&self) -> bool {
        self.connection.is_online()
    }

    /// Changes whenever the broker comes or goes.
    pub fn online(&self) -> watch::Receiver<bool> {
        self.connection.online()
    }

    /// Changes whenever a name in the house does: the grammar must follow.
    pub fn names(&self) -> watch::Receiver<u64> {
        self.names.clone()
    }

    /// The household wrote its areas and entities anew: they are known at once. Says whether they differ.
    pub fn rewrite(&self, written: &config::Home) -> bool {
        let mut inside = lock(&self.inside);
        let same = inside.written.areas == written.areas && inside.written.entities == written.entities;
        if !same {
            let before = std::mem::replace(&mut inside.written, written.clone());
            inside.known.rewrite(&before, written);
            self.renamed.send_modify(|version| *version += 1);
        }
        !same
    }

    /// Reads what is known of the house.
    pub fn known<T>(&self, read: impl FnOnce(&KnownHome) -> T) -> T {
        read(&lock(&self.inside).known)
    }

    /// What the household's sentence files do besides, from now on.
    pub fn act_beside_sentences(&self, actions: OwnActions) {
        lock(&self.inside).beside = actions;
    }

    /// Requests that came too fast and were dropped.
    pub fn unread(&self) -> u64 {
        lock(&self.inside).unread
    }

    /// Announces a satellite, or that it changed.
    pub fn satellite(&self, device: &SatelliteDevice) {
        if let Some(area) = &device.area {
            lock(&self.inside).known.learn_area(area.as_str(), &[], None);
        }
        let (topic, payload) = devices::satellite(&self.settings.id, device);
        self.connection.stand(topic, payload);
    }

    /// Says how a satellite is now.
    pub fn satellite_state(&self, id: &SatelliteId, state: &SatelliteState) {
        for (topic, payload) in devices::satellite_state(id, state) {
            self.connection.stand(topic, payload);
        }
    }

    /// A satellite was revoked: nothing of it stays on the broker or in Home Assistant.
    pub fn forget_satellite(&self, id: &SatelliteId) {
        for (topic, payload) in devices::without_satellite(id) {
            self.connection.stand(topic, payload);
        }
    }

    /// Nobody had called a satellite that woke; counted since the hub began.
    pub fn false_wake(&self, id: &SatelliteId) {
        let count = {
            let mut inside = lock(&self.inside);
            let count = inside.false_wakes.entry(id.clone()).or_default();
            *count += 1;
            *count
        };
        self.satellite_state(id, &SatelliteState { false_wakes: Some(count), ..SatelliteState::default() });
    }

    /// Says how the hub is now.
    pub fn hub_state(&self, state: &HubState) {
        for (topic, payload) in devices::hub_state(&self.settings.id, state) {
            self.connection.stand(topic, payload);
        }
    }

    /// Tells automations how a session ended.
    pub async fn heard(&self, heard: &Heard) {
        let soon = Instant::now() + Duration::from_secs(2);
        for (topic, payload) in devices::heard(heard) {
            self.connection.send(Once::new(topic, payload), soon).await;
        }
    }

    /// Publishes once, QoS 1, not retained; done when the broker has said that it has it.
    pub async fn publish(&self, command: &Command, deadline: Instant) -> Acted {
        let Some(topic) = command.topic() else { return Acted::NotReached };
        self.connection.send(Once::new(topic, command.payload.to_string()), deadline).await.acted
    }

    /// Whether a command lets somebody in: it unlocks, or opens a garage door or a gate.
    pub fn lets_in(&self, intent: &str, slots: &Map<String, Value>, here: Option<&Area>) -> bool {
        let things = Which::read(slots).find(&lock(&self.inside).known, here).unwrap_or_default();
        confirm::lets_in(intent, slots, &things)
    }

    /// Carries out what was spoken, once, before `deadline` or not at all; whoever's part that is.
    pub async fn carry_out(&self, spoken: &Spoken, deadline: Instant) -> Answer {
        let language = Language::of(&spoken.language);
        if !self.is_online() || Instant::now() >= deadline {
            return Answer::of(Acted::NotReached, language, Phrase::NotReached);
        }
        let plan = {
            let mut inside = lock(&self.inside);
            if inside.done.contains(&spoken.utterance) {
                return Answer { acted: Acted::Refused, speech: None };
            }
            if inside.done.len() >= REMEMBERED {
                inside.done.pop_front();
            }
            inside.done.push_back(spoken.utterance);
            plan(&self.settings, &mut inside, spoken, language)
        };
        match plan {
            Plan::Say(answer) => answer,
            Plan::Own(message, reply) => self.own(spoken, message, reply, deadline, language).await,
            Plan::Hub(messages, speech) => self.by_hub(spoken, messages, speech, deadline, language).await,
            Plan::HomeAssistant(part) => self.by_home_assistant(spoken, part, deadline, language).await,
        }
    }

    async fn own(
        &self,
        spoken: &Spoken,
        message: Once,
        reply: Option<(String, Duration)>,
        deadline: Instant,
        language: Language,
    ) -> Answer {
        let answer = reply.map(|(topic, within)| (self.await_reply(topic), within));
        let sent = self.connection.send(message, deadline).await;
        if sent.acted != Acted::Published {
            return Answer::of(sent.acted, language, Phrase::NotReached);
        }
        self.tell(spoken, "own-action", false, deadline).await;
        match answer {
            None => Answer { acted: Acted::Published, speech: None },
            Some((answer, within)) => match tokio::time::timeout(within, answer).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) | Err(_) => Answer::of(Acted::NotReached, language, Phrase::Away),
            },
        }
    }

    async fn by_hub(
        &self,
        spoken: &Spoken,
        messages: Vec<Once>,
        speech: Option<String>,
        deadline: Instant,
        language: Language,
    ) -> Answer {
        let mut heard = messages.is_empty();
        for message in messages {
            let sent = self.connection.send(message, deadline).await;
            if sent.acted != Acted::Published {
                return Answer::of(sent.acted, language, Phrase::NotReached);
            }
            heard |= sent.heard;
        }
        self.tell(spoken, "hub", false, deadline).await;
        match heard {
            true => Answer { acted: Acted::Published, speech },
            // The broker says that nobody listens to the device's topic: it is not there.
            false => Answer::of(Acted::NotReached, language, Phrase::Away),
        }
    }

    async fn by_home_assistant(
        &self,
        spoken: &Spoken,
        part: Part,
        deadline: Instant,
        language: Language,
    ) -> Answer {
        let answer = part.replies.then(|| self.await_reply(reply_topic(spoken.utterance)));
        let sent = self.tell(spoken, "home-assistant", part.confirmed, deadline).await;
        match (sent.acted, part.otherwise) {
            (Acted::Published, _) if sent.heard => {}
            // It went without a word, and the broker says that nobody has got this: the hub can still do it.
            (Acted::Published, Some(messages)) => {
                return self.by_hub(spoken, messages, None, deadline, language).await;
            }
            (Acted::Published, None) => return Answer::of(Acted::Published, language, Phrase::Nobody),
            (acted, _) => return Answer::of(acted, language, Phrase::NotReached),
        }
        let nothing = Answer { acted: Acted::Published, speech: None };
        let Some(answer) = answer else { return nothing };
        let left = deadline.saturating_duration_since(Instant::now()).min(self.settings.reply_within);
        match tokio::time::timeout(left, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => nothing,
        }
    }

    /// Publishes the intent itself, who carries it out, and whether it was said twice where that is wanted.
    async fn tell(&self, spoken: &Spoken, by: &str, confirmed: bool, deadline: Instant) -> Sent {
        let mut command = spoken.command();
        command.payload["confirmed"] = confirmed.into();
        command.payload["carried_out_by"] = by.into();
        let Some(topic) = command.topic() else { return connection::NOT_SENT };
        let message = Once {
            reply: Some(reply_topic(spoken.utterance)),
            ..Once::new(topic, command.payload.to_string())
        };
        self.connection.send(message, deadline).await
    }

    fn await_reply(&self, topic: String) -> oneshot::Receiver<Answer> {
        let (tell, answer) = oneshot::channel();
        let mut inside = lock(&self.inside);
        // Those who gave up waiting go.
        inside.waiting.retain(|_, waiter| !waiter.is_closed());
        inside.waiting.insert(topic, tell);
        answer
    }
}

/// Who does what about a command.
enum Plan {
    Say(Answer),
    Own(Once, Option<(String, Duration)>),
    Hub(Vec<Once>, Option<String>),
    HomeAssistant(Part),
}

/// What Home Assistant has to do, and what if it is not there.
struct Part {
    /// Its package is there, and answers.
    replies: bool,
    /// It was said as often as the household wants.
    confirmed: bool,
    /// What the hub does when nobody on the broker gets it.
    otherwise: Option<Vec<Once>>,
}

fn plan(settings: &Settings, inside: &mut Inside, spoken: &Spoken, language: Language) -> Plan {
    let refused = |phrase| Plan::Say(Answer::of(Acted::Refused, language, phrase));
    if let Some(own) = settings.own.find(&spoken.intent).or_else(|| inside.beside.find(&spoken.intent)) {
        return match own.message(spoken) {
            Some(message) => Plan::Own(message, own.reply.clone()),
            None => refused(Phrase::Senseless),
        };
    }
    let known = &inside.known;
    let here = spoken.area.as_ref();
    let deed = act::deed(&spoken.intent, &spoken.slots);
    let mut which = Which::read(&spoken.slots);
    if let Ok(Some(deed)) = &deed
        && which.name.is_none()
        && which.domains.is_empty()
    {
        which.domains = act::domains(deed).iter().map(|domain| (*domain).to_owned()).collect();
    }
    let things = which.find(known, here);
    let lets_in = confirm::lets_in(&spoken.intent, &spoken.slots, things.as_deref().unwrap_or_default());
    let replies = known.has_home_assistant();
    let home_assistant = |otherwise| Plan::HomeAssistant(Part { replies, confirmed: lets_in, otherwise });
    let by_home_assistant = match settings.acts {
        Acts::HomeAssistant => true,
        Acts::Auto => known.has_home_assistant(),
        // What only Home Assistant can reach is its part whatever the household prefers.
        Acts::Hub => things.as_ref().is_ok_and(|things| things.iter().any(|thing| !thing.on_broker())),
    };
    let plan = if by_home_assistant {
        let otherwise = match (settings.acts, deed, things) {
            (Acts::Auto, Ok(Some(deed)), Ok(things)) => by_hub(&things, &deed).ok().flatten(),
            _ => None,
        };
        home_assistant(otherwise)
    } else {
        match deed {
            Err(_) => return refused(Phrase::Senseless),
            Ok(None) => match ask::answer(&spoken.intent, &spoken.slots, known, here, language) {
                // In other languages the sentences' own responses say it.
                Some(speech) => Plan::Hub(Vec::new(), Language::has(&spoken.language).then_some(speech)),
                // Timers, lists, media: whoever listens on the broker may know them.
                None => home_assistant(None),
            },
            Ok(Some(deed)) => match things {
                Err(NoTarget::Ambiguous) => return refused(Phrase::Ambiguous),
                Err(NoTarget::Unknown) => home_assistant(None),
                Ok(things) => match by_hub(&things, &deed) {
                    Ok(Some(messages)) => Plan::Hub(messages, None),
                    Ok(None) => home_assistant(None),
                    Err(act::CannotAct::Away) => {
                        return Plan::Say(Answer::of(Acted::NotReached, language, Phrase::Away));
                    }
                    Err(act::CannotAct::Unable | act::CannotAct::Template) => return refused(Phrase::Unable),
                    Err(act::CannotAct::Senseless) => return refused(Phrase::Senseless),
                },
            },
        }
    };
    let first = settings.confirm
        && lets_in
        && !spoken.vouched
        && !inside.confirmations.is_second(Instant::now(), &spoken.satellite, &spoken.intent, &spoken.slots);
    if first { refused(Phrase::SayAgain) } else { plan }
}

/// The messages for all that is meant; `None` when one of them is not on the broker. Of several, those that
/// cannot do it, or are away, do not keep the others from it.
fn by_hub(things: &[Entity], deed: &act::Deed) -> Result<Option<Vec<Once>>, act::CannotAct> {
    if things.iter().any(|thing| !thing.on_broker()) {
        return Ok(None);
    }
    let (mut messages, mut failed) = (Vec::new(), None);
    for thing in things {
        match act::messages(thing, deed) {
            Ok(more) => messages.extend(more),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if messages.is_empty() => Err(error),
        _ => Ok(Some(messages)),
    }
}

/// Takes what arrived on the broker. Quick: the connection waits for it.
fn arrived(
    connection: &Connection,
    inside: &mut Inside,
    ask: &mpsc::Sender<Request>,
    renamed: &watch::Sender<u64>,
    message: Message,
) {
    let Message { topic, payload, retained } = message;
    if let Some(waiter) = inside.waiting.remove(&topic) {
        if !retained {
            let _ = waiter.send(reply(&payload));
        }
        return;
    }
    let change = match topic.as_str() {
        BIRTH => {
            // Home Assistant has come back, and may have missed what stands.
            if !retained && &payload[..] == b"online" {
                connection.stand_again("homeassistant/");
                connection.stand_again("sotto/satellite/");
                connection.stand_again("sotto/hub/");
            }
            return;
        }
        EXPOSED => inside.known.exposed(&payload),
        _ if topic.starts_with("homeassistant/") && topic.ends_with("/config") => {
            inside.known.announced(&topic, &payload)
        }
        _ if topic.starts_with("sotto/") => {
            // What was asked once must not be done again at each connection.
            if let Some(request) = devices::request(&topic, &payload).filter(|_| !retained)
                && ask.try_send(request).is_err()
                && !ask.is_closed()
            {
                inside.unread += 1;
            }
            return;
        }
        _ => {
            inside.known.heard(&topic, &payload);
            return;
        }
    };
    change.ignore.iter().for_each(|topic| connection.ignore(topic));
    change.listen.iter().for_each(|topic| connection.listen(topic.as_str()));
    if change.names {
        renamed.send_modify(|version| *version += 1);
    }
}

/// Reads an answer: a text to speak, or an object with `speech` and `outcome` (`done`, `refused`, `not_reached`).
fn reply(payload: &[u8]) -> Answer {
    const LONGEST: usize = 1000;
    let text = String::from_utf8_lossy(payload);
    let object = serde_json::from_str::<Value>(&text).ok().filter(Value::is_object);
    let acted = match object.as_ref().and_then(|object| object.get("outcome")).and_then(Value::as_str) {
        Some("refused" | "error") => Acted::Refused,
        Some("not_reached" | "not-reached") => Acted::NotReached,
        _ => Acted::Published,
    };
    let speech = match &object {
        Some(object) => object.get("speech").and_then(Value::as_str).unwrap_or_default(),
        None => &text,
    };
    let speech: String = speech.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    Answer { acted, speech: (!speech.is_empty()).then_some(speech) }
}

/// The names of the house for `sotto_intents`: areas, floors and things, each once.
pub fn names(known: &KnownHome) -> sotto_intents::Home {
    use sotto_intents as intents;
    let mut home = intents::Home::default();
    for area in known.areas() {
        let floor = area.floor.clone().filter(|floor| !floor.trim().is_empty());
        if let Some(floor) = &floor
            && !home.floors.iter().any(|known| known.id == *floor)
        {
            home.floors.push(intents::Floor { id: floor.clone(), name: floor.clone(), aliases: Vec::new() });
        }
        home.areas.push(intents::Area {
            id: area.name.clone(),
            name: area.name.clone(),
            aliases: area.aliases.clone(),
            floor,
        });
    }
    for thing in known.things() {
        let area = thing.area.as_deref().and_then(|area| known.area(area)).map(|area| area.name.clone());
        let state = thing.state().map(str::to_owned);
        let attribute = |key: &str, value: &Option<String>| {
            Some((key.to_owned(), intents::Value::from(value.as_deref()?)))
        };
        home.entities.push(intents::Entity {
            attributes: [
                attribute("device_class", &thing.device_class),
                attribute("unit_of_measurement", &thing.unit),
            ]
            .into_iter()
            .flatten()
            .collect(),
            id: thing.id,
            name: thing.name,
            aliases: thing.aliases,
            area,
            state,
            ..intents::Entity::default()
        });
    }
    home
}

/// The area that `name` stands for in this house, as it is written there.
pub fn area_of(known: &KnownHome, name: &str) -> Option<Area> {
    Area::new(&known.area(name)?.name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_cannot_leave_its_topic() {
        let check = |intent: &str, fits: bool| {
            let command = Command { intent: intent.into(), payload: serde_json::Value::Null };
            assert_eq!(command.topic().is_some(), fits, "{intent}");
        };
        check("HassTurnOn", true);
        check("Bestelle_Kaffee", true);
        check("", false);
        check("a/b", false);
        check("#", false);
        check("+", false);
        check(&"a".repeat(201), false);
    }

    #[test]
    fn an_answer_is_a_text_or_says_more() {
        let check = |payload: &str, acted: Acted, speech: Option<&str>| {
            assert_eq!(
                reply(payload.as_bytes()),
                Answer { acted, speech: speech.map(str::to_owned) },
                "{payload}"
            );
        };
        check("Done", Acted::Published, Some("Done"));
        check("", Acted::Published, None);
        check(r#"{"outcome": "refused", "speech": "Not now"}"#, Acted::Refused, Some("Not now"));
        check(r#"{"outcome": "not_reached"}"#, Acted::NotReached, None);
        check(r#"{"speech": 7}"#, Acted::Published, None);
        assert_eq!(reply(&[b'x'; 5000]).speech.unwrap().len(), 1000);
    }
}
