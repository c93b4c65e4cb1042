//! A `.tflite` file → a [`Plan`]: every table, shape, index, type and quantisation checked, once.
//!
//! `tables → tensors → variables → operators → steps`
//!
//! What a streaming microWakeWord model (version 2) may contain is what its trainer emits: int8 tensors of
//! width one, thirteen operators, variables that hold the last rows of each layer. Anything else is refused
//! by name, never guessed at.

use std::collections::HashMap;

use crate::error::ModelError;
use crate::frontend::CHANNELS;
use crate::kernels::BLOCK;
use crate::network::{Factor, Plan, Quant, Rescale, Run, Step};
use crate::tflite::{
    self, CallOnce, Concatenation, Conv2D, DepthwiseConv2D, FullyConnected, Operator, SplitV, StridedSlice,
    SubGraph, VarHandle, numbers,
};

/// Numbers in the schema's `BuiltinOperator`.
mod op {
    pub const CONCATENATION: i32 = 2;
    pub const CONV_2D: i32 = 3;
    pub const DEPTHWISE_CONV_2D: i32 = 4;
    pub const FULLY_CONNECTED: i32 = 9;
    pub const LOGISTIC: i32 = 14;
    pub const RESHAPE: i32 = 22;
    pub const STRIDED_SLICE: i32 = 45;
    pub const SPLIT_V: i32 = 102;
    pub const QUANTIZE: i32 = 114;
    pub const CALL_ONCE: i32 = 129;
    pub const VAR_HANDLE: i32 = 142;
    pub const READ_VARIABLE: i32 = 143;
    pub const ASSIGN_VARIABLE: i32 = 144;
}

/// Numbers in the schema's `TensorType`.
const INT32: i8 = 2;
const UINT8: i8 = 3;
const INT8: i8 = 9;
const RESOURCE: i8 = 13;

/// Limits far above any wake-word model (60 kB, 90 tensors, 60 operators, 20,000 values, 25,000 products
/// a step), so that a hostile file costs neither memory nor time.
const MAX_FILE: usize = 4 << 20;
const MAX_TENSORS: usize = 2_000;
const MAX_VALUES: usize = 1 << 20;
const MAX_PRODUCTS: usize = 8 << 20;
const MAX_STRIDE: usize = 100;
/// Rank of the largest tensor these graphs have.
const MAX_RANK: usize = 4;

type Result<T> = std::result::Result<T, ModelError>;

fn foreign<T>(why: impl Into<String>) -> Result<T> {
    Err(ModelError::Foreign(why.into()))
}

/// Where a tensor's values are.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// Not computed yet.
    Nowhere,
    /// In the file.
    Constant(&'a [u8]),
    Arena(usize),
    Variable(usize),
}

struct Tensor<'a> {
    kind: i8,
    shape: Vec<usize>,
    scales: Vec<f32>,
    zeros: Vec<i64>,
    place: Place<'a>,
}

impl Tensor<'_> {
    fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A variable of the stream: values kept from one step to the next.
struct Variable {
    at: usize,
    len: usize,
    quant: Quant,
}

struct Compiler<'a> {
    model: tflite::Model<'a>,
    tensors: Vec<Tensor<'a>>,
    variables: Vec<Variable>,
    names: HashMap<&'a str, usize>,
    start: Vec<i16>,
    products: usize,
    steps: Vec<Step>,
}

/// Checks `file` and compiles its graph.
pub(crate) fn compile(file: &[u8]) -> Result<Plan> {
    if file.len() > MAX_FILE {
        return foreign(format!("it has {} bytes, a wake-word model about 60,000", file.len()));
    }
    let Some(model) = tflite::open(file)? else { return Err(ModelError::NotTensorFlowLite) };
    if model.version() != 3 {
        return foreign(format!("its format has version {}, not 3", model.version()));
    }
    let main = subgraph(&model, 0)?;
    let compiler = Compiler {
        model,
        tensors: tensors(&model, &main)?,
        variables: Vec::new(),
        names: HashMap::new(),
        start: Vec::new(),
        products: 0,
        steps: Vec::new(),
    };
    compiler.compile(&main)
}

fn subgraph<'a>(model: &tflite::Model<'a>, index: usize) -> Result<SubGraph<'a>> {
    match model.subgraphs() {
        Some(graphs) if index < graphs.len() => Ok(graphs.get(index)),
        _ => foreign(format!("it has no subgraph {index}")),
    }
}

fn tensors<'a>(model: &tflite::Model<'a>, graph: &SubGraph<'a>) -> Result<Vec<Tensor<'a>>> {
    let Some(listed) = graph.tensors() else { return foreign("it has no tensors") };
    if listed.len() > MAX_TENSORS {
        return foreign(format!("it has {} tensors", listed.len()));
    }
    let mut tensors = Vec::with_capacity(listed.len());
    for (index, tensor) in listed.iter().enumerate() {
        let dimensions = numbers(tensor.shape().filter(|s| s.len() <= MAX_RANK));
        let shape: Vec<usize> = dimensions.iter().filter_map(|&d| usize::try_from(d).ok()).collect();
        let len = shape.iter().try_fold(1usize, |len, &d| len.checked_mul(d));
        if shape.len() != tensor.shape().map_or(0, |s| s.len()) || len.is_none_or(|len| len > MAX_VALUES) {
            return foreign(format!("tensor {index} has a shape that no wake-word model has"));
        }
        let data = match model.buffers() {
            Some(buffers) if (tensor.buffer() as usize) < buffers.len() => {
                buffers.get(tensor.buffer() as usize).data().filter(|d| !d.is_empty())
            }
            _ => return foreign(format!("tensor {index} names a buffer that is not there")),
        };
        let quantization = tensor.quantization();
        tensors.push(Tensor {
            kind: tensor.kind(),
            shape,
            scales: numbers(quantization.and_then(|q| q.scale()).filter(|s| s.len() <= MAX_VALUES)),
            zeros: numbers(quantization.and_then(|q| q.zero_point()).filter(|z| z.len() <= MAX_VALUES)),
            place: data.map_or(Place::Nowhere, |d| Place::Constant(d.bytes())),
        });
    }
    Ok(tensors)
}

impl<'a> Compiler<'a> {
    fn compile(mut self, main: &SubGraph<'a>) -> Result<Plan> {
        let [input] = numbers(main.inputs())[..] else { return foreign("it does not have one input") };
        let input = self.index(input)?;
        let (kind, shape) = (self.tensors[input].kind, &self.tensors[input].shape);
        match shape[..] {
            [1, stride, CHANNELS] if kind == INT8 && (1..=MAX_STRIDE).contains(&stride) => {}
            _ => {
                return foreign(format!(
                    "its input has shape {shape:?}, not int8 [1, windows, {CHANNELS}]: not a streaming model"
                ));
            }
        }
        let input_quant = self.quant(input)?;
        let at = self.allocate(input)?;
        let input = at..at + self.tensors[input].len();

        for operator in operators(main)? {
            self.operator(&operator)?;
        }

        let [output] = numbers(main.outputs())[..] else { return foreign("it does not have one output") };
        let output = self.index(output)?;
        let tensor = &self.tensors[output];
        if tensor.len() != 1 || !matches!(tensor.kind, INT8 | UINT8) {
            return foreign(format!("its output has shape {:?}, not one probability", tensor.shape));
        }
        let Place::Arena(at) = tensor.place else { return foreign("its output is never computed") };
        let output_quant = self.quant(output)?;
        Ok(Plan { start: self.start, steps: self.steps, input, input_quant, output: at, output_quant })
    }

    fn operator(&mut self, operator: &Operator<'a>) -> Result<()> {
        let inputs = self.indices(numbers(operator.inputs().filter(|i| i.len() <= MAX_TENSORS)))?;
        let outputs = self.indices(numbers(operator.outputs().filter(|o| o.len() <= MAX_TENSORS)))?;
        let code = self.code(operator)?;
        match (code, &inputs[..], &outputs[..]) {
            (op::CALL_ONCE, [], []) => self.call_once(operator),
            (op::VAR_HANDLE, [], &[Some(handle)]) => self.var_handle(operator, handle),
            (op::READ_VARIABLE, &[Some(handle)], &[Some(out)]) => self.read_variable(handle, out),
            (op::ASSIGN_VARIABLE, &[Some(handle), Some(value)], []) => self.assign_variable(handle, value),
            (op::CONCATENATION, parts, &[Some(out)]) if !parts.is_empty() => {
                let parts: Option<Vec<usize>> = parts.iter().copied().collect();
                let Some(parts) = parts else { return foreign("a concatenation lacks a part") };
                self.concatenation(operator, &parts, out)
            }
            (op::STRIDED_SLICE, &[Some(x), Some(begin), Some(end), Some(strides)], &[Some(out)]) => {
                self.strided_slice(operator, x, [begin, end, strides], out)
            }
            (op::SPLIT_V, &[Some(x), Some(sizes), Some(axis)], outs) if !outs.is_empty() => {
                let outs: Option<Vec<usize>> = outs.iter().copied().collect();
                let Some(outs) = outs else { return foreign("a split lacks an output") };
                self.split_v(operator, x, sizes, axis, &outs)
            }
            (op::RESHAPE, &[Some(x), ..], &[Some(out)]) => self.reshape(x, out),
            (op::CONV_2D, &[Some(x), Some(w), bias], &[Some(out)]) => self.conv_2d(operator, x, w, bias, out),
            (op::DEPTHWISE_CONV_2D, &[Some(x), Some(w), bias], &[Some(out)]) => {
                self.depthwise_conv_2d(operator, x, w, bias, out)
            }
            (op::FULLY_CONNECTED, &[Some(x), Some(w), bias], &[Some(out)]) => {
                self.fully_connected(operator, x, w, bias, out)
            }
            (op::LOGISTIC, &[Some(x)], &[Some(out)]) => self.look_up(x, out, |x| 1.0 / (1.0 + (-x).exp())),
            (op::QUANTIZE, &[Some(x)], &[Some(out)]) => self.look_up(x, out, |x| x),
            (
                op::CALL_ONCE
                | op::VAR_HANDLE
                | op::READ_VARIABLE
                | op::ASSIGN_VARIABLE
                | op::CONCATENATION
                | op::STRIDED_SLICE
                | op::SPLIT_V
                | op::RESHAPE
                | op::CONV_2D
                | op::DEPTHWISE_CONV_2D
                | op::FULLY_CONNECTED
                | op::LOGISTIC
                | op::QUANTIZE,
                ..,
            ) => foreign(format!("operator {code} has {} inputs, {} outputs", inputs.len(), outputs.len())),
            (other, ..) => Err(ModelError::Operator(other)),
        }
    }

    // Tables → tensors

    fn code(&self, operator: &Operator<'a>) -> Result<i32> {
        match self.model.operator_codes() {
            Some(codes) if (operator.opcode_index() as usize) < codes.len() => {
                Ok(codes.get(operator.opcode_index() as usize).number())
            }
            _ => foreign("an operator has no code"),
        }
    }

    fn index(&self, tensor: i32) -> Result<usize> {
        match usize::try_from(tensor) {
            Ok(index) if index < self.tensors.len() => Ok(index),
            _ => foreign(format!("there is no tensor {tensor}")),
        }
    }

    /// −1 stands for an optional tensor left out.
    fn indices(&self, tensors: Vec<i32>) -> Result<Vec<Option<usize>>> {
        tensors.into_iter().map(|t| if t == -1 { Ok(None) } else { self.index(t).map(Some) }).collect()
    }

    /// The one quantisation of a tensor's values.
    fn quant(&self, tensor: usize) -> Result<Quant> {
        let Tensor { kind, scales, zeros, .. } = &self.tensors[tensor];
        let codes = if *kind == UINT8 { 0..=255 } else { -128..=127 };
        match (&scales[..], &zeros[..]) {
            (&[scale], &[zero]) if usable(scale) && codes.contains(&zero) => {
                Ok(Quant { scale, zero: zero as i32 })
            }
            _ => foreign(format!("tensor {tensor} is not quantised as one int8 tensor is")),
        }
    }

    /// Where an int8 tensor's computed values lie.
    fn computed(&self, tensor: usize) -> Result<usize> {
        match (self.tensors[tensor].kind, self.tensors[tensor].place) {
            (INT8, Place::Arena(at)) => Ok(at),
            (INT8, _) => foreign(format!("tensor {tensor} is used before it is computed")),
            (kind, _) => foreign(format!("tensor {tensor} has type {kind}, not int8")),
        }
    }

    /// A constant vector of int32.
    fn integers(&self, tensor: usize) -> Result<Vec<i32>> {
        match (&self.tensors[tensor], self.tensors[tensor].place) {
            (Tensor { kind: INT32, .. }, Place::Constant(data))
                if data.len() == 4 * self.tensors[tensor].len() =>
            {
                let (words, _) = data.as_chunks::<4>();
                Ok(words.iter().map(|&word| i32::from_le_bytes(word)).collect())
            }
            _ => foreign(format!("tensor {tensor} does not hold constant int32 numbers")),
        }
    }

    /// A constant int8 tensor.
    fn bytes(&self, tensor: usize) -> Result<Vec<i16>> {
        match (&self.tensors[tensor], self.tensors[tensor].place) {
            (Tensor { kind: INT8, .. }, Place::Constant(data))
                if data.len() == self.tensors[tensor].len() =>
            {
                Ok(data.iter().map(|&byte| i16::from(byte as i8)).collect())
            }
            _ => foreign(format!("tensor {tensor} does not hold constant int8 numbers")),
        }
    }

    /// Room for a tensor about to be computed, above everything computed so far.
    fn allocate(&mut self, tensor: usize) -> Result<usize> {
        if !matches!(self.tensors[tensor].place, Place::Nowhere) {
            return foreign(format!("tensor {tensor} is computed twice"));
        }
        let at = self.room(self.tensors[tensor].len())?;
        self.tensors[tensor].place = Place::Arena(at);
        Ok(at)
    }

    fn room(&mut self, len: usize) -> Result<usize> {
        let at = self.start.len();
        if len == 0 || at + len > MAX_VALUES {
            return foreign("its tensors are empty or too large");
        }
        // A convolution reads whole blocks, which may end a block beyond the last value.
        self.start.resize((at + len + BLOCK).next_multiple_of(BLOCK), 0);
        Ok(at)
    }

    fn same_quant(&self, x: usize, out: usize) -> Result<()> {
        match self.quant(x)? == self.quant(out)? {
            true => Ok(()),
            false => foreign(format!("tensors {x} and {out} should be quantised alike")),
        }
    }

    // Variables

    /// Runs the subgraph that gives variables their first values.
    fn call_once(&mut self, operator: &Operator<'a>) -> Result<()> {
        let Some(options) = operator.options::<CallOnce>() else { return foreign("CALL_ONCE lacks options") };
        let index = usize::try_from(options.subgraph()).unwrap_or(usize::MAX);
        if index == 0 || !self.names.is_empty() {
            return foreign("CALL_ONCE does not call a subgraph of its own, once");
        }
        let graph = subgraph(&self.model, index)?;
        let mut handles: HashMap<usize, &'a str> = HashMap::new();
        let mut init = Compiler {
            model: self.model,
            tensors: tensors(&self.model, &graph)?,
            variables: Vec::new(),
            names: HashMap::new(),
            start: std::mem::take(&mut self.start),
            products: 0,
            steps: Vec::new(),
        };
        for operator in operators(&graph)? {
            let inputs = init.indices(numbers(operator.inputs().filter(|i| i.len() <= MAX_TENSORS)))?;
            let outputs = init.indices(numbers(operator.outputs().filter(|o| o.len() <= MAX_TENSORS)))?;
            match (init.code(&operator)?, &inputs[..], &outputs[..]) {
                (op::VAR_HANDLE, [], &[Some(handle)]) => {
                    handles.insert(handle, shared_name(&operator)?);
                }
                (op::ASSIGN_VARIABLE, &[Some(handle), Some(value)], []) => {
                    let Some(&name) = handles.get(&handle) else {
                        return foreign("a variable is assigned before it is named");
                    };
                    let (values, quant) = (init.bytes(value)?, init.quant(value)?);
                    let at = init.room(values.len())?;
                    init.start[at..at + values.len()].copy_from_slice(&values);
                    init.variables.push(Variable { at, len: values.len(), quant });
                    if init.names.insert(name, init.variables.len() - 1).is_some() {
                        return foreign("a variable is initialised twice");
                    }
                }
                _ => return foreign("its first subgraph does more than give variables their values"),
            }
        }
        (self.start, self.variables, self.names) = (init.start, init.variables, init.names);
        Ok(())
    }

    fn var_handle(&mut self, operator: &Operator<'a>, handle: usize) -> Result<()> {
        let name = shared_name(operator)?;
        match (self.names.get(name), self.tensors[handle].kind, self.tensors[handle].place) {
            (Some(&variable), RESOURCE, Place::Nowhere) => {
                self.tensors[handle].place = Place::Variable(variable);
                Ok(())
            }
            _ => foreign("it names a variable that has no first value"),
        }
    }

    /// The variable behind a handle, whose values `tensor` has or takes.
    fn variable(&self, handle: usize, tensor: usize) -> Result<&Variable> {
        let Place::Variable(variable) = self.tensors[handle].place else {
            return foreign(format!("tensor {handle} is not the handle of a variable"));
        };
        let variable = &self.variables[variable];
        let tensor_ok = self.tensors[tensor].kind == INT8 && self.tensors[tensor].len() == variable.len;
        if !tensor_ok || self.quant(tensor)? != variable.quant {
            return foreign(format!("tensor {tensor} is not like its variable"));
        }
        Ok(variable)
    }

    fn read_variable(&mut self, handle: usize, out: usize) -> Result<()> {
        let Variable { at, len, .. } = *self.variable(handle, out)?;
        let to = self.allocate(out)?;
        self.steps.push(Step::Copy(vec![Run { from: at, to, len }]));
        Ok(())
    }

    fn assign_variable(&mut self, handle: usize, value: usize) -> Result<()> {
        let from = self.computed(value)?;
        let Variable { at, len, .. } = *self.variable(handle, value)?;
        self.steps.push(Step::Copy(vec![Run { from, to: at, len }]));
        Ok(())
    }

    // Moving values about

    fn reshape(&mut self, x: usize, out: usize) -> Result<()> {
        let from = self.computed(x)?;
        self.same_quant(x, out)?;
        let len = self.tensors[x].len();
        if self.tensors[out].len() != len {
            return foreign("a reshape changes how many values there are");
        }
        let to = self.allocate(out)?;
        self.steps.push(Step::Copy(vec![Run { from, to, len }]));
        Ok(())
    }

    fn concatenation(&mut self, operator: &Operator<'a>, parts: &[usize], out: usize) -> Result<()> {
        let Some(options) = operator.options::<Concatenation>() else {
            return foreign("CONCATENATION lacks options");
        };
        if options.activation() != 0 {
            return foreign("a concatenation has an activation");
        }
        let whole = self.tensors[out].shape.clone();
        let axis = axis(options.axis(), whole.len())?;
        let to = self.allocate(out)?;
        let mut offset = 0;
        for &part in parts {
            let from = self.computed(part)?;
            self.same_quant(part, out)?;
            let shape = self.tensors[part].shape.clone();
            let fits = shape.len() == whole.len()
                && (0..whole.len()).all(|d| d == axis || shape[d] == whole[d])
                && offset + shape[axis] <= whole[axis];
            if !fits {
                return foreign(format!("a part {shape:?} does not fit into {whole:?}"));
            }
            let mut origin = vec![0; whole.len()];
            origin[axis] = offset;
            offset += shape[axis];
            let plain =
                Part { at: from, origin: vec![0; shape.len()], strides: vec![1; shape.len()], of: &shape };
            let target = Part { at: to, strides: vec![1; shape.len()], origin, of: &whole };
            self.steps.push(Step::Copy(runs(&shape, &plain, &target)));
        }
        if offset != whole[axis] {
            return foreign("the parts of a concatenation do not fill it");
        }
        Ok(())
    }

    fn split_v(
        &mut self,
        operator: &Operator<'a>,
        x: usize,
        sizes: usize,
        at_axis: usize,
        outs: &[usize],
    ) -> Result<()> {
        let count = operator.options::<SplitV>().map_or(0, |o| o.num_splits());
        let sizes = self.integers(sizes)?;
        let [at_axis] = self.integers(at_axis)?[..] else { return foreign("a split has no axis") };
        let shape = self.tensors[x].shape.clone();
        let axis = axis(at_axis, shape.len())?;
        if sizes.len() != outs.len() || usize::try_from(count) != Ok(outs.len()) {
            return foreign("a split does not have as many sizes as outputs");
        }
        let from = self.computed(x)?;
        let mut offset = 0;
        for (&out, &size) in outs.iter().zip(&sizes) {
            self.same_quant(x, out)?;
            let mut part = shape.clone();
            part[axis] = usize::try_from(size).unwrap_or(usize::MAX);
            if self.tensors[out].shape != part || offset + part[axis] > shape[axis] {
                return foreign(format!("a split of {shape:?} does not give {:?}", self.tensors[out].shape));
            }
            let mut origin = vec![0; shape.len()];
            origin[axis] = offset;
            offset += part[axis];
            let to = self.allocate(out)?;
            let source = Part { at: from, origin, strides: vec![1; shape.len()], of: &shape };
            let plain =
                Part { at: to, origin: vec![0; shape.len()], strides: vec![1; shape.len()], of: &part };
            self.steps.push(Step::Copy(runs(&part, &source, &plain)));
        }
        if offset != shape[axis] {
            return foreign("a split leaves something over");
        }
        Ok(())
    }

    fn strided_slice(
        &mut self,
        operator: &Operator<'a>,
        x: usize,
        [begin, end, strides]: [usize; 3],
        out: usize,
    ) -> Result<()> {
        let Some(options) = operator.options::<StridedSlice>() else {
            return foreign("STRIDED_SLICE lacks options");
        };
        let other = options.ellipsis_mask() | options.new_axis_mask() | options.shrink_axis_mask();
        if other != 0 || options.offset() {
            return foreign("a slice adds or drops dimensions");
        }
        let (begin, end, steps) = (self.integers(begin)?, self.integers(end)?, self.integers(strides)?);
        let shape = self.tensors[x].shape.clone();
        if [begin.len(), end.len(), steps.len()] != [shape.len(); 3] {
            return foreign("a slice does not name every dimension");
        }
        let (mut origin, mut size, mut strides) = (Vec::new(), Vec::new(), Vec::new());
        for (d, &len) in shape.iter().enumerate() {
            // Counted from the end where negative, as in Python.
            let clamp = |i: i32| {
                let i = i64::from(i);
                (if i < 0 { i + len as i64 } else { i }).clamp(0, len as i64) as usize
            };
            let from = if options.begin_mask() >> d & 1 == 1 { 0 } else { clamp(begin[d]) };
            let to = if options.end_mask() >> d & 1 == 1 { len } else { clamp(end[d]) };
            let Some(stride) = usize::try_from(steps[d]).ok().filter(|&s| s > 0) else {
                return foreign("a slice runs backwards");
            };
            origin.push(from);
            size.push(to.saturating_sub(from).div_ceil(stride));
            strides.push(stride);
        }
        if self.tensors[out].shape != size {
            return foreign(format!("a slice of {shape:?} does not give {:?}", self.tensors[out].shape));
        }
        let from = self.computed(x)?;
        self.same_quant(x, out)?;
        let to = self.allocate(out)?;
        let source = Part { at: from, origin, strides, of: &shape };
        let plain = Part { at: to, origin: vec![0; size.len()], strides: vec![1; size.len()], of: &size };
        self.steps.push(Step::Copy(runs(&size, &source, &plain)));
        Ok(())
    }

    // Arithmetic

    fn conv_2d(
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

    fn fully_connected(
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

    fn depthwise_conv_2d(
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

    fn look_up(&mut self, x: usize, out: usize, f: impl Fn(f32) -> f32) -> Result<()> {
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

/// How a convolution walks over its input.
struct Layout {
    taps: usize,
    advance: usize,
    rows: usize,
}

fn operators<'a>(graph: &SubGraph<'a>) -> Result<Vec<Operator<'a>>> {
    match graph.operators() {
        Some(operators) if operators.len() <= MAX_TENSORS => Ok(operators.iter().collect()),
        _ => foreign("it has no operators, or too many"),
    }
}

fn shared_name<'a>(operator: &Operator<'a>) -> Result<&'a str> {
    match operator.options::<VarHandle>().and_then(|o| o.shared_name()) {
        Some(name) => Ok(name),
        None => foreign("a variable has no name"),
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

fn usable(scale: f32) -> bool {
    scale.is_finite() && scale > 1e-12 && scale < 1e6
}

fn axis(axis: i32, rank: usize) -> Result<usize> {
    let counted = if axis < 0 { i64::from(axis) + rank as i64 } else { i64::from(axis) };
    match usize::try_from(counted) {
        Ok(axis) if axis < rank => Ok(axis),
        _ => foreign(format!("there is no axis {axis}")),
    }
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

/// A part of a tensor `of` some shape that begins at `at`: from `origin`, by `strides`.
struct Part<'s> {
    at: usize,
    origin: Vec<usize>,
    strides: Vec<usize>,
    of: &'s [usize],
}

impl Part<'_> {
    fn offset(&self, index: &[usize]) -> usize {
        let mut offset = 0;
        for (d, &i) in index.iter().enumerate() {
            offset = offset * self.of[d] + self.origin[d] + i * self.strides[d];
        }
        self.at + offset
    }
}

/// Every value of a box of `size`, as runs that are as long as they can be.
fn runs(size: &[usize], from: &Part, to: &Part) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut index = vec![0; size.len()];
    for _ in 0..size.iter().product() {
        let (source, target) = (from.offset(&index), to.offset(&index));
        match runs.last_mut() {
            Some(run) if run.from + run.len == source && run.to + run.len == target => run.len += 1,
            _ => runs.push(Run { from: source, to: target, len: 1 }),
        }
        for d in (0..size.len()).rev() {
            index[d] += 1;
            if index[d] < size[d] {
                break;
            }
            index[d] = 0;
        }
    }
    runs
}
