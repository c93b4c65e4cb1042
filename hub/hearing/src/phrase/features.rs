//! Sound to features: what the acoustic model was trained on, 13 cepstra of 25 mel bands every 10 ms.
//!
//! `samples → pre-emphasis → 25.6 ms Hamming windows → power spectrum → mel bands → log → cosine transform`
//!
//! The same numbers that PocketSphinx's own front end computes with the model's `feat.params` (sphinxbase
//! `fe_sigproc.c`), but kept as mel bands too, because noise is additive there: everything that makes the
//! decoder robust works on the bands. Deliberately absent: PocketSphinx's noise removal, voice detection and
//! mean normalisation, each of which is done better with the whole utterance in view.

use std::f32::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Mel bands a frame.
pub const BANDS: usize = 25;
/// Cepstra a frame, the zeroth (energy) first.
pub const CEPSTRA: usize = 13;
/// Samples from one frame to the next: 10 ms.
pub const STEP: usize = 160;
/// Samples a frame looks at: 25.625 ms.
const WINDOW: usize = 410;
const RATE: usize = 16_000;
const FFT: usize = 512;
const PRE_EMPHASIS: f32 = 0.97;
const LOWEST_HZ: f32 = 130.0;
const HIGHEST_HZ: f32 = 6800.0;
/// Cepstral liftering: the model's features are weighted by `1 + 11 sin(πi/22)`.
const LIFTER: f32 = 22.0;
/// Added to each band before the logarithm.
const FLOOR: f32 = 1e-4;

/// Energies of the mel bands of one frame (linear, not log).
pub type Bands = [f32; BANDS];
/// Liftered cepstra of one frame.
pub type Cepstrum = [f32; CEPSTRA];

/// The bands that the same sounds would have from a vocal tract longer by this part: its resonances lie lower on the mel
/// scale in proportion, so each band is read that much further up (vocal tract length normalisation, Lee and Rose,
/// IEEE Trans. Speech Audio Proc. 6, 1998; on the logarithms, between neighbouring bands).
pub fn lengthened(bands: &Bands, by: f32) -> Bands {
    // The centre of band 0 lies as far above zero mel as three bands lie apart.
    const FIRST: f32 = 3.0;
    std::array::from_fn(|band| {
        let at = (band as f32 + by * (band as f32 + FIRST)).clamp(0.0, (BANDS - 1) as f32);
        let (below, part) = ((at as usize).min(BANDS - 2), at - (at as usize).min(BANDS - 2) as f32);
        let log = |band: usize| (bands[band] + FLOOR).ln();
        ((1.0 - part) * log(below) + part * log(below + 1)).exp()
    })
}

/// Turns samples into mel bands as they arrive, and bands into cepstra and back.
pub struct FrontEnd {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    filters: Vec<Filter>,
    /// Cosine transform with liftering folded in: `cepstrum = forward · log bands`.
    pub forward: [[f32; BANDS]; CEPSTRA],
    /// The pseudo-inverse of `forward`: the smooth log bands that a cepstrum stands for.
    pub inverse: [[f32; CEPSTRA]; BANDS],
    /// Pre-emphasised samples not yet used up by a whole frame.
    pending: Vec<f32>,
    previous: f32,
}

/// One triangular mel filter on the power spectrum.
struct Filter {
    first_bin: usize,
    weights: Vec<f32>,
}

impl Default for FrontEnd {
    fn default() -> Self {
        FrontEnd::new()
    }
}

impl FrontEnd {
    pub fn new() -> Self {
        let (forward, inverse) = cosine_transforms();
        FrontEnd {
            fft: RealFftPlanner::new().plan_fft_forward(FFT),
            window: (0..WINDOW)
                .map(|i| 0.54 - 0.46 * (2.0 * PI * i as f32 / (WINDOW - 1) as f32).cos())
                .collect(),
            filters: mel_filters(),
            forward,
            inverse,
            pending: Vec::with_capacity(2 * WINDOW),
            previous: 0.0,
        }
    }

    /// Forgets what it heard, for the next clip.
    pub fn restart(&mut self) {
        self.pending.clear();
        self.previous = 0.0;
    }

    /// Takes samples of any number; appends one `Bands` for each 10 ms that is complete.
    pub fn push(&mut self, samples: &[i16], frames: &mut Vec<Bands>) {
        for &sample in samples {
            let sample = f32::from(sample);
            self.pending.push(sample - PRE_EMPHASIS * self.previous);
            self.previous = sample;
        }
        let mut start = 0;
        while self.pending.len() - start >= WINDOW {
            frames.push(self.bands(start));
            start += STEP;
        }
        self.pending.drain(..start);
    }

    fn bands(&self, start: usize) -> Bands {
        let mut input = [0.0; FFT];
        for ((out, sample), weight) in
            input.iter_mut().zip(&self.pending[start..start + WINDOW]).zip(&self.window)
        {
            *out = sample * weight;
        }
        let mut spectrum = [Complex::default(); FFT / 2 + 1];
        // The lengths are fixed and right, which is the only thing that can go wrong here.
        let _ = self.fft.process(&mut input, &mut spectrum);
        let power: Vec<f32> = spectrum.iter().map(Complex::norm_sqr).collect();
        let mut bands = [0.0; BANDS];
        for (band, filter) in bands.iter_mut().zip(&self.filters) {
            *band = filter.weights.iter().zip(&power[filter.first_bin..]).map(|(w, p)| w * p).sum();
        }
        bands
    }

    /// The liftered cepstrum of one frame's bands.
    pub fn cepstrum(&self, bands: &Bands) -> Cepstrum {
        self.cepstrum_of_log(&bands.map(|band| (band + FLOOR).ln()))
    }

    /// The liftered cepstrum of log bands.
    pub fn cepstrum_of_log(&self, log_bands: &Bands) -> Cepstrum {
        let mut cepstrum = [0.0; CEPSTRA];
        for (out, row) in cepstrum.iter_mut().zip(&self.forward) {
            *out = row.iter().zip(log_bands).map(|(a, b)| a * b).sum();
        }
        cepstrum
    }

    /// The smooth log bands that a liftered cepstrum stands for.
    pub fn log_of_cepstrum(&self, cepstrum: &Cepstrum) -> Bands {
        let mut bands = [0.0; BANDS];
        for (out, row) in bands.iter_mut().zip(&self.inverse) {
            *out = row.iter().zip(cepstrum).map(|(a, b)| a * b).sum();
        }
        bands
    }
}

/// Unitary DCT-II (rows: cepstra) with liftering, and its pseudo-inverse.
fn cosine_transforms() -> ([[f32; BANDS]; CEPSTRA], [[f32; CEPSTRA]; BANDS]) {
    let mut forward = [[0.0; BANDS]; CEPSTRA];
    let mut inverse = [[0.0; CEPSTRA]; BANDS];
    for i in 0..CEPSTRA {
        let scale = if i == 0 { (1.0 / BANDS as f32).sqrt() } else { (2.0 / BANDS as f32).sqrt() };
        let lifter = 1.0 + LIFTER / 2.0 * (i as f32 * PI / LIFTER).sin();
        for j in 0..BANDS {
            let cosine = (PI / BANDS as f32 * i as f32 * (j as f32 + 0.5)).cos() * scale;
            forward[i][j] = cosine * lifter;
            inverse[j][i] = cosine / lifter;
        }
    }
    (forward, inverse)
}

fn mel(hz: f32) -> f32 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

fn hertz(mel: f32) -> f32 {
    700.0 * (10f32.powf(mel / 2595.0) - 1.0)
}

/// Triangles of unit area, equally wide on the mel scale, corners rounded to FFT bins.
fn mel_filters() -> Vec<Filter> {
    let bin = RATE as f32 / FFT as f32;
    let (low, high) = (mel(LOWEST_HZ), mel(HIGHEST_HZ));
    let width = (high - low) / (BANDS + 1) as f32;
    let corner = |k: usize| ((hertz(low + k as f32 * width) / bin + 0.5).floor()) * bin;
    (0..BANDS)
        .map(|i| {
            let (left, centre, right) = (corner(i), corner(i + 1), corner(i + 2));
            let first_bin = (left / bin).ceil() as usize;
            let area = 2.0 / (right - left);
            let weights = (first_bin..=FFT / 2)
                .map(|j| j as f32 * bin)
                .take_while(|hz| *hz <= right)
                .map(|hz| area * ((hz - left) / (centre - left)).min((right - hz) / (right - centre)))
                .collect();
            Filter { first_bin, weights }
        })
        .collect()
}
