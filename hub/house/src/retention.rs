//! How long a recording is kept.

use std::time::Duration;

use crate::Outcome;

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

/// How long a false wake, or a wake with nothing after it, may stay: long enough to see on the page why the lamp
/// came on, too short to be a record of the room.
pub const FALSE_WAKE_KEPT: Duration = Duration::from_secs(10 * 60);

/// How long false wakes, and wakes with nothing after them, may stay; never longer than what was meant for the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum FalseWakes {
    NotAtAll,
    /// [`FALSE_WAKE_KEPT`].
    #[default]
    Minutes,
    Day,
}

impl FalseWakes {
    /// Every choice, shortest first.
    pub const ALL: [FalseWakes; 3] = [FalseWakes::NotAtAll, FalseWakes::Minutes, FalseWakes::Day];
}

impl From<FalseWakes> for Kept {
    fn from(choice: FalseWakes) -> Self {
        match choice {
            FalseWakes::NotAtAll => Kept::NotAtAll,
            FalseWakes::Minutes => Kept::For(FALSE_WAKE_KEPT),
            FalseWakes::Day => Kept::For(DAY),
        }
    }
}

/// How long one recording stays, once everything that bears on it is known. Ordered: what goes first is least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kept {
    /// Never touches the disk.
    NotAtAll,
    /// Counted from when it was spoken.
    For(Duration),
    UntilErased,
}

impl From<Retention> for Kept {
    fn from(retention: Retention) -> Self {
        match (retention, retention.lifetime()) {
            (Retention::NotAtAll, _) => Kept::NotAtAll,
            (_, Some(lifetime)) => Kept::For(lifetime),
            (_, None) => Kept::UntilErased,
        }
    }
}

impl Kept {
    /// The shortest of what its owner chose (for unknown speakers: what the house chose), what the area allows
    /// and what its outcome deserves.
    pub fn of(outcome: Outcome, owner: Retention, area: Option<Retention>, false_wakes: FalseWakes) -> Self {
        let by_outcome = match outcome {
            Outcome::FalseWake | Outcome::NothingSaid => false_wakes.into(),
            // Another satellite's recording of the same words is the one that stays.
            Outcome::AnsweredElsewhere => Kept::NotAtAll,
            Outcome::Done
            | Outcome::NotUnderstood
            | Outcome::Refused
            | Outcome::NotReached
            | Outcome::Interrupted
            | Outcome::NotHeard => Kept::UntilErased,
        };
        let by_area = area.map_or(Kept::UntilErased, Kept::from);
        by_outcome.min(by_area).min(owner.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_wish_wins() {
        use Outcome::*;
        use Retention::*;
        let week = Kept::For(7 * DAY);
        let minutes = Kept::For(FALSE_WAKE_KEPT);
        for (outcome, owner, area, expect) in [
            (Done, Month, None, Kept::For(30 * DAY)),
            (Done, Month, Some(Week), week),
            (Done, Week, Some(Month), week),
            (Done, UntilErased, None, Kept::UntilErased),
            (Done, UntilErased, Some(NotAtAll), Kept::NotAtAll),
            (Done, NotAtAll, Some(UntilErased), Kept::NotAtAll),
            (FalseWake, UntilErased, None, minutes),
            (FalseWake, NotAtAll, None, Kept::NotAtAll),
            (NothingSaid, Day, Some(Day), minutes),
            (AnsweredElsewhere, UntilErased, None, Kept::NotAtAll),
            (NotUnderstood, Day, None, Kept::For(DAY)),
        ] {
            let kept = Kept::of(outcome, owner, area, FalseWakes::default());
            assert_eq!(kept, expect, "{outcome:?} {owner:?} {area:?}");
        }
    }

    #[test]
    fn false_wakes_stay_as_the_house_says_and_no_longer_than_the_rest() {
        for (choice, owner, expect) in [
            (FalseWakes::NotAtAll, Retention::UntilErased, Kept::NotAtAll),
            (FalseWakes::Minutes, Retention::UntilErased, Kept::For(FALSE_WAKE_KEPT)),
            (FalseWakes::Day, Retention::Week, Kept::For(DAY)),
            (FalseWakes::Day, Retention::NotAtAll, Kept::NotAtAll),
        ] {
            assert_eq!(Kept::of(Outcome::FalseWake, owner, None, choice), expect, "{choice:?} {owner:?}");
            assert_eq!(Kept::of(Outcome::Done, owner, None, choice), owner.into());
        }
    }

    #[test]
    fn longer_choices_never_go_sooner() {
        for pair in Retention::ALL.windows(2) {
            assert!(Kept::from(pair[0]) < Kept::from(pair[1]));
        }
    }
}
