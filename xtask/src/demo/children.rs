//! The programs of the demo: started, listened to line by line, and stopped.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::shell;

/// A line that a child printed; an empty one says that it ended.
pub struct Line {
    pub from: String,
    pub text: String,
}

pub struct Children {
    running: Vec<(String, Child)>,
    tell: mpsc::Sender<Line>,
    lines: mpsc::Receiver<Line>,
}

impl Default for Children {
    fn default() -> Self {
        let (tell, lines) = mpsc::channel();
        Children { running: Vec::new(), tell, lines }
    }
}

impl Children {
    /// Starts a program; its standard output becomes [`Line`]s, its errors are shown as they are.
    pub fn spawn(&mut self, name: &str, command: &mut Command) -> anyhow::Result<()> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let output = BufReader::new(child.stdout.take().context("a pipe was asked for")?);
        let (tell, from) = (self.tell.clone(), name.to_owned());
        std::thread::spawn(move || {
            for text in output.lines().map_while(Result::ok).filter(|text| !text.is_empty()) {
                if tell.send(Line { from: from.clone(), text }).is_err() {
                    return;
                }
            }
            // A satellite that has said all it had to say ends by itself.
            if !from.starts_with("satellite") {
                let _ = tell.send(Line { from, text: String::new() });
            }
        });
        self.running.push((name.to_owned(), child));
        Ok(())
    }

    /// The next line from any of them.
    pub fn next(&self, patience: Duration) -> Option<Line> {
        self.lines.recv_timeout(patience).ok()
    }

    /// Asks each to end, the last started first, and waits.
    pub fn stop(&mut self) {
        for (name, mut child) in self.running.drain(..).rev() {
            if matches!(child.try_wait(), Ok(Some(_))) {
                continue;
            }
            let _ = shell::output(Command::new("kill").arg(child.id().to_string()));
            let until = Instant::now() + Duration::from_secs(5);
            while Instant::now() < until && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(20));
            }
            if matches!(child.try_wait(), Ok(None)) {
                eprintln!("{name} did not end; killing it");
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        self.stop();
    }
}
