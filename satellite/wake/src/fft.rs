//! Real 512-point FFT in 16-bit fixed point, bit for bit what kissfft computes with `FIXED_POINT=16`.
//!
//! The networks were trained on its rounding errors, so an exact FFT would be *worse* here: quiet bins
//! would differ. What is ours is the order of the work (Stockham's, real and imaginary parts apart), which
//! lets the compiler use vector registers without any code for one machine.
//!
//! Deliberately absent: other sizes, the inverse, complex input.

use std::f64::consts::PI;

pub(crate) const SIZE: usize = 512;
/// Two real samples make one complex value, so the transform underneath is half as long.
const HALF: usize = SIZE / 2;
/// 1.0 in Q15 as kissfft writes it (`SAMP_MAX`).
const ONE: i32 = 32_767;

pub(crate) struct Fft {
    /// `exp(-2πi k / 256)` in Q15.
    twiddle_re: [i16; HALF],
    twiddle_im: [i16; HALF],
    /// `exp(-πi ((k + 1) / 256 + 1/2))`, which untangles two real halves from one complex transform.
    untangle_re: [i16; HALF / 2],
    untangle_im: [i16; HALF / 2],
    a: Plane,
    b: Plane,
}

struct Plane {
    re: [i16; HALF],
    im: [i16; HALF],
}

impl Plane {
    fn zero() -> Self {
        Plane { re: [0; HALF], im: [0; HALF] }
    }
}

impl Fft {
    pub fn new() -> Self {
        let q15 = |x: f64| (0.5 + f64::from(ONE) * x).floor() as i16;
        let turn = |k: usize| -2.0 * PI * k as f64 / HALF as f64;
        let untangle = |k: usize| -PI * ((k + 1) as f64 / HALF as f64 + 0.5);
        Fft {
            twiddle_re: std::array::from_fn(|k| q15(turn(k).cos())),
            twiddle_im: std::array::from_fn(|k| q15(turn(k).sin())),
            untangle_re: std::array::from_fn(|k| q15(untangle(k).cos())),
            untangle_im: std::array::from_fn(|k| q15(untangle(k).sin())),
            a: Plane::zero(),
            b: Plane::zero(),
        }
    }

    /// Energy (`re² + im²`) of bins 0 to 256 of `samples << shift`, zero-padded to 512.
    ///
    /// `samples` holds at most 512 values, an even number of them. Bins 0 and 256 are left alone: no filter
    /// uses them.
    pub fn energies(&mut self, samples: &[i16], shift: u32, energies: &mut [u32; HALF + 1]) {
        let (pairs, _) = samples.as_chunks::<2>();
        for (k, [even, odd]) in pairs.iter().enumerate() {
            self.a.re[k] = even.wrapping_shl(shift);
            self.a.im[k] = odd.wrapping_shl(shift);
        }
        self.a.re[pairs.len()..].fill(0);
        self.a.im[pairs.len()..].fill(0);

        let (re, im) = (&self.twiddle_re, &self.twiddle_im);
        first_stage(&self.a, &mut self.b);
        stage::<4, 16>(&self.b, &mut self.a, re, im);
        stage::<16, 4>(&self.a, &mut self.b, re, im);
        stage::<64, 1>(&self.b, &mut self.a, re, im);
        self.untangle(energies);
    }

    /// `kiss_fftr`: the real transform from the complex one in `a`.
    fn untangle(&self, energies: &mut [u32; HALF + 1]) {
        let half = |x: i16| round_q15(i32::from(x) * (ONE / 2));
        for k in 1..=HALF / 2 {
            let mirror = HALF - k;
            let (low_re, low_im) = (half(self.a.re[k]), half(self.a.im[k]));
            let (high_re, high_im) = (half(self.a.re[mirror]), half(self.a.im[mirror].wrapping_neg()));
            let (sum_re, sum_im) = (low_re.wrapping_add(high_re), low_im.wrapping_add(high_im));
            let (dif_re, dif_im) = (low_re.wrapping_sub(high_re), low_im.wrapping_sub(high_im));
            let (t_re, t_im) = mul(dif_re, dif_im, self.untangle_re[k - 1], self.untangle_im[k - 1]);
            let wide = i32::from;
            energies[k] = energy((wide(sum_re) + wide(t_re)) >> 1, (wide(sum_im) + wide(t_im)) >> 1);
            energies[mirror] = energy((wide(sum_re) - wide(t_re)) >> 1, (wide(t_im) - wide(sum_im)) >> 1);
        }
    }
}

/// Both parts fit 16 bits (halves of sums of two 16-bit numbers), so the sum of squares fits 32.
#[inline(always)]
fn energy(re: i32, im: i32) -> u32 {
    ((re * re) as u32).wrapping_add((im * im) as u32)
}

/// kissfft's `sround`: Q30 → Q15, half up, the top bits lost.
#[inline(always)]
fn round_q15(x: i32) -> i16 {
    (x.wrapping_add(1 << 14) >> 15) as i16
}

/// kissfft's `C_MUL`.
#[inline(always)]
fn mul(re: i16, im: i16, by_re: i16, by_im: i16) -> (i16, i16) {
    let (re, im, by_re, by_im) = (i32::from(re), i32::from(im), i32::from(by_re), i32::from(by_im));
    (round_q15((re * by_re).wrapping_sub(im * by_im)), round_q15((re * by_im).wrapping_add(im * by_re)))
}

/// kissfft's `C_FIXDIV(x, 4)`, so that four numbers can be added.
#[inline(always)]
fn quarter(x: i16) -> i16 {
    round_q15(i32::from(x) * (ONE / 4))
}

/// Four complex numbers, already quartered and turned → their four-point transform.
#[inline(always)]
fn butterfly(re: [i16; 4], im: [i16; 4]) -> ([i16; 4], [i16; 4]) {
    let (sum02_re, sum02_im) = (re[0].wrapping_add(re[2]), im[0].wrapping_add(im[2]));
    let (dif02_re, dif02_im) = (re[0].wrapping_sub(re[2]), im[0].wrapping_sub(im[2]));
    let (sum13_re, sum13_im) = (re[1].wrapping_add(re[3]), im[1].wrapping_add(im[3]));
    let (dif13_re, dif13_im) = (re[1].wrapping_sub(re[3]), im[1].wrapping_sub(im[3]));
    (
        [
            sum02_re.wrapping_add(sum13_re),
            dif02_re.wrapping_add(dif13_im),
            sum02_re.wrapping_sub(sum13_re),
            dif02_re.wrapping_sub(dif13_im),
        ],
        [
            sum02_im.wrapping_add(sum13_im),
            dif02_im.wrapping_sub(dif13_re),
            sum02_im.wrapping_sub(sum13_im),
            dif02_im.wrapping_add(dif13_re),
        ],
    )
}

/// The 64 smallest transforms. Their twiddle is kissfft's 1.0 (32767), by which a quartered number is
/// unchanged: `(x · 32767 + 16384) >> 15 = x` for |x| ≤ 8192.
fn first_stage(from: &Plane, to: &mut Plane) {
    const S: usize = HALF / 4;
    for q in 0..S {
        let at = |j: usize| q + j * S;
        let (re, im) = butterfly(
            std::array::from_fn(|j| quarter(from.re[at(j)])),
            std::array::from_fn(|j| quarter(from.im[at(j)])),
        );
        for j in 0..4 {
            to.re[at(j)] = re[j];
            to.im[at(j)] = im[j];
        }
    }
}

/// `4·S` transforms of `M` points, value `k` of transform `q` at `k·4S + q` → `S` transforms of `4·M`.
#[inline(always)]
fn stage<const M: usize, const S: usize>(
    from: &Plane,
    to: &mut Plane,
    twiddle_re: &[i16; HALF],
    twiddle_im: &[i16; HALF],
) {
    for k in 0..M {
        let turn: [(i16, i16); 4] = std::array::from_fn(|j| (twiddle_re[j * k * S], twiddle_im[j * k * S]));
        for q in 0..S {
            let mut re: [i16; 4] = std::array::from_fn(|j| quarter(from.re[k * 4 * S + j * S + q]));
            let mut im: [i16; 4] = std::array::from_fn(|j| quarter(from.im[k * 4 * S + j * S + q]));
            for j in 1..4 {
                (re[j], im[j]) = mul(re[j], im[j], turn[j].0, turn[j].1);
            }
            let (re, im) = butterfly(re, im);
            for j in 0..4 {
                to.re[(k + j * M) * S + q] = re[j];
                to.im[(k + j * M) * S + q] = im[j];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plain sum over all samples, in floating point.
    fn exact(samples: &[i16], bin: usize) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &x) in samples.iter().enumerate() {
            let turn = -2.0 * PI * (bin * n) as f64 / SIZE as f64;
            re += f64::from(x) * turn.cos();
            im += f64::from(x) * turn.sin();
        }
        (re * re + im * im) / (SIZE * SIZE) as f64
    }

    #[test]
    fn agrees_with_the_exact_transform_as_far_as_sixteen_bits_can() {
        let mut fft = Fft::new();
        let mut noise = 1u32;
        let samples: Vec<i16> = (0..480)
            .map(|n| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let tone = (n as f64 * 0.3).sin() * 12_000.0;
                tone as i16 + (noise >> 20) as i16
            })
            .collect();
        let mut energies = [0; HALF + 1];
        fft.energies(&samples, 0, &mut energies);
        for (bin, &energy) in energies.iter().enumerate().take(HALF).skip(1) {
            let (ours, theirs) = (f64::from(energy).sqrt(), exact(&samples, bin).sqrt());
            assert!((ours - theirs).abs() < 4.0, "bin {bin}: {ours} instead of {theirs}");
        }
    }
}
