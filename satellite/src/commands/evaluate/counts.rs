//! What a detector got right and wrong over many recordings.

use std::time::Duration;

use serde_json::{Value, json};
use sotto_wake::SAMPLE_RATE;

#[derive(Default)]
pub struct Counts {
    positives: u64,
    missed: u64,
    negative_samples: u64,
    false_accepts: u64,
    samples: u64,
    /// What the detector took of a processor.
    pub cpu: Duration,
}

impl Counts {
    /// A recording of so many samples, and silence `before` it, in which the word was (`said`) or was not, and was
    /// detected so often.
    pub fn add(&mut self, said: bool, before: usize, samples: usize, detections: usize) {
        self.samples += (before + samples) as u64;
        if said {
            self.positives += 1;
            self.missed += u64::from(detections == 0);
        } else {
            self.negative_samples += samples as u64;
            self.false_accepts += detections as u64;
        }
    }

    pub fn facts(&self) -> Value {
        let seconds = |samples: u64| samples as f64 / f64::from(SAMPLE_RATE);
        let hours = seconds(self.negative_samples) / 3_600.0;
        json!({
            "positives": self.positives,
            "missed": self.missed,
            "miss_rate": ratio(self.missed as f64, self.positives as f64),
            "negative_hours": hours,
            "false_accepts": self.false_accepts,
            "false_accepts_per_hour": ratio(self.false_accepts as f64, hours),
            "cpu_seconds_per_audio_second": ratio(self.cpu.as_secs_f64(), seconds(self.samples)),
        })
    }
}

/// Null where nothing was measured: a rate of nothing is not zero.
pub fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}
