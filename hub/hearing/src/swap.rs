//! An engine that can be exchanged for another while people speak: what is under way ends with the one it began with.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::engine::{Engine, Hearing, HearingError, Request};
use crate::grammar::{Grammar, GrammarNotes};

pub struct Swap {
    now: RwLock<Arc<dyn Engine>>,
    /// What may be said, for whichever comes next.
    grammar: Mutex<Option<Grammar>>,
}

impl Swap {
    pub fn new(engine: Arc<dyn Engine>) -> Swap {
        Swap { now: RwLock::new(engine), grammar: Mutex::new(None) }
    }

    fn now(&self) -> Arc<dyn Engine> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From the next utterance on, `engine` listens. Blocks until the one before has ended what it was about.
    pub fn exchange(&self, engine: Arc<dyn Engine>) -> Result<(), HearingError> {
        let grammar = self.grammar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(grammar) = grammar.as_ref() {
            engine.set_grammar(grammar.clone())?;
        }
        let before =
            std::mem::replace(&mut *self.now.write().unwrap_or_else(PoisonError::into_inner), engine);
        drop(grammar);
        drop(before);
        Ok(())
    }
}

impl Engine for Swap {
    fn name(&self) -> &'static str {
        self.now().name()
    }

    fn model(&self) -> String {
        self.now().model()
    }

    fn begin(&self, request: Request) -> Box<dyn Hearing> {
        self.now().begin(request)
    }

    fn set_grammar(&self, grammar: Grammar) -> Result<GrammarNotes, HearingError> {
        let mut kept = self.grammar.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(grammar.clone());
        self.now().set_grammar(grammar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Hypothesis;

    struct Named(&'static str, Mutex<usize>);

    impl Engine for Named {
        fn name(&self) -> &'static str {
            self.0
        }
        fn model(&self) -> String {
            self.0.to_owned()
        }
        fn begin(&self, _: Request) -> Box<dyn Hearing> {
            Box::new(Silent)
        }
        fn set_grammar(&self, _: Grammar) -> Result<GrammarNotes, HearingError> {
            *self.1.lock().unwrap() += 1;
            Ok(GrammarNotes::default())
        }
    }

    struct Silent;

    impl Hearing for Silent {
        fn push(&mut self, _: &[i16]) -> Result<(), HearingError> {
            Ok(())
        }
        fn finish(self: Box<Self>) -> Result<Vec<Hypothesis>, HearingError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn the_next_engine_knows_what_may_be_said() {
        let (first, second) = (Arc::new(Named("one", Mutex::new(0))), Arc::new(Named("two", Mutex::new(0))));
        let swap = Swap::new(first.clone());
        let under_way = swap.begin(Request::default());
        swap.set_grammar(Grammar::default()).unwrap();
        swap.exchange(second.clone()).unwrap();
        assert_eq!((swap.name(), swap.model().as_str()), ("two", "two"));
        assert_eq!((*first.1.lock().unwrap(), *second.1.lock().unwrap()), (1, 1));
        assert!(under_way.finish().unwrap().is_empty());
    }
}
