//! Any rate and channel count to frames of 16 kHz mono.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use crate::sound::{FRAME, Frame, Framer, RATE};

/// Rates that a microphone or a recording can have, in Hz.
const RATES: std::ops::RangeInclusive<usize> = 4_000..=384_000;

#[derive(Debug, thiserror::Error)]
pub enum RateError {
    #[error("{0} samples a second; between {low} and {high} can be used", low = RATES.start(), high = RATES.end())]
    Rate(usize),
    #[error("channel {wanted} of {has}; channels are counted from 1")]
    Channel { wanted: usize, has: usize },
}

/// Takes interleaved samples of −1 to 1, gives frames. One channel is chosen and the others are left out:
/// the sum of microphones that stand apart cancels part of the voice.
pub struct Resampler {
    channels: usize,
    channel: usize,
    /// `None` at 16 kHz, where there is nothing to do.
    filter: Option<Fft<f32>>,
    waiting: Vec<f32>,
    out: Vec<f32>,
    /// Where an interleaved group was cut by the end of a push.
    phase: usize,
    framer: Framer,
}

impl Resampler {
    /// For `channels` at `rate` Hz, of which the `channel`th, counted from 1, is heard.
    pub fn new(rate: usize, channels: usize, channel: usize) -> Result<Self, RateError> {
        if !RATES.contains(&rate) {
            return Err(RateError::Rate(rate));
        }
        if channel == 0 || channel > channels {
            return Err(RateError::Channel { wanted: channel, has: channels });
        }
        let filter = (rate != RATE)
            .then(|| Fft::new(rate, RATE, rate * FRAME / RATE, 1, FixedSync::Both))
            .transpose()
            .map_err(|_| RateError::Rate(rate))?;
        let out = vec![0.0; filter.as_ref().map_or(0, |filter| filter.output_frames_max())];
        let channel = channel - 1;
        Ok(Self { channels, channel, filter, waiting: Vec::new(), out, phase: 0, framer: Framer::default() })
    }

    /// Takes `interleaved` samples, at most a few seconds of them, and gives each full frame to `each`.
    pub fn push(&mut self, interleaved: impl IntoIterator<Item = f32>, mut each: impl FnMut(Frame)) {
        for sample in interleaved {
            if self.phase == self.channel {
                self.waiting.push(sample);
            }
            self.phase = (self.phase + 1) % self.channels;
        }
        let Some(filter) = &mut self.filter else {
            self.framer.push(self.waiting.drain(..).map(to_i16), each);
            return;
        };
        let mut done = 0;
        while self.waiting.len() - done >= filter.input_frames_next() {
            let (need, give) = (filter.input_frames_next(), filter.output_frames_next());
            let input = InterleavedSlice::new(&self.waiting[done..done + need], 1, need);
            let output = InterleavedSlice::new_mut(&mut self.out[..give], 1, give);
            // The sizes are the filter's own, so this cannot fail; if it did, silence is the honest answer.
            if let (Ok(input), Ok(mut output)) = (input, output)
                && filter.process_into_buffer(&input, &mut output, None).is_err()
            {
                self.out[..give].fill(0.0);
            }
            self.framer.push(self.out[..give].iter().copied().map(to_i16), &mut each);
            done += need;
        }
        self.waiting.drain(..done);
    }

    /// What is still inside the filter, with silence after it.
    pub fn finish(&mut self, mut each: impl FnMut(Frame)) {
        if let Some(filter) = &self.filter {
            let silence = 2 * filter.input_frames_max() * self.channels;
            self.push(std::iter::repeat_n(0.0, silence), &mut each);
        }
        if let Some(frame) = self.framer.finish() {
            each(frame);
        }
    }
}

/// A sample of −1 to 1 as 16 bits, clipped.
fn to_i16(sample: f32) -> i16 {
    (sample * 32_768.0).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone of `hz` for a second through a resampler from `rate`, pushed in pieces of `piece`.
    fn through(rate: usize, channels: usize, hz: f32, piece: usize) -> Vec<i16> {
        let mut resampler = Resampler::new(rate, channels, channels).unwrap();
        let tone: Vec<f32> = (0..rate)
            .flat_map(|i| {
                let value = 0.5 * (std::f32::consts::TAU * hz * i as f32 / rate as f32).sin();
                (0..channels).map(move |channel| if channel + 1 == channels { value } else { 0.9 })
            })
            .collect();
        let mut out = Vec::new();
        for part in tone.chunks(piece) {
            resampler.push(part.iter().copied(), |frame| out.extend(frame.samples()));
        }
        resampler.finish(|frame| out.extend(frame.samples()));
        out
    }

    /// Power of `hz` in `samples`, relative to a full-scale tone (Goertzel).
    fn power(samples: &[i16], hz: f32) -> f32 {
        let step = std::f32::consts::TAU * hz / RATE as f32;
        let (re, im) = samples.iter().enumerate().fold((0.0, 0.0), |(re, im), (i, &sample)| {
            let (sin, cos) = (step * i as f32).sin_cos();
            (re + f32::from(sample) * cos, im + f32::from(sample) * sin)
        });
        (re * re + im * im).sqrt() * 2.0 / samples.len() as f32 / 32_768.0
    }

    #[test]
    fn a_tone_stays_the_tone_it_was_whatever_the_rate_and_the_pieces() {
        for rate in [8_000, 11_025, 16_000, 44_100, 48_000, 192_000] {
            for (channels, piece) in [(1, 441), (2, 1023)] {
                let out = through(rate, channels, 1_000.0, piece);
                let middle = &out[4_000..12_000];
                assert!((power(middle, 1_000.0) - 0.5).abs() < 0.02, "{rate} Hz, {channels} channels");
                assert!((RATE..RATE + 3 * RATE / 10).contains(&out.len()), "{rate} Hz gives {}", out.len());
            }
        }
    }

    #[test]
    fn what_16_khz_cannot_hold_is_filtered_out_and_not_folded() {
        let out = through(48_000, 1, 11_000.0, 480);
        assert!(power(&out[4_000..12_000], 5_000.0) < 0.001);
    }

    #[test]
    fn loud_is_clipped_and_never_wraps() {
        assert_eq!([to_i16(2.0), to_i16(-2.0), to_i16(f32::NAN), to_i16(1.0)], [32_767, -32_768, 0, 32_767]);
    }

    #[test]
    fn impossible_sound_is_refused() {
        let check = |rate, channels, channel, expect: &str| {
            assert_eq!(Resampler::new(rate, channels, channel).err().unwrap().to_string(), expect);
        };
        check(0, 1, 1, "0 samples a second; between 4000 and 384000 can be used");
        check(1_000_000, 1, 1, "1000000 samples a second; between 4000 and 384000 can be used");
        check(16_000, 2, 3, "channel 3 of 2; channels are counted from 1");
        check(16_000, 0, 1, "channel 1 of 0; channels are counted from 1");
    }
}
