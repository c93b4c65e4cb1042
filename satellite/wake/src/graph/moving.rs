//! Operators that only move values about: each becomes a copy of runs.

use super::{Compiler, Result, foreign};
use crate::network::{Run, Step};
use crate::tflite::{Concatenation, Operator, SplitV, StridedSlice};

impl<'a> Compiler<'a> {
    pub(super) fn reshape(&mut self, x: usize, out: usize) -> Result<()> {
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

    pub(super) fn concatenation(
        &mut self,
        operator: &Operator<'a>,
        parts: &[usize],
        out: usize,
    ) -> Result<()> {
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

    pub(super) fn split_v(
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

    pub(super) fn strided_slice(
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
}

fn axis(axis: i32, rank: usize) -> Result<usize> {
    let counted = if axis < 0 { i64::from(axis) + rank as i64 } else { i64::from(axis) };
    match usize::try_from(counted) {
        Ok(axis) if axis < rank => Ok(axis),
        _ => foreign(format!("there is no axis {axis}")),
    }
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
