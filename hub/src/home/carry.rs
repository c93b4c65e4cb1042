//! Carrying out what was spoken: once, in time or not at all, and what came of it.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use sotto_house::{Acted, Area};
use tokio::sync::oneshot;

use super::answer::Answer;
use super::connection::{NOT_SENT, Once, Sent};
use super::phrases::{Language, Phrase};
use super::plan::{Part, Plan, plan};
use super::target::Which;
use super::{Command, Home, Spoken, confirm, lock, reply_topic};

/// Utterances that are remembered, so that none is carried out twice.
const REMEMBERED: usize = 256;

impl Home {
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
        let Some(topic) = command.topic() else { return NOT_SENT };
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
}
