//! A sound card by name, through ALSA, at whatever rate and channels it has.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Instant;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, ErrorKind, FromSample, SampleFormat, SizedSample, StreamConfig};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use super::{LINGER, LOOK, Shared, SpeakerError};
use crate::devices::{self, Direction};
use crate::sound::{FRAME, RATE};

/// Rates in the order of preference.
const RATES: [u32; 5] = [16_000, 48_000, 44_100, 32_000, 96_000];

/// Sample formats in the order of preference.
const FORMATS: [SampleFormat; 3] = [SampleFormat::I16, SampleFormat::I32, SampleFormat::F32];

/// Lets sound out through the card called `name` until the speaker is closed.
pub fn follow(name: &str, shared: &Arc<Shared>) {
    while shared.wait() {
        if let Err(error) = sound(name, shared) {
            let mut tracks = shared.tracks();
            tracks.report(error.to_string());
            tracks.silence();
        }
    }
}

/// Opens the card, and closes it when all has sounded.
fn sound(name: &str, shared: &Arc<Shared>) -> Result<(), SpeakerError> {
    let refused = |cause: String| SpeakerError::Card { name: name.into(), cause };
    let device = devices::find(Direction::Output, name).map_err(|error| refused(error.to_string()))?;
    let (config, format) = choose(&device).map_err(refused)?;
    let open = match format {
        SampleFormat::I16 => open::<i16>,
        SampleFormat::I32 => open::<i32>,
        _ => open::<f32>,
    };
    let (_stream, faults) = open(&device, config, shared.clone()).map_err(refused)?;
    let mut last = Instant::now();
    while last.elapsed() < LINGER {
        match faults.recv_timeout(LOOK) {
            Ok(fault) => return Err(refused(fault)),
            Err(RecvTimeoutError::Disconnected) => return Err(refused("it stopped".into())),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let tracks = shared.tracks();
        if tracks.closed() {
            return Ok(());
        }
        if tracks.sounding() {
            last = Instant::now();
        }
    }
    Ok(())
}

fn choose(device: &cpal::Device) -> Result<(StreamConfig, SampleFormat), String> {
    let offers = device.supported_output_configs().map_err(|error| error.to_string())?;
    offers
        .filter_map(|offer| {
            let rates = offer.min_sample_rate()..=offer.max_sample_rate();
            let rate = RATES.iter().position(|rate| rates.contains(rate))?;
            let format = FORMATS.iter().position(|format| *format == offer.sample_format())?;
            Some((rate, offer.channels(), format))
        })
        .min()
        .map(|(rate, channels, format)| {
            let buffer_size = BufferSize::Default;
            (StreamConfig { channels, sample_rate: RATES[rate], buffer_size }, FORMATS[format])
        })
        .ok_or_else(|| "it offers no rate and sample format that Sotto can use".into())
}

fn open<T>(
    device: &cpal::Device,
    config: StreamConfig,
    shared: Arc<Shared>,
) -> Result<(cpal::Stream, mpsc::Receiver<String>), String>
where
    T: SizedSample + FromSample<f32>,
{
    let channels = usize::from(config.channels);
    let mut rising = Rising::new(config.sample_rate as usize)?;
    let give = move |out: &mut [T], _: &cpal::OutputCallbackInfo| {
        let mut tracks = shared.tracks();
        for group in out.chunks_mut(channels) {
            group.fill(T::from_sample(rising.next(&mut *tracks)));
        }
    };
    let (faulty, faults) = mpsc::channel();
    let fail = move |error: cpal::Error| match error.kind() {
        ErrorKind::Xrun | ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => {}
        _ => drop(faulty.send(error.to_string())),
    };
    let stream = device.build_output_stream(config, give, fail, None).map_err(|error| error.to_string())?;
    stream.play().map_err(|error| error.to_string())?;
    Ok((stream, faults))
}

/// 16 kHz to the card's rate, a frame at a time.
struct Rising {
    filter: Option<Fft<f32>>,
    input: Vec<f32>,
    output: Vec<f32>,
    at: usize,
}

impl Rising {
    fn new(rate: usize) -> Result<Self, String> {
        let filter = (rate != RATE)
            .then(|| Fft::new(RATE, rate, FRAME, 1, FixedSync::Both))
            .transpose()
            .map_err(|error| error.to_string())?;
        let give = filter.as_ref().map_or(1, |filter| filter.output_frames_max());
        Ok(Self { filter, input: Vec::new(), output: vec![0.0; give], at: give })
    }

    fn next(&mut self, sound: &mut impl Iterator<Item = i16>) -> f32 {
        if self.at == self.output.len() {
            self.refill(sound);
        }
        self.at += 1;
        self.output[self.at - 1]
    }

    fn refill(&mut self, sound: &mut impl Iterator<Item = i16>) {
        self.at = 0;
        let need = self.filter.as_ref().map_or(1, |filter| filter.input_frames_next());
        self.input.clear();
        self.input.extend(sound.take(need).map(|sample| f32::from(sample) / 32_768.0));
        self.input.resize(need, 0.0);
        let Some(filter) = &mut self.filter else { return self.output.copy_from_slice(&self.input) };
        let give = self.output.len();
        let input = InterleavedSlice::new(&self.input, 1, need);
        let output = InterleavedSlice::new_mut(&mut self.output, 1, give);
        // The sizes are the filter's own, so this cannot fail; if it did, silence is the honest answer.
        if let (Ok(input), Ok(mut output)) = (input, output)
            && filter.process_into_buffer(&input, &mut output, None).is_err()
        {
            self.output.fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_at_16_khz_is_a_second_at_any_rate() {
        for rate in RATES.map(|rate| rate as usize) {
            let mut rising = Rising::new(rate).unwrap();
            let (mut taken, mut peak) = (0, 0f32);
            let mut tone = std::iter::from_fn(|| {
                taken += 1;
                Some((16_384.0 * (taken as f32 * 0.3).sin()) as i16)
            });
            for _ in 0..rate {
                peak = peak.max(rising.next(&mut tone).abs());
            }
            assert!((RATE..RATE + 2 * FRAME).contains(&taken), "{rate} Hz takes {taken}");
            assert!((peak - 0.5).abs() < 0.05, "{rate} Hz peaks at {peak}");
        }
    }
}
