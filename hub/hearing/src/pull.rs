//! Fetches a model file: what is there already is kept, what arrives is checked before it counts as a model.
//!
//! `FILE.part (grows, resumed by byte ranges) → length and SHA-256 as in the catalogue → FILE`

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

/// A server that sends nothing for so long is asked again.
const SILENCE: Duration = Duration::from_secs(30);
/// Times that a broken transfer is taken up again without having got further.
const TRIES: u32 = 5;

#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error("{} cannot be written: {source}; make room or choose another folder with --data", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the model could not be fetched: {0}; what has arrived is kept, so pull again to go on")]
    Fetch(String),
    #[error("the server sent {got} bytes where the model has {expected}; nothing was installed, pull again")]
    Length { expected: u64, got: u64 },
    #[error("fetching was stopped; what has arrived is kept")]
    Stopped,
    #[error("what arrived is not the model (its SHA-256 is {got}); it was thrown away, pull again")]
    Digest { got: String },
}

/// What to fetch, and how to know it.
pub struct Wanted<'a> {
    pub address: &'a str,
    pub size: u64,
    pub sha256: &'a str,
}

/// Fetches into `target`, calling `progress` with the bytes that are there, which may stop it. A file that is complete
/// already is only checked.
pub fn pull(
    wanted: &Wanted,
    target: &Path,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<(), PullError> {
    let unwritable = |source| PullError::Write { path: target.to_owned(), source };
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    if target.is_file()
        && digest(&mut File::open(target).map_err(unwritable)?).map_err(unwritable)? == wanted.sha256
    {
        return Ok(());
    }
    let part = part_of(target);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&part)
        .map_err(unwritable)?;
    let mut have = file.seek(SeekFrom::End(0)).map_err(unwritable)?;
    if have > wanted.size {
        file.set_len(0).map_err(unwritable)?;
        have = 0;
    }
    let mut failures = 0;
    let mut why = String::new();
    while have < wanted.size {
        if failures == TRIES {
            return Err(PullError::Fetch(why));
        }
        let before = have;
        match fetch(wanted, &mut file, &mut have, &mut progress) {
            Ok(()) => {}
            Err(Broken::Stopped) => return Err(PullError::Stopped),
            Err(Broken::Network(error)) => why = error,
            Err(Broken::Disk(error)) => return Err(unwritable(error)),
            Err(Broken::TooMuch(got)) => {
                let _ = fs::remove_file(&part);
                return Err(PullError::Length { expected: wanted.size, got });
            }
        }
        if have > before {
            failures = 0;
        } else {
            failures += 1;
            std::thread::sleep(Duration::from_millis(100 << failures));
        }
    }
    file.sync_all().map_err(unwritable)?;
    file.seek(SeekFrom::Start(0)).map_err(unwritable)?;
    let got = digest(&mut file).map_err(unwritable)?;
    if got != wanted.sha256 {
        fs::remove_file(&part).map_err(unwritable)?;
        return Err(PullError::Digest { got });
    }
    fs::rename(&part, target).map_err(unwritable)
}

/// Where a file grows until it is whole.
pub fn part_of(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

enum Broken {
    Stopped,
    Network(String),
    Disk(io::Error),
    TooMuch(u64),
}

/// One request, from where the file ends. `have` says how much is there, also when it breaks off.
fn fetch(
    wanted: &Wanted,
    file: &mut File,
    have: &mut u64,
    progress: &mut impl FnMut(u64) -> ControlFlow<()>,
) -> Result<(), Broken> {
    let network = |error: ureq::Error| Broken::Network(error.to_string());
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .https_only(wanted.address.starts_with("https://"))
        .build()
        .into();
    let response =
        agent.get(wanted.address).header("Range", format!("bytes={have}-")).call().map_err(network)?;
    // A server that knows no ranges sends all from the start (RFC 9110, 14.2).
    if response.status() != 206 || !starts_at(&response, *have) {
        *have = 0;
        file.set_len(0).map_err(Broken::Disk)?;
    }
    file.seek(SeekFrom::Start(*have)).map_err(Broken::Disk)?;
    let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = body.read(&mut buffer).map_err(|error| Broken::Network(error.to_string()))?;
        if count == 0 {
            return if *have == wanted.size {
                Ok(())
            } else {
                Err(Broken::Network("the server ended too early".to_owned()))
            };
        }
        *have += count as u64;
        if *have > wanted.size {
            return Err(Broken::TooMuch(*have));
        }
        file.write_all(&buffer[..count]).map_err(Broken::Disk)?;
        if progress(*have).is_break() {
            return Err(Broken::Stopped);
        }
    }
}

/// Whether a partial answer begins where the file ends.
fn starts_at<B>(response: &ureq::http::Response<B>, have: u64) -> bool {
    let range = response.headers().get("Content-Range").and_then(|value| value.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {have}-")))
}

fn digest(file: &mut File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
