//! The hub this satellite belongs to: its certificate, pinned, and where it was last.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sotto_protocol::{Fingerprint, UpdateKey, write_private};

const FILE: &str = "hub.json";

#[derive(Debug, thiserror::Error)]
pub enum PinError {
    #[error("{path} cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is damaged; remove it and pair this satellite again")]
    Damaged { path: PathBuf },
    #[error("{path} cannot be written: {source}; give the satellite a data directory that it may write to")]
    Write { path: PathBuf, source: std::io::Error },
}

/// A pairing, as this satellite keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    pub hub: String,
    pub hub_name: String,
    pub fingerprint: Fingerprint,
    /// Where the hub was last reached, `address:port`.
    pub address: String,
    /// What the hub signs programs with, as it said at the first connection.
    pub update_key: Option<UpdateKey>,
    /// This satellite's own id, name and area, as the hub knows them.
    pub satellite: String,
    pub name: String,
    pub area: String,
}

#[derive(Serialize, Deserialize)]
struct Row {
    hub: String,
    hub_name: String,
    fingerprint: String,
    address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    update_key: Option<[u8; 32]>,
    satellite: String,
    name: String,
    area: String,
}

impl Pin {
    /// `None` where the satellite is not paired.
    pub fn load(data: &Path) -> Result<Option<Pin>, PinError> {
        let path = data.join(FILE);
        let json = match std::fs::read(&path) {
            Ok(json) => json,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(PinError::Read { path, source }),
        };
        let row: Option<Row> = serde_json::from_slice(&json).ok();
        let fingerprint = row.as_ref().and_then(|row| row.fingerprint.parse().ok());
        let (Some(row), Some(fingerprint)) = (row, fingerprint) else {
            return Err(PinError::Damaged { path });
        };
        Ok(Some(Pin {
            hub: row.hub,
            hub_name: row.hub_name,
            fingerprint,
            address: row.address,
            update_key: row.update_key.map(UpdateKey::from_bytes),
            satellite: row.satellite,
            name: row.name,
            area: row.area,
        }))
    }

    /// Keeps the first key for programs that the hub shows after pairing; another one later is not believed.
    pub fn keep_update_key(data: &Path, key: UpdateKey) -> Result<(), PinError> {
        match Pin::load(data)? {
            Some(pin @ Pin { update_key: None, .. }) => Pin { update_key: Some(key), ..pin }.save(data),
            Some(Pin { update_key: Some(kept), .. }) if kept != key => {
                tracing::warn!(
                    "the hub shows another key for programs; pair this satellite anew to believe it"
                );
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub fn save(&self, data: &Path) -> Result<(), PinError> {
        let row = Row {
            hub: self.hub.clone(),
            hub_name: self.hub_name.clone(),
            fingerprint: self.fingerprint.to_string(),
            address: self.address.clone(),
            update_key: self.update_key.map(|key| *key.bytes()),
            satellite: self.satellite.clone(),
            name: self.name.clone(),
            area: self.area.clone(),
        };
        let path = data.join(FILE);
        let json = serde_json::to_vec_pretty(&row).expect("a row of texts is JSON");
        write_private(&path, &json).map_err(|source| PinError::Write { path, source })
    }

    /// Forgets the hub.
    pub fn remove(data: &Path) -> Result<(), PinError> {
        let path = data.join(FILE);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(PinError::Write { path, source })
            }
            _ => Ok(()),
        }
    }
}

/// An id for a satellite: its name in letters that a topic may hold, and enough of its certificate to tell two
/// "kitchen"s apart.
pub fn id(name: &str, fingerprint: Fingerprint) -> String {
    let mut id = String::new();
    for c in name.to_lowercase().chars().take(30) {
        match c {
            'a'..='z' | '0'..='9' => id.push(c),
            'ä' => id.push_str("ae"),
            'ö' => id.push_str("oe"),
            'ü' => id.push_str("ue"),
            'ß' => id.push_str("ss"),
            _ if id.ends_with('-') || id.is_empty() => {}
            _ => id.push('-'),
        }
    }
    id.truncate(30);
    let name = id.trim_end_matches('-');
    let name = if name.is_empty() { "satellite" } else { name };
    format!("{name}-{}", &fingerprint.to_string()[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_reads_back_and_can_be_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let pin = Pin {
            hub: "hub-1".into(),
            hub_name: "Home".into(),
            fingerprint: Fingerprint::from_bytes([7; 32]),
            update_key: None,
            address: "192.0.2.1:7414".into(),
            satellite: "kitchen".into(),
            name: "Kitchen".into(),
            area: "Kitchen".into(),
        };
        assert_eq!(Pin::load(folder.path()).unwrap(), None);
        pin.save(folder.path()).unwrap();
        assert_eq!(Pin::load(folder.path()).unwrap(), Some(pin));
        Pin::remove(folder.path()).unwrap();
        Pin::remove(folder.path()).unwrap();
        assert_eq!(Pin::load(folder.path()).unwrap(), None);
        std::fs::write(folder.path().join(FILE), "{}").unwrap();
        assert!(matches!(Pin::load(folder.path()), Err(PinError::Damaged { .. })));
    }

    #[test]
    fn an_id_fits_a_topic_whatever_the_name() {
        let check =
            |name: &str, expect: &str| assert_eq!(id(name, Fingerprint::from_bytes([0xab; 32])), expect);
        check("Kitchen shelf", "kitchen-shelf-ababab");
        check("Küche", "kueche-ababab");
        check("  ", "satellite-ababab");
        check("日本", "satellite-ababab");
        check(&"ü".repeat(99), "ueueueueueueueueueueueueueueue-ababab");
        check("a -- b!", "a-b-ababab");
    }
}
