//! What happens, as one JSON document a line on standard output, for `sotto-hub run --json`. Never words.

use serde_json::Value;

/// Prints, or does not, as the command line said.
#[derive(Debug, Clone, Copy)]
pub struct Events {
    printed: bool,
}

impl Events {
    pub fn new(printed: bool) -> Events {
        Events { printed }
    }

    /// Prints what `event` makes; it is not called when nobody listens.
    pub fn say(&self, event: impl FnOnce() -> Value) {
        if self.printed {
            use std::io::Write;
            let mut out = std::io::stdout().lock();
            // A reader that went away is no reason to stop serving a house.
            let _ = writeln!(out, "{}", event()).and_then(|()| out.flush());
        }
    }
}
