//! What it costs to say whose voice it was: `cargo bench -p sotto-hearing --bench speaker -- MODELS`.
//!
//! MODELS is the folder that `sotto-hub models pull speaker` fills. Processor time of the thread, so that what else the
//! machine does counts little; the best and the median of many.

use std::path::PathBuf;

use sotto_hearing::speaker::Encoder;

/// Clips of each length.
const TIMES: usize = 40;

/// Processor time of this thread in milliseconds, as Linux counts it.
fn milliseconds() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds = times.split_whitespace().next().and_then(|time| time.parse::<f64>().ok());
    nanoseconds.expect("the time on a processor") / 1e6
}

fn main() {
    let models = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).map(PathBuf::from);
    let Some(encoder) = models.and_then(|models| Encoder::open(&models, std::path::Path::new("")).ok())
    else {
        return println!("no speaker model there; run `sotto-hub models pull speaker` and name its folder");
    };
    for seconds in [1.5, 2.0, 3.0, 5.0] {
        // Mostly loud, and never silent for so long that a frame would be left out.
        let loud = |n: usize| if n % 4800 < 4200 { 8000.0 } else { 80.0 };
        let samples = (0..(seconds * 16_000.0) as usize).map(|n| (n as f32 * 0.2).sin() * loud(n));
        let samples: Vec<i16> = samples.map(|sample| sample as i16).collect();
        let mut times: Vec<f64> = (0..TIMES)
            .map(|_| {
                let start = milliseconds();
                std::hint::black_box(encoder.hear(&samples));
                milliseconds() - start
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "{seconds} s, {:?} of speech: best {:.1} ms, median {:.1} ms",
            encoder.hear(&samples).sound.speech,
            times[0],
            times[TIMES / 2]
        );
    }
}
