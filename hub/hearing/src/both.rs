//! The engine `both`: the grammar's answer and Whisper's compete.
//!
//! ```text
//! samples ─┬─ phrase ── sure? ─▶ its answer at once; the other is cancelled
//!          └─ whisper ─────────▶ else all answers, the surest first
//! ```
//!
//! Most of what is said to a house is one of its own sentences, which the grammar hears in a tenth of the time;
//! whatever is not (a name to remember, a text to repeat) fits no sentence well and is left to Whisper.

use std::sync::Arc;

use crate::engine::{Engine, Hearing, HearingError, Hypothesis, Request};
use crate::grammar::{Grammar, GrammarNotes};

/// From here on the grammar's answer needs no second opinion. Of commands that it is so sure of, nine in ten are
/// right (docs/measurements.md), which is as good as a small Whisper.
pub const SURE: f32 = 0.8;

pub struct Both {
    pub phrase: Arc<dyn Engine>,
    pub whisper: Arc<dyn Engine>,
}

impl Engine for Both {
    fn name(&self) -> &'static str {
        "both"
    }

    fn model(&self) -> String {
        format!("{} and {}", self.phrase.model(), self.whisper.model())
    }

    fn begin(&self, request: Request) -> Box<dyn Hearing> {
        Box::new(Twice { phrase: self.phrase.begin(request.clone()), whisper: self.whisper.begin(request) })
    }

    fn set_grammar(&self, grammar: Grammar) -> Result<GrammarNotes, HearingError> {
        self.phrase.set_grammar(grammar)
    }
}

struct Twice {
    phrase: Box<dyn Hearing>,
    whisper: Box<dyn Hearing>,
}

impl Hearing for Twice {
    fn push(&mut self, samples: &[i16]) -> Result<(), HearingError> {
        self.phrase.push(samples)?;
        self.whisper.push(samples)
    }

    fn end(&mut self) {
        self.phrase.end();
        self.whisper.end();
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<Hypothesis>, HearingError> {
        self.end();
        let quick = self.phrase.finish();
        if let Ok(heard) = &quick
            && heard.first().is_some_and(|best| best.confidence >= SURE)
        {
            return quick;
        }
        match (quick, self.whisper.finish()) {
            (Ok(mut all), Ok(more)) => {
                all.extend(more);
                all.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
                Ok(all)
            }
            // One engine that fails leaves the other's answer.
            (Ok(heard), Err(_)) if !heard.is_empty() => Ok(heard),
            (Ok(_) | Err(_), answer) => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::engine::Word;

    /// Says what it was told to say, and whether it was asked.
    struct Scripted(Result<Vec<Hypothesis>, HearingError>, Arc<AtomicBool>);

    impl Engine for Scripted {
        fn name(&self) -> &'static str {
            "scripted"
        }
        fn model(&self) -> String {
            String::new()
        }
        fn begin(&self, _: Request) -> Box<dyn Hearing> {
            Box::new(Scripted(self.0.clone(), self.1.clone()))
        }
    }

    impl Hearing for Scripted {
        fn push(&mut self, _: &[i16]) -> Result<(), HearingError> {
            Ok(())
        }
        fn finish(self: Box<Self>) -> Result<Vec<Hypothesis>, HearingError> {
            self.1.store(true, Ordering::Relaxed);
            self.0
        }
    }

    fn heard(text: &str, confidence: f32) -> Hypothesis {
        let words = text.split_whitespace().map(|word| Word {
            text: word.to_owned(),
            confidence,
            start: Duration::ZERO,
            end: Duration::ZERO,
        });
        Hypothesis { words: words.collect(), confidence }
    }

    #[test]
    fn the_surer_one_answers_and_a_sure_grammar_at_once() {
        let lights = |confidence| Ok(vec![heard("lights on", confidence)]);
        let milk = |confidence| Ok(vec![heard("remember the milk", confidence)]);
        let crashed = || Err(HearingError::Crashed);
        let nothing = || Ok(Vec::new());
        for (phrase, whisper, expect, asked) in [
            (lights(0.95), milk(0.99), Ok("lights on"), false),
            (lights(0.6), milk(0.9), Ok("remember the milk"), true),
            (lights(0.6), milk(0.3), Ok("lights on"), true),
            (nothing(), milk(0.3), Ok("remember the milk"), true),
            (lights(0.6), crashed(), Ok("lights on"), true),
            (crashed(), milk(0.3), Ok("remember the milk"), true),
            (nothing(), nothing(), Ok(""), true),
            (nothing(), crashed(), Err(HearingError::Crashed), true),
            (crashed(), crashed(), Err(HearingError::Crashed), true),
        ] {
            let was_asked = Arc::new(AtomicBool::new(false));
            let both = Both {
                phrase: Arc::new(Scripted(phrase, Arc::default())),
                whisper: Arc::new(Scripted(whisper, was_asked.clone())),
            };
            let mut hearing = both.begin(Request::default());
            hearing.push(&[0; 320]).unwrap();
            let answer = hearing.finish();
            let best = answer.map(|all| all.first().map(Hypothesis::text).unwrap_or_default());
            assert_eq!(best, expect.map(str::to_owned));
            assert_eq!(was_asked.load(Ordering::Relaxed), asked);
        }
    }
}
