//! Sound → features: 40 numbers every 10 ms, the same bits as TensorFlow's micro frontend.
//!
//! `samples → window (30 ms, Hann) → FFT → mel filters → √ → noise reduction → PCAN gain → ln`
//!
//! All in integers, because the networks were trained on exactly these integers. Settings are the ones
//! microWakeWord trains with (its `preprocessor_settings.h`); the arithmetic follows
//! `tensorflow/lite/experimental/microfrontend/lib`. PCAN is "Trainable Frontend For Robust and Far-Field
//! Keyword Spotting", <https://research.google/pubs/pub45911/>.
//!
//! Deliberately absent: other sample rates, settings, and allocation after `new`.

use crate::fft::{self, Fft};
use crate::logarithm::log_scaled;

/// Samples a second, mono; everything in this crate hears at this rate.
pub const SAMPLE_RATE: u32 = 16_000;
/// New samples per step: 10 ms.
pub const STEP: usize = 160;
/// Samples a window looks at: 30 ms.
const WINDOW: usize = 480;
/// Mel channels, and so numbers in one [`Features`].
pub const CHANNELS: usize = 40;

/// What one window sounded like, channel by channel from 125 Hz to 7.5 kHz, loudness above the background
/// on a logarithmic scale (about 0 to 700).
pub type Features = [u16; CHANNELS];

const LOWEST_HZ: f64 = 125.0;
const HIGHEST_HZ: f64 = 7_500.0;
/// Table entries (of the window, and of the filters by bin) so near the middle between two integers that the
/// original, which computes them in single precision, rounds them up. Computed in double precision here, so
/// that the tables are the same on every platform, whatever its C library.
const WINDOW_ROUNDED_UP: [usize; 1] = [17];
const BINS_ROUNDED_UP: [usize; 2] = [149, 221];
/// Fixed-point bits of window coefficients and of filter weights.
const WINDOW_BITS: u32 = 12;
const FILTER_BITS: u32 = 12;
/// The background estimate keeps this many more bits than the signal, and follows it by these shares of
/// 2¹⁴ a step: 0.025 in even channels, 0.06 in odd ones. At least 0.05 of the signal always remains.
const SMOOTHING_BITS: u32 = 10;
const NOISE_BITS: u32 = 14;
const FOLLOW_EVEN: u64 = 409;
const FOLLOW_ODD: u64 = 983;
const MIN_REMAINING: u64 = 819;
/// PCAN: gain = 2²¹ · (background + 80)^-0.95.
const GAIN_BITS: u32 = 21;
const GAIN_STRENGTH: f64 = 0.95;
const GAIN_OFFSET: f64 = 80.0;
const SNR_BITS: u32 = 12;
const PCAN_BITS: u32 = 6;
/// log₂ of the FFT's size less half the filters' bits: what √ and the FFT's scaling left over.
const CORRECTION_BITS: u32 = fft::SIZE.ilog2() - FILTER_BITS / 2;

/// The front end of one stream of sound. About 8 kB.
pub struct FrontEnd {
    coefficients: [i16; WINDOW],
    input: [i16; WINDOW],
    filled: usize,
    windowed: [i16; WINDOW],
    /// Sum of squares of the last window.
    power: i64,
    fft: Fft,
    energies: [u32; fft::SIZE / 2 + 1],
    filters: Filters,
    /// Loudness of what is always there, by channel, `SMOOTHING_BITS` up.
    background: [u32; CHANNELS],
    gains: Gains,
}

impl std::fmt::Debug for FrontEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrontEnd").field("filled", &self.filled).finish_non_exhaustive()
    }
}

impl Default for FrontEnd {
    fn default() -> Self {
        Self::new()
    }
}

impl FrontEnd {
    pub fn new() -> Self {
        let hann = |i: usize| {
            let turn = 2.0 * std::f64::consts::PI * (i as f64 + 0.5) / WINDOW as f64;
            let nearest = ((0.5 - 0.5 * turn.cos()) * f64::from(1 << WINDOW_BITS)).round();
            nearest as i16 + i16::from(WINDOW_ROUNDED_UP.contains(&i))
        };
        FrontEnd {
            coefficients: std::array::from_fn(hann),
            input: [0; WINDOW],
            filled: 0,
            windowed: [0; WINDOW],
            power: 0,
            fft: Fft::new(),
            energies: [0; fft::SIZE / 2 + 1],
            filters: Filters::new(),
            background: [0; CHANNELS],
            gains: Gains::new(),
        }
    }

    /// Forgets everything heard, as if new.
    pub fn reset(&mut self) {
        self.filled = 0;
        self.background = [0; CHANNELS];
    }

    /// Takes samples off the front of `samples` (16 kHz mono) until a window is full, and says how it
    /// sounded; `None` once all are taken. The first window needs 30 ms, each next one 10 ms.
    pub fn next(&mut self, samples: &mut &[i16]) -> Option<Features> {
        let (taken, rest) = samples.split_at(samples.len().min(WINDOW - self.filled));
        self.input[self.filled..][..taken.len()].copy_from_slice(taken);
        self.filled += taken.len();
        *samples = rest;
        if self.filled < WINDOW {
            return None;
        }
        self.power = self.input.iter().map(|&x| i64::from(i32::from(x) * i32::from(x))).sum();
        let features = self.features();
        self.input.copy_within(STEP.., 0);
        self.filled = WINDOW - STEP;
        Some(features)
    }

    /// How loud the last window was: decibels below the loudest square wave, −100 for digital silence.
    pub fn level(&self) -> f32 {
        let mean = self.power as f32 / WINDOW as f32 / 32_768f32.powi(2);
        10.0 * (mean + 1e-10).log10()
    }

    fn features(&mut self) -> Features {
        let mut loudest: i16 = 0;
        for ((out, &x), &c) in self.windowed.iter_mut().zip(&self.input).zip(&self.coefficients) {
            *out = ((i32::from(x) * i32::from(c)) >> WINDOW_BITS) as i16;
            loudest = loudest.max(out.wrapping_abs());
        }
        // Quiet sound is scaled up so that the fixed-point FFT has bits to work with.
        let shift = 15 - (16 - loudest.leading_zeros());
        self.fft.energies(&self.windowed, shift, &mut self.energies);
        let mut signal = self.filters.apply(&self.energies).map(|sum| root(sum) >> shift);
        for (channel, x) in signal.iter_mut().enumerate() {
            let clean = reduce_noise(*x, &mut self.background[channel], channel);
            let snr = (u64::from(clean) * u64::from(self.gains.at(self.background[channel])))
                >> (GAIN_BITS - CORRECTION_BITS - SNR_BITS);
            *x = shrink(snr as u32);
        }
        signal.map(|x| log_scaled(x.wrapping_shl(CORRECTION_BITS)))
    }
}

/// Follows the background and subtracts it.
#[inline]
fn reduce_noise(signal: u32, background: &mut u32, channel: usize) -> u32 {
    let follow = if channel.is_multiple_of(2) { FOLLOW_EVEN } else { FOLLOW_ODD };
    let scaled = signal.wrapping_shl(SMOOTHING_BITS);
    let keep = (1 << NOISE_BITS) - follow;
    *background = ((u64::from(scaled) * follow + u64::from(*background) * keep) >> NOISE_BITS) as u32;
    let floor = ((u64::from(signal) * MIN_REMAINING) >> NOISE_BITS) as u32;
    (scaled.saturating_sub(*background) >> SMOOTHING_BITS).max(floor)
}

/// Compresses a signal-to-background ratio: square below 2, linear above.
#[inline]
fn shrink(snr: u32) -> u32 {
    if snr < 2 << SNR_BITS {
        (snr * snr) >> (2 + 2 * SNR_BITS - PCAN_BITS)
    } else {
        (snr >> (SNR_BITS - PCAN_BITS)) - (1 << PCAN_BITS)
    }
}

/// Square root to the nearest integer, with the original's one flaw: below 2³² it stops at 65535.
///
/// Sums stay below 2⁴⁸ (31 bits of energy, 12 of weight, at most 18 bins), where an `f64` root is exact
/// enough: halfway cases are 2⁻²⁶ apart from it and an ulp is 2⁻²⁹.
#[inline]
fn root(sum: u64) -> u32 {
    let nearest = ((sum as f64).sqrt() + 0.5) as u32;
    if sum >> 32 == 0 { nearest.min(0xFFFF) } else { nearest }
}

/// Triangular filters, evenly spaced in mel. A bin lies on the falling side of one channel and the rising
/// side of the next, so it carries two weights.
struct Filters {
    /// First bin of each band; band `c` feeds channels `c - 1` (falling) and `c` (rising).
    starts: [usize; CHANNELS + 2],
    /// By bin, from `starts[0]`: share for the band's own channel, share for the next.
    weights: Vec<[i32; 2]>,
}

impl Filters {
    fn new() -> Self {
        let mel = |hz: f64| 1_127.0 * (hz / 700.0).ln_1p();
        let hz_per_bin = f64::from(SAMPLE_RATE) / fft::SIZE as f64;
        let lowest = mel(LOWEST_HZ);
        let spacing = (mel(HIGHEST_HZ) - lowest) / (CHANNELS + 1) as f64;
        let center = |band: usize| lowest + spacing * (band + 1) as f64;

        let mut bin = (1.5 + LOWEST_HZ / hz_per_bin) as usize;
        let mut starts = [bin; CHANNELS + 2];
        let mut weights = Vec::new();
        for band in 0..=CHANNELS {
            let below = if band == 0 { lowest } else { center(band - 1) };
            while mel(bin as f64 * hz_per_bin) <= center(band) {
                let share = (center(band) - mel(bin as f64 * hz_per_bin)) / (center(band) - below);
                let nearest = (share * f64::from(1 << FILTER_BITS)).round() as i32;
                let own = nearest + i32::from(BINS_ROUNDED_UP.contains(&bin));
                weights.push([own, (1 << FILTER_BITS) - own]);
                bin += 1;
            }
            starts[band + 1] = bin;
        }
        Filters { starts, weights }
    }

    /// Energy by channel. The first band's own channel is not used, as in the original.
    fn apply(&self, energies: &[u32; fft::SIZE / 2 + 1]) -> [u64; CHANNELS] {
        let mut sums = [0u64; CHANNELS];
        let mut carried = 0;
        for band in 0..=CHANNELS {
            let (mut own, mut next) = (carried, 0);
            let bins = self.starts[band]..self.starts[band + 1];
            let weights = &self.weights[bins.start - self.starts[0]..bins.end - self.starts[0]];
            for (&energy, &[w, u]) in energies[bins].iter().zip(weights) {
                own += u64::from(energy) * w as u64;
                next += u64::from(energy) * u as u64;
            }
            if band > 0 {
                sums[band - 1] = own;
            }
            carried = next;
        }
        sums
    }
}

/// PCAN's gain by background, as a parabola between powers of two.
struct Gains([i16; 4 * 32 - 3]);

impl Gains {
    fn new() -> Self {
        let gain = |background: u32| {
            let x = f64::from(background) / f64::from(1 << (SMOOTHING_BITS - CORRECTION_BITS));
            let gain = f64::from(1 << GAIN_BITS) * (x + GAIN_OFFSET).powf(-GAIN_STRENGTH);
            gain.round().min(f64::from(i16::MAX)) as i16
        };
        let mut table = [0; 4 * 32 - 3];
        table[0] = gain(0);
        table[1] = gain(1);
        for bits in 2..=32 {
            let x0 = 1u32 << (bits - 1);
            let x2 = if bits == 32 { x0 + (x0 - 1) } else { 2 * x0 };
            let y0 = gain(x0);
            let middle = i32::from(gain(x0 + (x0 >> 1))) - i32::from(y0);
            let end = i32::from(gain(x2)) - i32::from(y0);
            let slope = 4 * middle - end;
            table[4 * bits - 6] = y0;
            table[4 * bits - 5] = slope as i16;
            table[4 * bits - 4] = (end - slope) as i16;
        }
        Gains(table)
    }

    #[inline]
    fn at(&self, background: u32) -> u32 {
        if background <= 2 {
            return i32::from(self.0[background as usize]) as u32;
        }
        let bits = 32 - background.leading_zeros();
        let at = 4 * bits as usize - 6;
        let fraction = if bits < 11 { background << (11 - bits) } else { background >> (bits - 11) };
        let fraction = (fraction & 0x3FF) as i32;
        let [y0, slope, curve] = [self.0[at], self.0[at + 1], self.0[at + 2]].map(i32::from);
        let rise = ((((curve * fraction) >> 5) + (slope << 5)) * fraction + (1 << 14)) >> 15;
        (rise + y0) as i16 as i32 as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_to_the_nearest() {
        for n in [0u64, 1, 2, 3, 6, 7, 12, 13, 1 << 20, (1 << 47) - 1, 281_474_976_710_655] {
            let r = u64::from(root(n));
            assert!(r * r <= n + r && n <= r * r + r, "√{n} is not {r}");
        }
        for r in [3u64, 1_000, 65_536, 70_001, 16_777_215, (1 << 24) - 3] {
            assert_eq!(u64::from(root(r * r + r)), r);
            assert_eq!(u64::from(root(r * r + r + 1)), r + 1);
        }
        assert_eq!(root(u64::from(u32::MAX)), 0xFFFF);
    }

    #[test]
    fn any_chunking_gives_the_same_features() {
        let samples: Vec<i16> = (0..4_000i32).map(|n| (n * n % 20_011 - 10_000) as i16).collect();
        let all = |chunk: usize| {
            let mut frontend = FrontEnd::new();
            let mut heard = Vec::new();
            for mut part in samples.chunks(chunk) {
                while let Some(features) = frontend.next(&mut part) {
                    heard.push(features);
                }
            }
            heard
        };
        let whole = all(samples.len());
        assert_eq!(whole.len(), (4_000 - WINDOW) / STEP + 1);
        for chunk in [1, 7, 159, 160, 161, 480, 1_000] {
            assert_eq!(all(chunk), whole, "in chunks of {chunk}");
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        for value in [i16::MIN, i16::MAX] {
            let mut frontend = FrontEnd::new();
            let square: Vec<i16> =
                (0..1_600).map(|n| if n / 8 % 2 == 0 { value } else { value.wrapping_neg() }).collect();
            for mut samples in [&square[..], &[value; 1_600][..], &[0; 1_600][..]] {
                while let Some(features) = frontend.next(&mut samples) {
                    assert!(features.iter().all(|&x| x < 2_000));
                }
            }
        }
    }
}
