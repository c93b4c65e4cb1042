//! Variables: values that the graph keeps from one step to the next.

use std::collections::HashMap;

use super::tensors::{self, Place};
use super::{Compiler, INT8, MAX_TENSORS, RESOURCE, Result, foreign, op, operators, subgraph};
use crate::network::{Quant, Run, Step};
use crate::tflite::{CallOnce, Operator, VarHandle, numbers};

/// A variable of the stream: values kept from one step to the next.
pub(super) struct Variable {
    at: usize,
    len: usize,
    quant: Quant,
}

impl<'a> Compiler<'a> {
    /// Runs the subgraph that gives variables their first values.
    pub(super) fn call_once(&mut self, operator: &Operator<'a>) -> Result<()> {
        let Some(options) = operator.options::<CallOnce>() else { return foreign("CALL_ONCE lacks options") };
        let index = usize::try_from(options.subgraph()).unwrap_or(usize::MAX);
        if index == 0 || !self.names.is_empty() {
            return foreign("CALL_ONCE does not call a subgraph of its own, once");
        }
        let graph = subgraph(&self.model, index)?;
        let mut handles: HashMap<usize, &'a str> = HashMap::new();
        let mut init = Compiler {
            model: self.model,
            tensors: tensors::read(&self.model, &graph)?,
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

    pub(super) fn var_handle(&mut self, operator: &Operator<'a>, handle: usize) -> Result<()> {
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

    pub(super) fn read_variable(&mut self, handle: usize, out: usize) -> Result<()> {
        let Variable { at, len, .. } = *self.variable(handle, out)?;
        let to = self.allocate(out)?;
        self.steps.push(Step::Copy(vec![Run { from: at, to, len }]));
        Ok(())
    }

    pub(super) fn assign_variable(&mut self, handle: usize, value: usize) -> Result<()> {
        let from = self.computed(value)?;
        let Variable { at, len, .. } = *self.variable(handle, value)?;
        self.steps.push(Step::Copy(vec![Run { from, to: at, len }]));
        Ok(())
    }
}

fn shared_name<'a>(operator: &Operator<'a>) -> Result<&'a str> {
    match operator.options::<VarHandle>().and_then(|o| o.shared_name()) {
        Some(name) => Ok(name),
        None => foreign("a variable has no name"),
    }
}
