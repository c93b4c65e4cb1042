//! How well the end of speech is found: each recording is heard as an utterance that begins 0.4 s before its
//! first word, and the end that the endpointer tells is compared with where the clean recording's own
//! loudness says speech ended.
//!
//! Deliberately absent: words. A recording is taken to be one command, all of whose pauses lie within it.

use serde_json::{Value, json};
use sotto_wake::{Ear, End, Endpointer, Endpointing, Heard, Model, SAMPLE_RATE};

use super::{Line, decode, mix};

/// Loudness is looked at in steps of 10 ms, averaged over three.
const STEP: usize = 160;
/// Speech lies within this range below the loudest (98th percentile), dB.
const RANGE: f64 = 35.0;
/// ... and above the quietest (10th percentile) by at least this.
const ABOVE: f64 = 8.0;
/// Shorter bursts are clicks.
const A_SOUND: usize = 6;
/// The utterance begins this long before the first word, ms.
const LEAD: u64 = 400;
/// An end up to this long before the last sound has cut nothing off, ms.
const TOLERANCE: i64 = 80;
/// Heard after each recording, so that an end can be found.
const AFTER: usize = 3 * SAMPLE_RATE as usize;

/// Beginning and end of speech in a clean recording, ms; `None` where it has none.
fn speech(samples: &[i16]) -> Option<(u64, u64)> {
    let energy = |step: &[i16]| step.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / STEP as f64;
    let energies: Vec<f64> = samples.chunks_exact(STEP).map(energy).collect();
    let level =
        |around: &[f64]| 10.0 * (around.iter().sum::<f64>() / 3.0 / 32_768f64.powi(2) + 1e-12).log10();
    let levels: Vec<f64> = energies.windows(3).map(level).collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f64::total_cmp);
    let percentile = |share: f64| sorted.get((sorted.len() as f64 * share) as usize).copied();
    let (loudest, quietest) = (percentile(0.98)?, percentile(0.1)?);
    let threshold = if loudest - quietest > 20.0 {
        (loudest - RANGE).max(quietest + ABOVE)
    } else {
        (loudest + quietest) / 2.0
    };
    let (mut first, mut last) = (None, None);
    let mut at = 0;
    for run in levels.chunk_by(|a, b| (*a > threshold) == (*b > threshold)) {
        if run[0] > threshold && run.len() >= A_SOUND {
            first.get_or_insert(at);
            last = Some(at + run.len());
        }
        at += run.len();
    }
    // A level is that of the step in the middle of its three.
    Some((10 * (first? as u64 + 1), 10 * (last? as u64 + 1)))
}

pub fn measure(lines: &[Line], noise: Option<&mix::Noise>, voice: &Model) -> anyhow::Result<Value> {
    let (mut utterances, mut cut, mut nobody, mut too_long) = (0u32, 0u32, 0u32, 0u32);
    let mut delays: Vec<i64> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let mut samples = decode::file(&line.file)?;
        let Some((begin, end)) = speech(&samples) else { continue };
        samples.resize(samples.len() + AFTER, 0);
        if let Some(noise) = noise {
            samples = noise.under(&samples, number as u64);
        }
        utterances += 1;
        match hear(&samples, begin.saturating_sub(LEAD), voice) {
            Some((End::Spoke { .. }, at)) if (at as i64) < end as i64 - TOLERANCE => cut += 1,
            Some((End::Spoke { .. }, at)) => delays.push(at as i64 - end as i64),
            Some((End::NobodySpoke, _)) => nobody += 1,
            Some((End::TooLong, _)) | None => too_long += 1,
        }
    }
    delays.sort_unstable();
    let percentile = |share: f64| delays.get((delays.len() as f64 * share) as usize);
    Ok(json!({
        "utterances": utterances,
        "cut_short": cut,
        "cut_short_rate": super::counts::ratio(cut.into(), utterances.into()),
        "delay_ms": {"p50": percentile(0.5), "p90": percentile(0.9)},
        "nobody_spoke": nobody,
        "no_end_in_recording": too_long,
    }))
}

/// How an utterance that begins at `begin` ends, and when, ms.
fn hear(samples: &[i16], begin: u64, voice: &Model) -> Option<(End, u64)> {
    let mut ear = Ear::new(&[], Some(voice));
    let mut endpointer = Endpointer::new(Endpointing::default());
    let mut begun = false;
    for heard in ear.push(samples) {
        let Heard::Voice(voice) = heard else { continue };
        let ms = voice.at * 1_000 / u64::from(SAMPLE_RATE);
        if !begun && ms >= begin {
            endpointer.begin();
            begun = true;
        }
        if let Some(end) = endpointer.push(voice) {
            return Some((end, ms));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::speech;

    #[test]
    fn speech_is_where_the_loud_sounds_are() {
        let mut samples = vec![3i16; 16_000 * 3];
        let mut sound = |from: usize, to: usize| {
            for (n, sample) in samples[from * 16..to * 16].iter_mut().enumerate() {
                *sample = if n / 20 % 2 == 0 { 6_000 } else { -6_000 };
            }
        };
        sound(200, 220); // a click
        sound(500, 1_100);
        sound(1_700, 2_000);
        let (begin, end) = speech(&samples).expect("speech");
        assert!(begin.abs_diff(500) <= 20 && end.abs_diff(2_000) <= 20, "{begin} to {end}");
        assert_eq!(speech(&[]), None);
    }
}
