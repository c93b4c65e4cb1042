//! What listening costs: processor time, or instructions when run under valgrind.
//!
//! `cost MODELS_FOLDER FILE.flac` prints one JSON object for each combination of front end, voice network and wake
//! word: processor seconds per second of sound, the least of five runs.
//! `cost MODELS_FOLDER FILE.flac WORDS SECONDS` listens once for WORDS (models by name, joined by `+`; `-` for
//! none), for so many seconds of the file, repeated. The difference between two lengths, under
//! `valgrind --tool=callgrind`, is instructions without start-up.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use sotto_wake::{Ear, Model, SAMPLE_RATE, WakeWord};

const COMBINATIONS: [&str; 10] = [
    "-",
    "vad",
    "alexa",
    "computer",
    "hey_jarvis",
    "hey_mycroft",
    "okay_computer",
    "okay_nabu",
    "vad+okay_nabu",
    "vad+okay_nabu+alexa+hey_jarvis+hey_mycroft",
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, file, rest @ ..] = &arguments[..] else {
        return Err("cost MODELS FILE [WORDS SECONDS]".into());
    };
    let mut samples = Vec::new();
    for sample in claxon::FlacReader::open(file)?.samples() {
        samples.push(sample? as i16);
    }
    if let [words, seconds] = rest {
        listen(&mut ear(folder, words)?, &samples, seconds.parse()?);
        return Ok(());
    }
    for words in COMBINATIONS {
        let mut ear = ear(folder, words)?;
        let spent = (0..5).map(|_| listen(&mut ear, &samples, 60)).min().unwrap_or_default();
        let cost = spent.as_secs_f64() / 60.0;
        println!("{{\"what\": \"{words}\", \"cpu_seconds_per_audio_second\": {cost:.7}}}");
    }
    Ok(())
}

fn ear(folder: &str, words: &str) -> Result<Ear, Box<dyn Error>> {
    let open = |name: &str| Model::open(&Path::new(folder).join(name).with_extension("json"));
    let (mut voice, mut wake_words) = (None, Vec::new());
    for name in words.split('+').filter(|&name| name != "-") {
        match name {
            "vad" => voice = Some(open(name)?),
            name => wake_words.push(WakeWord::new(open(name)?)),
        }
    }
    Ok(Ear::new(&wake_words, voice.as_ref()))
}

/// Hears so many seconds in chunks of 20 ms. The machine's other work counts in a wall clock, which is why the
/// least of several runs is taken.
fn listen(ear: &mut Ear, samples: &[i16], seconds: usize) -> Duration {
    let wanted = seconds * SAMPLE_RATE as usize;
    let begin = Instant::now();
    let mut heard = 0;
    for chunk in samples.chunks_exact(320).cycle().take(wanted / 320) {
        heard += ear.push(chunk).count();
    }
    std::hint::black_box(heard);
    begin.elapsed()
}
