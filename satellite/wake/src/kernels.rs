//! The arithmetic: int8 (held as `i16`) sums of products, rescaled to int8.
//!
//! Plain loops in a shape that compilers turn into the vector instructions of any processor.

use crate::network::{Factor, Rescale};

/// One output row of a convolution: a dot product for every output channel.
#[inline]
pub(crate) fn convolve(input: &[i16], weights: &[i16], rescale: &Rescale, out: &mut [i16]) {
    for (channel, (out, weights)) in out.iter_mut().zip(weights.chunks_exact(input.len())).enumerate() {
        *out = rescale.round(rescale.bias[channel].wrapping_add(dot(input, weights)), channel);
    }
}

/// One output row of a depthwise convolution.
#[inline]
pub(crate) fn depthwise(input: &[i16], weights: &[i16], rescale: &Rescale, out: &mut [i16]) {
    /// Channels summed at a time: their sums stay in registers.
    const LANES: usize = 16;
    let channels = out.len();
    for start in (0..channels).step_by(LANES) {
        let lanes = LANES.min(channels - start);
        let mut sums = [0i32; LANES];
        sums[..lanes].copy_from_slice(&rescale.bias[start..start + lanes]);
        for (x, w) in input.chunks_exact(channels).zip(weights.chunks_exact(channels)) {
            let (x, w) = (&x[start..start + lanes], &w[start..start + lanes]);
            for ((sum, &x), &w) in sums.iter_mut().zip(x).zip(w) {
                *sum = sum.wrapping_add(i32::from(x) * i32::from(w));
            }
        }
        for (lane, &sum) in sums[..lanes].iter().enumerate() {
            out[start + lane] = rescale.round(sum, start + lane);
        }
    }
}

/// Never wraps, since the graph's compiler has checked each channel's largest possible sum; said as
/// wrapping so that a build with overflow checks is vectorised too.
#[inline]
fn dot(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).fold(0, |sum: i32, (&a, &b)| sum.wrapping_add(i32::from(a) * i32::from(b)))
}

impl Rescale {
    /// Rounds half up twice, after the multiplication and after the shift, as TensorFlow Lite's vector
    /// kernels do, so that results are the same to the bit; where its scalar code is at work, the second
    /// time half away from zero.
    #[inline(always)]
    fn round(&self, sum: i32, channel: usize) -> i16 {
        let Factor { multiplier, shift, half, away } = self.factors[channel];
        let product = (i64::from(sum) * multiplier + (1 << 30)) >> 31;
        let (low, high) = self.bounds;
        (((product + half + (product >> 63 & away)) >> shift) + self.zero).clamp(low, high) as i16
    }
}
