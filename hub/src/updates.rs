//! Programs for satellites: put in by hand, one for each kind of processor, signed by this hub.
//!
//! `sotto-hub updates add FILE → updates/ARCHITECTURE (+ .json) → satellites that ask`. What lies there counts at once.
//! Deliberately absent: fetching programs from anywhere.

use std::fs;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sotto_protocol::{Identity, PROGRAM_LIMIT, Program, Signature, write_private};

/// The programs in a hub's data directory.
#[derive(Debug, Clone)]
pub struct Updates {
    folder: PathBuf,
}

/// What a satellite is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub program: Program,
    pub signature: Signature,
    pub file: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Row {
    version: String,
    size: u64,
    sha256: String,
    signature: String,
}

impl Updates {
    pub fn of(data: &Path) -> Updates {
        Updates { folder: data.join("updates") }
    }

    /// Takes `file` in, as `version`, for the processor that it says it is for unless `architecture` does.
    pub fn add(
        &self,
        identity: &Identity,
        file: &Path,
        version: &str,
        architecture: Option<&str>,
    ) -> anyhow::Result<Program> {
        let named = version.chars().all(|c| c.is_ascii_graphic()) && (1..=40).contains(&version.len());
        if !named {
            bail!("{version:?} is no version; give what the program answers to --version, such as 0.2.0");
        }
        let mut read = fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut head = [0; 20];
        let head = read.read(&mut head).map(|count| head[..count].to_vec())?;
        let architecture = match architecture {
            Some(architecture) if is_name(architecture) => architecture,
            Some(_) => bail!("an architecture is a name such as aarch64 or x86_64"),
            None => architecture_of(&head).with_context(|| {
                format!("{} is no program for Linux; give --architecture if it is one", file.display())
            })?,
        };
        read.rewind()?;
        let program = Program::read(architecture, version, read)?;
        if program.size > PROGRAM_LIMIT {
            bail!("{} has {} bytes; a program has at most {PROGRAM_LIMIT}", file.display(), program.size);
        }
        let signature = identity.sign_program(&program);
        let row = Row {
            version: program.version.clone(),
            size: program.size,
            sha256: hex(&program.sha256),
            signature: hex(&signature.0),
        };
        let contents = fs::read(file)?;
        write_private(&self.folder.join(architecture), &contents)
            .and_then(|()| write_private(&self.row(architecture), &serde_json::to_vec_pretty(&row)?))
            .with_context(|| format!("cannot write {}", self.folder.display()))?;
        Ok(program)
    }

    /// What there is for a kind of processor. One whose description is damaged is not there.
    pub fn offer(&self, architecture: &str) -> Option<Offer> {
        if !is_name(architecture) {
            return None;
        }
        let row: Row = serde_json::from_slice(&fs::read(self.row(architecture)).ok()?).ok()?;
        let program = Program {
            architecture: architecture.to_owned(),
            version: row.version,
            size: row.size,
            sha256: from_hex(&row.sha256)?,
        };
        let signature = Signature(from_hex(&row.signature)?);
        Some(Offer { program, signature, file: self.folder.join(architecture) })
    }

    /// All that there is, in the order of the architectures' names.
    pub fn list(&self) -> Vec<Program> {
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = files.filter_map(|file| file.file_name().into_string().ok()).collect();
        names.sort();
        names.iter().filter_map(|name| Some(self.offer(name)?.program)).collect()
    }

    fn row(&self, architecture: &str) -> PathBuf {
        self.folder.join(format!("{architecture}.json"))
    }
}

fn is_name(architecture: &str) -> bool {
    (1..=20).contains(&architecture.len())
        && architecture.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

/// From the header of an ELF file (System V ABI, chapter 4: `e_ident`, `e_machine`), in Rust's words.
fn architecture_of(head: &[u8]) -> Option<&'static str> {
    let rest = head.strip_prefix(b"\x7fELF")?;
    match u16::from_le_bytes([*rest.get(14)?, *rest.get(15)?]) {
        62 => Some("x86_64"),
        183 => Some("aarch64"),
        40 => Some("arm"),
        243 => Some("riscv64"),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let pairs = text.as_bytes().as_chunks::<2>();
    if pairs.0.len() != N || !pairs.1.is_empty() || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs.0) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_taken_in_signed_and_offered_to_its_kind() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::load_or_make(folder.path()).unwrap();
        let updates = Updates::of(folder.path());
        assert!(updates.offer("x86_64").is_none() && updates.list().is_empty());
        let program = updates.add(&identity, Path::new("/bin/sh"), "0.2.0", None).unwrap();
        assert_eq!(program.architecture, std::env::consts::ARCH);
        let offer = updates.offer(std::env::consts::ARCH).unwrap();
        assert_eq!(offer.program, program);
        assert!(identity.update_key().signed(&offer.program, &offer.signature));
        assert_eq!(updates.list(), [program]);
    }

    #[test]
    fn what_is_no_program_is_refused_and_so_is_what_is_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::load_or_make(folder.path()).unwrap();
        let updates = Updates::of(folder.path());
        let text = folder.path().join("text");
        fs::write(&text, "no program").unwrap();
        let refused = |version: &str, architecture| {
            updates.add(&identity, &text, version, architecture).unwrap_err().to_string()
        };
        assert!(refused("1", None).contains("--architecture"));
        assert!(refused("1", Some("../x")).contains("architecture"));
        assert!(refused("", Some("arm")).contains("version"));
        assert!(updates.offer("../identity").is_none());
        updates.add(&identity, &text, "1", Some("arm")).unwrap();
        fs::write(folder.path().join("updates/arm.json"), "{}").unwrap();
        assert!(updates.offer("arm").is_none());
        assert_eq!((from_hex::<1>("+1"), from_hex::<1>("0g"), from_hex::<1>("000")), (None, None, None));
    }
}
