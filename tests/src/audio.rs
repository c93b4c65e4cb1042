//! Sound for the stories: recordings put together as a satellite's microphone would hear them.

use std::path::Path;

const RATE: u32 = 16_000;

/// Reads a FLAC of the test data: 16 kHz, mono.
pub fn flac(file: &Path) -> Vec<i16> {
    let mut reader =
        claxon::FlacReader::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let info = reader.streaminfo();
    assert_eq!((info.sample_rate, info.channels), (RATE, 1), "{}", file.display());
    reader.samples().map(|sample| sample.expect("a whole file") as i16).collect()
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
