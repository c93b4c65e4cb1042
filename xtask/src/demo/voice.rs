//! What is spoken: a WAV a satellite, with pauses so that the two rooms take turns.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::house::{COMMANDS, ROOMS};
use crate::shell;

/// Seconds from one command to the next.
const TURN: f32 = 7.0;
const WAKE_WORD: &str = "okay nabu";
/// espeak-ng's voice and words a minute.
const VOICE: [&str; 4] = ["-v", "en-us", "-s", "150"];

/// Writes the sound that satellite `room` hears: each of its commands at its turn, silence in between.
pub fn speak_turns(file: &Path, room: usize) -> anyhow::Result<()> {
    let mut all: Vec<i16> = Vec::new();
    let mut rate = 22_050;
    for (turn, spoken) in COMMANDS.iter().enumerate() {
        let mut samples = Vec::new();
        if turn % ROOMS.len() == room {
            for words in [WAKE_WORD, spoken.words] {
                let (said, spoken_rate) = say(&file.with_extension("word.wav"), words)?;
                rate = spoken_rate;
                samples.extend(said);
            }
        }
        samples.resize((TURN * rate as f32) as usize, 0);
        all.extend(samples);
    }
    // A first second to settle in, and a last one in which the endpoint is heard.
    let second = vec![0; rate as usize];
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(file, spec)?;
    for sample in second.iter().chain(&all).chain(&second) {
        wav.write_sample(*sample)?;
    }
    Ok(wav.finalize()?)
}

fn say(file: &Path, words: &str) -> anyhow::Result<(Vec<i16>, u32)> {
    let mut espeak = Command::new("espeak-ng");
    espeak.args(VOICE).arg("-w").arg(file).arg(words);
    shell::output(&mut espeak).context("espeak-ng could not speak; is it installed?")?;
    let mut wav = hound::WavReader::open(file)?;
    let rate = wav.spec().sample_rate;
    let samples = wav.samples::<i16>().collect::<Result<_, _>>()?;
    std::fs::remove_file(file)?;
    Ok((samples, rate))
}
