//! What an evaluation found: counts, times, and what was taken for what.

use std::collections::BTreeMap;
use std::time::Duration;

/// `(slot, expected, heard)`; the slot `intent` stands for the intent itself.
pub type Difference = (String, Option<String>, Option<String>);

/// One clip's result.
pub struct Result {
    /// The recording, as the manifest names it.
    pub file: String,
    pub right: bool,
    /// What was understood otherwise than labelled.
    pub differences: Vec<Difference>,
    /// Whether the clip has an intent, and whether one was understood.
    pub expected: bool,
    pub understood: bool,
    /// From the last sample to the intent.
    pub latency: Duration,
    pub seconds: f64,
    /// How sure the engine was, for calibration.
    pub confidence: Option<f32>,
}

pub struct Report {
    pub results: Vec<Result>,
    pub engine: String,
    pub model: String,
    /// CPU time of hearing and understanding, without decoding files, mixing and Opus.
    pub cpu: Duration,
}

/// Most confusions that are listed.
const MOST_CONFUSIONS: usize = 30;

impl Report {
    pub fn clips(&self) -> usize {
        self.results.len()
    }

    pub fn correct(&self) -> usize {
        self.results.iter().filter(|result| result.right).count()
    }

    /// Right answers as a part of all.
    pub fn accuracy(&self) -> f64 {
        self.correct() as f64 / self.clips().max(1) as f64
    }

    /// Clips without a command, and how many of them were taken for one.
    fn others(&self) -> (usize, usize) {
        let others = self.results.iter().filter(|result| !result.expected);
        (others.clone().count(), others.filter(|result| result.understood).count())
    }

    /// Commands for which nothing was understood.
    fn refused(&self) -> usize {
        self.results.iter().filter(|result| result.expected && !result.understood).count()
    }

    /// What to listen to again, or to label anew.
    fn wrong(&self) -> impl Iterator<Item = &Result> {
        self.results.iter().filter(|result| !result.right)
    }

    fn latency(&self, part: f64) -> f64 {
        let mut all: Vec<Duration> = self.results.iter().map(|result| result.latency).collect();
        all.sort();
        let rank = ((all.len() as f64 * part).ceil() as usize).clamp(1, all.len().max(1)) - 1;
        all.get(rank).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }

    fn seconds(&self) -> f64 {
        self.results.iter().map(|result| result.seconds).sum()
    }

    /// Errors by slot: how often it was labelled or heard, and how often wrong.
    fn slots(&self) -> BTreeMap<&str, usize> {
        let mut slots = BTreeMap::new();
        for (slot, _, _) in self.results.iter().flat_map(|result| &result.differences) {
            *slots.entry(slot.as_str()).or_insert(0) += 1;
        }
        slots
    }

    /// What was taken for what, most frequent first.
    fn confusions(&self) -> Vec<(&Difference, usize)> {
        let mut counts = BTreeMap::new();
        for difference in self.results.iter().flat_map(|result| &result.differences) {
            *counts.entry(difference).or_insert(0) += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.truncate(MOST_CONFUSIONS);
        counts
    }

    /// How often the engine was right, by how sure it was: `(lower edge, clips, right)` in steps of a tenth.
    fn calibration(&self) -> Vec<(f32, usize, usize)> {
        let mut bins = [(0, 0); 10];
        for result in self.results.iter().filter(|result| result.expected) {
            if let Some(confidence) = result.confidence {
                let bin = &mut bins[((confidence * 10.0) as usize).min(9)];
                bin.0 += 1;
                bin.1 += usize::from(result.right);
            }
        }
        bins.iter().enumerate().map(|(i, (clips, right))| (i as f32 / 10.0, *clips, *right)).collect()
    }

    pub fn json(&self) -> serde_json::Value {
        let (others, taken) = self.others();
        serde_json::json!({
            "clips": self.clips(),
            "correct": self.correct(),
            "accuracy": self.accuracy(),
            "latency_ms": { "p50": self.latency(0.5), "p95": self.latency(0.95) },
            "engine": self.engine,
            "model": self.model,
            "commands_refused": self.refused(),
            "without_command": others,
            "false_accepts": taken,
            "cpu_seconds_per_audio_second": self.cpu.as_secs_f64() / self.seconds().max(1e-9),
            "errors_by_slot": self.slots(),
            "confusions": self.confusions().iter().map(|((slot, expected, heard), count)| serde_json::json!({
                "slot": slot, "expected": expected, "heard": heard, "count": count,
            })).collect::<Vec<_>>(),
            "wrong": self.wrong().map(|result| &result.file).collect::<Vec<_>>(),
            "calibration": self.calibration().iter().map(|(from, clips, right)| serde_json::json!({
                "from": (f64::from(*from) * 10.0).round() / 10.0, "clips": clips, "correct": right,
            })).collect::<Vec<_>>(),
        })
    }

    /// For people: the figures, then what to do something about.
    pub fn print(&self) {
        let (others, taken) = self.others();
        println!("engine     {} ({})", self.engine, self.model);
        println!("correct    {} of {} ({:.1} %)", self.correct(), self.clips(), 100.0 * self.accuracy());
        println!("latency    {:.0} ms median, {:.0} ms in 95 of 100", self.latency(0.5), self.latency(0.95));
        println!(
            "CPU        {:.4} s per second of speech",
            self.cpu.as_secs_f64() / self.seconds().max(1e-9)
        );
        println!("refused    {} commands were not understood at all", self.refused());
        if others > 0 {
            println!("other talk {taken} of {others} clips without a command were taken for one");
        }
        let slots = self.slots();
        if !slots.is_empty() {
            println!("\nerrors by slot");
            slots.iter().for_each(|(slot, count)| println!("{count:>5}  {slot}"));
            println!("\ntaken for something else");
            for ((slot, expected, heard), count) in self.confusions() {
                let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "(nothing)".to_owned());
                println!("{count:>5}  {slot}: {} → {}", show(expected), show(heard));
            }
            println!("\nrecordings to listen to again");
            self.wrong().take(MOST_CONFUSIONS).for_each(|result| println!("       {}", result.file));
        }
    }
}
