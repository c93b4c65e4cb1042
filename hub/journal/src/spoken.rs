//! What a person whose voice was recognised is told of their own recordings: numbers and names, no words.
//!
//! Only of somebody who switched it on, as erasing by voice is ([`Journal::erase_spoken`]). Deliberately absent:
//! hearing or reading anything: a voice, which can be played back, is never the key to that.

use jiff::Timestamp;
use rusqlite::params;
use sotto_house::{PersonId, Retention};

use crate::acts::{Act, Actor};
use crate::codes::{Code, Id};
use crate::erase::EraseError;
use crate::record::Owner;
use crate::settings;
use crate::store::Lasting;
use crate::{Change, Journal, Purpose};

impl Journal {
    /// "How many recordings of me do you have?"
    pub fn count_spoken(&self, speaker: PersonId) -> Result<u64, EraseError> {
        self.store().read(|transaction| {
            allowed(transaction, speaker)?;
            let count: i64 = transaction
                .prepare_cached("SELECT count(*) FROM seals WHERE owner = ?1")?
                .query_row([Id::from(Owner::Person(speaker))], |row| row.get(0))?;
            Ok(count as u64)
        })
    }

    /// "Who listened to me?": the names of the people who opened recordings of `speaker` from `since` on, each once,
    /// the speaker left out.
    pub fn listeners_spoken(&self, speaker: PersonId, since: Timestamp) -> Result<Vec<String>, EraseError> {
        self.store().read(|transaction| {
            allowed(transaction, speaker)?;
            let mut statement = transaction.prepare_cached(
                "SELECT DISTINCT name FROM access JOIN people ON people.person = actor
                 WHERE subject = ?1 AND actor <> ?1 AND at >= ?2 AND act IN (?3, ?4, ?5, ?6) ORDER BY name",
            )?;
            let names = statement.query_map(
                params![
                    Id::from(Owner::Person(speaker)),
                    since.as_millisecond(),
                    Code(Act::Listened),
                    Code(Act::Read),
                    Code(Act::Searched),
                    Code(Act::Reviewed)
                ],
                |row| row.get(0),
            )?;
            Ok(names.collect::<Result<_, _>>()?)
        })
    }

    /// "Stop keeping recordings of me": from now on nothing; what is there stays until it is erased or its time comes.
    pub fn stop_keeping_spoken(&self, speaker: PersonId, now: Timestamp) -> Result<(), EraseError> {
        self.store().write(Lasting::Disk, |transaction| -> Result<(), EraseError> {
            allowed(transaction, speaker)?;
            transaction.execute(
                "UPDATE people SET keep = ?2 WHERE person = ?1",
                params![Id::from(speaker), Code(Retention::NotAtAll)],
            )?;
            let (actor, subject) = (Actor::Person(speaker), Owner::Person(speaker));
            let note = crate::access::Note::counted(
                now,
                actor,
                Act::SettingChanged,
                Purpose::SpokenRequest,
                subject,
                1,
            );
            crate::access::append(transaction, self.signing(), &note)?;
            Ok(())
        })?;
        self.announce(Change::Members);
        Ok(())
    }
}

fn allowed(transaction: &rusqlite::Transaction<'_>, speaker: PersonId) -> Result<(), EraseError> {
    match settings::read(transaction, speaker)?.voice_erasure {
        true => Ok(()),
        false => Err(EraseError::NotByVoice),
    }
}
