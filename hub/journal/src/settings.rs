//! What each person, each area and the house chose.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use sotto_house::{Area, FalseWakes, Kept, Outcome, PersonId, Retention, Role, SatelliteId};

use crate::access::{self, Note};
use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Code, Id};
use crate::people::{MemberError, require_active, require_administrator};
use crate::person::Person;
use crate::record::{Owner, expiry};
use crate::review;
use crate::store::{Lasting, StoreError};
use crate::{Change, Journal};

/// A person's choices. The two about others hearing them, and the one about deletion by voice, start as off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long their recordings stay. Changing it changes it for those already there.
    pub keep: Retention,
    /// Whether the words are kept beside the sound. Off, new recordings keep intent and slots only.
    pub transcripts: bool,
    /// Whether the household's reviewers hear new recordings, as nameless clips.
    pub review: bool,
    /// Whether reviewed clips may be exported as training material.
    pub training: bool,
    /// Whether "delete what I just said" works.
    pub voice_erasure: bool,
    /// Whether the hub may tell by their voice that it is they; a profile that is there stays.
    pub recognise: bool,
    /// Whether what they said goes out over MQTT with the command, when they were recognised.
    pub words_out: bool,
    /// Whether others may hand a recording over to them.
    pub given: bool,
}

/// What recording needs of a person's choices.
pub(crate) struct Choice {
    pub(crate) keep: Retention,
    pub(crate) transcripts: bool,
    pub(crate) given: bool,
}

pub(crate) fn choice_of(transaction: &Transaction<'_>, person: PersonId) -> rusqlite::Result<Option<Choice>> {
    transaction
        .prepare_cached("SELECT keep, transcripts, given FROM people WHERE person = ?1 AND gone IS NULL")?
        .query_row([Id::from(person)], |row| {
            let keep = row.get::<_, Code<Retention>>(0)?.0;
            Ok(Choice { keep, transcripts: row.get(1)?, given: row.get(2)? })
        })
        .optional()
}

/// How long the house's own recordings stay: a day, unless the household chose otherwise.
pub(crate) fn house_keep(transaction: &Transaction<'_>) -> rusqlite::Result<Retention> {
    let chosen = transaction
        .prepare_cached("SELECT value FROM facts WHERE name = 'house keep'")?
        .query_row([], |row| row.get::<_, Code<Retention>>(0))
        .optional()?;
    Ok(chosen.map_or(Retention::Day, |code| code.0))
}

/// How long the household keeps false wakes.
fn false_wakes(transaction: &Transaction<'_>) -> rusqlite::Result<FalseWakes> {
    let chosen = transaction
        .prepare_cached("SELECT value FROM facts WHERE name = 'false wakes'")?
        .query_row([], |row| row.get::<_, Code<FalseWakes>>(0))
        .optional()?;
    Ok(chosen.map(|code| code.0).unwrap_or_default())
}

pub(crate) fn claims(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    let chosen = transaction
        .prepare_cached("SELECT value FROM facts WHERE name = 'claims'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(chosen.unwrap_or(true))
}

pub(crate) fn kept(
    transaction: &Transaction<'_>,
    outcome: Outcome,
    owner: Retention,
    area: Option<&Area>,
) -> rusqlite::Result<Kept> {
    let by_area = match area {
        Some(area) => area_keep(transaction, area.as_str())?,
        None => None,
    };
    Ok(Kept::of(outcome, owner, by_area, false_wakes(transaction)?))
}

fn area_keep(transaction: &Transaction<'_>, area: &str) -> rusqlite::Result<Option<Retention>> {
    let chosen = transaction
        .prepare_cached("SELECT keep FROM area_keep WHERE area = ?1")?
        .query_row([area], |row| row.get::<_, Code<Retention>>(0))
        .optional()?;
    Ok(chosen.map(|code| code.0))
}

/// Sets anew when each recording of `owner` goes, after a choice that bears on it has changed.
fn reckon(transaction: &Transaction<'_>, owner: Owner, keep: Retention) -> rusqlite::Result<()> {
    let owner = Id::from(owner);
    let mut statement = transaction.prepare_cached(
        "SELECT DISTINCT outcome, area, ceiling, labels.text FROM recordings
         LEFT JOIN labels ON labels.label = recordings.area WHERE owner = ?1",
    )?;
    let kinds: Vec<(Outcome, Option<i64>, Retention, Option<String>)> = statement
        .query_map([owner], |row| {
            Ok((
                row.get::<_, Code<Outcome>>(0)?.0,
                row.get(1)?,
                row.get::<_, Code<Retention>>(2)?.0,
                row.get(3)?,
            ))
        })?
        .collect::<Result<_, _>>()?;
    let false_wakes = false_wakes(transaction)?;
    for (outcome, area, ceiling, text) in kinds {
        let by_area = match text {
            Some(text) => area_keep(transaction, &text)?,
            None => None,
        };
        let kept = Kept::of(outcome, keep.min(ceiling), by_area, false_wakes);
        // The time it was spoken is added by the database; "never" must not overflow there.
        let set = match kept {
            Kept::UntilErased => i64::MAX.to_string(),
            kept => format!("at + {}", expiry(0, kept)),
        };
        transaction.execute(
            &format!("UPDATE recordings SET expires = {set} WHERE owner = ?1 AND outcome = ?2 AND area IS ?3 AND ceiling = ?4"),
            params![owner, Code(outcome), area, Code(ceiling)],
        )?;
    }
    Ok(())
}

impl Journal {
    pub fn settings(&self, who: &Person) -> Result<Settings, MemberError> {
        self.store().read(|transaction| read(transaction, who.id()))
    }

    /// Sets a person's choices, by that person and nobody else. What they forbid ends before this returns: leaving
    /// review empties the queue of theirs and destroys the reviewers' seals.
    pub fn set_settings(&self, who: &Person, settings: Settings, now: Timestamp) -> Result<(), MemberError> {
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            require_active(transaction, who.id())?;
            let before = read(transaction, who.id())?;
            transaction.execute(
                "UPDATE people SET keep = ?2, transcripts = ?3, review = ?4, training = ?5, voice_erasure = ?6,
                                   recognise = ?7, words_out = ?8, given = ?9
                 WHERE person = ?1",
                params![
                    Id::from(who.id()),
                    Code(settings.keep),
                    settings.transcripts,
                    settings.review,
                    settings.training,
                    settings.voice_erasure,
                    settings.recognise,
                    settings.words_out,
                    settings.given
                ],
            )?;
            if before.keep != settings.keep {
                reckon(transaction, Owner::Person(who.id()), settings.keep)?;
            }
            if !settings.review {
                review::withdraw(transaction, Owner::Person(who.id()))?;
            }
            self.note_own(transaction, who, Act::SettingChanged, now)
        })?;
        self.store().truncate_wal()?;
        self.announce(Change::Members);
        Ok(())
    }

    /// What an area allows at most; areas that are not listed allow anything.
    pub fn area_keeps(&self) -> Result<Vec<(Area, Retention)>, StoreError> {
        self.store().read(|transaction| {
            let mut statement =
                transaction.prepare_cached("SELECT area, keep FROM area_keep ORDER BY area")?;
            let rows = statement
                .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Code<Retention>>(1)?.0)))?;
            let mut keeps = Vec::new();
            for row in rows {
                let (area, keep) = row?;
                keeps.extend(Area::new(&area).map(|area| (area, keep)));
            }
            Ok(keeps)
        })
    }

    /// Sets what an area allows at most, or with `None` that it allows anything. By an adult: it bears on everybody.
    pub fn set_area_keep(
        &self,
        by: &Person,
        area: &Area,
        keep: Option<Retention>,
        now: Timestamp,
    ) -> Result<(), MemberError> {
        self.change_house(by, now, |transaction| {
            match keep {
                Some(keep) => transaction.execute(
                    "INSERT OR REPLACE INTO area_keep (area, keep) VALUES (?1, ?2)",
                    params![area.as_str(), Code(keep)],
                )?,
                None => transaction.execute("DELETE FROM area_keep WHERE area = ?1", [area.as_str()])?,
            };
            Ok(())
        })
    }

    /// How long the house's own recordings (of unknown speakers) stay.
    pub fn house_keep(&self) -> Result<Retention, StoreError> {
        self.store().read(|transaction| Ok(house_keep(transaction)?))
    }

    pub fn set_house_keep(&self, by: &Person, keep: Retention, now: Timestamp) -> Result<(), MemberError> {
        self.change_house(by, now, |transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO facts (name, value) VALUES ('house keep', ?1)",
                [Code(keep)],
            )?;
            Ok(())
        })
    }

    /// How long false wakes, and wakes with nothing after them, stay; never longer than the rest.
    pub fn false_wakes(&self) -> Result<FalseWakes, StoreError> {
        self.store().read(|transaction| Ok(false_wakes(transaction)?))
    }

    pub fn set_false_wakes(&self, by: &Person, keep: FalseWakes, now: Timestamp) -> Result<(), MemberError> {
        self.change_house(by, now, |transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO facts (name, value) VALUES ('false wakes', ?1)",
                [Code(keep)],
            )?;
            Ok(())
        })
    }

    /// Whether an adult may claim what belongs to the house; yes, until the household says otherwise.
    pub fn claims(&self) -> Result<bool, StoreError> {
        self.store().read(|transaction| Ok(claims(transaction)?))
    }

    pub fn set_claims(&self, by: &Person, allowed: bool, now: Timestamp) -> Result<(), MemberError> {
        self.change_house(by, now, |transaction| {
            transaction
                .execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('claims', ?1)", [allowed])?;
            Ok(())
        })
    }

    /// Every satellite that somebody owns, and who: what nobody's voice claims there is theirs.
    pub fn satellite_owners(&self) -> Result<Vec<(SatelliteId, PersonId)>, StoreError> {
        self.store().read(|transaction| {
            let mut statement = transaction
                .prepare_cached("SELECT satellite, person FROM satellite_owner ORDER BY satellite")?;
            let rows = statement
                .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Id>(1)?.person())))?;
            let mut owners = Vec::new();
            for row in rows {
                let (satellite, person) = row?;
                owners.extend(SatelliteId::new(&satellite).map(|satellite| (satellite, person)));
            }
            Ok(owners)
        })
    }

    /// Says whose a satellite is (the one on a bedside table, say), or with `None` that it is everybody's.
    pub fn set_satellite_owner(
        &self,
        by: &Person,
        satellite: &SatelliteId,
        owner: Option<PersonId>,
        now: Timestamp,
    ) -> Result<(), MemberError> {
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            require_administrator(transaction, by)?;
            match owner {
                Some(owner) => {
                    require_active(transaction, owner)?;
                    transaction.execute(
                        "INSERT OR REPLACE INTO satellite_owner (satellite, person) VALUES (?1, ?2)",
                        params![satellite.as_str(), Id::from(owner)],
                    )?
                }
                None => transaction
                    .execute("DELETE FROM satellite_owner WHERE satellite = ?1", [satellite.as_str()])?,
            };
            let subject = owner.map_or(Owner::House, Owner::Person);
            let actor = Actor::Person(by.id());
            let note = Note::counted(now, actor, Act::SettingChanged, Purpose::Request, subject, 1);
            access::append(transaction, self.signing(), &note)?;
            Ok(())
        })?;
        self.announce(Change::Members);
        Ok(())
    }

    /// A change to what the house allows, and with it to when every recording goes.
    fn change_house(
        &self,
        by: &Person,
        now: Timestamp,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), MemberError> {
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            require_active(transaction, by.id())?;
            if by.role() != Role::Adult {
                return Err(MemberError::NotAdult);
            }
            change(transaction)?;
            let people: Vec<(PersonId, Retention)> = transaction
                .prepare_cached("SELECT person, keep FROM people WHERE gone IS NULL")?
                .query_map([], |row| {
                    Ok((row.get::<_, Id>(0)?.person(), row.get::<_, Code<Retention>>(1)?.0))
                })?
                .collect::<Result<_, _>>()?;
            for (person, keep) in people {
                reckon(transaction, Owner::Person(person), keep)?;
            }
            reckon(transaction, Owner::House, house_keep(transaction)?)?;
            let actor = Actor::Person(by.id());
            let note = Note::counted(now, actor, Act::SettingChanged, Purpose::Request, Owner::House, 1);
            access::append(transaction, self.signing(), &note)?;
            Ok(())
        })?;
        self.announce(Change::Members);
        Ok(())
    }
}

pub(crate) fn read(transaction: &Transaction<'_>, person: PersonId) -> Result<Settings, MemberError> {
    let found = transaction
        .prepare_cached(
            "SELECT keep, transcripts, review, training, voice_erasure, recognise, words_out, given FROM people
             WHERE person = ?1 AND gone IS NULL",
        )?
        .query_row([Id::from(person)], |row| {
            Ok(Settings {
                keep: row.get::<_, Code<Retention>>(0)?.0,
                transcripts: row.get(1)?,
                review: row.get(2)?,
                training: row.get(3)?,
                voice_erasure: row.get(4)?,
                recognise: row.get(5)?,
                words_out: row.get(6)?,
                given: row.get(7)?,
            })
        })
        .optional()?;
    found.ok_or(MemberError::Unknown)
}
