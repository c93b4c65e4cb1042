//! A simulated house: the hub's core, many satellites, a network that loses and delays, a virtual clock, one seed.
//!
//! `people speak → satellites hear → network → House → adapters that take their time → outcomes`
//!
//! Everything random comes from the seed, so that a failure is repeated by its number. Deliberately absent:
//! audio, sockets, threads and the real clock; an evening takes about a millisecond.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sotto_house::{
    Acted, Area, Bid, Effect, End, Event, House, Outcome, Policy, SatelliteId, Trigger, Understanding,
    UtteranceId,
};

/// How bad the network of this evening is.
#[derive(Debug, Clone, Copy)]
pub struct Network {
    /// Share of packets lost; each loss costs a retransmission.
    pub loss: f64,
    pub jitter: Duration,
    /// Chance that a satellite's link breaks in the middle of an utterance.
    pub breaks: f64,
}

impl Network {
    pub const GOOD: Network = Network { loss: 0.0, jitter: Duration::from_millis(5), breaks: 0.0 };
    pub const POOR: Network = Network { loss: 0.1, jitter: Duration::from_millis(100), breaks: 0.0 };
    pub const BROKEN: Network = Network { loss: 0.1, jitter: Duration::from_millis(100), breaks: 0.2 };
}

/// What became of an evening.
#[derive(Debug, Default)]
pub struct Report {
    /// Commands that people spoke.
    pub spoken: usize,
    /// Commands that the house acted on.
    pub acted: usize,
    /// Commands that two satellites or more heard.
    pub contested: usize,
    /// Of those, the ones where the satellite nearest to the speaker answered.
    pub nearest: usize,
    /// Broken promises, in words.
    pub broken: Vec<String>,
}

/// One spoken command and what became of it.
struct Call {
    ended: Duration,
    nearest: UtteranceId,
    heard_by: usize,
    commands: Vec<UtteranceId>,
    published: usize,
}

struct Evening {
    rng: SmallRng,
    network: Network,
    house: House,
    start: Instant,
    now: Duration,
    queue: BinaryHeap<Reverse<(Duration, u64)>>,
    events: BTreeMap<u64, Event>,
    sequence: u64,
    calls: Vec<Call>,
    /// Which call an utterance belongs to, while its session is open.
    open: BTreeMap<UtteranceId, usize>,
    /// Which call an utterance belongs to, for ever.
    call_of: BTreeMap<UtteranceId, usize>,
    recorded: BTreeMap<UtteranceId, bool>,
    report: Report,
}

/// Plays one evening; the same seed and network give the same evening.
pub fn evening(seed: u64, network: Network) -> Report {
    let mut rng = SmallRng::seed_from_u64(seed);
    let policy = Policy { second_look: rng.random_bool(0.5), ..Policy::default() };
    let mut evening = Evening {
        rng,
        network,
        house: House::new(policy),
        start: Instant::now(),
        now: Duration::ZERO,
        queue: BinaryHeap::new(),
        events: BTreeMap::new(),
        sequence: 0,
        calls: Vec::new(),
        open: BTreeMap::new(),
        call_of: BTreeMap::new(),
        recorded: BTreeMap::new(),
        report: Report::default(),
    };
    evening.people_speak();
    evening.play();
    evening.finish()
}

impl Evening {
    fn ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.rng.random_range(from..=to))
    }

    /// Time from a satellite to the hub: jitter, and a retransmission for each loss.
    fn travel(&mut self) -> Duration {
        let jitter = self.network.jitter.as_millis() as u64;
        let mut travel = self.ms(1, 1 + jitter);
        while self.rng.random_bool(self.network.loss) {
            travel += self.ms(20, 120);
        }
        travel
    }

    fn at(&mut self, when: Duration, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((when, self.sequence)));
        self.events.insert(self.sequence, event);
    }

    /// Everything that people and satellites do this evening, as messages with their times of arrival.
    fn people_speak(&mut self) {
        let satellites = self.rng.random_range(1..=8);
        let mut when = Duration::ZERO;
        for _ in 0..self.rng.random_range(5..=20) {
            when += self.ms(6_000, 30_000);
            let speaker: f64 = self.rng.random_range(0.0..30.0);
            let length = self.ms(600, 4_000);
            let call = self.calls.len();
            let mut nearest = (f64::MAX, None);
            let mut heard_by = 0;
            for place in 0..satellites {
                // Rooms lie in a row, 5 m each; beyond 9 m nobody is heard.
                let distance = (speaker - place as f64 * 5.0).abs().max(0.3);
                if distance > 9.0 {
                    continue;
                }
                let mut id = [0; 16];
                self.rng.fill(&mut id);
                let utterance = UtteranceId::from_bytes(id);
                if distance < nearest.0 {
                    nearest = (distance, Some(utterance));
                }
                heard_by += 1;
                self.call_of.insert(utterance, call);
                self.hear(utterance, place, distance, when, length);
            }
            let Some(nearest) = nearest.1 else { continue };
            let ended = when + length;
            self.calls.push(Call { ended, nearest, heard_by, commands: Vec::new(), published: 0 });
            when = ended;
        }
    }

    /// One satellite hears one call: what it sends, and when that arrives.
    fn hear(&mut self, utterance: UtteranceId, place: i32, distance: f64, when: Duration, length: Duration) {
        let satellite = SatelliteId::new(&format!("s{place}")).expect("a name");
        let level = -20.0 - 20.0 * distance.log10() + self.rng.random_range(-0.5..0.5);
        let bid = Bid::new(self.rng.random_range(0.85..1.0), level as f32);
        let heard = when + self.ms(0, 120);
        let silence = heard + length + Duration::from_millis(300);
        let mut opened = heard + self.travel();
        let mut ended = silence + self.travel();
        let mut lost = None;
        if self.rng.random_bool(self.network.breaks) {
            // The link breaks some time in the utterance and is back within 10 s, or it is not.
            let broke = heard + self.ms(0, length.as_millis() as u64);
            let back = broke + self.ms(500, 15_000);
            if opened >= broke {
                opened = opened.max(back);
            }
            if back <= broke + Duration::from_secs(10) {
                ended = ended.max(back + self.travel());
            } else {
                lost = Some(broke + Duration::from_secs(10));
            }
        }
        let ended = ended.max(opened);
        if lost.is_some_and(|lost| opened > lost) {
            return; // it never came through at all
        }
        let area = Area::new(satellite.as_str()).ok();
        let trigger = Trigger::WakeWord("okay_nabu".into());
        self.at(opened, Event::Opened { utterance, satellite, area, trigger, bid, age: opened - heard });
        match lost {
            Some(lost) => self.at(lost, Event::Lost { utterance }),
            None => self.at(ended, Event::Ended { utterance, end: End::Endpoint, spoken: length }),
        }
    }

    fn play(&mut self) {
        loop {
            let next = self.queue.peek().map(|Reverse((when, _))| *when);
            let tick = self.house.wake_at().map(|due| due.saturating_duration_since(self.start));
            let event = match (next, tick) {
                (None, None) => break,
                (Some(next), tick) if tick.is_none_or(|tick| next <= tick) => {
                    let Reverse((when, sequence)) = self.queue.pop().expect("peeked");
                    self.now = when;
                    self.events.remove(&sequence).expect("queued once")
                }
                (_, tick) => {
                    self.now = self.now.max(tick.expect("one of the two"));
                    Event::Tick
                }
            };
            if let Event::Opened { utterance, .. } = &event {
                self.open.insert(*utterance, self.call_of[utterance]);
            }
            for effect in self.house.handle(self.start + self.now, event) {
                self.carry_out(effect);
            }
        }
    }

    /// The adapters: they take their time, and sometimes fail.
    fn carry_out(&mut self, effect: Effect) {
        let soon = self.now + self.ms(1, 20);
        match effect {
            Effect::Verify { utterance, .. } => self.at(soon, Event::Verified { utterance, genuine: true }),
            Effect::Record { utterance, .. } => {
                if self.recorded.insert(utterance, true).is_some() {
                    self.broken("recorded twice");
                }
            }
            Effect::Transcribe { utterance } => {
                let when = self.now + self.ms(20, 900);
                let fails = self.rng.random_bool(0.02);
                self.at(
                    when,
                    if fails { Event::NotHeard { utterance } } else { Event::Transcribed { utterance } },
                );
            }
            Effect::Understand { utterance } => {
                let sure = Understanding { confidence: 0.9, deadline: None };
                let understanding = self.rng.random_bool(0.95).then_some(sure);
                self.at(soon, Event::Understood { utterance, understanding });
            }
            Effect::Command { utterance, deadline } => {
                let call = self.call_of[&utterance];
                if self.start + self.now >= deadline
                    || self.now > self.calls[call].ended + Duration::from_secs(6)
                {
                    self.broken("a command was sent too late");
                }
                self.calls[call].commands.push(utterance);
                let reached = self.rng.random_bool(0.97);
                self.calls[call].published += usize::from(reached);
                let acted = if reached { Acted::Published } else { Acted::NotReached };
                self.at(soon, Event::Acted { utterance, acted });
            }
            Effect::Own { .. }
            | Effect::CommandWaiting { .. }
            | Effect::Refuse { .. }
            | Effect::Belongs { .. }
            | Effect::Vouched { .. }
            | Effect::KeepNot { .. } => self.broken("no voice was told apart here"),
            Effect::Stop { .. } => {}
            Effect::Discard { utterance, .. } => self.close(utterance),
            Effect::Conclude { utterance, outcome, .. } => {
                if outcome == Outcome::Done && self.calls[self.call_of[&utterance]].commands.is_empty() {
                    self.broken("done, and nothing was sent");
                }
                self.close(utterance);
            }
        }
    }

    fn close(&mut self, utterance: UtteranceId) {
        if self.open.remove(&utterance).is_none() {
            self.broken("a session ended twice");
        }
    }

    fn broken(&mut self, promise: &str) {
        self.report.broken.push(format!("at {:?}: {promise}", self.now));
    }

    fn finish(mut self) -> Report {
        if !self.open.is_empty() {
            self.broken("a session never ended");
        }
        if self.house.sessions() != 0 {
            self.broken("the house still waits for something");
        }
        for call in std::mem::take(&mut self.calls) {
            self.report.spoken += 1;
            self.report.acted += usize::from(call.published > 0);
            if call.heard_by > 1 && !call.commands.is_empty() {
                self.report.contested += 1;
                self.report.nearest += usize::from(call.commands.contains(&call.nearest));
            }
            if call.commands.len() > 1 {
                self.broken("one call was answered twice");
            }
        }
        self.report
    }
}
