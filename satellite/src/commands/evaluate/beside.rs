//! Another detector beside ours, on the very same sound: a program that is given each recording on its standard input
//! (the count of its samples as u32, then the samples as i16, little endian) and answers each with one line of JSON:
//! `{"at": [samples], "cpu": seconds}`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;

pub struct Beside {
    program: Child,
    sound: ChildStdin,
    answers: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Answer {
    /// Where the word was detected, in samples.
    at: Vec<u64>,
    /// Processor seconds that it took.
    cpu: f64,
}

impl Beside {
    /// Starts `command`, a program and its arguments separated by blanks.
    pub fn start(command: &str) -> anyhow::Result<Self> {
        let mut words = command.split_whitespace();
        let program = words.next().context("--beside names no program")?;
        let mut program = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{program} cannot be started; check its name"))?;
        let (Some(sound), Some(answers)) = (program.stdin.take(), program.stdout.take()) else {
            bail!("{command} has no standard input or output");
        };
        Ok(Self { program, sound, answers: BufReader::new(answers) })
    }

    /// Where it detects the word in a recording. `cpu` grows by what that took.
    pub fn detections(&mut self, samples: &[i16], cpu: &mut Duration) -> anyhow::Result<Vec<u64>> {
        let mut bytes = (samples.len() as u32).to_le_bytes().to_vec();
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        let mut line = String::new();
        let asked = self.sound.write_all(&bytes).and_then(|()| self.sound.flush());
        asked.and_then(|()| self.answers.read_line(&mut line)).context("the program beside has ended")?;
        let answer: Answer = serde_json::from_str(&line)
            .context("the program beside answers with something else than JSON")?;
        *cpu += Duration::try_from_secs_f64(answer.cpu).unwrap_or_default();
        Ok(answer.at)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
