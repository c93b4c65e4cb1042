//! What happens to a clip between a mouth and the hub: a kitchen around it, Opus on the way.

use std::path::Path;

/// Energies are the largest of a frame of this length, as in Picovoice's benchmarks.
const FRAME: usize = 2048;
/// 20 ms, as satellites send.
const PACKET: usize = 320;

/// How a clip is heard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Road {
    pub kitchen: bool,
    pub opus: bool,
}

pub const ROADS: [Road; 4] = [
    Road { kitchen: false, opus: false },
    Road { kitchen: false, opus: true },
    Road { kitchen: true, opus: false },
    Road { kitchen: true, opus: true },
];

impl Road {
    pub fn name(self) -> &'static str {
        match (self.kitchen, self.opus) {
            (false, false) => "quiet",
            (false, true) => "quiet, Opus",
            (true, false) => "kitchen at 12 dB",
            (true, true) => "kitchen at 12 dB, Opus",
        }
    }

    /// `clip` at the end of it; `seed` chooses the piece of noise.
    pub fn travel(self, clip: &[i16], noise: &[i16], seed: usize) -> Vec<i16> {
        let heard = if self.kitchen { in_kitchen(clip, noise, seed) } else { clip.to_vec() };
        if self.opus { through_opus(&heard) } else { heard }
    }
}

pub fn flac(path: &Path) -> Vec<i16> {
    let mut reader = claxon::FlacReader::open(path).expect("a FLAC file");
    reader.samples().map(|sample| sample.expect("a sample") as i16).collect()
}

fn loudest(samples: &[f32]) -> f32 {
    let energy = |frame: &[f32]| frame.iter().map(|s| s * s).sum::<f32>() / frame.len() as f32;
    samples.chunks(FRAME).map(energy).fold(1e-9, f32::max)
}

fn in_kitchen(clip: &[i16], noise: &[i16], seed: usize) -> Vec<i16> {
    let start = seed.wrapping_mul(2_654_435_761) % (noise.len() - clip.len());
    let floats = |samples: &[i16]| samples.iter().map(|s| f32::from(*s)).collect::<Vec<_>>();
    let (clip, noise) = (floats(clip), floats(&noise[start..][..clip.len()]));
    let gain = (loudest(&clip) / (loudest(&noise) * 10_f32.powf(1.2))).sqrt();
    let sum: Vec<f32> = clip.iter().zip(&noise).map(|(s, n)| s + gain * n).collect();
    let peak = sum.iter().fold(1.0_f32, |peak, s| peak.max(s.abs()));
    sum.iter().map(|s| (s * 16_384.0 / peak) as i16).collect()
}

/// Encoded as a satellite does, and decoded as the hub does.
fn through_opus(clip: &[i16]) -> Vec<i16> {
    let mut encoder =
        opus::Encoder::new(16_000, opus::Channels::Mono, opus::Application::Voip).expect("an encoder");
    encoder.set_bitrate(opus::Bitrate::Bits(24_000)).expect("a bitrate");
    let mut decoder = opus::Decoder::new(16_000, opus::Channels::Mono).expect("a decoder");
    let mut heard = Vec::with_capacity(clip.len() + PACKET);
    for packet in clip.chunks(PACKET) {
        let mut whole = packet.to_vec();
        whole.resize(PACKET, 0);
        let bytes = encoder.encode_vec(&whole, 1275).expect("a packet");
        let mut samples = [0; PACKET];
        decoder.decode(&bytes, &mut samples, false).expect("20 ms");
        heard.extend(samples);
    }
    heard
}
