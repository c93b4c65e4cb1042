//! Sound to Opus packets: 16 kHz mono, 20 ms each, as a satellite takes them.

use opus::{Application, Bitrate, Channels, Encoder};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};
use sotto_protocol::Packet;

use super::{Sound, VoiceError};

const RATE: u32 = 16_000;
/// 20 ms.
const FRAME: usize = RATE as usize / 50;
/// Speech at 16 kHz is as good as Opus makes it from here on (RFC 7587, section 3.1.1).
const BITRATE: i32 = 24_000;
/// The largest packet that the wire takes is larger; no 20 ms at this rate come near it.
const LARGEST_PACKET: usize = 400;

pub fn encode(sound: &Sound) -> Result<Vec<Packet>, VoiceError> {
    let failed = |error: opus::Error| VoiceError::Encode(error.to_string());
    let mut encoder = Encoder::new(RATE, Channels::Mono, Application::Voip).map_err(failed)?;
    encoder.set_bitrate(Bitrate::Bits(BITRATE)).map_err(failed)?;
    let mut samples = resampled(sound)?;
    samples.resize(samples.len().div_ceil(FRAME) * FRAME, 0);
    let one = |frame: &[i16]| {
        let bytes = encoder.encode_vec(frame, LARGEST_PACKET).map_err(failed)?;
        Packet::new(bytes).map_err(|error| VoiceError::Encode(error.to_string()))
    };
    samples.chunks_exact(FRAME).map(one).collect()
}

fn resampled(sound: &Sound) -> Result<Vec<i16>, VoiceError> {
    if sound.rate == RATE {
        return Ok(sound.samples.clone());
    }
    let failed = |error: String| VoiceError::Encode(error);
    let rate = sound.rate as usize;
    let mut filter = Fft::<f32>::new(rate, RATE as usize, rate / 50, 1, FixedSync::Both)
        .map_err(|error| failed(error.to_string()))?;
    // The filter gives its delay first, as silence, and needs as much at the end to give everything back.
    let delay = filter.output_delay();
    let wanted = sound.samples.len() * RATE as usize / rate;
    let mut input: Vec<f32> = sound.samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
    let mut out = Vec::with_capacity(wanted + delay);
    let mut at = 0;
    while out.len() < wanted + delay {
        let (need, give) = (filter.input_frames_next(), filter.output_frames_next());
        if input.len() < at + need {
            input.resize(at + need, 0.0);
        }
        let start = out.len();
        out.resize(start + give, 0.0f32);
        let from = InterleavedSlice::new(&input[at..at + need], 1, need);
        let from = from.map_err(|error| failed(error.to_string()))?;
        let mut to = InterleavedSlice::new_mut(&mut out[start..], 1, give)
            .map_err(|error| failed(error.to_string()))?;
        filter.process_into_buffer(&from, &mut to, None).map_err(|error| failed(error.to_string()))?;
        at += need;
    }
    let loud = |sample: &f32| (sample * 32_767.0).round().clamp(-32_768.0, 32_767.0) as i16;
    Ok(out[delay..delay + wanted].iter().map(loud).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone of `hertz` at `rate`, `seconds` long.
    fn tone(hertz: f32, rate: u32, seconds: f32) -> Sound {
        let count = (rate as f32 * seconds) as usize;
        let sample = |n: usize| (n as f32 * hertz * std::f32::consts::TAU / rate as f32).sin() * 16_000.0;
        Sound { samples: (0..count).map(|n| sample(n) as i16).collect(), rate }
    }

    fn crossings(samples: &[i16]) -> usize {
        samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count()
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_length() {
        for rate in [16_000, 22_050, 24_000, 48_000] {
            let packets = encode(&tone(440.0, rate, 1.0)).unwrap();
            assert_eq!(packets.len(), 50, "{rate}");
            let mut decoder = opus::Decoder::new(RATE, Channels::Mono).unwrap();
            let mut heard = Vec::new();
            for packet in &packets {
                let mut frame = [0i16; FRAME];
                assert_eq!(decoder.decode(packet.bytes(), &mut frame, false).unwrap(), FRAME);
                heard.extend(frame);
            }
            let pitch = crossings(&heard[2 * FRAME..]) as f32 / (48.0 * 0.02);
            assert!((430.0..450.0).contains(&pitch), "{pitch} Hz from {rate}");
        }
    }

    #[test]
    fn the_shortest_sound_is_one_packet() {
        assert_eq!(encode(&Sound { samples: vec![5], rate: 16_000 }).unwrap().len(), 1);
        assert_eq!(encode(&Sound { samples: Vec::new(), rate: 22_050 }).unwrap().len(), 0);
    }
}
