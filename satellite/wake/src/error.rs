//! Why a model could not be used, and what to do about it.

use std::path::PathBuf;

use flatbuffers::InvalidFlatbuffer;

/// A model file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    #[error("this is not a TensorFlow Lite file; a wake word is a .tflite file with a .json beside it")]
    NotTensorFlowLite,
    #[error("the model file is damaged ({0}); fetch it again")]
    Damaged(#[from] InvalidFlatbuffer),
    #[error(
        "the model uses TensorFlow Lite operator number {0}, which no microWakeWord model uses; \
         train or fetch a streaming microWakeWord model (version 2)"
    )]
    Operator(i32),
    #[error("this is not a streaming microWakeWord model: {0}; train or fetch one of version 2")]
    Foreign(String),
    #[error("the model's description is not a microWakeWord .json: {0}")]
    Description(#[from] serde_json::Error),
    #[error("this is not a wake word that was taught: {0}; teach it again with `sotto-satellite teach`")]
    Taught(String),
    #[error("the model's description says {field} is {value}, where {allowed} is possible")]
    Setting { field: &'static str, value: String, allowed: &'static str },
}

/// A model that could not be opened from its files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    #[error("cannot read {path}: {source}; check the name and who may read it")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {source}")]
    Model { path: PathBuf, source: ModelError },
    #[error(transparent)]
    Network(#[from] sotto_weights::Error),
}
