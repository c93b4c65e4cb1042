//! A matrix of the network, and its product with many vectors at once.
//!
//! The numbers lie in panels of [`LANES`] columns, so that one load serves as many sums as a register holds. Most are
//! bytes: a panel is made into floats once for all the vectors, which costs little where there are many and saves
//! three quarters of the memory traffic where there are few (a step of the decoder).

use crate::approximate::add_product;

/// Columns that are summed side by side.
pub const LANES: usize = 16;
/// Vectors that share one load of a panel: with 16 lanes, as many sums as AVX2 has registers for.
const ROWS: usize = 4;

/// `inputs` rows of `outputs` columns.
pub struct Matrix {
    inputs: usize,
    outputs: usize,
    panels: Panels,
}

enum Panels {
    /// Each number is `scale` times the byte less `zero`.
    Bytes {
        panels: Vec<[i8; LANES]>,
        scale: f32,
        zero: f32,
    },
    Floats(Vec<[f32; LANES]>),
}

impl Matrix {
    /// From unsigned bytes, row by row: the number is `scale · (byte - zero)`.
    pub fn from_bytes(bytes: &[u8], outputs: usize, scale: f32, zero: u8) -> Matrix {
        let inputs = bytes.len() / outputs;
        let byte = |row: usize, column: usize| match column < outputs {
            // Around zero, so that sums stay small; the columns that only fill up are thrown away.
            true => (bytes[row * outputs + column] ^ 0x80).cast_signed(),
            false => 0,
        };
        let panels = panels(inputs, outputs, byte);
        Matrix { inputs, outputs, panels: Panels::Bytes { panels, scale, zero: f32::from(zero) - 128.0 } }
    }

    /// From a function of row and column.
    pub fn from_floats(inputs: usize, outputs: usize, at: impl Fn(usize, usize) -> f32) -> Matrix {
        let value = |row, column| if column < outputs { at(row, column) } else { 0.0 };
        Matrix { inputs, outputs, panels: Panels::Floats(panels(inputs, outputs, value)) }
    }

    /// One column, for looking a symbol up in the matrix that tells symbols apart.
    pub fn column(&self, column: usize) -> Vec<f32> {
        let panel = (column / LANES) * self.inputs;
        let number = |row: usize| match &self.panels {
            Panels::Bytes { panels, scale, zero } => {
                scale * (f32::from(panels[panel + row][column % LANES]) - zero)
            }
            Panels::Floats(panels) => panels[panel + row][column % LANES],
        };
        (0..self.inputs).map(number).collect()
    }

    /// `rows` vectors, the first at the start of `vectors` and each `stride` after the one before (so that windows may
    /// overlap), times the matrix: one row of `outputs` after the other.
    pub fn times(&self, vectors: &[f32], stride: usize, rows: usize) -> Vec<f32> {
        let mut products = vec![0.0; rows * self.outputs];
        if rows > 0 {
            debug_assert!(vectors.len() >= (rows - 1) * stride + self.inputs);
            self.run(vectors, stride, rows, &mut products);
        }
        products
    }

    fn run(&self, vectors: &[f32], stride: usize, rows: usize, products: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: this processor has just said that it knows these instructions.
            return unsafe { self.wide(vectors, stride, rows, products) };
        }
        // Every 64-bit Arm multiplies and adds at once; an old x86 would do it in software.
        const FUSED: bool = cfg!(target_arch = "aarch64");
        self.each_panel::<FUSED>(vectors, stride, rows, products);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn wide(&self, vectors: &[f32], stride: usize, rows: usize, products: &mut [f32]) {
        self.each_panel::<true>(vectors, stride, rows, products);
    }

    #[inline(always)]
    fn each_panel<const FUSED: bool>(
        &self,
        vectors: &[f32],
        stride: usize,
        rows: usize,
        products: &mut [f32],
    ) {
        let width = self.outputs;
        // Side by side, so that one pass over a panel finds the values of all where it needs them.
        let (inputs, rest) = (self.inputs, rows % ROWS);
        let whole = side_by_side::<ROWS>(vectors, stride, rows / ROWS, inputs);
        let last = vectors.get(rows / ROWS * ROWS * stride..).unwrap_or_default();
        let one = side_by_side::<1>(last, stride, usize::from(rest == 1), inputs);
        let two = side_by_side::<2>(last, stride, usize::from(rest == 2), inputs);
        let three = side_by_side::<3>(last, stride, usize::from(rest == 3), inputs);
        let mut made = match &self.panels {
            Panels::Bytes { .. } => vec![[0.0; LANES]; self.inputs],
            Panels::Floats(_) => Vec::new(),
        };
        for (panel, first) in (0..self.outputs).step_by(LANES).enumerate() {
            let inside = panel * self.inputs..(panel + 1) * self.inputs;
            let floats = match &self.panels {
                Panels::Floats(panels) => &panels[inside],
                Panels::Bytes { panels, scale, zero } => {
                    for (made, bytes) in made.iter_mut().zip(&panels[inside]) {
                        *made = as_floats(bytes, *scale, *zero);
                    }
                    &made[..]
                }
            };
            let columns = LANES.min(self.outputs - first);
            let products = &mut products[first..];
            for (block, values) in whole.chunks_exact(self.inputs).enumerate() {
                some::<ROWS, FUSED>(floats, values, &mut products[block * ROWS * width..], width, columns);
            }
            let products = products.get_mut(rows / ROWS * ROWS * width..).unwrap_or_default();
            some::<1, FUSED>(floats, &one, products, width, columns);
            some::<2, FUSED>(floats, &two, products, width, columns);
            some::<3, FUSED>(floats, &three, products, width, columns);
        }
    }
}

#[inline(always)]
fn as_floats(bytes: &[i8; LANES], scale: f32, zero: f32) -> [f32; LANES] {
    let mut floats = [0.0; LANES];
    for lane in 0..LANES {
        floats[lane] = f32::from(bytes[lane]);
    }
    for float in &mut floats {
        *float = scale * (*float - zero);
    }
    floats
}

fn panels<T>(inputs: usize, outputs: usize, at: impl Fn(usize, usize) -> T) -> Vec<[T; LANES]> {
    let mut panels = Vec::with_capacity(inputs * outputs.div_ceil(LANES));
    for first in (0..outputs).step_by(LANES) {
        panels.extend((0..inputs).map(|row| std::array::from_fn(|lane| at(row, first + lane))));
    }
    panels
}

/// `blocks` times `N` vectors of `inputs` values: the first values of all `N`, then the second, and so on.
fn side_by_side<const N: usize>(
    vectors: &[f32],
    stride: usize,
    blocks: usize,
    inputs: usize,
) -> Vec<[f32; N]> {
    let mut values = vec![[0.0; N]; blocks * inputs];
    for (block, values) in values.chunks_exact_mut(inputs).enumerate() {
        for n in 0..N {
            let vector = &vectors[(block * N + n) * stride..][..inputs];
            for (values, value) in values.iter_mut().zip(vector) {
                values[n] = *value;
            }
        }
    }
    values
}

/// `N` vectors side by side times one panel; without vectors, nothing.
#[inline(always)]
fn some<const N: usize, const FUSED: bool>(
    panel: &[[f32; LANES]],
    values: &[[f32; N]],
    products: &mut [f32],
    width: usize,
    columns: usize,
) {
    if values.is_empty() {
        return;
    }
    let mut sums = [[0.0_f32; LANES]; N];
    for (weights, values) in panel.iter().zip(values) {
        for n in 0..N {
            sums[n] = add_product::<LANES, FUSED>(sums[n], weights, &[values[n]; LANES]);
        }
    }
    for (n, sums) in sums.into_iter().enumerate() {
        let products = &mut products[n * width..][..columns];
        match products.first_chunk_mut() {
            Some(products) => *products = sums,
            None => products.iter_mut().zip(sums).for_each(|(product, sum)| *product = sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(seed: usize) -> f32 {
        ((seed * 2_654_435_761) % 1000) as f32 / 500.0 - 1.0
    }

    #[test]
    fn a_product_is_the_sum_of_products_whatever_its_shape() {
        for (inputs, outputs, rows, stride) in
            [(1, 1, 1, 1), (5, 16, 4, 5), (7, 17, 3, 2), (36, 50, 9, 40), (3, 36, 6, 1)]
        {
            let vectors: Vec<f32> = (0..(rows - 1) * stride + inputs).map(number).collect();
            let bytes: Vec<u8> = (0..inputs * outputs).map(|n| (n * 37 % 256) as u8).collect();
            let (scale, zero) = (0.01, 131);
            let exact = |row: usize, column: usize| {
                scale * (f32::from(bytes[row * outputs + column]) - f32::from(zero))
            };
            for matrix in [
                Matrix::from_bytes(&bytes, outputs, scale, zero),
                Matrix::from_floats(inputs, outputs, exact),
            ] {
                let mut slow = vec![0.0; rows * outputs];
                matrix.each_panel::<false>(&vectors, stride, rows, &mut slow);
                for (got, slow) in matrix.times(&vectors, stride, rows).iter().zip(&slow) {
                    assert!((got - slow).abs() < 1e-4);
                }
                for row in 0..rows {
                    for column in 0..outputs {
                        let sum: f32 =
                            (0..inputs).map(|k| vectors[row * stride + k] * exact(k, column)).sum();
                        assert!((slow[row * outputs + column] - sum).abs() < 1e-4);
                    }
                }
                let column: Vec<f32> = (0..inputs).map(|row| exact(row, outputs - 1)).collect();
                let got = matrix.column(outputs - 1);
                assert!(got.iter().zip(&column).all(|(a, b)| (a - b).abs() < 1e-5));
            }
        }
    }
}
