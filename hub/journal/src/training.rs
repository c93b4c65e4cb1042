//! Judged clips as training material: FLAC files and a manifest, of those who consent to that too.
//!
//! The manifest is what `sotto-hub evaluate` and wake-word tuning read: one JSON object a clip. The files are named by
//! the clips' random numbers. What left is listed to each owner in the access log.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flacenc::component::BitRepr;
use flacenc::error::Verify;
use jiff::Timestamp;
use rusqlite::params;
use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::Journal;
use crate::acts::{Act, Actor, Purpose};
use crate::codes::{Code, Id};
use crate::person::Person;
use crate::review::{ClipId, Correction, Judged, OpenedClip, ReviewError, consenting, require_reviewer};
use crate::sound::Sound;
use crate::store::{StoreError, make_private_dir};
use crate::vault::Opening;
use crate::words::Words;

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingExport {
    pub clips: usize,
    pub manifest: PathBuf,
}

/// Why an export stopped. What was written before is whole.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainingError {
    #[error("{path} cannot be written; name an empty directory that you own")]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Review(#[from] ReviewError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for TrainingError {
    fn from(error: rusqlite::Error) -> Self {
        TrainingError::Store(error.into())
    }
}

/// A line of the manifest, in the format of the household's other speech collections.
#[derive(Serialize)]
struct Line<'a> {
    file: String,
    category: &'static str,
    text: Option<&'a str>,
    intent: Option<&'a str>,
    slots: Option<Map<String, Value>>,
    speaker: Option<&'static str>,
    keyword: Option<&'static str>,
    seconds: f64,
    source: &'static str,
    licence: &'static str,
}

/// A clip may leave while its owner consents to review and to training, and a reviewer has judged it.
const CONSENT: &str = "verdict IS NOT NULL AND people.review AND people.training AND people.gone IS NULL";

impl Journal {
    /// Writes every judged clip whose owner consents, and that was not exported before, to `dir`: `clips/NUMBER.flac`
    /// and lines appended to `manifest.jsonl`.
    pub fn export_training(
        &self,
        dir: &Path,
        reviewer: &Person,
        now: Timestamp,
    ) -> Result<TrainingExport, TrainingError> {
        let wanted = self.store().read(|transaction| -> Result<Vec<(ClipId, Judged)>, TrainingError> {
            require_reviewer(transaction, reviewer)?;
            let mut statement = transaction.prepare_cached(&format!(
                "SELECT clip, verdict FROM clips JOIN review_seals USING (n) JOIN people ON people.person = clips.owner
                 WHERE review_seals.reviewer = ?1 AND NOT exported AND {CONSENT} ORDER BY clip"
            ))?;
            let clips = statement.query_map([Id::from(reviewer.id())], |row| {
                Ok((ClipId(row.get(0)?), row.get::<_, Code<Judged>>(1)?.0))
            })?;
            Ok(clips.collect::<Result<_, _>>()?)
        })?;
        let manifest = dir.join("manifest.jsonl");
        make_private_dir(&dir.join("clips"))
            .map_err(|source| TrainingError::Write { path: dir.to_owned(), source })?;
        let mut clips = 0;
        for (clip, judged) in wanted {
            // Consent is asked again for each: somebody may leave in the middle.
            let found = self.granted(
                now,
                Actor::Person(reviewer.id()),
                Act::Exported,
                Purpose::Training,
                |transaction| -> Result<_, ReviewError> {
                    transaction.execute("UPDATE clips SET exported = 1 WHERE clip = ?1", params![clip.0])?;
                    consenting(transaction, clip, reviewer.id(), CONSENT)?.ok_or(ReviewError::NotFound)
                },
            );
            let (grant, sealed) = match found {
                Err(ReviewError::NotFound) => continue,
                found => found?,
            };
            let opened = sealed.open(&Opening::spend(grant), reviewer).map_err(|_| ReviewError::Damaged)?;
            write_clip(dir, &manifest, clip, judged, &opened)?;
            clips += 1;
        }
        Ok(TrainingExport { clips, manifest })
    }
}

fn write_clip(
    dir: &Path,
    manifest: &Path,
    clip: ClipId,
    judged: Judged,
    opened: &OpenedClip,
) -> Result<(), TrainingError> {
    let sound = Sound::from_bytes(&opened.sound).ok_or(ReviewError::Damaged)?;
    let words = Words::from_bytes(&opened.words).ok_or(ReviewError::Damaged)?;
    let correction: Option<Correction<String>> =
        opened.correction.as_ref().and_then(|plain| serde_json::from_slice(plain).ok());
    let corrected = correction.and_then(|correction| correction.transcript);
    let file = format!("clips/{clip}.flac");
    let path = dir.join(&file);
    let failed = |source| TrainingError::Write { path: path.clone(), source };
    let pcm = sound.to_pcm();
    let flac = to_flac(&pcm).ok_or(ReviewError::Damaged)?;
    fs::write(&path, flac).map_err(failed)?;
    let right = judged == Judged::Right;
    let slots = words.slots.iter().map(|(slot, value)| (slot.clone(), Value::from(value.as_str())));
    let line = Line {
        file,
        category: if judged == Judged::NotMeant { "home/not_meant" } else { "home/commands" },
        text: corrected.as_deref().or(words.transcript.as_ref().map(|text| text.as_str())),
        intent: words.intent.as_deref().filter(|_| right),
        slots: right.then(|| slots.collect()),
        speaker: None,
        keyword: None,
        seconds: pcm.len() as f64 / 16_000.0,
        source: "this household, with the speaker's consent",
        licence: "private",
    };
    let mut text = serde_json::to_vec(&line).unwrap_or_default();
    text.push(b'\n');
    let mut file = fs::File::options()
        .create(true)
        .append(true)
        .open(manifest)
        .map_err(|source| TrainingError::Write { path: manifest.to_owned(), source })?;
    file.write_all(&text).map_err(|source| TrainingError::Write { path: manifest.to_owned(), source })
}

/// 16 kHz mono 16 bit, as the speech engines read it.
fn to_flac(pcm: &[i16]) -> Option<Vec<u8>> {
    let config = flacenc::config::Encoder::default().into_verified().ok()?;
    let samples: Vec<i32> = pcm.iter().map(|sample| i32::from(*sample)).collect();
    let source = flacenc::source::MemSource::from_samples(&samples, 1, 16, 16_000);
    let stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size).ok()?;
    let mut sink = flacenc::bitsink::ByteSink::new();
    stream.write(&mut sink).ok()?;
    Some(sink.into_inner())
}
