//! Why a network could not be had, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{} cannot be read: {source}; {name} is needed: fetch it with `{command}`", path.display())]
    Read { path: PathBuf, name: &'static str, source: io::Error, command: &'static str },
    #[error(
        "{} is not {name} (its SHA-256 is {got}); delete it and fetch it with `{command}`",
        path.display()
    )]
    Digest { path: PathBuf, name: &'static str, got: String, command: &'static str },
    #[error("{} cannot be written: {source}; choose another folder, or see who may write there", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the disk that holds {} is full; make room for {megabytes} MB and try again", path.display())]
    Full { path: PathBuf, megabytes: u64 },
    #[error("python3 with pip is needed to fetch {name}: {why}; install python3-pip, or {otherwise}")]
    NoPip { name: &'static str, why: String, otherwise: &'static str },
    #[error(
        "no package index could be reached for {name}: {why}; check the network and try again, or {otherwise}"
    )]
    Unreachable { name: &'static str, why: String, otherwise: &'static str },
    #[error("pip could not fetch {requirement} for {name}: {why}; or {otherwise}")]
    Pip { requirement: &'static str, name: &'static str, why: String, otherwise: &'static str },
    #[error("fetching {name} was stopped; nothing of it was kept")]
    Stopped { name: &'static str },
}

impl Error {
    /// What writing to `path` came to, when `bytes` were to go there in all.
    pub(crate) fn writing(path: &Path, bytes: u64) -> impl Fn(io::Error) -> Error {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Error::Full { path: path.clone(), megabytes: bytes.div_ceil(1_000_000) }
            }
            _ => Error::Write { path: path.clone(), source },
        }
    }
}
