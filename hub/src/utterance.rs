//! One utterance at the hub: packets in, a transcript, an intent, a recording out.
//!
//! `packets → (in memory until the house says Record) → journal's door → Opus → engine → sentences`
//!
//! Each runs on a thread of its own and does what the house tells it, in that order, so that a slow disk or engine
//! holds up nobody else. Dropping the handle forgets the utterance: nothing of it remains.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};

use jiff::Timestamp;
use sotto_hearing::{Engine, FORCED, Hearing, Hypothesis, Request};
use sotto_house::{
    Area, Event, Note, Outcome, PersonId, Retention, Stages, Understanding, UtteranceId, Voice,
};
use sotto_intents::{Match, Unsure};
use sotto_journal::{Finished, Heard, Journal, LiveListening, Purpose, Recorder, Words};
use tokio::sync::mpsc::UnboundedSender;

use crate::deadlines::Deadlines;
use crate::explanation;
use crate::second_look::SecondLook;
use crate::understanding::{self, Where};
use crate::voices::Voices;

/// Packets that may wait for this thread: more than the longest utterance, so only a satellite that sends faster
/// than people speak ever meets it.
const QUEUE: usize = 4096;

const RATE: u32 = 16_000;
const PACKET_MS: u128 = 20;

/// What an utterance needs of the hub.
#[derive(Clone)]
pub struct Parts {
    pub journal: Journal,
    pub engine: Arc<dyn Engine>,
    pub understanding: Arc<understanding::Understanding>,
    pub second_look: Arc<SecondLook>,
    pub deadlines: Arc<Deadlines>,
    pub voices: Voices,
}

/// What the house, or the satellite, says about an utterance.
enum Step {
    Packet(Vec<u8>),
    Verify {
        word: String,
        sensitivity: f32,
    },
    /// No more packets follow.
    Ended,
    Record(Retention),
    Transcribe,
    Understand,
    Belongs(PersonId, Theirs),
    KeepNot,
    Conclude {
        outcome: Outcome,
        stages: Stages,
        notes: Vec<Note>,
    },
}

/// What counts where somebody's voice is known.
#[derive(Debug, Clone, Default)]
pub struct Theirs {
    /// The language to understand and answer them in.
    pub language: Option<String>,
    /// Their own room.
    pub room: Option<Area>,
}

/// What an utterance answers.
#[derive(Debug)]
pub enum Said {
    /// Something for the house to decide on.
    Event(Event),
    /// What was understood, just before the event that says so.
    Understood(UtteranceId, Box<Understood>),
    /// A satellite sent what is not Opus.
    NotAudio(UtteranceId),
}

/// Commands as they go out, in their order, and how sure the hub is of all of them.
#[derive(Debug, Clone)]
pub struct Understood {
    pub commands: Vec<Match>,
    pub confidence: f32,
}

/// The handle of an utterance under way.
pub struct Utterance {
    steps: SyncSender<Step>,
}

impl Utterance {
    /// Starts its thread.
    pub fn begin(
        heard: Heard,
        before_command: usize,
        language: String,
        parts: Parts,
        said: UnboundedSender<Said>,
    ) -> Utterance {
        let (steps, receiver) = mpsc::sync_channel(QUEUE);
        tokio::task::spawn_blocking(move || {
            let Ok(decoder) = opus::Decoder::new(RATE, opus::Channels::Mono) else {
                return tracing::error!("there is no memory for an Opus decoder");
            };
            let worker = Worker {
                heard,
                before_command,
                language,
                parts,
                said,
                decoder,
                waiting: Vec::new(),
                look: None,
                ended: false,
                open: None,
                decoded: 0,
                hypotheses: Vec::new(),
                understood: Ok(Vec::new()),
                sound: Vec::new(),
                speaker: None,
                room: None,
            };
            worker.run(&receiver);
        });
        Utterance { steps }
    }

    /// The next 20 ms as the satellite sent them. False when too much waits: the satellite floods.
    pub fn packet(&self, packet: Vec<u8>) -> bool {
        self.send(Step::Packet(packet))
    }

    /// Looks at the wake a second time, for a satellite that listens as readily as `sensitivity` says (0 to 1).
    pub fn verify(&self, word: String, sensitivity: f32) {
        self.send(Step::Verify { word, sensitivity });
    }

    pub fn ended(&self) {
        self.send(Step::Ended);
    }

    pub fn record(&self, keep: Retention) {
        self.send(Step::Record(keep));
    }

    pub fn transcribe(&self) {
        self.send(Step::Transcribe);
    }

    pub fn understand(&self) {
        self.send(Step::Understand);
    }

    /// It is this person's voice.
    pub fn belongs(&self, person: PersonId, theirs: Theirs) {
        self.send(Step::Belongs(person, theirs));
    }

    /// Nothing of it may be kept.
    pub fn keep_not(&self) {
        self.send(Step::KeepNot);
    }

    pub fn conclude(self, outcome: Outcome, stages: Stages, notes: Vec<Note>) {
        self.send(Step::Conclude { outcome, stages, notes });
    }

    fn send(&self, step: Step) -> bool {
        self.steps.try_send(step).is_ok()
    }
}

/// A wake to be looked at a second time.
struct Look {
    word: String,
    sensitivity: f32,
}

/// A recording under way, and the engine that listens to it.
struct Open {
    recorder: Recorder,
    live: LiveListening,
    hearing: Option<Box<dyn Hearing>>,
}

struct Worker {
    heard: Heard,
    /// Packets at the beginning that the engine does not get: they hold the wake word.
    before_command: usize,
    language: String,
    parts: Parts,
    said: UnboundedSender<Said>,
    decoder: opus::Decoder,
    /// Audio that may not leave memory yet.
    waiting: Vec<Vec<u8>>,
    /// A second look that waits for what it needs to hear.
    look: Option<Look>,
    /// All packets are here.
    ended: bool,
    open: Option<Open>,
    decoded: usize,
    hypotheses: Vec<Hypothesis>,
    understood: Result<Vec<Match>, Unsure>,
    /// All that was heard, the wake word too, where voices are told apart; gone with this thread.
    sound: Vec<i16>,
    speaker: Option<PersonId>,
    /// The speaker's own room.
    room: Option<Area>,
}

impl Worker {
    fn run(mut self, steps: &Receiver<Step>) {
        while let Ok(step) = steps.recv() {
            match step {
                Step::Packet(packet) => self.packet(packet),
                Step::Verify { word, sensitivity } => {
                    self.look = Some(Look { word, sensitivity });
                    self.look_again();
                }
                Step::Ended => {
                    self.ended = true;
                    self.look_again();
                }
                Step::Record(keep) => self.record(keep),
                Step::Transcribe => self.transcribe(),
                Step::Understand => self.understand(),
                Step::Belongs(person, theirs) => {
                    self.speaker = Some(person);
                    self.room = theirs.room;
                    self.language = theirs.language.unwrap_or(self.language);
                }
                Step::KeepNot => self.open = None,
                Step::Conclude { outcome, stages, notes } => return self.conclude(outcome, stages, &notes),
            }
        }
    }

    fn id(&self) -> UtteranceId {
        self.heard.utterance
    }

    fn say(&self, event: Event) {
        let _ = self.said.send(Said::Event(event));
    }

    fn packet(&mut self, packet: Vec<u8>) {
        match &self.open {
            None => {
                self.waiting.push(packet);
                self.look_again();
            }
            Some(open) => {
                if let Err(error) = open.recorder.push(packet) {
                    tracing::warn!(%error, "a packet was not recorded");
                }
                self.listen();
            }
        }
    }

    /// Runs the second look once the pre-roll and a little more are there, or all there will be.
    fn look_again(&mut self) {
        let Some(Look { word, sensitivity }) = &self.look else { return };
        let wanted = ((self.heard.pre_roll + SecondLook::AFTER).as_millis() / PACKET_MS) as usize;
        let second_look = &self.parts.second_look;
        if second_look.knows(word) && self.waiting.len() < wanted && !self.ended {
            return;
        }
        let samples = opus::Decoder::new(RATE, opus::Channels::Mono).ok().map(|mut decoder| {
            let packets = self.waiting.iter().take(wanted);
            packets.flat_map(|packet| decode(&mut decoder, packet).unwrap_or_default()).collect::<Vec<i16>>()
        });
        let genuine = samples.is_some_and(|samples| second_look.is_genuine(word, *sensitivity, &samples));
        self.look = None;
        self.say(Event::Verified { utterance: self.id(), genuine });
    }

    fn record(&mut self, keep: Retention) {
        let recorder = self.parts.journal.record(self.heard.clone(), keep);
        for packet in self.waiting.drain(..) {
            if let Err(error) = recorder.push(packet) {
                tracing::warn!(%error, "a packet was not recorded");
            }
        }
        match recorder.listen_live(Purpose::Transcribe, Timestamp::now()) {
            Ok(live) => {
                // Whose voice it is shows only at the end: until then it may be any language of the household's.
                let one = !self.parts.voices.speak_others_than(&self.language);
                let request = Request {
                    language: one.then(|| self.language.clone()),
                    room: self.heard.satellite.as_str().to_owned(),
                    ..Request::default()
                };
                let hearing = Some(self.parts.engine.begin(request));
                self.open = Some(Open { recorder, live, hearing });
                self.listen();
            }
            // No record, no audio: not even for the hub itself.
            Err(error) => tracing::error!(%error, "the journal cannot write; this utterance is not heard"),
        }
    }

    /// Hands the engine what has arrived since.
    fn listen(&mut self) {
        let Some(open) = &mut self.open else { return };
        for packet in open.live.take() {
            let Ok(samples) = decode(&mut self.decoder, &packet) else {
                let _ = self.said.send(Said::NotAudio(self.heard.utterance));
                return;
            };
            self.decoded += 1;
            if self.parts.voices.are_known() {
                self.sound.extend_from_slice(&samples);
            }
            if self.decoded <= self.before_command {
                continue;
            }
            if let Some(hearing) = &mut open.hearing
                && let Err(error) = hearing.push(&samples)
            {
                tracing::warn!(%error, "the speech engine takes no more");
            }
        }
    }

    fn transcribe(&mut self) {
        self.listen();
        let hearing = self.open.as_mut().and_then(|open| open.hearing.take());
        let utterance = self.id();
        let recognising = self.recognise();
        let heard = hearing.map(|hearing| hearing.finish());
        if let Some(voice) = recognising.and_then(|voice| voice.join().ok().flatten()) {
            self.say(Event::Recognised { utterance, voice });
        }
        match heard {
            Some(Ok(hypotheses)) => {
                // Other talk that was forced into a sentence. What is doubtful is still weighed by its sentence: a
                // synthetic voice fits the acoustic model less well than people do.
                self.hypotheses = hypotheses;
                self.hypotheses.retain(|heard| heard.confidence >= FORCED);
                self.say(Event::Transcribed { utterance });
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "an utterance was not heard");
                self.say(Event::NotHeard { utterance });
            }
            None => self.say(Event::NotHeard { utterance }),
        }
    }

    /// Compares the voice with those that are known, beside the engine that looks for words.
    fn recognise(&mut self) -> Option<std::thread::JoinHandle<Option<Voice>>> {
        let sound = std::mem::take(&mut self.sound);
        let open = self.open.as_ref().filter(|_| !sound.is_empty())?;
        // No record, no comparison.
        let granted = open.recorder.listen_live(Purpose::Identify, Timestamp::now());
        granted
            .inspect_err(
                |error| tracing::error!(%error, "the journal cannot write; the voice is not compared"),
            )
            .ok()?;
        let (voices, satellite) = (self.parts.voices.clone(), self.heard.satellite.clone());
        let compare = move || voices.recognise(&sound, &satellite);
        std::thread::Builder::new().name("voice".into()).spawn(compare).ok()
    }

    fn understand(&mut self) {
        let texts: Vec<String> = self.hypotheses.iter().map(Hypothesis::text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let said = Where {
            area: self.heard.area.as_ref(),
            satellite: self.heard.satellite.as_str(),
            language: &self.language,
            own_room: self.room.as_ref(),
        };
        self.understood = self.parts.understanding.understand(&texts, said);
        let confidence = self.commands().iter().map(|command| command.confidence).reduce(f32::min);
        let understanding = confidence.map(|confidence| Understanding {
            confidence,
            deadline: self.parts.deadlines.of(self.commands()),
        });
        if let Some(confidence) = confidence {
            let understood = Box::new(Understood { commands: self.commands().to_vec(), confidence });
            let _ = self.said.send(Said::Understood(self.id(), understood));
        }
        self.say(Event::Understood { utterance: self.id(), understanding });
    }

    fn commands(&self) -> &[Match] {
        self.understood.as_deref().unwrap_or_default()
    }

    fn conclude(mut self, outcome: Outcome, stages: Stages, notes: &[Note]) {
        let Some(open) = self.open.take() else { return };
        let commands = self.commands();
        let best = commands.first().map_or(0, |command| command.hypothesis);
        let transcript = self.hypotheses.get(best).map(|heard| heard.text().into());
        let intents: Vec<&str> = commands.iter().map(|command| command.intent.as_str()).collect();
        let slots = commands.iter().flat_map(|command| &command.slots);
        let engine = &self.parts.engine;
        let words = Words {
            transcript,
            language: Some(self.language.clone()),
            intent: (!intents.is_empty()).then(|| intents.join(", ")),
            slots: slots.map(|slot| (slot.name.clone(), slot.value.to_string().into())).collect(),
            explanation: Some(
                explanation::of(&self.understood, notes, (engine.name(), &engine.model())).to_string().into(),
            ),
            stages: explanation::stages(&stages),
        };
        let finished = Finished { speaker: self.speaker, outcome, words };
        if let Err(error) = open.recorder.finish(finished, Timestamp::now()) {
            tracing::error!(%error, "a recording was not kept");
        }
    }
}

/// One packet to 20 ms of samples.
fn decode(decoder: &mut opus::Decoder, packet: &[u8]) -> Result<Vec<i16>, opus::Error> {
    // The longest Opus packet holds 120 ms (RFC 6716, section 2.1.4).
    let mut samples = vec![0; RATE as usize * 120 / 1000];
    let decoded = decoder.decode(packet, &mut samples, false)?;
    samples.truncate(decoded);
    Ok(samples)
}
