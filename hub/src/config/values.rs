//! What a value may be, said where it is read, so that an error names the place.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Deserialize;

pub fn seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let value = f64::deserialize(from)?;
    match value.is_finite() && (0.1..=600.0).contains(&value) {
        true => Ok(value),
        false => Err(serde::de::Error::custom("give seconds between 0.1 and 600")),
    }
}

pub fn seconds_by_intent<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, f64>, D::Error> {
    #[derive(Deserialize)]
    struct Seconds(#[serde(deserialize_with = "seconds")] f64);
    let all = BTreeMap::<String, Seconds>::deserialize(from)?;
    Ok(all.into_iter().map(|(intent, Seconds(seconds))| (intent, seconds)).collect())
}

pub fn quiet_hours<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    match text.is_empty() || crate::home::QuietHours::parse(&text).is_some() {
        true => Ok(text),
        false => Err(serde::de::Error::custom("give hours as in \"22:00-07:00\", or nothing")),
    }
}

/// Numbers are for this machine alone: whoever may read them knows when somebody is at home.
pub fn loopback<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    match text.is_empty() || text.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback()) {
        true => Ok(text),
        false => {
            Err(serde::de::Error::custom("give an address on loopback, as in \"127.0.0.1:9474\", or nothing"))
        }
    }
}

pub fn one() -> u8 {
    1
}

pub fn three() -> f64 {
    3.0
}

pub fn fraction<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f32, D::Error> {
    let value = f32::deserialize(from)?;
    match (0.0..=1.0).contains(&value) {
        true => Ok(value),
        false => Err(serde::de::Error::custom("give a number from 0 to 1")),
    }
}

pub fn area_name<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    sotto_house::Area::new(&name).map(|area| area.as_str().to_owned()).map_err(serde::de::Error::custom)
}
