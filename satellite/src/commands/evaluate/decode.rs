//! A recording → 16 kHz mono samples: FLAC, WAV or Ogg Opus, told apart by how the file begins.
//!
//! Deliberately absent: resampling. A measurement on resampled sound would measure the resampler too.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use anyhow::{Context, bail};
use sotto_wake::SAMPLE_RATE;

/// All samples of a file.
pub fn file(path: &Path) -> anyhow::Result<Vec<i16>> {
    let name = path.display();
    let mut file = BufReader::new(File::open(path).with_context(|| format!("cannot open {name}"))?);
    let mut mark = [0; 4];
    file.read_exact(&mut mark).with_context(|| format!("{name} is too short to be a recording"))?;
    file.rewind()?;
    match &mark {
        b"fLaC" => flac(file),
        b"RIFF" => wav(file),
        b"OggS" => opus(file),
        _ => bail!("it is neither FLAC, WAV nor Ogg Opus"),
    }
    .with_context(|| format!("cannot use {name}; convert it with: sox INPUT -r 16000 -c 1 -b 16 OUTPUT.flac"))
}

fn check(rate: u32, channels: u32, bits: u32) -> anyhow::Result<()> {
    if (rate, channels, bits) != (SAMPLE_RATE, 1, 16) {
        bail!(
            "it has {channels} channels of {bits} bits at {rate} Hz, not one of 16 bits at {SAMPLE_RATE} Hz"
        );
    }
    Ok(())
}

fn flac(file: impl Read) -> anyhow::Result<Vec<i16>> {
    let mut reader = claxon::FlacReader::new(file)?;
    let info = reader.streaminfo();
    check(info.sample_rate, info.channels, info.bits_per_sample)?;
    let mut samples = Vec::new();
    for sample in reader.samples() {
        samples.push(i16::try_from(sample?)?);
    }
    Ok(samples)
}

fn wav(file: impl Read) -> anyhow::Result<Vec<i16>> {
    let mut reader = hound::WavReader::new(file)?;
    let spec = reader.spec();
    if spec.sample_format != hound::SampleFormat::Int {
        bail!("its samples are floating-point numbers");
    }
    check(spec.sample_rate, spec.channels.into(), spec.bits_per_sample.into())?;
    Ok(reader.samples().collect::<Result<_, _>>()?)
}

/// RFC 7845. Opus decodes at any rate; the samples it was told to skip are counted at 48 kHz.
fn opus(file: impl Read + Seek) -> anyhow::Result<Vec<i16>> {
    /// 120 ms, the longest packet (RFC 6716, section 3.2.5).
    const LONGEST: usize = SAMPLE_RATE as usize * 120 / 1_000;
    let mut packets = ogg::PacketReader::new(file);
    let head = packets.read_packet_expected()?.data;
    if head.len() < 19 || &head[..8] != b"OpusHead" {
        bail!("its Ogg stream is not Opus");
    }
    let skip = usize::from(u16::from_le_bytes([head[10], head[11]])) * SAMPLE_RATE as usize / 48_000;
    packets.read_packet_expected().context("its Opus stream has no tags")?;
    let mut decoder = opus::Decoder::new(SAMPLE_RATE, opus::Channels::Mono)?;
    let mut samples = Vec::new();
    let mut frame = [0; LONGEST];
    while let Some(packet) = packets.read_packet()? {
        let length = decoder.decode(&packet.data, &mut frame, false)?;
        samples.extend_from_slice(&frame[..length]);
    }
    samples.drain(..skip.min(samples.len()));
    Ok(samples)
}
