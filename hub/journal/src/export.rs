//! A person's own archive: everything of theirs, as files that any computer opens.
//!
//! `access record → index.html · recordings/*.opus · recordings.jsonl · access.jsonl`, as a zip that is written while
//! it is made, so that years of recordings need no room twice. Deliberately absent: anybody else's recordings.

use std::fmt::Write as _;
use std::io::{self, Write};

use jiff::Timestamp;
use rusqlite::params;
use serde_json::json;
use thiserror::Error;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

use crate::Journal;
use crate::access::Note;
use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Coded, Id};
use crate::history::Filter;
use crate::history::{Entry, Found, by_number};
use crate::keys::Kind;
use crate::people::{MemberError, require_active};
use crate::person::Person;
use crate::record::{ALIVE, Owner};
use crate::sound::Sound;
use crate::store::StoreError;
use crate::vault::{self, Opening};
use crate::words::Words;

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// Why an archive is not whole.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    #[error("the archive could not be written; try again")]
    Write(#[source] io::Error),
    #[error("you are no longer a member of this household; sign in again")]
    NotMember,
    #[error("the access record could not be written, so nothing was opened")]
    NotRecorded(#[source] StoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for ExportError {
    fn from(error: rusqlite::Error) -> Self {
        ExportError::Store(error.into())
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        ExportError::Write(error)
    }
}

impl From<zip::result::ZipError> for ExportError {
    fn from(error: zip::result::ZipError) -> Self {
        ExportError::Write(error.into())
    }
}

impl From<MemberError> for ExportError {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Store(error) => ExportError::Store(error),
            _ => ExportError::NotMember,
        }
    }
}

/// Recordings opened at a time.
const BATCH: usize = 50;
/// Access records read at a time.
const RECORDS: usize = 500;

type Zip<W> = ZipWriter<StreamWriter<W>>;

impl Journal {
    /// Writes `who`'s archive to `out` as a zip, and says after each batch how far it is. Damaged recordings are
    /// listed, without sound. To erase afterwards is [`Journal::erase`]'s.
    pub fn export<W: Write>(
        &self,
        who: &Person,
        out: W,
        now: Timestamp,
        mut progress: impl FnMut(Progress),
    ) -> Result<Progress, ExportError> {
        let owner = Owner::Person(who.id());
        let numbers: Vec<i64> = self.store().read(|transaction| -> Result<_, ExportError> {
            require_active(transaction, who.id())?;
            let mut statement = transaction.prepare_cached(&format!(
                "SELECT n FROM recordings WHERE owner = ?1 AND {ALIVE} ORDER BY at, n"
            ))?;
            let numbers = statement.query_map(params![Id::from(owner)], |row| row.get(0))?;
            Ok(numbers.collect::<Result<_, _>>()?)
        })?;
        let total = numbers.len() as u64;
        let actor = Actor::Person(who.id());
        let note = Note::counted(now, actor, Act::Exported, Purpose::TakeAway, owner, total);
        let opening = Opening::spend(self.grant_all(note).map_err(ExportError::NotRecorded)?);

        let mut zip = ZipWriter::new_stream(out);
        // Opus does not shrink, and an archive of parts that stand as they are survives damage to one.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let mut done = Progress { done: 0, total };
        for batch in numbers.chunks(BATCH) {
            for (entry, sound) in self.open_batch(who, owner, &opening, Kind::Audio, batch)? {
                let Some(sound) = sound.and_then(|plain| Sound::from_bytes(&plain)) else { continue };
                zip.start_file(sound_name(&entry), options)?;
                zip.write_all(&sound.to_ogg())?;
            }
            done.done += batch.len() as u64;
            progress(done);
        }
        zip.start_file("recordings.jsonl", options)?;
        for batch in numbers.chunks(BATCH) {
            for (entry, plain) in self.open_batch(who, owner, &opening, Kind::Words, batch)? {
                let words = plain.and_then(|plain| Words::from_bytes(&plain));
                serde_json::to_writer(&mut zip, &to_json(&entry, words.as_ref())).map_err(io::Error::from)?;
                zip.write_all(b"\n")?;
            }
        }
        zip.start_file("index.html", options)?;
        zip.write_all(page_head(who.name(), total).as_bytes())?;
        for batch in numbers.chunks(BATCH) {
            for (entry, plain) in self.open_batch(who, owner, &opening, Kind::Words, batch)? {
                let words = plain.and_then(|plain| Words::from_bytes(&plain));
                zip.write_all(page_row(&entry, words.as_ref()).as_bytes())?;
            }
        }
        zip.write_all(b"</table>\n")?;
        self.export_voice(who, &mut zip, options)?;
        self.export_access(who, owner, &mut zip, options)?;
        zip.finish()?;
        Ok(done)
    }

    /// The clear part and one opened piece of each recording that is still there.
    fn open_batch(
        &self,
        who: &Person,
        owner: Owner,
        opening: &Opening,
        kind: Kind,
        numbers: &[i64],
    ) -> Result<Vec<(Entry, Option<vault::Plain>)>, ExportError> {
        let (found, pieces) = self.store().read(|transaction| -> Result<_, ExportError> {
            let mut found: Vec<Found> = Vec::new();
            for n in numbers {
                found.extend(by_number(transaction, &Filter::default(), *n)?);
            }
            found.retain(|found| found.entry.owner == owner);
            Ok((found, vault::fetch(transaction, owner, kind, numbers)?))
        })?;
        let open = |found: Found| {
            let piece = pieces.iter().find(|piece| piece.n == found.n)?;
            opening.open(piece, |piece| vault::open_key(who.own_secret(), piece)).ok()
        };
        Ok(found
            .into_iter()
            .map(|found| {
                let entry = found.entry.clone();
                (entry, open(found))
            })
            .collect())
    }

    /// What the hub knows their voice by, if anything.
    fn export_voice<W: Write>(
        &self,
        who: &Person,
        zip: &mut Zip<W>,
        options: SimpleFileOptions,
    ) -> Result<(), ExportError> {
        let Some((made, profile)) = self.voice(who)? else { return Ok(()) };
        zip.start_file("voice.json", options)?;
        let hex = profile.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let about = "two bytes, then 512 little-endian 32-bit numbers for each sentence";
        let voice = json!({ "made": made.to_string(), "layout": about, "profile": hex });
        serde_json::to_writer(&mut *zip, &voice).map_err(io::Error::from)?;
        Ok(())
    }

    /// The access records about `owner`, oldest last.
    fn export_access<W: Write>(
        &self,
        who: &Person,
        owner: Owner,
        zip: &mut Zip<W>,
        options: SimpleFileOptions,
    ) -> Result<(), ExportError> {
        zip.start_file("access.jsonl", options)?;
        let mut before = None;
        loop {
            let records = self.access_records(who, before, RECORDS)?;
            for record in records.iter().filter(|record| record.subject == owner) {
                let actor = match record.actor {
                    Actor::Hub => None,
                    Actor::Person(person) => self.name_of(person)?,
                };
                let line = json!({
                    "at": record.at.to_string(),
                    "who": actor.as_deref().unwrap_or("the hub"),
                    "what": format!("{:?}", record.act),
                    "why": format!("{:?}", record.why),
                    "count": record.count,
                    "recordings": record.recordings.iter().map(ToString::to_string).collect::<Vec<_>>(),
                });
                serde_json::to_writer(&mut *zip, &line).map_err(io::Error::from)?;
                zip.write_all(b"\n")?;
            }
            match records.last() {
                Some(last) if records.len() == RECORDS => before = Some(last.seq),
                _ => return Ok(()),
            }
        }
    }
}

/// `recordings/2026-11-25T07-30-12Z-0a1b2c3d.opus`: sorts by time, and fits every file system.
fn sound_name(entry: &Entry) -> String {
    let at = entry.at.strftime("%Y-%m-%dT%H-%M-%SZ");
    format!("recordings/{at}-{}.opus", &entry.recording.to_string()[..8])
}

fn to_json(entry: &Entry, words: Option<&Words>) -> serde_json::Value {
    let text = |text: &Option<zeroize::Zeroizing<String>>| text.as_ref().map(|text| text.to_string());
    json!({
        "recording": entry.recording.to_string(),
        "file": sound_name(entry),
        "at": entry.at.to_string(),
        "area": entry.area.as_ref().map(|area| area.as_str()),
        "satellite": entry.satellite.as_str(),
        "outcome": format!("{:?}", entry.outcome),
        "seconds": entry.length.as_secs_f64(),
        "attributed": format!("{:?}", entry.attributed),
        "transcript": words.and_then(|words| text(&words.transcript)),
        "language": words.and_then(|words| words.language.clone()),
        "intent": words.and_then(|words| words.intent.clone()),
        "slots": words.map(|words| {
            words.slots.iter().map(|(slot, value)| (slot.clone(), value.to_string())).collect::<Vec<_>>()
        }),
        "explanation": words.and_then(|words| text(&words.explanation)),
        "stages": words.map(|words| words.stages.clone()),
    })
}

fn page_head(name: &str, total: u64) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Recordings of {name}</title>\n\
         <style>body{{font:16px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em}}\
         td,th{{text-align:left;vertical-align:top;padding:.3em .8em .3em 0}}audio{{height:2em}}</style>\n\
         <h1>Recordings of {name}</h1>\n<p>{total} recordings. The same as data: \
         <a href=\"recordings.jsonl\">recordings.jsonl</a>. Who opened them, and why: \
         <a href=\"access.jsonl\">access.jsonl</a>.</p>\n\
         <table>\n<tr><th>When (UTC)<th>Where<th>What was said<th>What came of it<th>Sound\n",
        name = escape(name)
    )
}

fn page_row(entry: &Entry, words: Option<&Words>) -> String {
    let mut row = String::new();
    let transcript = words.and_then(|words| words.transcript.as_ref()).map_or("", |text| text.as_str());
    let intent = words.and_then(|words| words.intent.as_deref()).unwrap_or("");
    // Writing to a string does not fail.
    let _ = writeln!(
        row,
        "<tr><td>{}<td>{}<td>{}<td>{} {}<td><audio controls preload=\"none\" src=\"{}\"></audio>",
        entry.at.strftime("%Y-%m-%d %H:%M:%S"),
        escape(entry.area.as_ref().map_or(entry.satellite.as_str(), |area| area.as_str())),
        escape(transcript),
        escape(intent),
        outcome_words(entry),
        sound_name(entry),
    );
    row
}

fn outcome_words(entry: &Entry) -> &'static str {
    use sotto_house::Outcome::*;
    debug_assert!(entry.outcome.code() > 0);
    match entry.outcome {
        Done => "done",
        NotUnderstood => "not understood",
        FalseWake => "nobody called",
        NothingSaid => "nothing said",
        AnsweredElsewhere => "answered elsewhere",
        Refused => "refused",
        NotReached => "could not be done",
        Interrupted => "interrupted",
        NotHeard => "not heard",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
