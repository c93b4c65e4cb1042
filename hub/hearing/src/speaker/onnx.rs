//! An encoder that a household brought as ONNX: what it wants to hear, and its answer. Runs in a process of its own, as
//! it comes from anywhere ([`super::given`]).
//!
//! ```text
//! samples (speech, one level) ─┬─ as they are ──────────────┬─ network ─▶ 16 … 2048 numbers, of unit length
//!                              └─ Kaldi's filter bank (80) ─┘
//! ```
//!
//! What it wants is read from the shape of its input and from the notes that sherpa-onnx leaves in a model. Deliberately
//! absent: features that neither names; guessing would give voiceprints that tell nobody apart.

use std::path::Path;

use rten::{DataType, Dimension, Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueType};
use rten_tensor::prelude::*;

use super::fbank::{BANDS, Fbank, LENGTH, STEP, Window};
use super::mel;
use super::network::WINDOW;
use super::voiceprint::{SIZES, to_unit};

/// Largest file that is read. The largest that are published have 120 MB.
pub const LARGEST: u64 = 256 << 20;
/// Fewest samples that a fixed input may hold (half a second) and most (the longest clip).
const FIXED: std::ops::RangeInclusive<usize> = 8_000..=192_000;

/// Why a file cannot tell voices apart here.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    #[error("it cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("it has {} MB, and at most {} MB are read", .0 / 1_000_000, LARGEST / 1_000_000)]
    TooLarge(u64),
    #[error("it is not an ONNX model that runs here ({0}); export it as one file with weights in it, in f32")]
    Model(String),
    #[error(
        "its input is {0}; what can be given it is 80 bands, [1, T, 80] or [1, 80, T], or samples, [1, N] or [1, 1, N], \
         one clip at a time"
    )]
    Input(String),
    #[error("it wants {0} inputs; what can be given it is one, and the length of that")]
    Inputs(usize),
    #[error("it was made for {0} samples a second, and Sotto hears 16000")]
    Rate(String),
    #[error(
        "it wants the features of {0}, which Sotto does not make; WeSpeaker, 3D-Speaker and raw samples go"
    )]
    Features(String),
    #[error("its answer is {0}; a voiceprint is one row of {min} to {max} numbers", min = SIZES.start(), max = SIZES.end())]
    Output(String),
    #[error("it fails on a clip ({0})")]
    Run(String),
}

/// How sound is laid before the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `[1, N]`, or `[1, 1, N]` with a channel.
    Samples { channel: bool },
    /// `[1, T, 80]`, or with bands before time.
    Bands { first: bool },
}

/// Some networks are told besides how much of the input counts.
#[derive(Clone, Copy)]
enum Counts {
    /// In frames or samples.
    Whole(NodeId),
    /// As a part of it: all.
    Part(NodeId),
}

pub struct Onnx {
    model: Model,
    options: RunOptions,
    input: NodeId,
    counts: Option<Counts>,
    output: NodeId,
    form: Form,
    /// How many frames or samples it takes, no more and no fewer.
    fixed: Option<usize>,
    fbank: Fbank,
    size: usize,
}

impl Onnx {
    /// Reads a file and tries it on a second and a half of hiss.
    pub fn open(path: &Path) -> Result<Onnx, OnnxError> {
        let size = std::fs::metadata(path)?.len();
        if size > LARGEST {
            return Err(OnnxError::TooLarge(size));
        }
        Onnx::new(std::fs::read(path)?)
    }

    pub fn new(bytes: Vec<u8>) -> Result<Onnx, OnnxError> {
        let model = ModelOptions::with_all_ops()
            .load(bytes)
            .map_err(|error| OnnxError::Model(first_line(&error.to_string())))?;
        let noted = |key: &str| model.metadata().get(key).map(str::to_owned);
        if let Some(rate) = noted("sample_rate").filter(|rate| rate != "16000") {
            return Err(OnnxError::Rate(rate));
        }
        let framework = noted("framework").unwrap_or_default().to_lowercase();
        let window = match framework.as_str() {
            "" | "wespeaker" => Window::Hamming,
            "3d-speaker" => Window::Povey,
            other => return Err(OnnxError::Features(other.to_owned())),
        };
        let (input, counts) = inputs(&model)?;
        let (form, fixed) = form(&model, input)?;
        let output = output(&model)?;
        let pool = ThreadPool::with_num_threads(1);
        let options = RunOptions::default().with_thread_pool(Some(pool.into()));
        let fbank = Fbank::new(window);
        let mut onnx = Onnx { model, options, input, counts, output, form, fixed, fbank, size: 0 };
        // Not silence, of which some make numbers that are none.
        let hiss = (0..24_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as f32 / 1e6 - 0.03);
        onnx.size = onnx.embed(&hiss.collect::<Vec<_>>())?.len();
        Ok(onnx)
    }

    /// Numbers of a voiceprint.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The voiceprint of `samples` (speech, mono, 16 kHz, full scale is 1), of unit length.
    pub fn embed(&self, samples: &[f32]) -> Result<Vec<f32>, OnnxError> {
        let needed = match (self.form, self.fixed) {
            (_, None) => 0,
            (Form::Samples { .. }, Some(long)) => long,
            (Form::Bands { .. }, Some(long)) => long * STEP + LENGTH,
        };
        // Said again it is still the same voice.
        let again: Vec<f32>;
        let samples = match samples.len() < needed {
            true => {
                again = samples.iter().copied().cycle().take(needed).collect();
                &again
            }
            false => samples,
        };
        let answers = match self.form {
            Form::Samples { .. } => windows(samples, self.fixed, WINDOW / 2 * mel::STEP)
                .map(|part| self.run(part, part.len()))
                .collect(),
            Form::Bands { first } => {
                let frames = self.fbank.frames(samples);
                let laid = |part: &[[f32; BANDS]]| match first {
                    false => part.as_flattened().to_vec(),
                    true => (0..BANDS).flat_map(|band| part.iter().map(move |frame| frame[band])).collect(),
                };
                let windows = windows(&frames, self.fixed, WINDOW / 2);
                windows.map(|part| self.run(&laid(part), part.len())).collect::<Result<Vec<_>, _>>()
            }
        }?;
        let Some(mut sum) = answers.first().cloned() else {
            return Err(OnnxError::Run("too little of it is speech".to_owned()));
        };
        for answer in &answers[1..] {
            sum.iter_mut().zip(answer).for_each(|(sum, value)| *sum += value);
        }
        match to_unit(&mut sum) {
            true => Ok(sum),
            false => Err(OnnxError::Output("no direction".to_owned())),
        }
    }

    /// The network's answer, of unit length, to `values` that are `long` frames or samples.
    fn run(&self, values: &[f32], long: usize) -> Result<Vec<f32>, OnnxError> {
        let failed = |error: String| OnnxError::Run(first_line(&error));
        let shape: &[usize] = match self.form {
            Form::Samples { channel: false } => &[1, long],
            Form::Samples { channel: true } => &[1, 1, long],
            Form::Bands { first: false } => &[1, long, BANDS],
            Form::Bands { first: true } => &[1, BANDS, long],
        };
        let input = Value::from_shape(shape, values.to_vec()).map_err(|error| failed(error.to_string()))?;
        let mut inputs = vec![(self.input, input.into())];
        match self.counts {
            Some(Counts::Whole(id)) => {
                let count =
                    Value::from_shape([1], vec![long as i32]).map_err(|error| failed(error.to_string()))?;
                inputs.push((id, count.into()));
            }
            Some(Counts::Part(id)) => {
                let all = Value::from_shape([1], vec![1.0_f32]).map_err(|error| failed(error.to_string()))?;
                inputs.push((id, all.into()));
            }
            None => {}
        }
        let answers = self.model.run(inputs, &[self.output], Some(self.options.clone()));
        let answer = answers.map_err(|error| failed(error.to_string()))?.into_iter().next();
        let Some(Value::FloatTensor(answer)) = answer else {
            return Err(OnnxError::Output("not of floating point numbers".to_owned()));
        };
        let mut numbers = answer.to_vec();
        let one_row =
            answer.shape().last() == Some(&numbers.len()) || answer.shape().get(1) == Some(&numbers.len());
        if !one_row || !SIZES.contains(&numbers.len()) {
            return Err(OnnxError::Output(format!("{:?}", answer.shape())));
        }
        match to_unit(&mut numbers) {
            true => Ok(numbers),
            false => Err(OnnxError::Output("not finite, or all 0".to_owned())),
        }
    }
}

/// `values` whole; or where it must be `fixed` long, parts of that length that together cover it, `hop` or less apart.
fn windows<T: Clone>(values: &[T], fixed: Option<usize>, hop: usize) -> impl Iterator<Item = &[T]> {
    let long = fixed.unwrap_or(values.len());
    let room = values.len().saturating_sub(long);
    let steps = room.div_ceil(hop);
    (0..=steps)
        .filter_map(move |n| values.get(room * n / steps.max(1)..)?.get(..long))
        .filter(|part| !part.is_empty())
}

/// The one that takes sound, and the one that takes its length where there is one.
fn inputs(model: &Model) -> Result<(NodeId, Option<Counts>), OnnxError> {
    match *model.input_ids() {
        [sound] => Ok((sound, None)),
        [sound, counts] => {
            let info = model.node_info(counts);
            let rank = info.as_ref().and_then(|info| info.shape()).map_or(1, |shape| shape.len());
            match info.and_then(|info| info.dtype()) {
                Some(ValueType::Tensor(DataType::Int32)) if rank == 1 => {
                    Ok((sound, Some(Counts::Whole(counts))))
                }
                Some(ValueType::Tensor(DataType::Float)) if rank == 1 => {
                    Ok((sound, Some(Counts::Part(counts))))
                }
                _ => Err(OnnxError::Inputs(2)),
            }
        }
        ref inputs => Err(OnnxError::Inputs(inputs.len())),
    }
}

/// How sound is laid before the network, and how long it must be where that is fixed.
fn form(model: &Model, input: NodeId) -> Result<(Form, Option<usize>), OnnxError> {
    let info = model.node_info(input);
    let shape = info.as_ref().and_then(|info| info.shape()).unwrap_or_default();
    let wrong = || {
        let one = |dimension: &Dimension| match dimension {
            Dimension::Fixed(size) => size.to_string(),
            Dimension::Symbolic(name) => name.chars().take(20).collect(),
        };
        OnnxError::Input(format!("[{}]", shape.iter().map(one).collect::<Vec<_>>().join(", ")))
    };
    if info
        .as_ref()
        .and_then(|info| info.dtype())
        .is_some_and(|kind| kind != ValueType::Tensor(DataType::Float))
    {
        return Err(wrong());
    }
    let sized = |at: usize| match shape.get(at) {
        Some(Dimension::Fixed(size)) => Some(*size),
        _ => None,
    };
    if sized(0).is_some_and(|batch| batch != 1) {
        return Err(wrong());
    }
    let (form, long) = match shape.len() {
        2 => (Form::Samples { channel: false }, sized(1)),
        3 if sized(2) == Some(BANDS) => (Form::Bands { first: false }, sized(1)),
        3 if sized(1) == Some(BANDS) => (Form::Bands { first: true }, sized(2)),
        3 if sized(1) == Some(1) => (Form::Samples { channel: true }, sized(2)),
        _ => return Err(wrong()),
    };
    let samples = |long: usize| match form {
        Form::Samples { .. } => long,
        Form::Bands { .. } => long.saturating_mul(STEP).saturating_add(LENGTH),
    };
    if long.is_some_and(|long| !FIXED.contains(&samples(long))) {
        return Err(wrong());
    }
    Ok((form, long))
}

/// The output that is called an embedding, or the only one.
fn output(model: &Model) -> Result<NodeId, OnnxError> {
    let outputs = model.output_ids();
    let named = |id: &&NodeId| {
        let info = model.node_info(**id);
        info.is_some_and(|info| info.name().unwrap_or_default().to_lowercase().contains("emb"))
    };
    match outputs {
        [only] => Ok(*only),
        outputs => {
            let mut named = outputs.iter().filter(named);
            match (named.next(), named.next()) {
                (Some(one), None) => Ok(*one),
                _ => Err(OnnxError::Output(format!(
                    "one of {} outputs, and none alone is named emb",
                    outputs.len()
                ))),
            }
        }
    }
}

/// Errors of foreign files are made of foreign words: one line of them, not long.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
#[path = "../../tests/common/onnx.rs"]
mod build;

#[cfg(test)]
mod tests {
    use super::build::{self, Attribute, FLOAT, Graph, INT64, Size};
    use super::*;
    use crate::speaker::mel::MelFilter;
    use crate::speaker::network::{Network, WEIGHTS};

    fn voice(samples: usize) -> Vec<f32> {
        let tone = |n: usize| (n as f32 * 0.05).sin() + (n as f32 * 0.31).sin() * (n as f32 / 3000.0).cos();
        (0..samples).map(|n| 0.05 * tone(n) * (1.0 + (n as f32 / 1700.0).sin())).collect()
    }

    #[test]
    fn the_same_network_as_onnx_says_the_same() {
        let mut state = 1_u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 40) as f64 / (1_u64 << 24) as f64 - 0.5) as f32
        };
        let weights: Vec<f32> = (0..WEIGHTS).map(|_| random() * 0.3).collect();
        let mel = MelFilter::new();
        let onnx = Onnx::new(build::ours(&weights).model()).unwrap();
        let samples = voice(build::WINDOW + 40);
        let theirs = onnx.embed(&samples[..build::WINDOW]).unwrap();
        // A frame of ours is centred on its time, one of that graph begins with it: 200 samples, which is a step and 40.
        let frames = mel.frames(&samples[40..]);
        let ours = Network::new(&weights).unwrap().embed(&[&frames[1..][..WINDOW]]);
        let furthest = ours[0].iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("furthest number {furthest:.7}");
        assert!(furthest < 1e-3, "{furthest}");
    }

    #[test]
    fn what_an_encoder_wants_is_read_from_its_shape() {
        use Size::{Any, Is};
        let check = |graph: &Graph, expect: Result<usize, &str>| {
            let opened = Onnx::new(graph.model())
                .and_then(|onnx| onnx.embed(&voice(30_000)).map(|answer| answer.len()));
            let said = opened.as_ref().map(|size| *size).map_err(|error| error.to_string());
            match (&said, expect) {
                (Ok(size), Ok(expect)) => assert_eq!(*size, expect),
                (Err(error), Err(expect)) => assert!(error.contains(expect), "{error:?} for {expect:?}"),
                _ => panic!("{said:?} for {expect:?}"),
            }
        };
        check(&build::of_bands(&[Any, Any, Is(80)]), Ok(192));
        check(&build::of_bands(&[Is(1), Is(300), Is(80)]), Ok(192));
        check(
            build::of_bands(&[Any, Any, Is(80)]).note("sample_rate", "16000").note("framework", "3d-speaker"),
            Ok(192),
        );
        check(&build::of_bands(&[Any, Any, Is(40)]), Err("its input is [any0, any1, 40]"));
        check(&build::of_bands(&[Is(8), Any, Is(80)]), Err("its input is [8, any1, 80]"));
        check(&build::of_bands(&[Any, Is(2), Is(80)]), Err("its input is"));
        check(&build::of_bands(&[Any, Is(u64::MAX >> 1), Is(80)]), Err("its input is"));
        check(&build::of_bands(&[Any, Any, Any, Is(80)]), Err("its input is"));
        check(build::of_bands(&[Any, Any, Is(80)]).note("sample_rate", "8000"), Err("8000 samples a second"));
        check(build::of_bands(&[Any, Any, Is(80)]).note("framework", "nemo"), Err("features of nemo"));
        let mut more = build::of_bands(&[Any, Any, Is(80)]);
        check(more.input("a", INT64, &[Is(1)]).node("Identity", &["a"], &["b"], &[]), Ok(192));
        check(more.output("mean"), Ok(192));
        more.node("Identity", &["mean"], &["emb2"], &[]).output("emb2");
        check(&more, Err("one of 3 outputs"));
        let mut many = build::of_bands(&[Any, Any, Is(80)]);
        check(many.input("a", FLOAT, &[Is(1)]).input("b", FLOAT, &[Is(1)]), Err("3 inputs"));
        // As it is in SpeechBrain: samples, and which part of them counts.
        let mut raw = Graph::default();
        raw.input("wavs", FLOAT, &[Any, Any]).input("lengths", FLOAT, &[Any]);
        raw.whole("row", &[1, 100, 160]).node("Slice", &["wavs", "from", "to", "axis"], &["cut"], &[]);
        raw.whole("from", &[0]).whole("to", &[16_000]).whole("axis", &[1]);
        raw.node("Reshape", &["cut", "row"], &["rows"], &[]).node(
            "Mul",
            &["rows", "lengths"],
            &["counted"],
            &[],
        );
        let axes = [("axes", Attribute::Ints(&[1])), ("keepdims", Attribute::Int(0))];
        raw.node("ReduceMax", &["counted"], &["embedding"], &axes).output("embedding");
        check(&raw, Ok(160));
        // Nothing comes of it: silence is not a voice.
        let mut nothing = Graph::default();
        nothing.input("x", FLOAT, &[Any, Any, Is(80)]).node("Sub", &["x", "x"], &["y"], &[]);
        nothing.node("ReduceMean", &["y"], &["z"], &axes).output("z");
        check(&nothing, Err("all 0"));
        let mut small = Graph::default();
        let axes = [("axes", Attribute::Ints(&[2])), ("keepdims", Attribute::Int(0))];
        small.input("x", FLOAT, &[Any, Is(150), Is(80)]).node("ReduceMax", &["x"], &["y"], &axes).output("y");
        check(&small, Ok(150));
        small.node("Transpose", &["y"], &["emb"], &[("perm", Attribute::Ints(&[1, 0]))]).output("emb");
        check(&small, Err("[150, 1]"));
        assert!(matches!(Onnx::new(Vec::new()), Err(OnnxError::Model(_))));
        assert!(matches!(Onnx::new(b"not a model".to_vec()), Err(OnnxError::Model(_))));
        let whole = build::of_bands(&[Any, Any, Is(80)]).model();
        assert!(matches!(Onnx::new(whole[..whole.len() / 2].to_vec()), Err(OnnxError::Model(_))));
    }
}
