//! A file that exists only in memory, for a library that insists on reading files by name.
//!
//! Its name under `/proc/self/fd` works in a process that may open no other file.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, FromRawFd};

pub struct MemoryFile {
    file: File,
}

impl MemoryFile {
    pub fn new(name: &str, content: &[u8]) -> io::Result<Self> {
        let name = std::ffi::CString::new(name)?;
        // SAFETY: the name is a C string; the descriptor that comes back is ours alone.
        let descriptor = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: as above.
        let mut file = MemoryFile { file: unsafe { File::from_raw_fd(descriptor) } };
        file.write(content)?;
        Ok(file)
    }

    /// Replaces the content.
    pub fn write(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(content)
    }

    pub fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.file.as_raw_fd())
    }
}
