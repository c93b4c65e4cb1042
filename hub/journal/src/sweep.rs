//! What the journal does by itself: erases what has had its time, overwrites what was erased, minds its own health.
//!
//! The hub calls [`Journal::sweep`] every minute and at its start, so a machine that was off catches up.

use jiff::Timestamp;
use rusqlite::params;
use sotto_house::PersonId;

use crate::acts::{Actor, Purpose};
use crate::chosen::{Chosen, Order};
use crate::codes::Id;
use crate::people::{MemberError, require_active};
use crate::person::Person;
use crate::record::{ALIVE, Owner};
use crate::selection::Asked;
use crate::store::{Lasting, StoreError, lock};
use crate::{Change, Journal};

/// How the journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It records.
    Sound,
    /// The hub ended badly the last time; the file is being checked while it is used.
    Checking,
    /// There is no room for another recording. What is there can be read and erased.
    Full { since: Timestamp },
    /// SQLite found the file out of order. Restore a backup.
    Damaged,
}

/// What one sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Recordings whose time had come.
    pub erased: u64,
    /// Erased recordings whose ciphertext was overwritten.
    pub overwritten: u64,
}

/// How many of a person's recordings go by themselves before a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiring {
    pub mine: u64,
    /// Of the house's, for an adult.
    pub house: u64,
}

/// Recordings whose keys go in one transaction.
const BATCH: usize = 1000;
/// Recordings cleared away in one transaction: some 20 ms, so that a command being recorded does not wait long.
const CLEARED: usize = 200;
/// After each of these: whoever waits to write gets their turn, which a lock that is taken again at once would not give.
const BREATH: std::time::Duration = std::time::Duration::from_millis(1);

impl Journal {
    /// Erases everything whose time has come by `now` and overwrites what is still there of the erased.
    pub fn sweep(&self, now: Timestamp) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        self.ensure_house(now)?;
        loop {
            let order = Order { actor: Actor::Hub, why: Purpose::Retention, asked: Asked::Retention, now };
            let erased = self.store().write(Lasting::Disk, |transaction| -> Result<u64, StoreError> {
                let mut chosen = Chosen::new(transaction)?;
                chosen.add_expired(now.as_millisecond(), BATCH)?;
                let count = chosen.count;
                if count > 0 {
                    chosen.erase(self, &order)?;
                }
                Ok(count)
            })?;
            swept.erased += erased;
            let cleared = self.clear_away(BATCH)?;
            swept.overwritten += cleared as u64;
            if erased < BATCH as u64 && cleared < BATCH {
                break;
            }
        }
        self.store().truncate_wal()?;
        self.store().keep_reserve();
        self.recover_from_full();
        if swept.erased > 0 {
            self.announce(Change::Altered);
        }
        Ok(swept)
    }

    /// At most `limit` of what was erased and is still there, a few at a time.
    fn clear_away(&self, limit: usize) -> Result<usize, StoreError> {
        let mut cleared = 0;
        while cleared < limit {
            let few = self.scrub(CLEARED)?;
            cleared += few;
            if few < CLEARED {
                break;
            }
            std::thread::sleep(BREATH);
        }
        Ok(cleared)
    }

    /// "What will be erased tonight": how many go before `until`. [`crate::Filter::expires_before`] lists them.
    pub fn expiring(&self, who: &Person, until: Timestamp) -> Result<Expiring, MemberError> {
        self.store().read(|transaction| {
            require_active(transaction, who.id())?;
            let count = |owner: Owner| -> rusqlite::Result<u64> {
                transaction
                    .prepare_cached(&format!(
                        "SELECT count(*) FROM recordings INDEXED BY recordings_by_expiry
                         WHERE expires < ?1 AND owner = ?2 AND {ALIVE}"
                    ))?
                    .query_row(params![until.as_millisecond(), Id::from(owner)], |row| {
                        Ok(row.get::<_, i64>(0)? as u64)
                    })
            };
            let mine = count(Owner::Person(who.id()))?;
            let house = if who.opens_house() { count(Owner::House)? } else { 0 };
            Ok(Expiring { mine, house })
        })
    }

    /// How many recordings there are, and whose; for a page about the hub. No more than that is anybody's business.
    pub fn counts(&self) -> Result<Vec<(Owner, u64)>, StoreError> {
        self.store().read(|transaction| {
            let people: Vec<PersonId> = transaction
                .prepare_cached("SELECT person FROM people WHERE gone IS NULL ORDER BY joined")?
                .query_map([], |row| Ok(row.get::<_, Id>(0)?.person()))?
                .collect::<Result<_, _>>()?;
            let owners = people.into_iter().map(Owner::Person).chain([Owner::House]);
            let mut count = transaction.prepare_cached("SELECT count(*) FROM seals WHERE owner = ?1")?;
            owners
                .map(|owner| {
                    let recordings: i64 = count.query_row([Id::from(owner)], |row| row.get(0))?;
                    Ok((owner, recordings as u64))
                })
                .collect()
        })
    }

    /// How the journal is. A [`Change::State`] says when that changes.
    pub fn state(&self) -> State {
        *lock(self.state_cell())
    }

    pub(crate) fn set_state(&self, state: State) {
        let mut cell = lock(self.state_cell());
        let same = std::mem::discriminant(&*cell) == std::mem::discriminant(&state);
        // Damage is for good, until a restore.
        if !same && *cell != State::Damaged {
            *cell = state;
            drop(cell);
            self.announce(Change::State);
        }
    }

    /// Something was written, so there is room again.
    pub(crate) fn recover_from_full(&self) {
        if matches!(self.state(), State::Full { .. }) {
            self.set_state(State::Sound);
        }
    }

    /// SQLite's integrity check, beside the journal's use: it reads the whole file.
    pub(crate) fn check_in_background(&self) {
        self.set_state(State::Checking);
        let journal = self.clone();
        let checked = std::thread::Builder::new().name("journal check".into()).spawn(move || {
            match journal.store().check_integrity() {
                Ok(()) => journal.set_state(State::Sound),
                Err(error) => {
                    tracing::error!(%error, "the journal did not survive the last crash");
                    journal.set_state(State::Damaged);
                }
            }
        });
        if let Err(error) = checked {
            tracing::warn!(%error, "the journal could not be checked after a crash");
            self.set_state(State::Sound);
        }
    }
}
