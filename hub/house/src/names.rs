//! The names that everything in the house goes by.
//!
//! Each has a private field and one constructor that checks it, so a value that exists is well formed.

use std::fmt;
use std::str::FromStr;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameError {
    /// Nothing but blanks.
    Empty,
    /// More than `limit` characters.
    TooLong { limit: usize },
    /// A character that may not stand in this kind of name.
    Character(char),
    /// Not 32 hexadecimal digits.
    NotHex,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => write!(f, "the name is empty; give it at least one letter"),
            NameError::TooLong { limit } => {
                write!(f, "the name is longer than {limit} characters; shorten it")
            }
            NameError::Character(c) => write!(f, "the name holds {c:?}; use letters, digits, - and _"),
            NameError::NotHex => write!(f, "the id is not 32 hexadecimal digits"),
        }
    }
}

impl std::error::Error for NameError {}

/// A satellite's own name for itself: 1 to 40 of `a–z 0–9 - _`, fit for an MQTT topic and for Home Assistant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SatelliteId(String);

impl SatelliteId {
    /// Longest satellite id, in characters.
    pub const LIMIT: usize = 40;

    pub fn new(id: &str) -> Result<Self, NameError> {
        if id.is_empty() {
            return Err(NameError::Empty);
        }
        if id.len() > Self::LIMIT {
            return Err(NameError::TooLong { limit: Self::LIMIT });
        }
        match id.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '_')) {
            Some(c) => Err(NameError::Character(c)),
            None => Ok(SatelliteId(id.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A room, by the name that its people and Home Assistant call it: 1 to 60 characters, no control characters,
/// blanks at the ends removed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Area(String);

impl Area {
    /// Longest area name, in characters.
    pub const LIMIT: usize = 60;

    pub fn new(name: &str) -> Result<Self, NameError> {
        let name = name.trim();
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.chars().count() > Self::LIMIT {
            return Err(NameError::TooLong { limit: Self::LIMIT });
        }
        match name.chars().find(|c| c.is_control()) {
            Some(c) => Err(NameError::Character(c)),
            None => Ok(Area(name.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SatelliteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// 128 random bits, so that an id can be neither guessed nor counted; written as 32 hexadecimal digits.
macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                $name(bytes)
            }

            pub const fn bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                if text.len() != 32 || !text.is_ascii() {
                    return Err(NameError::NotHex);
                }
                let mut bytes = [0; 16];
                for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
                    let digits = std::str::from_utf8(pair).map_err(|_| NameError::NotHex)?;
                    if digits.starts_with('+') {
                        return Err(NameError::NotHex);
                    }
                    *byte = u8::from_str_radix(digits, 16).map_err(|_| NameError::NotHex)?;
                }
                Ok($name(bytes))
            }
        }
    };
}

random_id!(
    /// One utterance, detection to endpoint; chosen by the satellite, so that a resumed one is known again.
    UtteranceId
);
random_id!(
    /// One recording in the journal; not the utterance's id, so that knowing one does not give the other.
    RecordingId
);
random_id!(
    /// One person of the household.
    PersonId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_print() {
        let id = UtteranceId::from_bytes([0xa5; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "a5", &"g".repeat(32), &"+a".repeat(16), &"é".repeat(16)] {
            assert_eq!(bad.parse::<UtteranceId>(), Err(NameError::NotHex), "{bad}");
        }
    }

    #[test]
    fn a_satellite_id_fits_a_topic() {
        assert!(SatelliteId::new("kitchen-1").is_ok());
        for bad in ["", "Kitchen", "a/b", "a+b", "#", "küche", &"a".repeat(41)] {
            assert!(SatelliteId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_area_is_any_name_people_use() {
        assert_eq!(Area::new("  Küche ").unwrap().as_str(), "Küche");
        for bad in ["", "   ", "a\nb", &"ü".repeat(61)] {
            assert!(Area::new(bad).is_err(), "{bad}");
        }
    }
}
