//! `64 · ln x` in integers, from TensorFlow's micro frontend (`log_scale.cc`).
//!
//! log₂ is the position of the top bit plus the fraction below it, corrected by a table and straight lines
//! between its entries; the rest is a change of base.

const SCALE_BITS: u32 = 16;
const SEGMENT_BITS: u32 = 7;
/// ln 2 in Q16.
const LN_2: u64 = 45_426;
/// The output is 2⁶ times the natural logarithm.
const OUTPUT_BITS: u32 = 6;

/// log₂(1 + i/128) − i/128 in Q16, rounded as in the original (a few entries differ from the exact value by
/// one, and the networks know them so).
const CORRECTION: [u16; 130] = [
    0, 224, 442, 654, 861, 1063, 1259, 1450, 1636, 1817, 1992, 2163, 2329, 2490, 2646, 2797, 2944, 3087,
    3224, 3358, 3487, 3611, 3732, 3848, 3960, 4068, 4172, 4272, 4368, 4460, 4549, 4633, 4714, 4791, 4864,
    4934, 5001, 5063, 5123, 5178, 5231, 5280, 5326, 5368, 5408, 5444, 5477, 5507, 5533, 5557, 5578, 5595,
    5610, 5622, 5631, 5637, 5640, 5641, 5638, 5633, 5626, 5615, 5602, 5586, 5568, 5547, 5524, 5498, 5470,
    5439, 5406, 5370, 5332, 5291, 5249, 5203, 5156, 5106, 5054, 5000, 4944, 4885, 4825, 4762, 4697, 4630,
    4561, 4490, 4416, 4341, 4264, 4184, 4103, 4020, 3935, 3848, 3759, 3668, 3575, 3481, 3384, 3286, 3186,
    3084, 2981, 2875, 2768, 2659, 2549, 2437, 2323, 2207, 2090, 1971, 1851, 1729, 1605, 1480, 1353, 1224,
    1094, 963, 830, 695, 559, 421, 282, 142, 0, 0,
];

/// `64 · ln x`, 0 for 0 and 1.
#[inline]
pub(crate) fn log_scaled(x: u32) -> u16 {
    if x <= 1 {
        return 0;
    }
    let log2 = u64::from(log2_q16(x));
    let half = 1 << (SCALE_BITS - 1);
    let ln = (LN_2 * log2 + half) >> SCALE_BITS;
    // At most 64 · ln 2³² = 1420.
    (((ln << OUTPUT_BITS) + half) >> SCALE_BITS) as u16
}

#[inline]
fn log2_q16(x: u32) -> u32 {
    let top = x.ilog2();
    let below = x - (1 << top);
    let fraction = if top < SCALE_BITS { below << (SCALE_BITS - top) } else { below >> (top - SCALE_BITS) };
    let segment = (fraction >> (SCALE_BITS - SEGMENT_BITS)) as usize;
    let [from, to] = [CORRECTION[segment], CORRECTION[segment + 1]].map(i32::from);
    let within = fraction as i32 - ((segment as i32) << (SCALE_BITS - SEGMENT_BITS));
    // The original multiplies by the whole scale, not the segment's; the networks know it so.
    let bend = ((to - from) * within) >> SCALE_BITS;
    (top << SCALE_BITS) + (fraction as i32 + from + bend) as u32
}

#[cfg(test)]
mod tests {
    use super::log_scaled;

    #[test]
    fn close_to_the_real_logarithm() {
        let mut x = 2u32;
        while x < u32::MAX / 2 {
            let exact = 64.0 * f64::from(x).ln();
            let ours = f64::from(log_scaled(x));
            assert!((ours - exact).abs() < 1.1, "64 ln {x} is {exact}, not {ours}");
            x += x / 7 + 1;
        }
        assert_eq!(log_scaled(0), 0);
        assert_eq!(log_scaled(1), 0);
        assert!(log_scaled(u32::MAX) > log_scaled(u32::MAX / 2));
    }
}
