//! How the house's words are written in the database: small numbers, never used again for something else.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use sotto_house::{FalseWakes, Outcome, PersonId, RecordingId, Retention, Role};

use crate::acts::{Act, Purpose};
use crate::record::{Attribution, Owner};

/// A word with a number. `TABLE` lists every pair once.
pub(crate) trait Coded: Copy + PartialEq + 'static {
    const TABLE: &'static [(i64, Self)];

    fn code(self) -> i64 {
        Self::TABLE.iter().find(|(_, word)| *word == self).map_or(-1, |(code, _)| *code)
    }

    fn from_code(code: i64) -> Option<Self> {
        Self::TABLE.iter().find(|(known, _)| *known == code).map(|(_, word)| *word)
    }
}

impl Coded for Outcome {
    const TABLE: &'static [(i64, Self)] = &[
        (1, Outcome::Done),
        (2, Outcome::NotUnderstood),
        (3, Outcome::FalseWake),
        (4, Outcome::NothingSaid),
        (5, Outcome::AnsweredElsewhere),
        (6, Outcome::Refused),
        (7, Outcome::NotReached),
        (8, Outcome::Interrupted),
        (9, Outcome::NotHeard),
    ];
}

impl Coded for Role {
    const TABLE: &'static [(i64, Self)] = &[(1, Role::Adult), (2, Role::Child), (3, Role::Guest)];
}

impl Coded for Retention {
    const TABLE: &'static [(i64, Self)] = &[
        (1, Retention::NotAtAll),
        (2, Retention::Day),
        (3, Retention::Week),
        (4, Retention::Month),
        (5, Retention::ThreeMonths),
        (6, Retention::EighteenMonths),
        (7, Retention::UntilErased),
    ];
}

impl Coded for FalseWakes {
    const TABLE: &'static [(i64, Self)] =
        &[(1, FalseWakes::NotAtAll), (2, FalseWakes::Minutes), (3, FalseWakes::Day)];
}

impl Coded for Attribution {
    const TABLE: &'static [(i64, Self)] = &[
        (1, Attribution::Unknown),
        (2, Attribution::Voice),
        (3, Attribution::Satellite),
        (4, Attribution::Claimed),
        (5, Attribution::HandedOver),
        (6, Attribution::Disputed),
    ];
}

impl Coded for Act {
    const TABLE: &'static [(i64, Self)] = &[
        (1, Act::Listened),
        (2, Act::Read),
        (3, Act::Searched),
        (4, Act::HeardLive),
        (5, Act::Reviewed),
        (6, Act::Exported),
        (7, Act::Erased),
        (8, Act::Claimed),
        (9, Act::Disputed),
        (10, Act::HandedOver),
        (11, Act::Joined),
        (12, Act::Left),
        (13, Act::Invited),
        (14, Act::Admitted),
        (15, Act::PassphraseChanged),
        (16, Act::Recovered),
        (17, Act::SettingChanged),
        (18, Act::BackedUp),
        (19, Act::Restored),
        (20, Act::Corrected),
        (21, Act::VoiceLearned),
        (22, Act::VoiceForgotten),
        (23, Act::PasskeyAdded),
        (24, Act::PasskeyRemoved),
    ];
}

impl Coded for Purpose {
    const TABLE: &'static [(i64, Self)] = &[
        (1, Purpose::Recall),
        (2, Purpose::Belonging),
        (3, Purpose::Repair),
        (4, Purpose::Transcribe),
        (5, Purpose::Identify),
        (6, Purpose::Review),
        (7, Purpose::Training),
        (8, Purpose::TakeAway),
        (9, Purpose::Retention),
        (10, Purpose::Request),
        (11, Purpose::SpokenRequest),
        (12, Purpose::Upkeep),
    ];
}

/// A coded word as an SQL value; a number that no version ever wrote is an error, never a guess.
pub(crate) struct Code<T>(pub(crate) T);

impl<T: Coded> ToSql for Code<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.code().into())
    }
}

impl<T: Coded> FromSql for Code<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let code = value.as_i64()?;
        T::from_code(code).map(Code).ok_or(FromSqlError::OutOfRange(code))
    }
}

/// An id as an SQL value of 16 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Id(pub(crate) [u8; 16]);

impl ToSql for Id {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromSql for Id {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Id(value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?))
    }
}

impl From<PersonId> for Id {
    fn from(person: PersonId) -> Self {
        Id(*person.bytes())
    }
}

impl From<RecordingId> for Id {
    fn from(recording: RecordingId) -> Self {
        Id(*recording.bytes())
    }
}

impl From<Owner> for Id {
    fn from(owner: Owner) -> Self {
        Id(*owner.id().bytes())
    }
}

impl Id {
    pub(crate) fn person(self) -> PersonId {
        PersonId::from_bytes(self.0)
    }

    pub(crate) fn recording(self) -> RecordingId {
        RecordingId::from_bytes(self.0)
    }

    pub(crate) fn owner(self) -> Owner {
        Owner::from_id(self.person())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Coded + std::fmt::Debug>(all: &[T]) {
        for word in all {
            assert_eq!(T::from_code(word.code()), Some(*word), "{word:?} has no number of its own");
        }
        let mut codes: Vec<i64> = T::TABLE.iter().map(|(code, _)| *code).collect();
        codes.dedup();
        assert_eq!(codes.len(), T::TABLE.len());
    }

    #[test]
    fn every_word_has_one_number() {
        check(&Outcome::ALL);
        check(&Retention::ALL);
        check(&FalseWakes::ALL);
        check(&[Role::Adult, Role::Child, Role::Guest]);
        check(&Act::ALL);
        check(&Purpose::ALL);
        check(&Attribution::ALL);
    }
}
