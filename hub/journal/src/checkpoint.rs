//! Moves what was written from the WAL into the database, beside those who write.
//!
//! `commit → signal → (a thread of its own) → enough in the WAL? → checkpoint`. SQLite would do it within whichever
//! commit happens to reach a thousand pages, and that one, a command perhaps, would wait for the disk. Deliberately
//! absent: cutting the WAL, which an erasure does itself and waits for.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};

use crate::store::{connect, lock};

/// Pages in the WAL before they are moved: 16 MB of them, some 300 recordings.
const MOVE: i64 = 4096;
/// Pages at which writers wait once, so that the WAL does not grow for ever under an endless stream of writes.
const WAIT: i64 = 16 * MOVE;

pub(crate) struct Checkpoints {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// `turn` is held during a checkpoint: SQLite does not let a second one wait for the first.
    pub(crate) fn begin(path: &Path, turn: Arc<Mutex<()>>) -> rusqlite::Result<Self> {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let (wake, signals) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("journal wal".into())
            .spawn(move || serve(&connection, &signals, &turn))
            .map_err(|error| tracing::warn!(%error, "the journal's WAL is moved only by erasures and sweeps"))
            .ok();
        Ok(Checkpoints { wake: Some(wake), thread })
    }

    /// Something was committed.
    pub(crate) fn signal(&self) {
        // A signal that waits already says the same.
        let _ = self.wake.as_ref().map(|wake| wake.try_send(()));
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.wake = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(connection: &Connection, signals: &Receiver<()>, turn: &Mutex<()>) {
    while signals.recv().is_ok() {
        let _turn = lock(turn);
        let moved = checkpoint(connection, "NOOP").and_then(|(pages, moved)| {
            if pages - moved < MOVE {
                return Ok(());
            }
            checkpoint(connection, "PASSIVE")?;
            if pages >= WAIT {
                checkpoint(connection, "RESTART")?;
            }
            Ok(())
        });
        if let Err(error) = moved {
            tracing::debug!(%error, "the journal's WAL was not moved; the next commit tries again");
        }
    }
}

/// Pages in the WAL, and how many of them are in the database already.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<(i64, i64)> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| Ok((row.get(1)?, row.get(2)?)))
}
