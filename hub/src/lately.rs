//! What happened lately, as numbers: how long each stage took, how often nobody had called, what left each room.
//!
//! In memory only, and of the last day. Deliberately absent: words, intents and people.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use sotto_house::{Outcome, SatelliteId, Stages, UtteranceId};
use sotto_protocol::Panel;

use crate::home::Activity;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Sessions whose times are kept; a house speaks some hundred times a day.
const SESSIONS: usize = 2000;
/// Levels that are kept of a satellite: ten come a second while somebody watches.
const LEVELS: usize = 100;

#[derive(Default)]
pub struct Lately(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    sessions: VecDeque<(SystemTime, Stages)>,
    false_wakes: VecDeque<(SystemTime, SatelliteId)>,
    satellites: HashMap<SatelliteId, Of>,
    levels: HashMap<SatelliteId, VecDeque<(SystemTime, f32)>>,
    doing: HashMap<SatelliteId, Activity>,
    panels: HashMap<SatelliteId, Panel>,
    outcomes: BTreeMap<String, u64>,
    audio: u64,
    /// Utterances that the speech engine has yet to answer.
    unheard: HashSet<UtteranceId>,
    /// The speech engine failed at the last utterance that it had to hear.
    deaf: bool,
}

/// Of one satellite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Of {
    pub last_heard: Option<SystemTime>,
    /// Bytes of audio since midnight (UTC), as they came off the wire.
    pub bytes_today: u64,
    pub false_wakes_today: u32,
    day: u64,
}

impl Lately {
    pub fn opened(&self, satellite: &SatelliteId, now: SystemTime) {
        self.of_today(satellite, now, |of| of.last_heard = Some(now));
    }

    pub fn audio(&self, satellite: &SatelliteId, bytes: usize, now: SystemTime) {
        self.of_today(satellite, now, |of| of.bytes_today += bytes as u64);
        self.lock().audio += bytes as u64;
    }

    /// How loud it is at a satellite, in dBFS, while somebody watches.
    pub fn level(&self, satellite: &SatelliteId, dbfs: f32, now: SystemTime) {
        let mut inside = self.lock();
        let levels = inside.levels.entry(satellite.clone()).or_default();
        levels.push_back((now, dbfs));
        while levels.len() > LEVELS {
            levels.pop_front();
        }
    }

    /// What a satellite is doing from now on.
    pub fn doing(&self, satellite: &SatelliteId, activity: Activity) {
        self.lock().doing.insert(satellite.clone(), activity);
    }

    pub fn activity(&self, satellite: &SatelliteId) -> Activity {
        self.lock().doing.get(satellite).copied().unwrap_or_default()
    }

    /// What a satellite says of its switches.
    pub fn panel(&self, satellite: &SatelliteId, panel: Panel) {
        self.lock().panels.insert(satellite.clone(), panel);
    }

    /// Whether it is muted by its own switch, which nothing here can undo.
    pub fn muted_by_hand(&self, satellite: &SatelliteId) -> bool {
        self.lock().panels.get(satellite).is_some_and(|panel| panel.muted && panel.mute_switch)
    }

    /// The levels told since then, oldest first.
    pub fn levels(&self, satellite: &SatelliteId, since: SystemTime) -> Vec<f32> {
        let inside = self.lock();
        let levels = inside.levels.get(satellite).into_iter().flatten();
        levels.filter(|(at, _)| *at >= since).map(|(_, dbfs)| *dbfs).collect()
    }

    /// How many sessions ended how, since the hub began.
    pub fn outcomes(&self) -> BTreeMap<String, u64> {
        self.lock().outcomes.clone()
    }

    /// Bytes of audio that came off the wire since the hub began.
    pub fn audio_in_all(&self) -> u64 {
        self.lock().audio
    }

    /// The speech engine has been given an utterance.
    pub fn awaits(&self, utterance: UtteranceId) {
        self.lock().unheard.insert(utterance);
    }

    /// It has answered, or nobody waits for that any more.
    pub fn awaits_no_more(&self, utterance: UtteranceId) {
        self.lock().unheard.remove(&utterance);
    }

    /// Utterances that the speech engine has yet to answer.
    pub fn awaited(&self) -> usize {
        self.lock().unheard.len()
    }

    /// Whether the speech engine failed at the last utterance that it had to hear.
    pub fn deaf(&self) -> bool {
        self.lock().deaf
    }

    /// A session ended; only one that went all the way has times to tell.
    pub fn ended(&self, satellite: &SatelliteId, outcome: Outcome, stages: Option<Stages>, now: SystemTime) {
        *self.lock().outcomes.entry(format!("{outcome:?}")).or_default() += 1;
        match outcome {
            Outcome::NotHeard => self.lock().deaf = true,
            Outcome::Done | Outcome::NotUnderstood | Outcome::Refused | Outcome::NotReached => {
                self.lock().deaf = false;
            }
            _ => {}
        }
        if outcome == Outcome::FalseWake {
            self.of_today(satellite, now, |of| of.false_wakes_today += 1);
            let mut inside = self.lock();
            inside.false_wakes.push_back((now, satellite.clone()));
            while inside.false_wakes.len() > SESSIONS {
                inside.false_wakes.pop_front();
            }
        }
        if let Some(stages) = stages {
            let mut inside = self.lock();
            inside.sessions.push_back((now, stages));
            while inside.sessions.len() > SESSIONS {
                inside.sessions.pop_front();
            }
        }
    }

    pub fn of(&self, satellite: &SatelliteId, now: SystemTime) -> Of {
        let mut of = Of::default();
        self.of_today(satellite, now, |today| of = *today);
        of
    }

    /// How long each stage took, oldest first: listening, transcribing, understanding, acting.
    pub fn stages(&self, now: SystemTime) -> Vec<(&'static str, Vec<(SystemTime, Duration)>)> {
        let inside = self.lock();
        let recent =
            inside.sessions.iter().filter(|(at, _)| now.duration_since(*at).is_ok_and(|age| age < DAY));
        let mut stages: Vec<(&'static str, Vec<(SystemTime, Duration)>)> =
            ["transcribed", "understood", "acted"].map(|stage| (stage, Vec::new())).into();
        for (at, times) in recent {
            let steps = [(times.ended, times.transcribed), (times.transcribed, times.understood)];
            let steps = steps.into_iter().chain([(times.understood, times.acted)]);
            for ((_, samples), (from, to)) in stages.iter_mut().zip(steps) {
                if let (Some(from), Some(to)) = (from, to) {
                    samples.push((*at, to.saturating_sub(from)));
                }
            }
        }
        stages
    }

    /// False wakes in each of the last 24 hours, oldest first.
    pub fn false_wakes(&self, now: SystemTime) -> Vec<u32> {
        let mut hours = vec![0; 24];
        for (at, _) in &self.lock().false_wakes {
            let age = now.duration_since(*at).unwrap_or_default();
            let hours_ago = (age.as_secs() / HOUR.as_secs()) as usize;
            if hours_ago < 24 {
                hours[23 - hours_ago] += 1;
            }
        }
        hours
    }

    fn of_today(&self, satellite: &SatelliteId, now: SystemTime, change: impl FnOnce(&mut Of)) {
        let day = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / DAY.as_secs();
        let mut inside = self.lock();
        let of = inside.satellites.entry(satellite.clone()).or_default();
        if of.day != day {
            *of = Of { last_heard: of.last_heard, day, ..Of::default() };
        }
        change(of);
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_and_what_went_wrong_is_told() {
        let lately = Lately::default();
        let utterance = UtteranceId::from_bytes([1; 16]);
        lately.awaits(utterance);
        assert_eq!(lately.awaited(), 1);
        lately.awaits_no_more(utterance);
        lately.awaits_no_more(utterance);
        assert_eq!(lately.awaited(), 0);
        let kitchen = SatelliteId::new("kitchen").unwrap();
        for (outcome, deaf) in [
            (Outcome::NotHeard, true),
            (Outcome::FalseWake, true),
            (Outcome::NotUnderstood, false),
            (Outcome::NothingSaid, false),
        ] {
            lately.ended(&kitchen, outcome, None, SystemTime::now());
            assert_eq!(lately.deaf(), deaf, "{outcome:?}");
        }
    }

    #[test]
    fn today_begins_at_midnight_and_hours_are_counted_back() {
        let lately = Lately::default();
        let kitchen = SatelliteId::new("kitchen").unwrap();
        let noon = SystemTime::UNIX_EPOCH + DAY * 20_000 + HOUR * 12;
        lately.opened(&kitchen, noon);
        lately.audio(&kitchen, 60, noon);
        lately.audio(&kitchen, 60, noon);
        lately.ended(&kitchen, Outcome::FalseWake, None, noon);
        let of = lately.of(&kitchen, noon);
        assert_eq!((of.bytes_today, of.false_wakes_today, of.last_heard), (120, 1, Some(noon)));
        assert_eq!(lately.false_wakes(noon + HOUR * 3)[20], 1);
        assert_eq!(lately.false_wakes(noon + DAY), vec![0; 24]);
        let tomorrow = lately.of(&kitchen, noon + DAY);
        assert_eq!(
            (tomorrow.bytes_today, tomorrow.false_wakes_today, tomorrow.last_heard),
            (0, 0, Some(noon))
        );
    }

    #[test]
    fn a_stage_is_what_it_added() {
        let lately = Lately::default();
        let kitchen = SatelliteId::new("kitchen").unwrap();
        let ms = |n| Some(Duration::from_millis(n));
        let stages = Stages { ended: ms(2000), transcribed: ms(2050), understood: ms(2051), acted: None };
        let now = SystemTime::UNIX_EPOCH + DAY;
        lately.ended(&kitchen, Outcome::NotReached, Some(stages), now);
        let stages = lately.stages(now);
        assert_eq!(stages[0], ("transcribed", vec![(now, Duration::from_millis(50))]));
        assert_eq!(stages[1], ("understood", vec![(now, Duration::from_millis(1))]));
        assert_eq!(stages[2], ("acted", vec![]));
        assert!(lately.stages(now + DAY).iter().all(|(_, samples)| samples.is_empty()));
    }
}
