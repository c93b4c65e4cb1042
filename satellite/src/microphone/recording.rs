//! `file:NAME`: a .wav or .flac recording, heard at real time as if spoken, then silence.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use tokio::sync::mpsc::Sender;

use super::pace::Pace;
use super::resample::Resampler;
use super::{Heard, MicrophoneError};
use crate::sound::Frame;

/// Interleaved samples of −1 to 1, read as they are needed.
type Samples = Box<dyn Iterator<Item = Result<f32, String>> + Send>;

struct Recording {
    rate: usize,
    channels: usize,
    samples: Samples,
}

/// Starts to play `path` into `sender`.
pub fn play(path: &Path, channel: u32, sender: Sender<Heard>) -> Result<(), MicrophoneError> {
    let (mut recording, mut resampler) = open(path, channel)?;
    std::thread::spawn(move || {
        let mut pace = Pace::new();
        let mut open = true;
        let mut send = |heard| {
            open = open && {
                if matches!(heard, Heard::Sound(_)) {
                    pace.wait();
                }
                sender.blocking_send(heard).is_ok()
            };
            open
        };
        let read = read(&mut recording, &mut resampler, |frame| send(Heard::Sound(frame)));
        if let Err(cause) = read {
            send(Heard::Broken(format!("the recording breaks off: {cause}")));
            return;
        }
        let mut more = send(Heard::Ended);
        while more {
            more = send(Heard::Sound(Frame::SILENCE));
        }
    });
    Ok(())
}

/// The whole of `path` as frames, for tools and tests that need no real time.
pub fn read_all(path: &Path, channel: u32) -> Result<Vec<Frame>, MicrophoneError> {
    let (mut recording, mut resampler) = open(path, channel)?;
    let mut frames = Vec::new();
    read(&mut recording, &mut resampler, |frame| {
        frames.push(frame);
        true
    })
    .map_err(|cause| unreadable(path, cause))?;
    Ok(frames)
}

/// Reads to the end, or until `each` has had enough.
fn read(
    recording: &mut Recording,
    resampler: &mut Resampler,
    mut each: impl FnMut(Frame) -> bool,
) -> Result<(), String> {
    let mut more = true;
    for sample in &mut recording.samples {
        resampler.push([sample?], |frame| more = more && each(frame));
        if !more {
            return Ok(());
        }
    }
    resampler.finish(|frame| more = more && each(frame));
    Ok(())
}

fn unreadable(path: &Path, cause: impl ToString) -> MicrophoneError {
    MicrophoneError::Recording { path: path.display().to_string(), cause: cause.to_string() }
}

fn open(path: &Path, channel: u32) -> Result<(Recording, Resampler), MicrophoneError> {
    let file = BufReader::new(File::open(path).map_err(|cause| unreadable(path, cause))?);
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let recording = match extension.as_str() {
        "wav" => wav(file).map_err(|cause| unreadable(path, cause))?,
        "flac" => flac(file).map_err(|cause| unreadable(path, cause))?,
        _ => return Err(unreadable(path, "it is of a kind that Sotto cannot play")),
    };
    let resampler = Resampler::new(recording.rate, recording.channels, channel as usize)
        .map_err(|cause| unreadable(path, cause))?;
    Ok((recording, resampler))
}

fn wav(file: BufReader<File>) -> Result<Recording, hound::Error> {
    let reader = hound::WavReader::new(file)?;
    let spec = reader.spec();
    let samples: Samples = match spec.sample_format {
        hound::SampleFormat::Float => {
            Box::new(reader.into_samples::<f32>().map(|s| s.map_err(|e| e.to_string())))
        }
        hound::SampleFormat::Int => {
            let full = full_scale(spec.bits_per_sample.into());
            let scale =
                move |s: Result<i32, hound::Error>| s.map(|s| s as f32 / full).map_err(|e| e.to_string());
            Box::new(reader.into_samples::<i32>().map(scale))
        }
    };
    Ok(Recording { rate: spec.sample_rate as usize, channels: spec.channels.into(), samples })
}

fn flac(file: BufReader<File>) -> Result<Recording, claxon::Error> {
    let mut reader = claxon::FlacReader::new(file)?;
    let info = reader.streaminfo();
    let full = full_scale(info.bits_per_sample);
    // claxon's own iterator borrows the reader; block by block, the reader can be owned.
    let (mut buffer, mut block, mut at) = (Vec::new(), Vec::<f32>::new(), 0);
    let samples = std::iter::from_fn(move || {
        while at == block.len() {
            match reader.blocks().read_next_or_eof(std::mem::take(&mut buffer)) {
                Ok(None) => return None,
                Err(error) => return Some(Err(error.to_string())),
                Ok(Some(next)) => {
                    let channels = next.channels();
                    block.clear();
                    for i in 0..next.duration() {
                        block.extend((0..channels).map(|channel| next.sample(channel, i) as f32 / full));
                    }
                    (buffer, at) = (next.into_buffer(), 0);
                }
            }
        }
        at += 1;
        Some(Ok(block[at - 1]))
    });
    Ok(Recording {
        rate: info.sample_rate as usize,
        channels: info.channels as usize,
        samples: Box::new(samples),
    })
}

/// The largest whole-number sample of so many bits, plus one.
fn full_scale(bits: u32) -> f32 {
    2f32.powi(bits.clamp(1, 32) as i32 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::{SampleFormat, WavSpec, WavWriter};

    fn write(path: &Path, bits: u16, format: SampleFormat, rate: u32, seconds: f32) {
        let spec = WavSpec { channels: 2, sample_rate: rate, bits_per_sample: bits, sample_format: format };
        let mut writer = WavWriter::create(path, spec).unwrap();
        for _ in 0..(seconds * rate as f32) as usize {
            match format {
                SampleFormat::Float => {
                    writer.write_sample(0.25f32).unwrap();
                    writer.write_sample(0.0f32).unwrap();
                }
                SampleFormat::Int => {
                    writer.write_sample(1i32 << (bits - 3)).unwrap();
                    writer.write_sample(0i32).unwrap();
                }
            }
        }
        writer.finalize().unwrap();
    }

    #[test]
    fn every_depth_is_read_at_its_true_level() {
        let dir = tempfile::tempdir().unwrap();
        for (bits, format) in [
            (16, SampleFormat::Int),
            (24, SampleFormat::Int),
            (32, SampleFormat::Int),
            (32, SampleFormat::Float),
        ] {
            let path = dir.path().join("quarter.wav");
            write(&path, bits, format, 48_000, 0.3);
            let frames = read_all(&path, 1).unwrap();
            let middle = frames[8].samples()[100];
            assert!((8_150..=8_240).contains(&middle), "{bits} bits give {middle}");
            assert!(read_all(&path, 2).unwrap()[8].dbfs() < -90.0, "the other channel is silent");
        }
    }

    #[test]
    fn what_is_no_recording_is_refused_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let check = |name: &str, bytes: Option<&[u8]>, expect: &str| {
            let path = dir.path().join(name);
            if let Some(bytes) = bytes {
                std::fs::write(&path, bytes).unwrap();
            }
            let error = read_all(&path, 1).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(expect), "{error}");
        };
        check("gone.wav", None, "No such file");
        check("noise.wav", Some(b"RIFFnothing of the kind"), "give a .wav or .flac file");
        check("empty.flac", Some(b""), "give a .wav or .flac file");
        check("talk.mp3", Some(b"ID3"), "cannot play");
        let cut = dir.path().join("cut.wav");
        write(&cut, 16, SampleFormat::Int, 16_000, 0.2);
        let bytes = std::fs::read(&cut).unwrap();
        check("cut.wav", Some(&bytes[..bytes.len() / 2]), "cut.wav");
        let mut odd = bytes.clone();
        odd[24..28].copy_from_slice(&7u32.to_le_bytes());
        odd[28..32].copy_from_slice(&28u32.to_le_bytes());
        check("odd.wav", Some(&odd), "7 samples a second");
    }
}
