//! ONNX models written byte by byte, for tests: as much of the format (onnx.proto3) as they need, and no more.

#![allow(dead_code)] // each test file uses its own part of this

fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// A field that holds a number.
fn number(field: u64, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(field << 3, &mut bytes);
    varint(value, &mut bytes);
    bytes
}

/// A field that holds text, bytes or another message.
fn field(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(field << 3 | 2, &mut bytes);
    varint(value.as_ref().len() as u64, &mut bytes);
    bytes.extend_from_slice(value.as_ref());
    bytes
}

/// An attribute of a node.
pub enum Attribute<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Float(f32),
}

/// A dimension of an input or output.
#[derive(Clone, Copy)]
pub enum Size {
    Is(u64),
    Any,
}

pub const FLOAT: u64 = 1;
pub const INT64: u64 = 7;

#[derive(Default)]
pub struct Graph(Vec<u8>, Vec<u8>);

impl Graph {
    pub fn node(
        &mut self,
        kind: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) -> &mut Self {
        let mut node = Vec::new();
        inputs.iter().for_each(|name| node.extend(field(1, name)));
        outputs.iter().for_each(|name| node.extend(field(2, name)));
        node.extend(field(4, kind));
        for (name, value) in attributes {
            let mut bytes = field(1, name);
            match value {
                Attribute::Int(value) => {
                    bytes.extend(number(3, *value as u64));
                    bytes.extend(number(20, 2));
                }
                Attribute::Ints(values) => {
                    values.iter().for_each(|value| bytes.extend(number(8, *value as u64)));
                    bytes.extend(number(20, 7));
                }
                Attribute::Float(value) => {
                    bytes.push(2 << 3 | 5);
                    bytes.extend(value.to_le_bytes());
                    bytes.extend(number(20, 1));
                }
            }
            node.extend(field(5, bytes));
        }
        self.0.extend(field(1, node));
        self
    }

    pub fn weights(&mut self, name: &str, shape: &[u64], values: &[f32]) -> &mut Self {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, FLOAT, shape, &raw)
    }

    pub fn whole(&mut self, name: &str, values: &[i64]) -> &mut Self {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, INT64, &[values.len() as u64], &raw)
    }

    fn constant(&mut self, name: &str, kind: u64, shape: &[u64], raw: &[u8]) -> &mut Self {
        let mut tensor: Vec<u8> = shape.iter().flat_map(|size| number(1, *size)).collect();
        tensor.extend(number(2, kind));
        tensor.extend(field(8, name));
        tensor.extend(field(9, raw));
        self.0.extend(field(5, tensor));
        self
    }

    pub fn input(&mut self, name: &str, kind: u64, shape: &[Size]) -> &mut Self {
        self.0.extend(field(11, value(name, kind, shape)));
        self
    }

    pub fn output(&mut self, name: &str) -> &mut Self {
        self.0.extend(field(12, value(name, FLOAT, &[Size::Any, Size::Any])));
        self
    }

    /// What exporters leave beside the graph.
    pub fn note(&mut self, key: &str, text: &str) -> &mut Self {
        self.1.extend(field(14, [field(1, key), field(2, text)].concat()));
        self
    }

    pub fn model(&self) -> Vec<u8> {
        let graph = [self.0.clone(), field(2, "test")].concat();
        let opset = [field(1, ""), number(2, 13)].concat();
        [number(1, 8), field(7, graph), field(8, opset), self.1.clone()].concat()
    }
}

fn value(name: &str, kind: u64, shape: &[Size]) -> Vec<u8> {
    let dimensions: Vec<u8> = shape
        .iter()
        .enumerate()
        .flat_map(|(n, size)| match size {
            Size::Is(size) => field(1, number(1, *size)),
            Size::Any => field(1, field(2, format!("any{n}"))),
        })
        .collect();
    let tensor = [number(1, kind), field(2, dimensions)].concat();
    [field(1, name), field(2, field(1, tensor))].concat()
}

/// A network of no use: the energy of each of 80 bands through a matrix, 192 numbers.
pub fn of_bands(shape: &[Size]) -> Graph {
    let mut graph = Graph::default();
    let mixed: Vec<f32> =
        (0..80 * 192_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 8) as f32 / 8e6 - 1.0).collect();
    graph
        .input("feats", FLOAT, shape)
        .weights("matrix", &[80, 192], &mixed)
        .node("Mul", &["feats", "feats"], &["power"], &[])
        .node(
            "ReduceMean",
            &["power"],
            &["mean"],
            &[("axes", Attribute::Ints(&[1])), ("keepdims", Attribute::Int(0))],
        )
        .node("MatMul", &["mean", "matrix"], &["embs"], &[])
        .output("embs");
    graph
}

/// Weights of 40 bands by bin: triangles of equal area on Slaney's scale (Auditory Toolbox, 1998).
fn mel() -> Vec<Vec<f32>> {
    let mel =
        |hz: f64| if hz < 1000.0 { hz / 66.666_666 } else { 15.0 + (hz / 1000.0).ln() * 27.0 / 6.4_f64.ln() };
    let hertz = |mel: f64| {
        if mel < 15.0 { mel * 66.666_666 } else { ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp() * 1000.0 }
    };
    let corner = |n: usize| hertz(mel(8000.0) * n as f64 / (BANDS + 1) as f64);
    let weight = |band: usize, hz: f64| {
        let (low, middle, high) = (corner(band), corner(band + 1), corner(band + 2));
        let side = ((hz - low) / (middle - low)).min((high - hz) / (high - middle));
        (side.max(0.0) * 2.0 / (high - low)) as f32
    };
    (0..BANDS).map(|band| (0..=LENGTH / 2).map(|bin| weight(band, bin as f64 * 40.0)).collect()).collect()
}

const HIDDEN: usize = 256;
const BANDS: usize = 40;
const LENGTH: usize = 400;
/// Samples of a window of 160 frames, each whole in it.
pub const WINDOW: usize = 159 * 160 + LENGTH;

/// The network that comes with Sotto with all that is before it, from samples to 256 numbers, as somebody might export
/// it: `weights` are those of `speaker-ge2e.f32`.
pub fn ours(weights: &[f32]) -> Graph {
    use std::f64::consts::TAU;
    let mut graph = Graph::default();
    graph.input("samples", FLOAT, &[Size::Is(1), Size::Is(WINDOW as u64)]);
    // The spectrum as a convolution with 201 cosines and 201 sines.
    let bins = LENGTH / 2 + 1;
    let window = |n: usize| 0.5 - 0.5 * (TAU * n as f64 / LENGTH as f64).cos();
    let turn = |bin: usize, n: usize| TAU * (bin * n % LENGTH) as f64 / LENGTH as f64;
    let cosines = (0..bins * LENGTH).map(|at| window(at % LENGTH) * turn(at / LENGTH, at % LENGTH).cos());
    let sines = (0..bins * LENGTH).map(|at| window(at % LENGTH) * turn(at / LENGTH, at % LENGTH).sin());
    let kernels: Vec<f32> = cosines.chain(sines).map(|value| value as f32).collect();
    let mel: Vec<f32> = mel().iter().flat_map(|band| [&band[..], &band[..]].concat()).collect();
    graph
        .whole("one", &[1])
        .whole("zero", &[0])
        .weights("kernels", &[2 * bins as u64, 1, LENGTH as u64], &kernels)
        .weights("mel", &[BANDS as u64, 2 * bins as u64], &mel)
        .node("Unsqueeze", &["samples", "one"], &["channel"], &[])
        .node(
            "Conv",
            &["channel", "kernels"],
            &["waves"],
            &[("strides", Attribute::Ints(&[160])), ("kernel_shape", Attribute::Ints(&[LENGTH as i64]))],
        )
        .node("Mul", &["waves", "waves"], &["power"], &[])
        .node("MatMul", &["mel", "power"], &["bands"], &[])
        .node("Transpose", &["bands"], &["layer0"], &[("perm", Attribute::Ints(&[2, 0, 1]))]);
    let mut rest = weights;
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at(count);
        rest = left;
        taken
    };
    // PyTorch has input, forget, cell, output; ONNX has input, output, forget, cell.
    let gates = |rows: &[f32]| {
        let gate = |n: usize| &rows[n * rows.len() / 4..(n + 1) * rows.len() / 4];
        [gate(0), gate(3), gate(1), gate(2)].concat()
    };
    let matrices: Vec<(usize, Vec<f32>, Vec<f32>)> = [BANDS, HIDDEN, HIDDEN]
        .into_iter()
        .map(|width| (width, gates(take(4 * HIDDEN * width)), gates(take(4 * HIDDEN * HIDDEN))))
        .collect();
    for (n, (width, input, hidden)) in matrices.iter().enumerate() {
        let bias = [gates(take(4 * HIDDEN)), gates(take(4 * HIDDEN))].concat();
        let name = |what: &str| format!("{what}{n}");
        let (w, r, b) = (name("w"), name("r"), name("b"));
        let (from, all, last, next) = (name("layer"), name("all"), name("last"), format!("layer{}", n + 1));
        graph
            .weights(&w, &[1, 4 * HIDDEN as u64, *width as u64], input)
            .weights(&r, &[1, 4 * HIDDEN as u64, HIDDEN as u64], hidden)
            .weights(&b, &[1, 8 * HIDDEN as u64], &bias)
            .node(
                "LSTM",
                &[&from, &w, &r, &b],
                &[&all, &last],
                &[("hidden_size", Attribute::Int(HIDDEN as i64))],
            )
            .node("Squeeze", &[&all, "one"], &[&next], &[]);
    }
    let linear = take(HIDDEN * HIDDEN).to_vec();
    let bias = take(HIDDEN).to_vec();
    graph
        .weights("linear", &[HIDDEN as u64, HIDDEN as u64], &linear)
        .weights("bias", &[HIDDEN as u64], &bias)
        .node("Squeeze", &["last2", "zero"], &["state"], &[])
        .node("Gemm", &["state", "linear", "bias"], &["raw"], &[("transB", Attribute::Int(1))])
        .node("Relu", &["raw"], &["embedding"], &[])
        .output("embedding");
    graph
}
