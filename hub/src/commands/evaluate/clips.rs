//! The recordings to evaluate on: a manifest, one JSON object a line, and the FLAC files that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

/// One recording and what it should be understood as.
pub struct Clip {
    /// As the manifest names it.
    pub file: String,
    pub path: PathBuf,
    /// `None`: nothing that the house should act on.
    pub intent: Option<String>,
    pub slots: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Line {
    file: String,
    #[serde(default)]
    intent: Option<String>,
    #[serde(default)]
    slots: Option<BTreeMap<String, serde_json::Value>>,
}

/// Longest line that is read.
const LONGEST_LINE: usize = 100_000;

/// Reads the manifest; files are relative to its folder.
pub fn read(manifest: &Path) -> anyhow::Result<Vec<Clip>> {
    let text = std::fs::read_to_string(manifest)
        .with_context(|| format!("cannot read the manifest {}", manifest.display()))?;
    let folder = manifest.parent().unwrap_or(Path::new("."));
    let mut clips = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = || format!("{}:{}", manifest.display(), number + 1);
        ensure!(line.len() <= LONGEST_LINE, "{}: the line is too long", place());
        let line: Line = serde_json::from_str(line).with_context(|| {
            format!("{}: not a line like {{\"file\": …, \"intent\": …, \"slots\": {{…}}}}", place())
        })?;
        let slots = line.slots.unwrap_or_default().into_iter().map(|(name, value)| {
            let value = match value {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            (name, value)
        });
        clips.push(Clip {
            path: folder.join(&line.file),
            file: line.file,
            intent: line.intent,
            slots: slots.collect(),
        });
    }
    if clips.is_empty() {
        bail!("the manifest {} names no recording", manifest.display());
    }
    Ok(clips)
}

/// Samples of a FLAC file, which must be 16 kHz, mono and 16 bits, as the satellites record.
pub fn samples(path: &Path) -> anyhow::Result<Vec<i16>> {
    let mut reader = claxon::FlacReader::open(path)
        .with_context(|| format!("cannot read {} as FLAC; convert it with sox or flac", path.display()))?;
    let info = reader.streaminfo();
    ensure!(
        (info.sample_rate, info.channels, info.bits_per_sample) == (16_000, 1, 16),
        "{} is {} Hz with {} channels of {} bits; convert it: sox IN -r 16000 -c 1 -b 16 OUT.flac",
        path.display(),
        info.sample_rate,
        info.channels,
        info.bits_per_sample
    );
    reader
        .samples()
        .map(|sample| sample.map(|sample| sample as i16))
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} is damaged", path.display()))
}
