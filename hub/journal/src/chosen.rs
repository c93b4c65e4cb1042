//! The recordings that are about to go, and the one transaction in which they do.

use ed25519_dalek::Signer;
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Transaction, params, params_from_iter};
use sotto_house::RecordingId;

use crate::access::{self, Note};
use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Code, Id};
use crate::erase::Receipt;
use crate::record::{ALIVE, Owner};
use crate::selection::{Asked, What};
use crate::{Journal, timestamp};

/// Who asked for an erasure, why and when.
pub(crate) struct Order {
    pub(crate) actor: Actor,
    pub(crate) why: Purpose,
    pub(crate) asked: Asked,
    pub(crate) now: Timestamp,
}

/// The recordings that are to go, gathered in a temporary table (in memory) of the writer's connection.
pub(crate) struct Chosen<'a> {
    transaction: &'a Transaction<'a>,
    by_owner: Vec<(Owner, u64)>,
    pub(crate) count: u64,
}

/// Access records of an erasure name the recordings when they are no more than this.
const NAMED: u64 = 100;

impl<'a> Chosen<'a> {
    pub(crate) fn new(transaction: &'a Transaction<'a>) -> rusqlite::Result<Self> {
        transaction.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS chosen (n INTEGER PRIMARY KEY, owner BLOB NOT NULL);
             DELETE FROM chosen",
        )?;
        Ok(Chosen { transaction, by_owner: Vec::new(), count: 0 })
    }

    pub(crate) fn add(&mut self, owner: Owner, what: &What) -> rusqlite::Result<()> {
        let theirs = || Value::from(owner.id().bytes().to_vec());
        let by_label = |column: &str, text: &str| {
            let condition = format!("owner = ? AND {column} = (SELECT label FROM labels WHERE text = ?)");
            self.choose(&condition, vec![theirs(), text.to_owned().into()])
        };
        let count = match what {
            What::These(recordings) => {
                let one = |recording: &RecordingId| {
                    self.choose(
                        "recording = ? AND owner = ?",
                        vec![recording.bytes().to_vec().into(), theirs()],
                    )
                };
                recordings.iter().map(one).sum::<rusqlite::Result<u64>>()?
            }
            What::Between { from, to } => {
                let (from, to) = (from.as_millisecond(), to.as_millisecond());
                self.choose("owner = ? AND at >= ? AND at < ?", vec![theirs(), from.into(), to.into()])?
            }
            What::Area(area) => by_label("area", area.as_str())?,
            What::Satellite(satellite) => by_label("satellite", satellite.as_str())?,
            What::Everything => self.choose("owner = ?", vec![theirs()])?,
        };
        self.note(owner, count);
        Ok(())
    }

    /// What has expired by `now`, at most `limit`.
    pub(crate) fn add_expired(&mut self, now: i64, limit: usize) -> rusqlite::Result<()> {
        self.transaction.execute(
            &format!(
                "INSERT OR IGNORE INTO chosen SELECT n, owner FROM recordings WHERE expires <= ?1 AND {ALIVE} LIMIT ?2"
            ),
            params![now, limit as i64],
        )?;
        let owners: Vec<(Owner, u64)> = self
            .transaction
            .prepare_cached("SELECT owner, count(*) FROM chosen GROUP BY owner")?
            .query_map([], |row| Ok((row.get::<_, Id>(0)?.owner(), row.get::<_, i64>(1)? as u64)))?
            .collect::<Result<_, _>>()?;
        for (owner, count) in owners {
            self.note(owner, count);
        }
        Ok(())
    }

    fn choose(&self, condition: &str, values: Vec<Value>) -> rusqlite::Result<u64> {
        let sql = format!(
            "INSERT OR IGNORE INTO chosen SELECT n, owner FROM recordings WHERE {condition} AND {ALIVE}"
        );
        Ok(self.transaction.prepare_cached(&sql)?.execute(params_from_iter(values))? as u64)
    }

    fn note(&mut self, owner: Owner, count: u64) {
        if count > 0 {
            self.by_owner.push((owner, count));
            self.count += count;
        }
    }

    /// Destroys the keys of what was chosen, and leaves receipt and access records. From then on it is unreadable and
    /// on no page; [`Journal::scrub`] clears the dead rows away and sets the tombstones.
    pub(crate) fn erase(self, journal: &Journal, order: &Order) -> rusqlite::Result<Receipt> {
        let Chosen { transaction, by_owner, count } = self;
        let at = order.now.as_millisecond();
        transaction.execute(
            "INSERT INTO erasures (at, actor, what, count, signature) VALUES (?1, ?2, ?3, ?4, x'')",
            params![at, order.actor.id(), Code(order.asked), count as i64],
        )?;
        let erasure = transaction.last_insert_rowid();
        let message = Receipt::message(erasure, at, order.actor, order.asked, count);
        let signature = journal.signing().sign(&message).to_bytes();
        transaction.execute(
            "UPDATE erasures SET signature = ?2 WHERE erasure = ?1",
            params![erasure, signature.as_slice()],
        )?;
        for (owner, count) in &by_owner {
            let (owner, count) = (*owner, *count);
            let recordings = if count <= NAMED { named(transaction, owner)? } else { Vec::new() };
            let subject = owner;
            let note = Note {
                at: order.now,
                actor: order.actor,
                act: Act::Erased,
                why: order.why,
                subject,
                recordings,
                count,
            };
            access::append(transaction, journal.signing(), &note)?;
        }
        for (owner, _) in by_owner {
            destroy_keys(transaction, owner)?;
        }
        transaction
            .execute("INSERT OR IGNORE INTO doomed (n, erasure) SELECT n, ?1 FROM chosen", [erasure])?;
        transaction.execute_batch("DELETE FROM chosen")?;
        Ok(Receipt {
            erasure: erasure as u64,
            at: timestamp(at),
            by: order.actor,
            asked: order.asked,
            count,
            signature,
        })
    }
}

fn named(transaction: &Transaction<'_>, owner: Owner) -> rusqlite::Result<Vec<RecordingId>> {
    transaction
        .prepare_cached(
            "SELECT recording FROM chosen JOIN recordings USING (n) WHERE chosen.owner = ?1 ORDER BY n",
        )?
        .query_map([Id::from(owner)], |row| Ok(row.get::<_, Id>(0)?.recording()))?
        .collect()
}

/// Everything that opens one of the chosen, for one owner after the other: their seals lie side by side.
fn destroy_keys(transaction: &Transaction<'_>, owner: Owner) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM seals WHERE owner = ?1 AND n IN (SELECT n FROM chosen WHERE owner = ?1)",
        "DELETE FROM review_seals WHERE n IN (SELECT n FROM clips WHERE owner = ?1 AND n IN (SELECT n FROM chosen))",
        "DELETE FROM clips WHERE owner = ?1 AND n IN (SELECT n FROM chosen)",
        "DELETE FROM shelves WHERE owner = ?1
         AND EXISTS (SELECT 1 FROM chosen WHERE chosen.owner = ?1 AND chosen.n BETWEEN first AND last)",
    ] {
        transaction.prepare_cached(sql)?.execute([Id::from(owner)])?;
    }
    Ok(())
}
