//! How the hub is: latency of each stage over the last day, false wakes, and what went wrong with what to do.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use askama::Template;
use axum::response::Response;
use jiff::Timestamp;

use crate::answer::page;
use crate::frame::Frame;
use crate::language::Language;
use crate::port::StageLatency;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    frame: Frame,
    version: String,
    started: Option<String>,
    stages: Vec<Plot>,
    false_wakes: Option<Bars>,
    troubles: Vec<(String, String, String)>,
}

/// One stage's plot: a dot for each session and a line for the median of each hour.
struct Plot {
    name: String,
    summary: String,
    /// Points of no length with round ends: a third of the bytes of as many circles.
    dots: String,
    median: String,
    top: String,
}

struct Bars {
    summary: String,
    bars: Vec<(String, String, String)>,
}

/// The plot's inside, in SVG units.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 110.0;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Dots drawn at most; of more, every n-th.
const DOTS: usize = 500;

pub async fn health_page(member: Member) -> Response {
    let lang = member.lang;
    let health = member.shared.port.health();
    let today = member.today();
    let moment =
        |at: SystemTime| lang.moment(Timestamp::try_from(at).unwrap_or_default(), member.zone(), today);
    let now = SystemTime::now();
    page(&HealthPage {
        frame: member.frame("health.title"),
        started: health.started.map(moment),
        version: health.version,
        stages: health.stages.iter().filter_map(|stage| plot(lang, stage, now)).collect(),
        false_wakes: bars(lang, &health.false_wakes),
        troubles: health.troubles.into_iter().map(|one| (moment(one.when), one.what, one.remedy)).collect(),
    })
}

fn plot(lang: &Language, stage: &StageLatency, now: SystemTime) -> Option<Plot> {
    // Age in seconds, at most a day, and milliseconds taken.
    let samples: Vec<(f64, f64)> = stage
        .samples
        .iter()
        .filter_map(|(at, took)| {
            let age = now.duration_since(*at).unwrap_or_default();
            (age <= DAY).then_some((age.as_secs_f64(), took.as_secs_f64() * 1e3))
        })
        .collect();
    let mut took: Vec<f64> = samples.iter().map(|(_, ms)| *ms).collect();
    took.sort_by(f64::total_cmp);
    let most = *took.last()?;
    let top = round_up(most.max(1.0));
    let x = |age: f64| (1.0 - age / DAY.as_secs_f64()) * WIDTH;
    let y = |ms: f64| HEIGHT - ms / top * HEIGHT;
    let dots = samples
        .iter()
        .step_by(samples.len().div_ceil(DOTS))
        .map(|(age, ms)| format!("M{:.1} {:.1}h0", x(*age), y(*ms)))
        .collect();
    let mut median = String::new();
    for hour in (0..24).rev() {
        let range = hour as f64 * 3600.0..(hour + 1) as f64 * 3600.0;
        let mut inside: Vec<f64> =
            samples.iter().filter(|(age, _)| range.contains(age)).map(|(_, ms)| *ms).collect();
        inside.sort_by(f64::total_cmp);
        if let Some(middle) = inside.get(inside.len() / 2) {
            let verb = if median.is_empty() { 'M' } else { 'L' };
            let _ = write!(median, "{verb}{:.1} {:.1}", x((hour as f64 + 0.5) * 3600.0), y(*middle));
        }
    }
    let name = lang.say(&format!("stage.{}", stage.stage)).to_owned();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    let milliseconds = |ms: f64| lang.number(ms.round() as u64);
    let summary = lang.count_with(
        "health.summary",
        took.len() as u64,
        &[("p50", &milliseconds(at(0.5))), ("p95", &milliseconds(at(0.95)))],
    );
    let top = lang.fill("recording.milliseconds", &[("n", &milliseconds(top))]);
    Some(Plot { name, summary, dots, median, top })
}

/// 1, 2 or 5 times a power of ten, at least `most`.
fn round_up(most: f64) -> f64 {
    let power = 10f64.powf(most.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|step| step * power).into_iter().find(|top| *top >= most).unwrap_or(most)
}

fn bars(lang: &Language, hours: &[u32]) -> Option<Bars> {
    let hours = &hours[hours.len().saturating_sub(24)..];
    let most = *hours.iter().max()?;
    let step = WIDTH / hours.len() as f64;
    let bars = hours
        .iter()
        .enumerate()
        .map(|(n, count)| {
            let height = f64::from(*count) / f64::from(most.max(1)) * 60.0;
            (format!("{:.1}", n as f64 * step + 2.0), format!("{:.1}", 60.0 - height), format!("{height:.1}"))
        })
        .collect();
    let sum = hours.iter().map(|count| u64::from(*count)).sum();
    Some(Bars { summary: lang.count("health.false_wakes", sum), bars })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_holds_what_was_measured() {
        let now = SystemTime::now();
        let samples =
            (0..2_000u32).map(|n| (now - Duration::from_secs(u64::from(n) * 40), Duration::from_millis(300)));
        let stage = StageLatency { stage: "transcribe".into(), samples: samples.collect() };
        let plot = plot(&crate::language::all()[0], &stage, now).unwrap();
        assert!(plot.dots.matches('M').count() <= DOTS);
        assert_eq!(plot.top, "500 ms");
        assert!(plot.median.starts_with('M') && plot.median.matches('L').count() >= 20);
        assert!(plot.summary.contains("2,000") && plot.summary.contains("300"), "{}", plot.summary);
    }

    #[test]
    fn nothing_measured_is_no_plot() {
        let stage = StageLatency { stage: "act".into(), samples: Vec::new() };
        assert!(plot(&crate::language::all()[0], &stage, SystemTime::now()).is_none());
        assert!(bars(&crate::language::all()[0], &[]).is_none());
    }

    #[test]
    fn tops_are_round() {
        for (most, top) in [(1.0, 1.0), (3.0, 5.0), (51.0, 100.0), (100.0, 100.0), (1_234.0, 2_000.0)] {
            assert_eq!(round_up(most), top);
        }
    }
}
