//! Operators that compute: convolutions over time, fully connected layers, functions of one value.

use super::tensors::{Tensor, usable};
use super::{Compiler, INT8, MAX_PRODUCTS, MAX_STRIDE, Result, UINT8, foreign};
use crate::kernels::BLOCK;
use crate::network::{Factor, Rescale, Step};
use crate::tflite::{Conv2D, DepthwiseConv2D, FullyConnected, Operator};

/// How a convolution walks over its input.
struct Layout {
    taps: usize,
    advance: usize,
    rows: usize,
}

impl<'a> Compiler<'a> {
    pub(super) fn conv_2d(
        &mut self,
        operator: &Operator<'a>,
        x: usize,
        w: usize,
        bias: Option<usize>,
        out: usize,
    ) -> Result<()> {
        let Some(options) = operator.options::<Conv2D>() else { return foreign("CONV_2D lacks options") };
        if options.dilation_h() != 1 || options.dilation_w() != 1 {
            return foreign("a convolution is dilated");
        }
        let (shape, kernel) = (&self.tensors[x].shape, &self.tensors[w].shape);
        let (&[1, height, 1, channels], &[filters, taps, 1, depth]) = (&shape[..], &kernel[..]) else {
            return foreign(format!("a convolution of {shape:?} with {kernel:?} is not one over time only"));
        };
        let rows = rows(height, taps, options.stride_h(), options.padding())?;
        if depth != channels || self.tensors[out].shape[..] != [1, rows, 1, filters] {
            return foreign(format!(
                "a convolution of {shape:?} does not give {:?}",
                self.tensors[out].shape
            ));
        }
        let advance = options.stride_h() as usize * channels;
        self.convolve(x, w, bias, out, Layout { taps: taps * depth, advance, rows }, options.activation())
    }

    pub(super) fn fully_connected(
        &mut self,
        operator: &Operator<'a>,
        x: usize,
        w: usize,
        bias: Option<usize>,
        out: usize,
    ) -> Result<()> {
        let Some(options) = operator.options::<FullyConnected>() else {
            return foreign("FULLY_CONNECTED lacks options");
        };
        let &[units, taps] = &self.tensors[w].shape[..] else { return foreign("weights are not a matrix") };
        let sizes = [self.tensors[x].len(), self.tensors[out].len()];
        if options.weights_format() != 0 || sizes != [taps, units] {
            return foreign("a fully connected layer does not fit its input or output");
        }
        self.convolve(x, w, bias, out, Layout { taps, advance: 0, rows: 1 }, options.activation())
    }

    fn convolve(
        &mut self,
        x: usize,
        w: usize,
        bias: Option<usize>,
        out: usize,
        layout: Layout,
        activation: i8,
    ) -> Result<()> {
        let Layout { taps, advance, rows } = layout;
        let weights = self.bytes(w)?;
        if taps == 0 || weights.is_empty() {
            return foreign("a convolution has no weights");
        }
        let by_channel: Vec<&[i16]> = weights.chunks_exact(taps).collect();
        let rescale = self.rescale([x, w, out], bias, &by_channel, activation)?;
        self.count(rows * weights.len())?;
        let from = self.computed(x)?;
        let to = self.allocate(out)?;
        let weights = by_channel.iter().flat_map(|weights| blocks(weights)).collect();
        self.steps.push(Step::Convolve { from, to, taps, advance, rows, weights, rescale });
        Ok(())
    }

    pub(super) fn depthwise_conv_2d(
        &mut self,
        operator: &Operator<'a>,
        x: usize,
        w: usize,
        bias: Option<usize>,
        out: usize,
    ) -> Result<()> {
        let Some(options) = operator.options::<DepthwiseConv2D>() else {
            return foreign("DEPTHWISE_CONV_2D lacks options");
        };
        if options.dilation_h() != 1 || options.dilation_w() != 1 || options.depth_multiplier() != 1 {
            return foreign("a depthwise convolution is dilated or makes more channels");
        }
        let (shape, kernel) = (&self.tensors[x].shape, &self.tensors[w].shape);
        let (&[1, height, 1, channels], &[1, taps, 1, depth]) = (&shape[..], &kernel[..]) else {
            return foreign(format!("a convolution of {shape:?} with {kernel:?} is not one over time only"));
        };
        let rows = rows(height, taps, options.stride_h(), options.padding())?;
        if depth != channels || self.tensors[out].shape[..] != [1, rows, 1, channels] {
            return foreign(format!(
                "a convolution of {shape:?} does not give {:?}",
                self.tensors[out].shape
            ));
        }
        let mut weights = self.bytes(w)?;
        let columns: Vec<Vec<i16>> =
            (0..channels).map(|c| weights.iter().skip(c).step_by(channels).copied().collect()).collect();
        let by_channel: Vec<&[i16]> = columns.iter().map(Vec::as_slice).collect();
        let mut rescale = self.rescale([x, w, out], bias, &by_channel, options.activation())?;
        // TensorFlow's depthwise kernel takes channels by eight, and leaves the rest to scalar code.
        for factor in &mut rescale.factors[channels / 8 * 8..] {
            factor.away = if factor.shift > 0 { -1 } else { 0 };
        }
        self.count(rows * weights.len())?;
        let from = self.computed(x)?;
        let to = self.allocate(out)?;
        weights.resize(weights.len() + BLOCK, 0);
        let advance = options.stride_h() as usize * channels;
        self.steps.push(Step::Depthwise { from, to, taps, advance, rows, weights, rescale });
        Ok(())
    }

    fn count(&mut self, products: usize) -> Result<()> {
        self.products += products;
        match self.products <= MAX_PRODUCTS {
            true => Ok(()),
            false => foreign("a step takes more arithmetic than any wake-word model"),
        }
    }

    /// How sums become outputs, and proof that no sum overflows.
    fn rescale(
        &self,
        [x, w, out]: [usize; 3],
        bias: Option<usize>,
        by_channel: &[&[i16]],
        activation: i8,
    ) -> Result<Rescale> {
        let (input, output) = (self.quant(x)?, self.quant(out)?);
        let channels = by_channel.len();
        let Tensor { scales, zeros, .. } = &self.tensors[w];
        let per_channel = scales.len() == channels;
        if !(per_channel || scales.len() == 1)
            || !scales.iter().all(|&s| usable(s))
            || zeros.iter().any(|&z| z != 0)
            || self.tensors[out].kind != INT8
        {
            return foreign(format!("the weights in tensor {w} are not quantised as int8 weights are"));
        }
        let given = match bias {
            Some(tensor) => self.integers(tensor)?,
            None => vec![0; channels],
        };
        if given.len() != channels {
            return foreign("a layer does not have one bias for each channel");
        }
        let mut bias = Vec::with_capacity(channels);
        for (given, weights) in given.into_iter().zip(by_channel) {
            let sum: i64 = weights.iter().map(|&w| i64::from(w)).sum();
            let most: i64 = weights.iter().map(|&w| i64::from(w).abs() * 128).sum();
            let folded = i64::from(given) - i64::from(input.zero) * sum;
            if folded.abs() + most > i64::from(i32::MAX) {
                return foreign("a layer's sums do not fit 32 bits");
            }
            bias.push(folded as i32);
        }
        let mut factors = Vec::with_capacity(channels);
        for channel in 0..channels {
            let weight = scales[if per_channel { channel } else { 0 }];
            let real = f64::from(input.scale) * f64::from(weight) / f64::from(output.scale);
            let Some(factor) = fixed(real) else { return foreign("a layer's scales do not fit together") };
            factors.push(factor);
        }
        let stored = |x: f32| ((x / output.scale).round() as i32).saturating_add(output.zero);
        let bounds = match activation {
            0 => (-128, 127),
            // ReLU, ReLU within ±1, ReLU up to 6.
            1 => (stored(0.0).max(-128), 127),
            2 => (stored(-1.0).max(-128), stored(1.0).min(127)),
            3 => (stored(0.0).max(-128), stored(6.0).min(127)),
            other => return foreign(format!("activation {other} is not one of the rectifiers")),
        };
        Ok(Rescale {
            bias,
            factors,
            zero: i64::from(output.zero),
            bounds: (i64::from(bounds.0), i64::from(bounds.1)),
        })
    }

    pub(super) fn look_up(&mut self, x: usize, out: usize, f: impl Fn(f32) -> f32) -> Result<()> {
        let from = self.computed(x)?;
        let (input, output) = (self.quant(x)?, self.quant(out)?);
        let (low, high) = match self.tensors[out].kind {
            INT8 => (-128.0, 127.0),
            UINT8 => (0.0, 255.0),
            kind => return foreign(format!("tensor {out} has type {kind}, not int8 or uint8")),
        };
        let len = self.tensors[x].len();
        if self.tensors[out].len() != len {
            return foreign("a function of each value changes how many there are");
        }
        let to = self.allocate(out)?;
        let table = std::array::from_fn(|code| {
            let real = (code as i32 - 128 - input.zero) as f32 * input.scale;
            ((f(real) / output.scale).round() + output.zero as f32).clamp(low, high) as i16
        });
        self.steps.push(Step::LookUp { from, to, len, table: Box::new(table) });
        Ok(())
    }
}

/// A factor between 2⁻³⁰ and 2⁸ in fixed point.
fn fixed(real: f64) -> Option<Factor> {
    if !(2f64.powi(-30)..2f64.powi(8)).contains(&real) {
        return None;
    }
    // real = fraction · 2^exponent, with a fraction of 0.5 to 1 in 31 bits (which may round up to 1).
    let exponent = real.log2().floor() as i32 + 1;
    let multiplier = (real * 2f64.powi(31 - exponent)).round() as i64;
    let (left, shift) = (exponent.max(0) as u32, (-exponent).max(0) as u32);
    Some(Factor {
        multiplier: multiplier << left,
        shift,
        half: if shift > 0 { 1 << (shift - 1) } else { 0 },
        away: 0,
    })
}

/// Weights in whole blocks, filled up with zeros.
fn blocks(weights: &[i16]) -> impl Iterator<Item = [i16; BLOCK]> + '_ {
    weights.chunks(BLOCK).map(|part| std::array::from_fn(|i| part.get(i).copied().unwrap_or_default()))
}

/// Output rows of a convolution over time that needs no padding.
fn rows(height: usize, taps: usize, stride: i32, padding: i8) -> Result<usize> {
    const SAME: i8 = 0;
    let Some(stride) = usize::try_from(stride).ok().filter(|&s| s > 0 && s <= MAX_STRIDE) else {
        return foreign(format!("a convolution advances by {stride} rows"));
    };
    if taps == 0 || taps > height {
        return foreign(format!("a convolution looks at {taps} of {height} rows"));
    }
    let rows = (height - taps) / stride + 1;
    if padding == SAME && height.div_ceil(stride) != rows {
        return foreign("a convolution is padded, which a streaming model never needs");
    }
    Ok(rows)
}
