//! `verify`: reads the whole access log and says whether anybody has changed, removed or cut it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde_json::json;
use sotto_journal::{Head, Journal, Options, VerifyError};

use super::Place;

#[derive(clap::Args)]
pub struct Args {
    /// Compare with the log's ends that satellites have kept: a file with one in hexadecimal digits per line
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<ExitCode> {
    let witnesses = args.heads.as_deref().map(read_heads).transpose()?.unwrap_or_default();
    let journal = Journal::visit(&place.journal()?, Options::default(), Timestamp::now())?;
    match journal.verify(&witnesses) {
        Ok(verified) => {
            if place.json {
                println!(
                    "{}",
                    json!({
                        "ok": true,
                        "entries": verified.entries,
                        "receipts": verified.receipts,
                        "heads": verified.witnesses,
                    })
                );
            } else {
                println!(
                    "the access log is whole: {} entries, {} receipts, {} heads of satellites agree",
                    verified.entries, verified.receipts, verified.witnesses
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(VerifyError::Store(error)) => Err(error.into()),
        Err(found) => {
            if place.json {
                println!("{}", json!({ "ok": false, "found": found.to_string() }));
            } else {
                println!("{found}");
            }
            Ok(ExitCode::from(1))
        }
    }
}

fn read_heads(path: &Path) -> anyhow::Result<Vec<Head>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut heads = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let head = from_hex(line.trim()).and_then(|bytes| Head::from_bytes(&bytes));
        match head {
            Some(head) => heads.push(head),
            None => bail!(
                "{}, line {}: not the end of an access log; it has {} hexadecimal digits",
                path.display(),
                number + 1,
                2 * Head::BYTES
            ),
        }
    }
    Ok(heads)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| (digit as char).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_head_or_is_named() {
        let file = std::env::temp_dir().join(format!("sotto-heads-{}", std::process::id()));
        for (text, expect) in [
            ("\n", Ok(0)),
            (&"00".repeat(Head::BYTES), Ok(1)),
            (&"0g".repeat(Head::BYTES), Err("line 1")),
            ("\n00ff", Err("line 2")),
        ] {
            std::fs::write(&file, text).unwrap();
            match (read_heads(&file), expect) {
                (Ok(heads), Ok(count)) => assert_eq!(heads.len(), count),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (other, expect) => panic!("{other:?}, not {expect:?}"),
            }
        }
        std::fs::remove_file(&file).unwrap();
    }
}
