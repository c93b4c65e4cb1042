//! The sessions under way: what happens goes to the house, what the house says is done.
//!
//! `satellites, engines, broker → Event → House → Effect → utterance threads, satellites, broker`
//!
//! Deliberately absent: decisions. What to do with an event is `house`'s to say.

mod asking;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sotto_house::{
    Acted, Area, Effect, Event, House, Outcome, PersonId, Policy, SatelliteId, Trigger, UtteranceId,
};
use sotto_journal::Heard;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_util::sync::CancellationToken;

use crate::events::Events;
use crate::home::{self, Activity, Home, SatelliteState, Spoken};
use crate::lately::Lately;
use crate::own::Own;
use crate::pin::Pin;
use crate::satellite_settings::SatelliteSettings;
use crate::satellites::{FromSatellite, Opened, SatellitesHandle};
use crate::understanding::Where;
use crate::utterance::{Parts, Said, Theirs, Understood, Utterance};
use crate::voice::Voice;
use crate::witnesses::Witnesses;

/// How long what is under way may take to finish when the hub stops.
const FAREWELL: Duration = Duration::from_millis(1200);
/// Of the pre-roll, what the engine gets before the trigger: a detector fires some 140 ms after the word's end, and
/// people go on at once.
const LEAD_IN: Duration = Duration::from_millis(100);
const PACKET: Duration = Duration::from_millis(20);

/// One utterance between its trigger and its outcome.
struct Live {
    utterance: Utterance,
    satellite: SatelliteId,
    area: Option<Area>,
    language: String,
    opened: Timestamp,
    spoken_at: Timestamp,
    understood: Option<Box<Understood>>,
    /// Whose voice it is.
    person: Option<PersonId>,
    vouched: bool,
    /// As in [`Opened`].
    readier: f32,
}

impl Live {
    fn said_where(&self) -> Where<'_> {
        let satellite = self.satellite.as_str();
        Where { area: self.area.as_ref(), satellite, language: &self.language, own_room: None }
    }

    /// The intents that were understood, in their order.
    fn intent(&self) -> Option<String> {
        let understood = self.understood.as_ref()?;
        let intents: Vec<&str> = understood.commands.iter().map(|c| c.intent.as_str()).collect();
        Some(intents.join(", "))
    }
}

/// The adapters that sessions speak to.
pub struct Adapters {
    pub home: Home,
    pub satellites: SatellitesHandle,
    pub settings: Arc<SatelliteSettings>,
    pub lately: Arc<Lately>,
    pub voice: Voice,
    pub witnesses: Witnesses,
    /// Whether what was said goes to the broker with the command when nobody was recognised. Who was, says so for
    /// themselves.
    pub words: bool,
    pub events: Events,
    /// What the household has set besides, that opens doors.
    pub pin: Option<Pin>,
    /// Intents of the household's own that want a trusted voice, as what unlocks does.
    pub risky: Vec<String>,
}

/// Everything that is under way.
pub struct Sessions {
    house: House,
    deadline: Duration,
    language: String,
    live: HashMap<UtteranceId, Live>,
    parts: Parts,
    adapters: Adapters,
    own: Arc<Mutex<Own>>,
    /// Commands that wait for the PIN, by satellite; the house knows for how long.
    waiting: HashMap<SatelliteId, Box<Understood>>,
    said: UnboundedSender<Said>,
    heard: UnboundedReceiver<Said>,
}

impl Sessions {
    pub fn new(policy: Policy, parts: Parts, adapters: Adapters) -> Sessions {
        let (said, heard) = mpsc::unbounded_channel();
        let language = parts.understanding.language().to_owned();
        let deadline = policy.deadline;
        let learned = parts.journal.calibration().unwrap_or_default();
        let house = House::new(policy).with_calibration(learned);
        let (live, waiting, own) = (HashMap::new(), HashMap::new(), Arc::default());
        Sessions { house, deadline, language, live, parts, adapters, own, waiting, said, heard }
    }

    /// Serves until `stop`; then lets what is under way finish, or ends it.
    pub async fn run(mut self, mut from: mpsc::Receiver<FromSatellite>, stop: CancellationToken) {
        loop {
            let due = self.house.wake_at();
            tokio::select! {
                Some(event) = from.recv() => self.arrived(event),
                Some(said) = self.heard.recv() => self.said(said),
                () = until(due) => self.handle(Event::Tick),
                () = stop.cancelled() => break,
            }
        }
        // A command that is nearly through is better finished than lost; people still speaking are cut off.
        let _ = tokio::time::timeout(FAREWELL, async {
            while self.house.sessions() > 0 {
                let due = self.house.wake_at();
                tokio::select! {
                    Some(event) = from.recv() => self.arrived(event),
                    Some(said) = self.heard.recv() => self.said(said),
                    () = until(due) => self.handle(Event::Tick),
                }
            }
        })
        .await;
        self.handle(Event::Closing);
        if let Err(error) = self.parts.journal.set_calibration(self.house.calibration()) {
            tracing::warn!(%error, "what was learned of unknown voices is lost");
        }
    }

    fn arrived(&mut self, event: FromSatellite) {
        match event {
            FromSatellite::UtteranceOpened(opened) => self.opened(opened),
            FromSatellite::Audio { utterance, packet, .. } => {
                if let Some(live) = self.live.get(&utterance) {
                    self.adapters.lately.audio(&live.satellite, packet.len(), SystemTime::now());
                }
                let flooded = self.live.get(&utterance).is_some_and(|live| !live.utterance.packet(packet));
                if flooded {
                    tracing::warn!("a satellite sends faster than anybody speaks; its utterance is dropped");
                    self.handle(Event::Lost { utterance });
                }
            }
            FromSatellite::UtteranceEnded { utterance, end, spoken } => {
                if let Some(live) = self.live.get_mut(&utterance) {
                    let spoken = jiff::SignedDuration::try_from(spoken).unwrap_or_default();
                    live.spoken_at = live.opened.saturating_add(spoken).unwrap_or(live.opened);
                    live.utterance.ended();
                }
                self.handle(Event::Ended { utterance, end, spoken });
            }
            FromSatellite::UtteranceLost { utterance } => self.handle(Event::Lost { utterance }),
            FromSatellite::Connected(satellite) => {
                self.adapters.settings.tell(&self.adapters.satellites, &satellite.id);
                self.adapters.events.say(|| {
                    json!({ "event": "connected", "satellite": satellite.id.as_str(), "name": satellite.name })
                });
                self.adapters.witnesses.connected();
            }
            FromSatellite::Disconnected { satellite } => {
                self.adapters
                    .events
                    .say(|| json!({ "event": "disconnected", "satellite": satellite.as_str() }));
            }
            FromSatellite::HeldHead { satellite, head } => self.adapters.witnesses.held(satellite, &head),
            FromSatellite::Level { satellite, dbfs, .. } => {
                self.adapters.lately.level(&satellite, dbfs, SystemTime::now());
            }
            FromSatellite::Signal { satellite, dbm } => {
                let state = SatelliteState { signal: Some(dbm), ..SatelliteState::default() };
                self.adapters.home.satellite_state(&satellite, &state);
            }
            FromSatellite::Panel { satellite, panel } => self.adapters.lately.panel(&satellite, panel),
        }
    }

    fn opened(&mut self, opened: Opened) {
        let Opened { utterance, satellite, area, trigger, bid, readier, age, pre_roll, language } = opened;
        self.shows(&satellite, Activity::Listening);
        self.adapters.lately.opened(&satellite, SystemTime::now());
        let at = Timestamp::now();
        let at =
            jiff::SignedDuration::try_from(age).ok().and_then(|age| at.checked_sub(age).ok()).unwrap_or(at);
        let heard = Heard { utterance, satellite: satellite.clone(), area: area.clone(), at, pre_roll };
        let before_command = match trigger {
            Trigger::WakeWord(_) => pre_roll.saturating_sub(LEAD_IN).as_millis() / PACKET.as_millis(),
            Trigger::Speech | Trigger::Button => 0,
        };
        let language = language.unwrap_or_else(|| self.language.clone());
        let thread = Utterance::begin(
            heard,
            before_command as usize,
            language.clone(),
            self.parts.clone(),
            self.said.clone(),
        );
        let live = Live {
            utterance: thread,
            satellite: satellite.clone(),
            area: area.clone(),
            language,
            opened: at,
            spoken_at: at,
            understood: None,
            person: None,
            vouched: false,
            readier,
        };
        self.live.insert(utterance, live);
        self.handle(Event::Opened { utterance, satellite, area, trigger, bid, age });
    }

    fn said(&mut self, said: Said) {
        match said {
            Said::Event(event) => {
                if let Event::Understood { utterance, understanding: Some(_) } = &event
                    && let Some(ask) = self.asks(*utterance)
                {
                    self.handle(Event::Wants { utterance: *utterance, ask });
                }
                self.handle(event);
            }
            Said::Understood(utterance, understood) => {
                if let Some(live) = self.live.get_mut(&utterance) {
                    live.understood = Some(understood);
                }
            }
            Said::NotAudio(utterance) => {
                self.adapters.satellites.refuse_audio(utterance);
                self.handle(Event::Lost { utterance });
            }
        }
    }

    fn handle(&mut self, event: Event) {
        for effect in self.house.handle(Instant::now(), event) {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Verify { utterance, word } => self.with(utterance, |live| {
                let chosen = self.adapters.settings.of(&live.satellite);
                // A household that lets one word wake more readily is not overruled.
                live.utterance.verify(word, f32::from(chosen.sensitivity) / 100.0 + live.readier);
            }),
            Effect::Record { utterance, keep, .. } => {
                self.with(utterance, |live| live.utterance.record(keep))
            }
            Effect::Transcribe { utterance } => {
                self.adapters.lately.awaits(utterance);
                self.with(utterance, |live| {
                    self.shows(&live.satellite, Activity::Thinking);
                    live.utterance.transcribe();
                });
            }
            Effect::Understand { utterance } => {
                self.adapters.lately.awaits_no_more(utterance);
                self.with(utterance, |live| live.utterance.understand());
            }
            Effect::Command { utterance, deadline } => self.command(utterance, deadline),
            Effect::Own { utterance, person, .. } => self.own(utterance, person),
            Effect::CommandWaiting { utterance, satellite, deadline } => {
                if let Some(live) = self.live.get_mut(&utterance) {
                    live.understood = self.waiting.remove(&satellite);
                }
                self.command(utterance, deadline);
            }
            Effect::Refuse { utterance, satellite, why } => self.refuse(utterance, satellite, why),
            Effect::Belongs { utterance, person } => {
                let theirs = self.theirs(person);
                if let Some(live) = self.live.get_mut(&utterance) {
                    live.person = Some(person);
                    live.language = theirs.language.clone().unwrap_or_else(|| live.language.clone());
                    live.utterance.belongs(person, theirs);
                }
            }
            Effect::Vouched { utterance } => {
                if let Some(live) = self.live.get_mut(&utterance) {
                    live.vouched = true;
                }
            }
            Effect::KeepNot { utterance } => self.with(utterance, |live| live.utterance.keep_not()),
            Effect::Stop { utterance, .. } => self.adapters.satellites.stop(utterance),
            Effect::Discard { utterance, satellite, area, outcome } => {
                self.adapters.satellites.dismiss(utterance, outcome);
                self.adapters.lately.awaits_no_more(utterance);
                self.live.remove(&utterance);
                self.shows(&satellite, Activity::Idle);
                if outcome == Outcome::FalseWake {
                    self.adapters.home.false_wake(&satellite);
                }
                self.adapters.lately.ended(&satellite, outcome, None, SystemTime::now());
                self.tell(utterance, &satellite, area.as_ref(), outcome, None, json!({}));
            }
            Effect::Conclude { utterance, satellite, outcome, stages, notes } => {
                self.adapters.lately.awaits_no_more(utterance);
                let Some(live) = self.live.remove(&utterance) else { return };
                self.adapters.lately.ended(&satellite, outcome, Some(stages), SystemTime::now());
                self.shows(&satellite, Activity::Idle);
                self.tell_home(&live, outcome);
                let intent = live.intent();
                self.adapters.satellites.outcome(utterance, outcome, intent.as_deref());
                let ms: Map<String, Value> = crate::explanation::stages(&stages)
                    .into_iter()
                    .map(|(stage, ms)| (stage, json!(ms)))
                    .collect();
                self.tell(utterance, &satellite, live.area.as_ref(), outcome, intent, Value::Object(ms));
                live.utterance.conclude(outcome, stages, notes);
            }
        }
    }

    fn theirs(&self, person: PersonId) -> Theirs {
        let voices = &self.parts.voices;
        let room = voices.own_satellite(person).and_then(|satellite| {
            let listed =
                self.adapters.satellites.list().into_iter().find(|one| one.paired.id == satellite)?;
            listed.paired.area
        });
        Theirs { language: voices.language(person), room }
    }

    fn with(&self, utterance: UtteranceId, act: impl FnOnce(&Live)) {
        if let Some(live) = self.live.get(&utterance) {
            act(live);
        }
    }

    /// Carries out what was understood, one command after the other, each as an intent of its own.
    fn command(&mut self, utterance: UtteranceId, deadline: Instant) {
        let Some(live) = self.live.get(&utterance) else { return };
        let Some(understood) = &live.understood else { return };
        if let [command] = &understood.commands[..]
            && command.intent == "SottoMute"
        {
            let acted = self.mute(live, &slots(command));
            return self.handle(Event::Acted { utterance, acted });
        }
        if let Some(last) = understood.commands.last() {
            self.parts.understanding.remember(last, live.said_where());
        }
        let spoken = |(index, command): (usize, &sotto_intents::Match)| Spoken {
            utterance: command_id(utterance, index),
            intent: command.intent.clone(),
            slots: slots(command),
            satellite: live.satellite.clone(),
            area: live.area.clone(),
            person: live.person.and_then(|person| self.parts.voices.name_outside(person)),
            confidence: understood.confidence,
            language: live.language.clone(),
            spoken_at: live.spoken_at,
            deadline: self.parts.deadlines.of([command]).unwrap_or(self.deadline),
            words: self.words_leave(live).then(|| command.understood.clone()),
            vouched: live.vouched,
        };
        let all: Vec<Spoken> = understood.commands.iter().enumerate().map(spoken).collect();
        let (satellite, language) = (live.satellite.clone(), live.language.clone());
        let commands = understood.commands.clone();
        let (home, said, voice) =
            (self.adapters.home.clone(), self.said.clone(), self.adapters.voice.clone());
        let understanding = self.parts.understanding.clone();
        tokio::spawn(async move {
            let (mut acted, mut speech) = (Acted::Published, Vec::new());
            for (spoken, command) in all.iter().zip(&commands) {
                let answer = home.carry_out(spoken, deadline).await;
                // Of several, one that came to nothing is what the session ends with.
                if acted == Acted::Published {
                    acted = answer.acted;
                }
                let own = || understanding.answer(command, &language, &home.known(home::names));
                speech.extend(match answer.acted {
                    Acted::Published => answer.speech.or_else(own),
                    _ => answer.speech,
                });
            }
            if !speech.is_empty() {
                voice.answer(utterance, satellite, speech.join(" "), language);
            }
            let _ = said.send(Said::Event(Event::Acted { utterance, acted }));
        });
    }

    /// Shows on the broker what a satellite is doing.
    fn shows(&self, satellite: &SatelliteId, activity: Activity) {
        self.adapters.lately.doing(satellite, activity);
        let state = SatelliteState { activity: Some(activity), ..SatelliteState::default() };
        self.adapters.home.satellite_state(satellite, &state);
    }

    fn words_leave(&self, live: &Live) -> bool {
        live.person.map_or(self.adapters.words, |person| self.parts.voices.words_outside(person))
    }

    /// Tells automations how a session ended.
    fn tell_home(&self, live: &Live, outcome: Outcome) {
        let understood = live.understood.as_ref();
        let heard = home::Heard {
            satellite: live.satellite.clone(),
            outcome,
            intent: live.intent(),
            slots: understood.map(|understood| all_slots(&understood.commands)).unwrap_or_default(),
            area: live.area.clone(),
            person: live.person.and_then(|person| self.parts.voices.name_outside(person)),
            confidence: understood.map_or(0.0, |understood| understood.confidence),
            words: understood.filter(|_| self.words_leave(live)).map(|understood| {
                let words: Vec<&str> = understood.commands.iter().map(|c| c.understood.as_str()).collect();
                words.join("; ")
            }),
        };
        let home = self.adapters.home.clone();
        tokio::spawn(async move { home.heard(&heard).await });
    }

    /// Says on standard output, if somebody asked for it, how a session ended: no words of it.
    fn tell(
        &self,
        utterance: UtteranceId,
        satellite: &SatelliteId,
        area: Option<&Area>,
        outcome: Outcome,
        intent: Option<String>,
        stages_ms: Value,
    ) {
        tracing::info!(area = area.map(Area::as_str), ?outcome, "a session ended");
        self.adapters.events.say(|| {
            json!({
                "event": "session",
                "utterance": utterance.to_string(),
                "satellite": satellite.as_str(),
                "area": area.map(Area::as_str),
                "outcome": format!("{outcome:?}"),
                "intent": intent,
                "stages_ms": stages_ms,
            })
        });
    }
}

/// The id under which one of several commands goes out: the first has the utterance's own, the others one that is
/// made of it, so that whoever carries them out can tell them apart and a repetition stays one.
fn command_id(utterance: UtteranceId, index: usize) -> UtteranceId {
    if index == 0 {
        return utterance;
    }
    let own = format!("{utterance} command {index}");
    let digest = ring::digest::digest(&ring::digest::SHA256, own.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    UtteranceId::from_bytes(bytes)
}

/// The slots of all commands; of two for one name, the first.
fn all_slots(commands: &[sotto_intents::Match]) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in commands.iter().flat_map(slots) {
        all.entry(name).or_insert(value);
    }
    all
}

fn locked(own: &Mutex<Own>) -> MutexGuard<'_, Own> {
    own.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The slots by name, as they are spelled for others.
fn slots(matched: &sotto_intents::Match) -> Map<String, Value> {
    matched.slots.iter().map(|slot| (slot.name.clone(), slot.value.to_json())).collect()
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
