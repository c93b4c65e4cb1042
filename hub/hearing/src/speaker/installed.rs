//! Which encoder lies in the folder of models: the one that comes with Sotto, or one that somebody brought, which then
//! takes its place.
//!
//! `speaker-given.onnx` and, beside it, what was measured of it. Whichever was installed last is the only one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::given::{Given, GivenError};
use super::measure::{MeasureError, Measured};
use super::onnx::LARGEST;
use super::space::{EncoderId, Space};
use super::weights;
use super::{Encoder, ModelError, Which};

/// The file that was brought, as it came.
const GIVEN: &str = "speaker-given.onnx";
/// What was measured of it.
const MEASURED: &str = "speaker-given.json";
/// Longest such file: 2048 numbers take 30 kB.
const LONGEST: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct About {
    people: usize,
    space: Space,
}

/// Why there is no encoder.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Ours(#[from] ModelError),
    #[error(transparent)]
    Given(#[from] GivenError),
    #[error(
        "{} does not belong to the encoder beside it; install that again with `sotto-hub models pull speaker --from \
         FILE.onnx --others FOLDER`, or Sotto's own with `sotto-hub models pull speaker`",
        .0.display()
    )]
    NotItsOwn(PathBuf),
}

/// The file of the encoder that is installed in `folder`, if one is.
pub fn installed(folder: &Path) -> Option<PathBuf> {
    let given = folder.join(GIVEN);
    if given.is_file() && folder.join(MEASURED).is_file() {
        return Some(given);
    }
    Some(folder.join(weights::FILE)).filter(|ours| ours.is_file())
}

/// Throws away an encoder that somebody brought, if one is installed: Sotto's own takes its place again.
pub fn remove_given(folder: &Path) -> io::Result<()> {
    for file in [MEASURED, GIVEN] {
        match fs::remove_file(folder.join(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Opens what is installed in `folder`; one that was brought runs in a process of `program`.
pub(super) fn open(folder: &Path, program: &Path) -> Result<(Which, Space), OpenError> {
    let given = folder.join(GIVEN);
    if installed(folder).as_ref() != Some(&given) {
        return Ok((Which::Ours(Box::new(weights::open(folder)?)), Space::ours()));
    }
    let measured = folder.join(MEASURED);
    let foreign = || OpenError::NotItsOwn(measured.clone());
    let read =
        |path: &Path| fs::metadata(path).ok().filter(|about| about.len() < LONGEST).and(fs::read(path).ok());
    let about: About =
        read(&measured).and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(foreign)?;
    let same = digest(&given).is_ok_and(|id| id == about.space.encoder());
    if !same || !about.space.makes_sense() {
        return Err(foreign());
    }
    let running = Given::open(program, &given)?;
    match running.size() == about.space.size() {
        true => Ok((Which::Given(running), about.space)),
        false => Err(foreign()),
    }
}

/// An encoder that somebody brought, before it is used.
pub struct Brought {
    file: PathBuf,
    id: EncoderId,
    encoder: Encoder,
}

/// Why an encoder cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum BringError {
    #[error("{} cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} has {} MB, and at most {} MB are read", path.display(), size / 1_000_000, LARGEST / 1_000_000)]
    TooLarge { path: PathBuf, size: u64 },
    #[error(transparent)]
    Given(#[from] GivenError),
    #[error("{} cannot be written: {source}; make room or choose another folder with --data", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} was changed meanwhile; begin again", .0.display())]
    Changed(PathBuf),
}

impl Brought {
    /// Opens `file` in a process of `program`.
    pub fn open(file: &Path, program: &Path) -> Result<Brought, BringError> {
        let unreadable = |source| BringError::Read { path: file.to_owned(), source };
        let size = fs::metadata(file).map_err(unreadable)?.len();
        if size > LARGEST {
            return Err(BringError::TooLarge { path: file.to_owned(), size });
        }
        let id = digest(file).map_err(unreadable)?;
        let given = Given::open(program, file)?;
        // Until it is measured its voices have nothing in common.
        let space = Space::new(id, vec![0.0; given.size()], 0.0, 1.0);
        let space = space.ok_or_else(|| GivenError::Died { path: file.to_owned() })?;
        Ok(Brought { file: file.to_owned(), id, encoder: Encoder::of(Which::Given(given), space) })
    }

    /// Numbers of its voiceprints.
    pub fn size(&self) -> usize {
        self.encoder.space.size()
    }

    /// Measures it on people who do not live here, each in one recording of their own (mono, 16 kHz).
    pub fn measure(&self, people: &[Vec<i16>]) -> Result<Measured, MeasureError> {
        self.encoder.measure(people)
    }

    /// Puts it into `folder`, in the place of any other. Says where.
    pub fn install(&self, measured: &Measured, folder: &Path) -> Result<PathBuf, BringError> {
        let unwritable = |path: &Path| {
            let path = path.to_owned();
            move |source| BringError::Write { path, source }
        };
        fs::create_dir_all(folder).map_err(unwritable(folder))?;
        let about = About { people: measured.people, space: measured.space.clone() };
        let about = serde_json::to_vec(&about).map_err(io::Error::from).map_err(unwritable(folder))?;
        let (given, numbers) = (folder.join(GIVEN), folder.join(MEASURED));
        let part = folder.join(format!("{GIVEN}.part"));
        fs::copy(&self.file, &part).map_err(unwritable(&part))?;
        if !digest(&part).is_ok_and(|id| id == self.id) {
            let _ = fs::remove_file(&part);
            return Err(BringError::Changed(self.file.clone()));
        }
        // Whole or not at all: without its numbers, or with another's, it is not used.
        let _ = fs::remove_file(&numbers);
        File::open(&part).and_then(|file| file.sync_all()).map_err(unwritable(&part))?;
        fs::rename(&part, &given).map_err(unwritable(&given))?;
        let part = folder.join(format!("{MEASURED}.part"));
        let write = || -> io::Result<()> {
            let mut file = File::create(&part)?;
            file.write_all(&about)?;
            file.sync_all()?;
            fs::rename(&part, &numbers)
        };
        write().map_err(unwritable(&numbers))?;
        match fs::remove_file(folder.join(weights::FILE)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(unwritable(folder)(source)),
            _ => Ok(given),
        }
    }
}

fn digest(path: &Path) -> io::Result<EncoderId> {
    let mut hash = Sha256::new();
    let mut file = File::open(path)?;
    let mut bytes = vec![0; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut bytes)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(&bytes[..read]),
        }
    }
}
