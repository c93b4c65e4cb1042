//! The tensors of a graph: their shapes, quantisation, and where their values lie.

use super::{Compiler, INT8, INT32, MAX_RANK, MAX_TENSORS, MAX_VALUES, Result, UINT8, foreign};
use crate::kernels::BLOCK;
use crate::network::Quant;
use crate::tflite::{self, SubGraph, numbers};

/// Where a tensor's values are.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// Not computed yet.
    Nowhere,
    /// In the file.
    Constant(&'a [u8]),
    Arena(usize),
    Variable(usize),
}

pub(super) struct Tensor<'a> {
    pub kind: i8,
    pub shape: Vec<usize>,
    pub scales: Vec<f32>,
    pub zeros: Vec<i64>,
    pub place: Place<'a>,
}

impl Tensor<'_> {
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Every tensor of a graph, none of them computed yet.
pub(super) fn read<'a>(model: &tflite::Model<'a>, graph: &SubGraph<'a>) -> Result<Vec<Tensor<'a>>> {
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
    pub(super) fn index(&self, tensor: i32) -> Result<usize> {
        match usize::try_from(tensor) {
            Ok(index) if index < self.tensors.len() => Ok(index),
            _ => foreign(format!("there is no tensor {tensor}")),
        }
    }

    /// −1 stands for an optional tensor left out.
    pub(super) fn indices(&self, tensors: Vec<i32>) -> Result<Vec<Option<usize>>> {
        tensors.into_iter().map(|t| if t == -1 { Ok(None) } else { self.index(t).map(Some) }).collect()
    }

    /// The one quantisation of a tensor's values.
    pub(super) fn quant(&self, tensor: usize) -> Result<Quant> {
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
    pub(super) fn computed(&self, tensor: usize) -> Result<usize> {
        match (self.tensors[tensor].kind, self.tensors[tensor].place) {
            (INT8, Place::Arena(at)) => Ok(at),
            (INT8, _) => foreign(format!("tensor {tensor} is used before it is computed")),
            (kind, _) => foreign(format!("tensor {tensor} has type {kind}, not int8")),
        }
    }

    /// A constant vector of int32.
    pub(super) fn integers(&self, tensor: usize) -> Result<Vec<i32>> {
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
    pub(super) fn bytes(&self, tensor: usize) -> Result<Vec<i16>> {
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
    pub(super) fn allocate(&mut self, tensor: usize) -> Result<usize> {
        if !matches!(self.tensors[tensor].place, Place::Nowhere) {
            return foreign(format!("tensor {tensor} is computed twice"));
        }
        let at = self.room(self.tensors[tensor].len())?;
        self.tensors[tensor].place = Place::Arena(at);
        Ok(at)
    }

    pub(super) fn room(&mut self, len: usize) -> Result<usize> {
        let at = self.start.len();
        if len == 0 || at + len > MAX_VALUES {
            return foreign("its tensors are empty or too large");
        }
        // A convolution reads whole blocks, which may end a block beyond the last value.
        self.start.resize((at + len + BLOCK).next_multiple_of(BLOCK), 0);
        Ok(at)
    }

    pub(super) fn same_quant(&self, x: usize, out: usize) -> Result<()> {
        match self.quant(x)? == self.quant(out)? {
            true => Ok(()),
            false => foreign(format!("tensors {x} and {out} should be quantised alike")),
        }
    }
}

pub(super) fn usable(scale: f32) -> bool {
    scale.is_finite() && scale > 1e-12 && scale < 1e6
}
