//! The newest head of the hub's access records, kept as a witness: a hub whose records were cut back cannot make
//! its satellites forget. It holds no words, names or audio.

use std::path::Path;

use sotto_protocol::{JournalHead, Message, ToHub, write_private};

const FILE: &str = "journal-head";

/// The head that is held, if one is.
pub fn load(data: &Path) -> Option<JournalHead> {
    let bytes = std::fs::read(data.join(FILE)).ok()?;
    match ToHub::decode(bytes.into()) {
        Ok(ToHub::HeldHead(head)) => Some(head),
        _ => None,
    }
}

/// Keeps `head` unless a later one is held already: a witness does not go back.
pub fn keep(data: &Path, head: JournalHead) -> std::io::Result<()> {
    if load(data).is_some_and(|held| held.sequence >= head.sequence) {
        return Ok(());
    }
    write_private(&data.join(FILE), &ToHub::HeldHead(head).encode())
}

/// A new hub has another chain.
pub fn forget(data: &Path) {
    let _ = std::fs::remove_file(data.join(FILE));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_keeps_the_latest_head_only() {
        let folder = tempfile::tempdir().unwrap();
        let head = |sequence| JournalHead { sequence, head: [1; 32], signature: [2; 64], at_ms: 3 };
        assert_eq!(load(folder.path()), None);
        for (given, held) in [(5, 5), (9, 9), (7, 9)] {
            keep(folder.path(), head(given)).unwrap();
            assert_eq!(load(folder.path()), Some(head(held)));
        }
        forget(folder.path());
        assert_eq!(load(folder.path()), None);
    }
}
