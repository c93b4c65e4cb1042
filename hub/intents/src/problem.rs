//! What is wrong with a sentence file: where it is, what is wrong, and what to write instead.

use std::fmt;

/// One thing that a person has to change in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub file: String,
    /// From 1; 0 where the whole file is meant.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    pub what: String,
    pub instead: String,
}

impl Problem {
    pub(crate) fn new(file: &str, line: u32, column: u32, what: impl Into<String>) -> Self {
        Problem { file: file.to_owned(), line, column, what: what.into(), instead: String::new() }
    }

    pub(crate) fn instead(mut self, instead: impl Into<String>) -> Self {
        self.instead = instead.into();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.what)?;
        if !self.instead.is_empty() {
            write!(f, "; {}", self.instead)?;
        }
        Ok(())
    }
}

/// A file that could not be read as sentences at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub Problem);

impl From<Problem> for LoadError {
    fn from(problem: Problem) -> Self {
        LoadError(problem)
    }
}
