//! `models`: the Whisper models and the speaker model that can be had, fetched and thrown away. The only thing that Sotto ever fetches.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use sotto_hearing::catalogue::{self, CATALOGUE, LICENCE, Model};
use sotto_hearing::pull::{Wanted, part_of, pull};
use sotto_hearing::speaker;

use super::{Place, bring_encoder};
use crate::wishes::{SPEAKER, Wishes};

#[derive(clap::Args)]
pub struct Models {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Say which models there are, and which are installed
    List,
    /// Fetch a model from its publisher and check it; goes on where it broke off
    Pull {
        /// Name as `models list` gives it
        name: String,
        /// Fetch from here instead of the publisher; what arrives is checked all the same. For the speaker model a
        /// file: Resemblyzer's pretrained.pt, or an encoder of your own as ONNX (ECAPA, CAM++ and their like)
        #[arg(long, value_name = "URL")]
        from: Option<String>,
        /// For an encoder of your own: a folder with recordings of 20 people or more who do not live here, one FLAC
        /// file (16 kHz, mono) of 10 s or more of each, by which its scores are measured
        #[arg(long, value_name = "FOLDER", requires = "from")]
        others: Option<PathBuf>,
    },
    /// Fetch what was asked for on the page, and end; sotto-models.service runs this
    #[command(hide = true)]
    Wanted,
    /// Throw an installed model away
    Remove {
        /// Name as `models list` gives it
        name: String,
    },
}

pub fn run(place: &Place, models: &Models) -> anyhow::Result<ExitCode> {
    let folder = crate::config::data_directory(place.data.clone()).join("models");
    match &models.command {
        Command::List => list(place, &folder),
        Command::Wanted => {
            place.data()?;
            Wishes::new(&folder).work_off(&|| false);
            Ok(ExitCode::SUCCESS)
        }
        Command::Pull { name, from, others } if name == SPEAKER => match (from, others) {
            (Some(file), others) if file.to_lowercase().ends_with(".onnx") => {
                bring_encoder::run(place, &folder, file.as_ref(), others.as_deref())
            }
            (_, Some(_)) => bail!("--others goes with an encoder of your own: --from FILE.onnx"),
            (from, None) => fetch_speaker(place, &folder, from.as_deref()),
        },
        Command::Remove { name } if name == SPEAKER => {
            let installed = speaker::installed(&folder).unwrap_or_else(|| folder.join(speaker::FILE));
            let removed = remove_file(place, &installed, SPEAKER)?;
            speaker::remove_given(&folder)?;
            Ok(removed)
        }
        Command::Pull { others: Some(_), .. } => bail!("--others goes with the model {SPEAKER}"),
        Command::Pull { name, from, .. } => fetch(place, &folder, find(name)?, from.as_deref()),
        Command::Remove { name } => remove(place, &folder, find(name)?),
    }
}

const SPEAKER_PURPOSE: &str = "tells voices apart (Apache-2.0, brought by pip)";

/// Brought by pip, or cut out of a `pretrained.pt` that is here already.
fn fetch_speaker(place: &Place, folder: &std::path::Path, from: Option<&str>) -> anyhow::Result<ExitCode> {
    place.data()?;
    let installed = match from {
        Some(file) => speaker::install(file.as_ref(), folder)?,
        None => speaker::pull(folder, &|| false).context("the speaker model was not installed")?,
    };
    speaker::remove_given(folder).context("the encoder before it could not be removed")?;
    match place.json {
        true => println!("{}", serde_json::json!({ "installed": SPEAKER, "file": installed })),
        false => {
            println!("{SPEAKER} is installed as {}; the hub uses it within seconds", installed.display())
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn find(name: &str) -> anyhow::Result<&'static Model> {
    catalogue::find(name).with_context(|| {
        let names: Vec<&str> = CATALOGUE.iter().map(|model| model.name).chain([SPEAKER]).collect();
        format!("there is no model {name:?}; choose one of {}", names.join(", "))
    })
}

fn list(place: &Place, folder: &std::path::Path) -> anyhow::Result<ExitCode> {
    let installed = |model: &Model| folder.join(model.file()).is_file();
    if place.json {
        let models: Vec<_> = CATALOGUE
            .iter()
            .map(|model| {
                serde_json::json!({
                    "name": model.name,
                    "purpose": model.purpose,
                    "languages": model.languages(),
                    "licence": LICENCE,
                    "size": model.size,
                    "sha256": model.sha256,
                    "from": model.address(),
                    "installed": installed(model),
                })
            })
            .collect();
        let speaker = serde_json::json!({
            "name": SPEAKER,
            "purpose": SPEAKER_PURPOSE,
            "licence": "Apache-2.0",
            "size": speaker::BYTES,
            "sha256": speaker::SHA256,
            "from": "PyPI: resemblyzer 0.1.4",
            "installed": speaker::installed(folder).is_some(),
            "file": speaker::installed(folder),
        });
        let models: Vec<_> = models.into_iter().chain([speaker]).collect();
        println!("{}", serde_json::json!({ "folder": folder, "models": models }));
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:<20} {:>8}  {:<13} {:<10} purpose", "name", "size", "languages", "");
    for model in CATALOGUE {
        println!(
            "{:<20} {:>5} MB  {:<13} {:<10} {}",
            model.name,
            model.size / 1_000_000,
            model.languages(),
            if installed(model) { "installed" } else { "" },
            model.purpose
        );
    }
    println!(
        "{:<20} {:>5} MB  {:<13} {:<10} {SPEAKER_PURPOSE}",
        SPEAKER,
        speaker::BYTES / 1_000_000,
        "any",
        if speaker::installed(folder).is_some() { "installed" } else { "" },
    );
    println!("\nlicence {LICENCE}, from {}", catalogue::PUBLISHER);
    println!("without any of them the hub hears its own sentences with the engine phrase");
    Ok(ExitCode::SUCCESS)
}

fn fetch(
    place: &Place,
    folder: &std::path::Path,
    model: &Model,
    from: Option<&str>,
) -> anyhow::Result<ExitCode> {
    place.data()?;
    let address = from.map_or_else(|| model.address(), str::to_owned);
    let target: PathBuf = folder.join(model.file());
    let bar = ProgressBar::new(model.size).with_style(ProgressStyle::with_template(
        "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left",
    )?);
    let wanted = Wanted { address: &address, size: model.size, sha256: model.sha256 };
    let done = pull(&wanted, &target, |bytes| {
        bar.set_position(bytes);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    done.with_context(|| format!("the model {} was not installed", model.name))?;
    match place.json {
        true => println!("{}", serde_json::json!({ "installed": model.name, "file": target })),
        false => println!(
            "{} is installed as {}; the hub uses it within seconds, if its configuration does not choose another",
            model.name,
            target.display()
        ),
    }
    Ok(ExitCode::SUCCESS)
}

fn remove(place: &Place, folder: &std::path::Path, model: &Model) -> anyhow::Result<ExitCode> {
    remove_file(place, &folder.join(model.file()), model.name)
}

fn remove_file(place: &Place, target: &std::path::Path, name: &str) -> anyhow::Result<ExitCode> {
    let had_part = std::fs::remove_file(part_of(target)).is_ok();
    match std::fs::remove_file(target) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && had_part => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("the model {name} is not installed as {}", target.display())
        }
        Err(error) => return Err(error).with_context(|| format!("cannot remove {}", target.display())),
    }
    match place.json {
        true => println!("{}", serde_json::json!({ "removed": name })),
        false => println!("{name} is gone"),
    }
    Ok(ExitCode::SUCCESS)
}
