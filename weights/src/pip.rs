//! Python as a household has it: pip brings a wheel, and a member is read out of it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{Error, Package, Part};

/// How often it is looked how far pip is.
const LOOK: Duration = Duration::from_millis(100);

/// Bytes of complaints that are read; pip has never been seen to say so much.
const COMPLAINTS: u64 = 1 << 20;

/// Prints one member of an archive, and runs nothing of it.
const UNPACK: &str = "\
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open(sys.argv[2]) as member:
    shutil.copyfileobj(member, sys.stdout.buffer)
";

/// Which Python, and what is set for it beyond what is set anyway.
pub(crate) struct Python {
    pub program: OsString,
    pub settings: Vec<(&'static str, OsString)>,
}

impl Default for Python {
    fn default() -> Self {
        Python { program: "python3".into(), settings: Vec::new() }
    }
}

impl Python {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Fetches the wheel into `room` and says which file it is. All that pip writes lies in there.
    pub fn download(
        &self,
        package: &Package,
        room: &Path,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<PathBuf, Error> {
        let writing = Error::writing(room, package.wheel.bytes);
        let mut pip = self.command();
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]);
        pip.args(["--no-deps", "--only-binary=:all:", "--dest"]).arg(room);
        if let Some(platform) = package.platform {
            pip.args(["--platform", platform]);
        }
        // Half of a machine's memory may be what it has for /tmp, and what a break leaves there nobody would clear.
        pip.arg(package.requirement).env("TMPDIR", room);
        pip.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = Running(pip.spawn().map_err(|error| no_pip(package, error.to_string()))?);
        // Not into a file: the disk may be what it complains about.
        let complaints = child.0.stderr.take().map(|stderr| {
            std::thread::spawn(move || {
                let mut said = Vec::new();
                let _ = stderr.take(COMPLAINTS).read_to_end(&mut said);
                said
            })
        });
        let status = loop {
            if let Some(status) = child.0.try_wait().map_err(&writing)? {
                break status;
            }
            if progress(size(room).min(package.wheel.bytes)).is_break() {
                return Err(Error::Stopped { name: package.name });
            }
            std::thread::sleep(LOOK);
        };
        if !status.success() {
            let said = complaints.and_then(|thread| thread.join().ok()).unwrap_or_default();
            return Err(complaint(package, room, &said));
        }
        let wheel = fs::read_dir(room)
            .map_err(&writing)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
        wheel.ok_or_else(|| failed(package, "it brought no wheel".into()))
    }

    /// Gives the bytes of a member to `read`, which may stop at any of them.
    pub fn member<T>(
        &self,
        package: &Package,
        wheel: &Path,
        part: &Part,
        read: impl FnOnce(&mut dyn io::Read) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let failed = |error: io::Error| no_pip(package, error.to_string());
        let mut unpack = self.command();
        // Isolated: no module of the folder that we happen to be in.
        unpack.args(["-I", "-c", UNPACK]).arg(wheel).arg(part.member);
        let mut child = Running(unpack.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?);
        let mut bytes = child.0.stdout.take().ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        read(&mut bytes)
    }
}

/// A child that does not outlive what it was started for.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn no_pip(package: &Package, why: String) -> Error {
    Error::NoPip { name: package.name, why, otherwise: package.otherwise }
}

fn failed(package: &Package, why: String) -> Error {
    let Package { requirement, name, otherwise, .. } = *package;
    Error::Pip { requirement, name, why, otherwise }
}

/// What pip's complaints come to. It has no exit codes for them, so its words must do.
fn complaint(package: &Package, room: &Path, said: &[u8]) -> Error {
    let said = String::from_utf8_lossy(said);
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines().next_back().unwrap_or("it gave no reason").to_owned();
    let about = |words: &[&str]| lines().find(|line| words.iter().any(|word| line.contains(word)));
    if said.contains("No module named pip") {
        no_pip(package, last)
    } else if about(&["No space left on device", "Disk quota exceeded"]).is_some() {
        let megabytes = package.wheel.bytes.div_ceil(1_000_000);
        Error::Full { path: room.to_owned(), megabytes }
    } else if let Some(line) =
        about(&["connection", "Connection", "timed out", "name resolution", "SSLError"])
    {
        Error::Unreachable { name: package.name, why: line.to_owned(), otherwise: package.otherwise }
    } else {
        failed(package, last)
    }
}

/// Bytes of all files below `folder`.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}
