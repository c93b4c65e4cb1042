//! How long a recording is kept.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The seven choices a person has. The order is from the shortest to the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Retention {
    /// Never touches the disk.
    NotAtAll,
    Day,
    Week,
    Month,
    ThreeMonths,
    EighteenMonths,
    UntilErased,
}

impl Retention {
    /// Every choice, shortest first.
    pub const ALL: [Retention; 7] = [
        Retention::NotAtAll,
        Retention::Day,
        Retention::Week,
        Retention::Month,
        Retention::ThreeMonths,
        Retention::EighteenMonths,
        Retention::UntilErased,
    ];

    /// How long after it was spoken a recording goes, or `None` when only its owner ends it. A month is 30
    /// days, so that "erased after" is the same promise in February.
    pub const fn lifetime(self) -> Option<Duration> {
        let days = match self {
            Retention::NotAtAll => 0,
            Retention::Day => 1,
            Retention::Week => 7,
            Retention::Month => 30,
            Retention::ThreeMonths => 90,
            Retention::EighteenMonths => 540,
            Retention::UntilErased => return None,
        };
        Some(Duration::from_secs(DAY.as_secs() * days))
    }
}
