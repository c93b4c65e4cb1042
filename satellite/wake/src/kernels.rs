//! The arithmetic: int8 (held as `i16`) sums of products, rescaled to int8.
//!
//! Plain loops in a shape that compilers turn into the vector instructions of any processor.

use crate::network::{Factor, Rescale};

/// Values in a block: what vector instructions take at a time, or a small multiple.
pub(crate) const BLOCK: usize = 16;

/// One output row of a convolution: a dot product for every output channel. Input and each channel's weights are
/// whole blocks, the weights filled up with zeros.
pub(crate) fn convolve(input: &[[i16; BLOCK]], weights: &[[i16; BLOCK]], rescale: &Rescale, out: &mut [i16]) {
    for (channel, (out, weights)) in out.iter_mut().zip(weights.chunks_exact(input.len())).enumerate() {
        *out = rescale.round(rescale.bias[channel].wrapping_add(dot(input, weights)), channel);
    }
}

/// Never wraps, since the graph's compiler has checked each channel's largest possible sum; said as wrapping so
/// that a build with overflow checks is vectorised too.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn dot(a: &[[i16; BLOCK]], b: &[[i16; BLOCK]]) -> i32 {
    let products = a.as_flattened().iter().zip(b.as_flattened()).map(|(&a, &b)| i32::from(a) * i32::from(b));
    products.fold(0, |sum: i32, product| sum.wrapping_add(product))
}

/// The same. Every x86-64 processor multiplies eight numbers and adds the products in pairs in one instruction,
/// which compilers do not find by themselves.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn dot(a: &[[i16; BLOCK]], b: &[[i16; BLOCK]]) -> i32 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_loadu_si128, _mm_madd_epi16, _mm_setzero_si128, _mm_storeu_si128,
    };
    let mut sums = [0i32; 4];
    // SAFETY: SSE2 is part of x86-64. Each load reads 8 of a block's 16 values, and the store fills `sums`.
    unsafe {
        let half = |x: &[i16; BLOCK], at: usize| _mm_loadu_si128(x.as_ptr().add(at).cast::<__m128i>());
        let mut pairs = [_mm_setzero_si128(); 2];
        for (a, b) in a.iter().zip(b) {
            pairs[0] = _mm_add_epi32(pairs[0], _mm_madd_epi16(half(a, 0), half(b, 0)));
            pairs[1] = _mm_add_epi32(pairs[1], _mm_madd_epi16(half(a, BLOCK / 2), half(b, BLOCK / 2)));
        }
        _mm_storeu_si128(sums.as_mut_ptr().cast(), _mm_add_epi32(pairs[0], pairs[1]));
    }
    sums.iter().fold(0, |sum, &x| sum.wrapping_add(x))
}

/// One output row of a depthwise convolution. `input` and `weights` lie by tap, then channel, and go on for a block
/// beyond the last: the last block of a row may reach over its end, and what it finds there is not used.
pub(crate) fn depthwise(input: &[i16], weights: &[i16], rescale: &Rescale, out: &mut [i16]) {
    let channels = out.len();
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        let start = block * BLOCK;
        let taps = |x: &[i16]| x.len().saturating_sub(BLOCK) / channels;
        let mut sums = [0i32; BLOCK];
        for tap in 0..taps(input).min(taps(weights)) {
            let at = tap * channels + start;
            let (Some(x), Some(w)) = (input[at..].first_chunk(), weights[at..].first_chunk()) else { break };
            add_products(&mut sums, x, w);
        }
        for (lane, (out, sum)) in out.iter_mut().zip(sums).enumerate() {
            let channel = start + lane;
            *out = rescale.round(rescale.bias[channel].wrapping_add(sum), channel);
        }
    }
}

#[inline(always)]
fn add_products(sums: &mut [i32; BLOCK], x: &[i16; BLOCK], w: &[i16; BLOCK]) {
    for i in 0..BLOCK {
        sums[i] = sums[i].wrapping_add(i32::from(x[i]) * i32::from(w[i]));
    }
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
