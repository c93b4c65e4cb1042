//! A member → the numbers in it, in a file of their own: whole or not at all, whenever the power goes.
//!
//! `bytes → member (SHA-256 as pinned?) → stretches of it (SHA-256 as pinned?) → FILE`
//!
//! Through files in the room, since a member may be larger than the memory of the machine.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Error, Keep, Package, Part, hexadecimal};

/// Installs `part`, whose bytes come from `from`, in `folder`, of which `room` is a part.
pub(crate) fn install(
    package: &Package,
    part: &Part,
    (from, bytes): (&Path, &mut dyn Read),
    room: &Path,
    folder: &Path,
) -> Result<(), Error> {
    let target = folder.join(part.file);
    let writing = Error::writing(&target, part.pin.bytes);
    let (member, cut) = (room.join("member"), room.join("cut"));
    // One byte more than it may have shows that it is another.
    let bytes = &mut bytes.take(part.pin.bytes + 1);
    let got = write(&member, |out| io::copy(bytes, out).map(drop)).map_err(&writing)?;
    if got != part.pin.sha256 {
        return Err(package.another(from, got));
    }
    let Keep::Stretches(stretches, pin) = &part.keep else {
        return fs::rename(&member, &target).map_err(&writing);
    };
    let mut whole = File::open(&member).map_err(&writing)?;
    let got = write(&cut, |out| {
        stretches.iter().try_for_each(|&(first, length)| {
            whole.seek(SeekFrom::Start(first))?;
            io::copy(&mut (&mut whole).take(length), out).map(drop)
        })
    });
    match got.map_err(&writing)? {
        got if got == pin.sha256 => fs::rename(&cut, &target).map_err(&writing),
        got => Err(package.another(from, got)),
    }
}

/// A file of what `fill` writes, safely on the disk; its SHA-256.
fn write(path: &Path, fill: impl FnOnce(&mut Hashing<File>) -> io::Result<()>) -> io::Result<String> {
    let mut out = Hashing { hash: Sha256::new(), to: File::create(path)? };
    fill(&mut out)?;
    out.to.sync_all()?;
    Ok(hexadecimal(&out.hash.finalize()))
}

/// The SHA-256 of a file.
pub(crate) fn digest(path: &Path) -> io::Result<String> {
    let mut hash = Hashing { hash: Sha256::new(), to: io::sink() };
    io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(hexadecimal(&hash.hash.finalize()))
}

struct Hashing<W> {
    hash: Sha256,
    to: W,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
