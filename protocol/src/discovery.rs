//! The mDNS records: what a hub and an unpaired satellite say about themselves to everyone on the network.
//!
//! A record is a hint, never a proof: whoever answers at its address must still own the pinned certificate.

use std::collections::BTreeMap;

use crate::identity::Fingerprint;

/// The hub, as DNS-SD (RFC 6763) calls a service type.
pub const HUB_SERVICE: &str = "_sotto._udp.local.";

/// A satellite that belongs to no hub yet.
pub const SATELLITE_SERVICE: &str = "_sotto-satellite._udp.local.";

/// Longest text value here, in bytes; a whole TXT string has 255.
const LONGEST: usize = 120;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("the record has no usable {0}")]
    Field(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubRecord {
    pub id: String,
    pub name: String,
    /// Of the protocol.
    pub version: u32,
    pub fingerprint: Fingerprint,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SatelliteRecord {
    pub id: String,
    pub name: String,
    pub version: u32,
    pub hardware: String,
    pub fingerprint: Fingerprint,
}

impl HubRecord {
    pub fn properties(&self) -> BTreeMap<String, String> {
        properties(&self.id, &self.name, self.version, self.fingerprint)
    }

    /// Out of a TXT record, whose values are asked for by key.
    pub fn parse<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Result<Self, RecordError> {
        let (id, name, version, fingerprint) = parse(&value)?;
        Ok(HubRecord { id, name, version, fingerprint })
    }
}

impl SatelliteRecord {
    pub fn properties(&self) -> BTreeMap<String, String> {
        let mut properties = properties(&self.id, &self.name, self.version, self.fingerprint);
        properties.insert("hw".into(), shorten(&self.hardware));
        properties
    }

    /// Out of a TXT record, whose values are asked for by key.
    pub fn parse<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Result<Self, RecordError> {
        let (id, name, version, fingerprint) = parse(&value)?;
        let hardware = people(value("hw").unwrap_or_default());
        Ok(SatelliteRecord { id, name, version, hardware, fingerprint })
    }
}

fn properties(id: &str, name: &str, version: u32, fingerprint: Fingerprint) -> BTreeMap<String, String> {
    [
        ("id", id.to_owned()),
        ("name", shorten(name)),
        ("v", version.to_string()),
        ("fp", fingerprint.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

fn parse<'a>(
    value: &impl Fn(&str) -> Option<&'a str>,
) -> Result<(String, String, u32, Fingerprint), RecordError> {
    let id = value("id").and_then(|id| crate::decode::id("id", id.to_owned()).ok());
    let version = value("v").and_then(|version| version.parse().ok()).filter(|version| *version > 0);
    let fingerprint = value("fp").and_then(|fingerprint| fingerprint.parse().ok());
    Ok((
        id.ok_or(RecordError::Field("id"))?,
        people(value("name").unwrap_or_default()),
        version.ok_or(RecordError::Field("version"))?,
        fingerprint.ok_or(RecordError::Field("fingerprint"))?,
    ))
}

/// A stranger's text, fit to be shown: no control characters, not long.
fn people(text: &str) -> String {
    shorten(&text.chars().filter(|c| !c.is_control()).collect::<String>())
}

fn shorten(text: &str) -> String {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_reads_back_what_it_says(name in "[^\\p{Cc}]{0,20}", version in 1u32.., byte in any::<u8>()) {
            let fingerprint = Fingerprint::from_bytes([byte; 32]);
            let hub = HubRecord { id: "hub-1".into(), name: name.clone(), version, fingerprint };
            let said = hub.properties();
            prop_assert_eq!(HubRecord::parse(|key| said.get(key).map(String::as_str)), Ok(hub));
            let hardware = name.clone();
            let satellite = SatelliteRecord { id: "s".into(), name, version, hardware, fingerprint };
            let said = satellite.properties();
            prop_assert_eq!(SatelliteRecord::parse(|key| said.get(key).map(String::as_str)), Ok(satellite));
        }

        #[test]
        fn a_strangers_record_is_read_or_refused(text in ".{0,300}") {
            let _ = SatelliteRecord::parse(|_| Some(text.as_str()));
            let shown = people(&text);
            prop_assert!(shown.len() <= LONGEST && !shown.chars().any(char::is_control));
        }
    }
}
