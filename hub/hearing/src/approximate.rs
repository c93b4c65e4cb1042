//! Functions of many numbers, near enough and without a call or a branch, so that a processor makes several at once.

/// `sum + a · b`, lane by lane.
#[inline(always)]
pub fn add_product<const LANES: usize, const FUSED: bool>(
    mut sum: [f32; LANES],
    a: &[f32; LANES],
    b: &[f32; LANES],
) -> [f32; LANES] {
    for lane in 0..LANES {
        sum[lane] = if FUSED { a[lane].mul_add(b[lane], sum[lane]) } else { a[lane] * b[lane] + sum[lane] };
    }
    sum
}

/// e to the `x`, within 2 in 10 million (Cephes `expf`).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 87.0);
    // Adding and taking away 1.5 · 2^23 rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let whole = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let rest = x - whole * 0.693_359_4 - whole * -2.121_944_4e-4;
    let tail = 1.987_569_2e-4_f32;
    let tail = tail * rest + 1.398_2e-3;
    let tail = tail * rest + 8.333_452e-3;
    let tail = tail * rest + 4.166_579_6e-2;
    let tail = tail * rest + 0.166_666_65;
    let tail = tail * rest + 0.5;
    let mantissa = tail * rest * rest + rest + 1.0;
    mantissa * f32::from_bits((((whole as i32) + 127) << 23) as u32)
}

#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

/// The Gaussian error linear unit, `x · Φ(x)`; the error function by Abramowitz and Stegun 7.1.26, within 2e-7.
#[inline(always)]
pub fn gelu(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let tail = 1.061_405_4_f32;
    let tail = tail * t - 1.453_152_1;
    let tail = tail * t + 1.421_413_8;
    let tail = tail * t - 0.284_496_74;
    let tail = tail * t + 0.254_829_6;
    let erf = 1.0 - tail * t * exp(-z * z);
    0.5 * x * (1.0 + erf.copysign(x))
}

/// Makes probabilities of scores, in place.
pub fn softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = exp(*score - most);
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
}

/// Makes logarithms of probabilities of scores, in place.
pub fn log_softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0.0_f32; 16];
    let (chunks, rest) = scores.as_chunks::<16>();
    for chunk in chunks {
        for (sum, score) in sums.iter_mut().zip(chunk) {
            *sum += exp(score - most);
        }
    }
    let rest: f32 = rest.iter().map(|score| exp(score - most)).sum();
    let all = most + (sums.iter().sum::<f32>() + rest).ln();
    for score in scores.iter_mut() {
        *score -= all;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_enough_is_near() {
        // Φ(x) by Simpson's rule, from far below.
        let normal = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let (mut area, mut at) = (0.0, -9.0);
        let step = 0.001;
        while at < 6.0 {
            area += step / 6.0 * (normal(at) + 4.0 * normal(at + step / 2.0) + normal(at + step));
            at += step;
            let got = f64::from(gelu(at as f32));
            assert!((got - at * area).abs() < 2e-6, "{at}: {got} for {}", at * area);
            assert!((f64::from(tanh(at as f32)) - at.tanh()).abs() < 1e-6);
            assert!((f64::from(exp(at as f32)) / at.exp() - 1.0).abs() < 1e-6);
        }
        for far in [1e4, f32::MAX] {
            assert_eq!((gelu(far), gelu(-far), tanh(far), tanh(-far)), (far, 0.0, 1.0, -1.0));
        }
        let mut scores: Vec<f32> = (0..100).map(|n| (n as f32).sin() * 30.0).collect();
        let mut logarithms = scores.clone();
        softmax(&mut scores);
        log_softmax(&mut logarithms);
        assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!(scores.iter().zip(&logarithms).all(|(p, l)| (p - l.exp()).abs() < 1e-5));
    }

    #[test]
    fn the_quick_exponential_is_the_exponential() {
        for step in -8600..=8600 {
            let x = step as f32 / 100.0;
            let (quick, exact) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((quick / exact - 1.0).abs() < 5e-7, "{x}: {quick} for {exact}");
        }
        assert_eq!((exp(f32::NEG_INFINITY) * 1e10).floor(), 0.0);
        assert!(sigmoid(1e30) == 1.0 && tanh(-1e30) == -1.0);
    }
}
