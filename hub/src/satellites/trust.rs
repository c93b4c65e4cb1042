//! Whom the hub knows: the paired satellites by their certificates, and the revoked ones with the reason.
//!
//! One small JSON file in the data directory, replaced whole, so that a crash leaves the old list or the new one.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sotto_house::{Area, SatelliteId};
use sotto_protocol::{Fingerprint, write_private};

/// How many revocations are remembered, newest last. An older one is as good as a stranger, which is refused too.
const REVOKED: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("{path} cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "{path} is damaged ({why}); restore it from a backup, or remove it and pair the satellites again"
    )]
    Damaged { path: PathBuf, why: String },
    #[error("{path} cannot be written: {source}; nothing was changed")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("the satellite {0} is paired already, with another certificate; revoke it first")]
    IdTaken(SatelliteId),
    #[error("no satellite {0} is paired; see `sotto-hub satellites`")]
    Unknown(SatelliteId),
}

/// A satellite that belongs to this hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paired {
    pub id: SatelliteId,
    pub name: String,
    pub area: Option<Area>,
    pub hardware: String,
    pub fingerprint: Fingerprint,
    pub paired_at: Timestamp,
}

/// What the hub knows about a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Paired(Paired),
    Revoked { reason: String },
    Stranger,
}

/// The list, in memory and on disk.
#[derive(Debug)]
pub struct Trust {
    path: PathBuf,
    list: List,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct List {
    paired: Vec<PairedRow>,
    revoked: Vec<RevokedRow>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PairedRow {
    id: String,
    name: String,
    area: String,
    hardware: String,
    fingerprint: String,
    /// RFC 3339, in UTC.
    paired_at: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RevokedRow {
    id: String,
    fingerprint: String,
    reason: String,
    at: String,
}

impl Trust {
    pub fn open(path: PathBuf) -> Result<Trust, TrustError> {
        let list: List = match std::fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json)
                .map_err(|error| TrustError::Damaged { path: path.clone(), why: error.to_string() })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => List::default(),
            Err(source) => return Err(TrustError::Read { path, source }),
        };
        for row in &list.paired {
            row.read().map_err(|why| TrustError::Damaged { path: path.clone(), why })?;
        }
        Ok(Trust { path, list })
    }

    pub fn standing(&self, fingerprint: Fingerprint) -> Standing {
        let wanted = fingerprint.to_string();
        if let Some(paired) = self.paired().into_iter().find(|paired| paired.fingerprint == fingerprint) {
            return Standing::Paired(paired);
        }
        match self.list.revoked.iter().rev().find(|row| row.fingerprint == wanted) {
            Some(row) => Standing::Revoked { reason: row.reason.clone() },
            None => Standing::Stranger,
        }
    }

    /// Everyone who is paired, in the order of pairing.
    pub fn paired(&self) -> Vec<Paired> {
        self.list.paired.iter().filter_map(|row| row.read().ok()).collect()
    }

    /// Adds a satellite, or replaces what was known about the same certificate.
    pub fn pair(&mut self, paired: Paired) -> Result<(), TrustError> {
        let fingerprint = paired.fingerprint.to_string();
        let taken =
            self.list.paired.iter().any(|row| row.id == paired.id.as_str() && row.fingerprint != fingerprint);
        if taken {
            return Err(TrustError::IdTaken(paired.id));
        }
        self.change(|list| {
            list.paired.retain(|row| row.fingerprint != fingerprint);
            list.revoked.retain(|row| row.fingerprint != fingerprint);
            list.paired.push(PairedRow::from(paired));
        })
    }

    /// Takes a satellite off the list for good.
    pub fn revoke(&mut self, id: &SatelliteId, reason: &str, at: Timestamp) -> Result<(), TrustError> {
        let row = self.list.paired.iter().find(|row| row.id == id.as_str());
        let row = row.ok_or_else(|| TrustError::Unknown(id.clone()))?;
        let revoked = RevokedRow {
            id: row.id.clone(),
            fingerprint: row.fingerprint.clone(),
            reason: reason.to_owned(),
            at: at.to_string(),
        };
        self.change(|list| {
            list.paired.retain(|row| row.id != id.as_str());
            list.revoked.push(revoked);
            let surplus = list.revoked.len().saturating_sub(REVOKED);
            list.revoked.drain(..surplus);
        })
    }

    /// Gives a satellite another name or area.
    pub fn rename(&mut self, id: &SatelliteId, name: &str, area: Option<&Area>) -> Result<(), TrustError> {
        if !self.list.paired.iter().any(|row| row.id == id.as_str()) {
            return Err(TrustError::Unknown(id.clone()));
        }
        self.change(|list| {
            for row in list.paired.iter_mut().filter(|row| row.id == id.as_str()) {
                row.name = name.to_owned();
                row.area = area.map(|area| area.as_str().to_owned()).unwrap_or_default();
            }
        })
    }

    /// The disk first: what could not be written is not so.
    fn change(&mut self, change: impl FnOnce(&mut List)) -> Result<(), TrustError> {
        let mut list = self.list.clone();
        change(&mut list);
        let json = serde_json::to_vec_pretty(&list).expect("a list of texts is JSON");
        write_private(&self.path, &json)
            .map_err(|source| TrustError::Write { path: self.path.clone(), source })?;
        self.list = list;
        Ok(())
    }
}

impl PairedRow {
    fn read(&self) -> Result<Paired, String> {
        let id = SatelliteId::new(&self.id).map_err(|error| error.to_string())?;
        Ok(Paired {
            id,
            name: self.name.clone(),
            area: Area::new(&self.area).ok(),
            hardware: self.hardware.clone(),
            fingerprint: self.fingerprint.parse().map_err(|error| format!("{}: {error}", self.id))?,
            paired_at: self.paired_at.parse().map_err(|_| format!("{}: no time of pairing", self.id))?,
        })
    }
}

impl From<Paired> for PairedRow {
    fn from(paired: Paired) -> Self {
        PairedRow {
            id: paired.id.as_str().to_owned(),
            name: paired.name,
            area: paired.area.map(|area| area.as_str().to_owned()).unwrap_or_default(),
            hardware: paired.hardware,
            fingerprint: paired.fingerprint.to_string(),
            paired_at: paired.paired_at.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paired(id: &str, byte: u8) -> Paired {
        Paired {
            id: SatelliteId::new(id).unwrap(),
            name: "Shelf".into(),
            area: Area::new("Kitchen").ok(),
            hardware: String::new(),
            fingerprint: Fingerprint::from_bytes([byte; 32]),
            paired_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_was_paired_and_revoked_outlives_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("satellites.json");
        let reopen = || Trust::open(path.clone()).unwrap();
        let (kitchen, bedroom) = (paired("kitchen", 1), paired("bedroom", 2));
        let mut trust = reopen();
        assert_eq!(trust.standing(kitchen.fingerprint), Standing::Stranger);
        trust.pair(kitchen.clone()).unwrap();
        trust.pair(bedroom.clone()).unwrap();
        assert_eq!(reopen().paired(), [kitchen.clone(), bedroom.clone()]);

        assert!(matches!(trust.pair(paired("kitchen", 3)), Err(TrustError::IdTaken(_))));
        trust.revoke(&kitchen.id, "sold", Timestamp::UNIX_EPOCH).unwrap();
        assert!(matches!(trust.revoke(&kitchen.id, "", Timestamp::UNIX_EPOCH), Err(TrustError::Unknown(_))));
        let mut trust = reopen();
        assert_eq!(trust.standing(kitchen.fingerprint), Standing::Revoked { reason: "sold".into() });
        assert_eq!(trust.standing(bedroom.fingerprint), Standing::Paired(bedroom));

        trust.pair(kitchen.clone()).unwrap();
        assert_eq!(reopen().standing(kitchen.fingerprint), Standing::Paired(kitchen.clone()));
        trust.rename(&kitchen.id, "Window", None).unwrap();
        let renamed = Paired { name: "Window".into(), area: None, ..kitchen.clone() };
        assert_eq!(reopen().standing(kitchen.fingerprint), Standing::Paired(renamed));
    }

    #[test]
    fn a_damaged_list_is_said_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("satellites.json");
        for bad in ["", "[]", r#"{"paired":[{"id":"A B"}],"revoked":[]}"#] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(Trust::open(path.clone()), Err(TrustError::Damaged { .. })), "{bad}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), bad);
        }
    }
}
