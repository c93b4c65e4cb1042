//! Which recordings somebody means, and the word that a receipt keeps of it.

use jiff::Timestamp;
use sotto_house::{Area, RecordingId, SatelliteId};

use crate::codes::Coded;
use crate::record::Owner;

/// Whose recordings are meant, of those that a person opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    Mine,
    /// Those of unknown speakers; an adult's to erase.
    House,
    Both,
}

impl Whose {
    pub(crate) fn includes(self, owner: Owner) -> bool {
        match owner {
            Owner::Person(_) => self != Whose::House,
            Owner::House => self != Whose::Mine,
        }
    }
}

/// Which recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// These; those that are not the person's are not touched and not counted.
    These(Vec<RecordingId>),
    /// Spoken from `from` on and before `to`: "today" and "last ten minutes" are worked out by whoever knows the
    /// household's time zone.
    Between {
        from: Timestamp,
        to: Timestamp,
    },
    Area(Area),
    Satellite(SatelliteId),
    Everything,
}

impl What {
    /// What a receipt says of it.
    pub(crate) fn asked(&self) -> Asked {
        match self {
            What::These(_) => Asked::These,
            What::Between { .. } => Asked::Period,
            What::Area(_) => Asked::Area,
            What::Satellite(_) => Asked::Satellite,
            What::Everything => Asked::Everything,
        }
    }
}

/// What somebody wants erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    pub whose: Whose,
    pub what: What,
}

impl Selection {
    pub fn one(recording: RecordingId) -> Self {
        Selection { whose: Whose::Both, what: What::These(vec![recording]) }
    }
}

/// What a receipt says was asked for; no more than a word, so that it tells nothing of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asked {
    These,
    Period,
    Area,
    Satellite,
    Everything,
    /// Their time had come.
    Retention,
    /// A member left.
    Person,
}

impl Asked {
    pub const ALL: [Asked; 7] = [
        Asked::These,
        Asked::Period,
        Asked::Area,
        Asked::Satellite,
        Asked::Everything,
        Asked::Retention,
        Asked::Person,
    ];
}

impl Coded for Asked {
    const TABLE: &'static [(i64, Self)] = &[
        (1, Asked::These),
        (2, Asked::Period),
        (3, Asked::Area),
        (4, Asked::Satellite),
        (5, Asked::Everything),
        (6, Asked::Retention),
        (7, Asked::Person),
    ];
}
