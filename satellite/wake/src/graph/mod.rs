//! A `.tflite` file → a [`Plan`]: every table, shape, index, type and quantisation checked, once.
//!
//! `tables → tensors → variables → operators (moving, layers) → steps`
//!
//! What a streaming microWakeWord model (version 2) may contain is what its trainer emits: int8 tensors of
//! width one, thirteen operators, variables that hold the last rows of each layer. Anything else is refused
//! by name, never guessed at.

mod tensors;
mod variables;

mod layers;
mod moving;

use std::collections::HashMap;

use crate::error::ModelError;
use crate::frontend::CHANNELS;
use crate::network::{Plan, Step};
use crate::tflite::{self, Operator, SubGraph, numbers};
use tensors::{Place, Tensor};
use variables::Variable;

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
        tensors: tensors::read(&model, &main)?,
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

fn operators<'a>(graph: &SubGraph<'a>) -> Result<Vec<Operator<'a>>> {
    match graph.operators() {
        Some(operators) if operators.len() <= MAX_TENSORS => Ok(operators.iter().collect()),
        _ => foreign("it has no operators, or too many"),
    }
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

    fn code(&self, operator: &Operator<'a>) -> Result<i32> {
        match self.model.operator_codes() {
            Some(codes) if (operator.opcode_index() as usize) < codes.len() => {
                Ok(codes.get(operator.opcode_index() as usize).number())
            }
            _ => foreign("an operator has no code"),
        }
    }
}
