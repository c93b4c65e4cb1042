//! The machine that owns all policy.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::asking::{Asked, Verdict};
use crate::contest::Contest;
use crate::session::{Session, Stage};
use crate::{
    Acted, Area, Ask, Bid, Calibration, Effect, End, Event, Note, Outcome, Policy, SatelliteId, Speaker,
    Trigger, Understanding, UtteranceId, Voice,
};

/// Events in, effects out; time is an argument.
///
/// Every utterance that was opened gets exactly one [`Effect::Conclude`] or [`Effect::Discard`], whatever
/// happens and however late. An event about an utterance that is over, or never was, changes nothing.
#[derive(Debug, Default)]
pub struct House {
    policy: Policy,
    sessions: BTreeMap<UtteranceId, Session>,
    contests: Vec<Contest>,
    asked: Asked,
    calibration: Calibration,
}

impl House {
    pub fn new(policy: Policy) -> Self {
        House { policy, ..House::default() }
    }

    /// Takes an event at `now` and says what must be done, in order.
    pub fn handle(&mut self, now: Instant, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Opened { utterance, satellite, area, trigger, bid, age } => {
                let heard = now.checked_sub(age.min(self.policy.resume)).unwrap_or(now);
                self.opened(now, heard, utterance, satellite, area, trigger, bid, &mut effects);
            }
            Event::Verified { utterance, genuine } => self.verified(utterance, genuine, &mut effects),
            Event::Ended { utterance, end, spoken } => self.ended(now, utterance, end, spoken, &mut effects),
            Event::Lost { utterance } => {
                if self.sessions.get(&utterance).is_some_and(Session::is_open) {
                    self.finish(utterance, Outcome::Interrupted, &mut effects);
                }
            }
            Event::Transcribed { utterance } => {
                if let Some(session) = self.at(utterance, Stage::Transcribing) {
                    session.advance(now, Stage::Understanding);
                    effects.push(Effect::Understand { utterance });
                }
            }
            Event::NotHeard { utterance } => {
                if self.at(utterance, Stage::Transcribing).is_some() {
                    self.finish(utterance, Outcome::NotHeard, &mut effects);
                }
            }
            Event::Recognised { utterance, voice } => self.recognised(utterance, &voice, &mut effects),
            Event::Wants { utterance, ask } => {
                if let Some(session) = self.at(utterance, Stage::Understanding) {
                    session.ask = Some(ask);
                }
            }
            Event::Understood { utterance, understanding } => {
                self.understood(now, utterance, understanding, &mut effects);
            }
            Event::Acted { utterance, acted } => self.acted(now, utterance, acted, &mut effects),
            Event::Closing => {
                for utterance in self.sessions.keys().copied().collect::<Vec<_>>() {
                    self.finish(utterance, Outcome::Interrupted, &mut effects);
                }
            }
            Event::Tick => {}
        }
        self.pass_time(now, &mut effects);
        effects
    }

    /// When [`Event::Tick`] is due next, or `None` while nothing is under way.
    pub fn wake_at(&self) -> Option<Instant> {
        let contests = self.contests.iter().map(|c| match c.decided {
            false => c.opened + self.policy.contest,
            true => c.opened + self.policy.resume,
        });
        contests.chain(self.sessions.values().map(|s| s.due(&self.policy))).min()
    }

    /// How many sessions are under way.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    #[allow(clippy::too_many_arguments)] // the fields of one event
    fn opened(
        &mut self,
        now: Instant,
        heard: Instant,
        utterance: UtteranceId,
        satellite: SatelliteId,
        area: Option<Area>,
        trigger: Trigger,
        bid: Bid,
        effects: &mut Vec<Effect>,
    ) {
        if self.sessions.contains_key(&utterance) {
            return;
        }
        // A satellite has one microphone: whatever it was sending has ended without saying so.
        let before = self.sessions.values().find(|s| s.satellite == satellite && s.is_open());
        if let Some(before) = before.map(|s| s.utterance) {
            self.finish(before, Outcome::Interrupted, effects);
        }
        let look = match &trigger {
            Trigger::WakeWord(word) if self.policy.second_look => Some(word.clone()),
            _ => None,
        };
        let mut session = Session {
            utterance,
            satellite: satellite.clone(),
            area: area.clone(),
            opened: heard,
            stage: Stage::Waiting,
            genuine: look.is_none(),
            chosen: false,
            end: None,
            ended: now,
            spoken: now,
            deadline: None,
            stages: Default::default(),
            speaker: None,
            ask: None,
            notes: Vec::new(),
        };
        let contested = trigger != Trigger::Button;
        if contested && self.is_echo(heard, &trigger, &satellite) {
            effects.push(session.finish(Outcome::AnsweredElsewhere));
            return;
        }
        if let Some(word) = look {
            effects.push(Effect::Verify { utterance, word });
        }
        session.chosen = !contested;
        self.sessions.insert(utterance, session);
        if contested {
            let bids = vec![(utterance, satellite, bid)];
            let span = self.policy.contest + self.policy.echo;
            let same = |c: &&mut Contest| {
                let apart = c.heard.max(heard) - c.heard.min(heard);
                !c.decided && c.trigger == trigger && apart < span
            };
            match self.contests.iter_mut().find(same) {
                Some(contest) => {
                    contest.heard = contest.heard.min(heard);
                    contest.bids.extend(bids);
                }
                None => self.contests.push(Contest {
                    trigger,
                    heard,
                    opened: now,
                    decided: false,
                    winner: None,
                    silent: None,
                    bids,
                }),
            }
        }
        self.begin(utterance, effects);
    }

    /// Another satellite was already chosen for this very word: it was heard at about that time, before the person
    /// there had finished. By the time of hearing, not of arrival, so that a satellite whose link was broken does not
    /// repeat an old call.
    fn is_echo(&self, heard: Instant, trigger: &Trigger, satellite: &SatelliteId) -> bool {
        let Policy { contest: window, echo, .. } = self.policy;
        self.contests.iter().any(|contest| {
            contest.trigger == *trigger
                && contest.winner.as_ref().is_some_and(|(_, winner)| winner != satellite)
                && heard + window >= contest.heard
                && heard < contest.heard + window + echo
                && contest.silent.is_none_or(|silent| heard < silent.max(contest.heard + window))
        })
    }

    fn verified(&mut self, utterance: UtteranceId, genuine: bool, effects: &mut Vec<Effect>) {
        let Some(session) = self.at(utterance, Stage::Waiting) else { return };
        if genuine {
            session.genuine = true;
            self.begin(utterance, effects);
        } else {
            self.finish(utterance, Outcome::FalseWake, effects);
        }
    }

    fn ended(
        &mut self,
        now: Instant,
        utterance: UtteranceId,
        end: End,
        spoken: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let Some(session) = self.sessions.get_mut(&utterance).filter(|s| s.is_open()) else { return };
        match end {
            End::NothingSaid => return self.finish(utterance, Outcome::NothingSaid, effects),
            End::Cancelled => return self.finish(utterance, Outcome::Interrupted, effects),
            End::Limit => session.notes.push(Note::CutAtLimit),
            End::Endpoint => {}
        }
        session.end = Some(end);
        session.ended = now;
        session.spoken = now.min(session.opened + spoken);
        self.fall_silent(now, utterance);
        // All was said before the contest was over: nobody waits for it.
        let contest =
            self.contests.iter().position(|c| !c.decided && c.bids.iter().any(|b| b.0 == utterance));
        match contest {
            Some(contest) => self.decide(contest, effects),
            None => self.begin(utterance, effects),
        }
    }

    fn understood(
        &mut self,
        now: Instant,
        utterance: UtteranceId,
        understanding: Option<Understanding>,
        effects: &mut Vec<Effect>,
    ) {
        let policy = self.policy.clone();
        let Some(session) = self.at(utterance, Stage::Understanding) else { return };
        session.advance(now, Stage::Acting);
        let Some(understanding) = understanding else {
            return self.finish(utterance, Outcome::NotUnderstood, effects);
        };
        // Written so that a confidence that is not a number is no confidence.
        let sure = understanding.confidence >= policy.least_confidence;
        if !sure {
            session.notes.push(Note::Unsure { confidence: understanding.confidence });
            return self.finish(utterance, Outcome::NotUnderstood, effects);
        }
        session.deadline = understanding.deadline;
        let deadline = session.spoken + understanding.deadline.unwrap_or(policy.deadline);
        if now >= deadline {
            session.notes.push(Note::TooLate { by: now - deadline });
            return self.finish(utterance, Outcome::NotReached, effects);
        }
        let Some(ask) = session.ask else { return effects.push(Effect::Command { utterance, deadline }) };
        let (speaker, satellite) = (session.speaker, session.satellite.clone());
        if let Ask::Pin { .. } = ask {
            effects.push(Effect::KeepNot { utterance });
        }
        match self.asked.judge(now, ask, speaker, &satellite, &policy.doors) {
            Verdict::Do => effects.push(Effect::Command { utterance, deadline }),
            Verdict::DoVouched => {
                effects.push(Effect::Vouched { utterance });
                effects.push(Effect::Command { utterance, deadline });
            }
            Verdict::DoFor(person) => effects.push(Effect::Own { utterance, person, deadline }),
            Verdict::DoWaiting => effects.extend([
                Effect::Vouched { utterance },
                Effect::CommandWaiting { utterance, satellite, deadline },
            ]),
            Verdict::Refuse(why) => {
                if let Some(session) = self.at(utterance, Stage::Acting) {
                    session.notes.push(Note::Refused(why));
                }
                effects.push(Effect::Refuse { utterance, satellite, why });
                self.finish(utterance, Outcome::Refused, effects);
            }
        }
    }

    /// Whose voice it is decides whose the recording is, and of a stranger's nothing is kept.
    fn recognised(&mut self, utterance: UtteranceId, voice: &Voice, effects: &mut Vec<Effect>) {
        let recognition = self.calibration.raise(&self.policy.recognition);
        let keep_strangers = self.policy.keep_strangers;
        let heard = |session: &&mut Session| {
            matches!(session.stage, Stage::Listening | Stage::Transcribing | Stage::Understanding)
        };
        let Some(session) = self.sessions.get_mut(&utterance).filter(heard) else { return };
        let speaker = recognition.decide(voice);
        if session.speaker.replace(speaker).is_some() {
            return;
        }
        session.notes.push(Note::Voice(speaker));
        match speaker {
            Speaker::This { person, .. } => effects.push(Effect::Belongs { utterance, person }),
            Speaker::Unknown => {
                if voice.satellite_owner.is_none() && !keep_strangers {
                    effects.push(Effect::KeepNot { utterance });
                }
                let best = voice.candidates.iter().map(|candidate| candidate.score).reduce(f32::max);
                self.calibration.unknown(best.unwrap_or(f32::NAN));
            }
            Speaker::TooShort => {}
        }
    }

    /// What was learned of this house's unknown voices, to be kept over a restart.
    pub fn calibration(&self) -> Calibration {
        self.calibration
    }

    /// What was learned before.
    pub fn with_calibration(self, calibration: Calibration) -> Self {
        House { calibration, ..self }
    }

    fn acted(&mut self, now: Instant, utterance: UtteranceId, acted: Acted, effects: &mut Vec<Effect>) {
        let Some(session) = self.at(utterance, Stage::Acting) else { return };
        session.stages.acted = Some(now.saturating_duration_since(session.opened));
        let outcome = match acted {
            Acted::Published => Outcome::Done,
            Acted::Refused => Outcome::Refused,
            Acted::NotReached => Outcome::NotReached,
        };
        self.finish(utterance, outcome, effects);
    }

    fn fall_silent(&mut self, now: Instant, utterance: UtteranceId) {
        let won = |c: &&mut Contest| c.winner.as_ref().is_some_and(|(winner, _)| *winner == utterance);
        if let Some(contest) = self.contests.iter_mut().find(won) {
            contest.silent.get_or_insert(now);
        }
    }

    /// Decides a contest: one begins, the others are forgotten.
    fn decide(&mut self, contest: usize, effects: &mut Vec<Effect>) {
        let contest = &mut self.contests[contest];
        contest.decided = true;
        let Some((best, reason)) = contest.best() else { return };
        let (utterance, satellite, _) = contest.bids.swap_remove(best);
        contest.winner = Some((utterance, satellite));
        let others = std::mem::take(&mut contest.bids);
        for (loser, ..) in &others {
            self.finish(*loser, Outcome::AnsweredElsewhere, effects);
        }
        if let Some(session) = self.sessions.get_mut(&utterance) {
            session.chosen = true;
            session.notes.push(match others.is_empty() {
                true => Note::HeardAlone,
                false => Note::Chosen {
                    reason,
                    over: others.into_iter().map(|(_, name, bid)| (name, bid)).collect(),
                },
            });
        }
        self.begin(utterance, effects);
    }

    /// Lets a session leave memory once it is both chosen and genuine.
    fn begin(&mut self, utterance: UtteranceId, effects: &mut Vec<Effect>) {
        let keep = self.policy.keep;
        if let Some(session) = self.at(utterance, Stage::Waiting).filter(|s| s.chosen && s.genuine) {
            let (satellite, area) = (session.satellite.clone(), session.area.clone());
            session.stage = Stage::Listening;
            effects.push(Effect::Record { utterance, satellite, area, keep });
        }
        if let Some(session) = self.at(utterance, Stage::Listening).filter(|s| s.end.is_some()) {
            session.advance(session.ended, Stage::Transcribing);
            effects.push(Effect::Transcribe { utterance });
        }
    }

    /// What is due by itself: contests to decide, sessions that took too long.
    fn pass_time(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        while let Some(due) =
            self.contests.iter().position(|c| !c.decided && now >= c.opened + self.policy.contest)
        {
            self.decide(due, effects);
        }
        self.asked.pass_time(now, &self.policy.doors);
        let remembered = self.policy.resume;
        self.contests.retain(|c| !c.decided || now < c.opened + remembered);

        let late = self.sessions.values().filter(|s| now >= s.due(&self.policy));
        for (utterance, satellite, stage, open) in
            late.map(|s| (s.utterance, s.satellite.clone(), s.stage, s.is_open())).collect::<Vec<_>>()
        {
            match stage {
                _ if open => {
                    effects.push(Effect::Stop { utterance, satellite });
                    self.ended(now, utterance, End::Limit, self.policy.longest_utterance, effects);
                }
                // Nobody could say that it was the wake word, so it was not.
                Stage::Waiting => self.finish(utterance, Outcome::FalseWake, effects),
                Stage::Acting => self.finish(utterance, Outcome::NotReached, effects),
                _ => self.finish(utterance, Outcome::NotHeard, effects),
            }
        }
    }

    fn finish(&mut self, utterance: UtteranceId, outcome: Outcome, effects: &mut Vec<Effect>) {
        for contest in &mut self.contests {
            contest.bids.retain(|bid| bid.0 != utterance);
        }
        if let Some(session) = self.sessions.remove(&utterance) {
            // What is said where a PIN is waited for may hold it, understood or not.
            if session.stage != Stage::Waiting
                && session.ask != Some(Ask::LetIn)
                && self.asked.waits(&session.satellite)
            {
                effects.push(Effect::KeepNot { utterance });
            }
            self.fall_silent(session.opened, utterance);
            effects.push(session.finish(outcome));
        }
    }

    fn at(&mut self, utterance: UtteranceId, stage: Stage) -> Option<&mut Session> {
        self.sessions.get_mut(&utterance).filter(|s| s.stage == stage)
    }
}
