//! Sound for the stories: recordings put together as a satellite's microphone would hear them.

use std::path::Path;
use std::process::Command;

const RATE: u32 = 16_000;

/// Reads a FLAC of the test data: 16 kHz, mono.
pub fn flac(file: &Path) -> Vec<i16> {
    let mut reader =
        claxon::FlacReader::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let info = reader.streaminfo();
    assert_eq!((info.sample_rate, info.channels), (RATE, 1), "{}", file.display());
    reader.samples().map(|sample| sample.expect("a whole file") as i16).collect()
}

/// What espeak-ng says, with a quarter of a second of silence around it.
pub fn spoken(words: &str) -> Vec<i16> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("said.wav");
    let mut espeak = Command::new("espeak-ng");
    let status = espeak.args(["-v", "en-us", "-s", "150", "-w"]).arg(&file).arg(words).status();
    assert!(status.is_ok_and(|status| status.success()), "espeak-ng");
    let mut wav = hound::WavReader::open(&file).expect("a file");
    let rate = wav.spec().sample_rate as usize;
    let samples: Vec<i16> = wav.samples::<i16>().map(|sample| sample.expect("a whole file")).collect();
    let silence = vec![0; RATE as usize / 4];
    // Nearest neighbour is coarse, and good enough for an engine that hears 8 kHz at most.
    let count = samples.len() * RATE as usize / rate;
    let said = (0..count).map(|n| samples[n * rate / RATE as usize]);
    silence.iter().copied().chain(said).chain(silence.iter().copied()).collect()
}

/// Writes a WAV of a synthetic voice that says these, two seconds of silence before, between and after them.
pub fn said_one_after_another(wav: &Path, sentences: &[&str]) {
    let silence = vec![0i16; 2 * RATE as usize];
    let mut all = silence.clone();
    for sentence in sentences {
        all.extend(spoken(sentence));
        all.extend(&silence);
    }
    write_wav(wav, &all);
}

/// Writes a WAV of recordings with two seconds of silence before, between and after them.
pub fn one_after_another<'a>(wav: &Path, recordings: impl IntoIterator<Item = &'a Path>) {
    let silence = vec![0i16; 2 * RATE as usize];
    let mut all = silence.clone();
    for recording in recordings {
        all.extend(flac(recording));
        all.extend(&silence);
    }
    write_wav(wav, &all);
}

pub fn write_wav(wav: &Path, samples: &[i16]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(wav, spec).expect("a file");
    samples.iter().for_each(|sample| writer.write_sample(*sample).expect("room on the disk"));
    writer.finalize().expect("room on the disk");
}
