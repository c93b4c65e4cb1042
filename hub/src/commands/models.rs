//! `models`: what can be had, fetched and thrown away. The only thing that Sotto ever fetches.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use sotto_hearing::catalogue::{self, CATALOGUE, LICENCE, Model};
use sotto_hearing::pull::{Wanted, part_of, pull};

use sotto_hearing::speaker;

use super::{Place, bring_encoder};
use crate::brought::{self, BROUGHT, Brought, MOONSHINE, SPEAKER};
use crate::wishes::Wishes;

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
        /// Fetch from here instead of the publisher; what arrives is checked all the same. For what pip brings a file:
        /// the package's, or the one in it; for the speaker model also an encoder of your own as ONNX (ECAPA, CAM++ and
        /// their like)
        #[arg(long, value_name = "URL OR FILE")]
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
        Command::Pull { name, from, others } if name == SPEAKER && others.is_some() | is_onnx(from) => {
            match from {
                Some(file) if is_onnx(from) => {
                    bring_encoder::run(place, &folder, file.as_ref(), others.as_deref())
                }
                _ => bail!("--others goes with an encoder of your own: --from FILE.onnx"),
            }
        }
        Command::Pull { others: Some(_), .. } => bail!("--others goes with the model {SPEAKER}"),
        Command::Pull { name, from, .. } => match brought::find(name) {
            Some(brought) => bring(place, &folder, brought, from.as_deref()),
            None => fetch(place, &folder, find(name)?, from.as_deref()),
        },
        Command::Remove { name } => match brought::find(name) {
            Some(brought) => {
                let removed = brought.remove(&folder);
                gone(place, removed, brought.name, &brought.folder(&folder))
            }
            None => remove(place, &folder, find(name)?),
        },
    }
}

fn is_onnx(from: &Option<String>) -> bool {
    from.as_ref().is_some_and(|file| file.to_lowercase().ends_with(".onnx"))
}

fn bar(bytes: u64) -> anyhow::Result<ProgressBar> {
    let style = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";
    Ok(ProgressBar::new(bytes).with_style(ProgressStyle::with_template(style)?))
}

/// Brought by pip, or taken out of a file that is here already.
fn bring(place: &Place, folder: &Path, brought: &Brought, from: Option<&str>) -> anyhow::Result<ExitCode> {
    place.data()?;
    let target = brought.folder(folder);
    let bar = bar(brought.package.wheel.bytes)?;
    let done = match from {
        Some(file) => brought.package.install(file.as_ref(), &target),
        None => brought.package.fetch(&target, |bytes| {
            bar.set_position(bytes);
            ControlFlow::Continue(())
        }),
    };
    bar.finish_and_clear();
    done.with_context(|| format!("the model {} was not installed", brought.name))?;
    if brought.name == SPEAKER {
        speaker::remove_given(folder).context("the encoder before it could not be removed")?;
    }
    installed(place, brought.name, &target)
}

fn installed(place: &Place, name: &str, target: &Path) -> anyhow::Result<ExitCode> {
    match place.json {
        true => println!("{}", serde_json::json!({ "installed": name, "file": target })),
        false => println!(
            "{name} is installed as {}; the hub uses it within seconds, if its configuration does not choose another",
            target.display()
        ),
    }
    Ok(ExitCode::SUCCESS)
}

fn find(name: &str) -> anyhow::Result<&'static Model> {
    catalogue::find(name).with_context(|| {
        let names: Vec<&str> =
            BROUGHT.iter().map(|model| model.name).chain(CATALOGUE.iter().map(|model| model.name)).collect();
        format!("there is no model {name:?}; choose one of {}", names.join(", "))
    })
}

fn list(place: &Place, folder: &Path) -> anyhow::Result<ExitCode> {
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
        let brought = BROUGHT.iter().map(|model| {
            serde_json::json!({
                "name": model.name,
                "purpose": model.purpose,
                "languages": model.language.unwrap_or("any"),
                "licence": model.licence,
                "size": model.bytes(folder),
                "sha256": model.package.wheel.sha256,
                "from": format!("PyPI: {}", model.package.requirement),
                "installed": model.is_installed(folder),
            })
        });
        let models: Vec<_> = brought.chain(models).collect();
        let speed = sotto_hearing::speed();
        let suits = serde_json::json!({
            "speed": speed, "en": catalogue::suits("en", speed), "other": catalogue::suits("de", speed)
        });
        println!("{}", serde_json::json!({ "folder": folder, "models": models, "suits": suits }));
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:<20} {:>8}  {:<13} {:<10} purpose", "name", "size", "languages", "");
    let line = |name: &str, bytes: u64, languages: &str, is_installed: bool, purpose: &str| {
        let installed = if is_installed { "installed" } else { "" };
        println!("{name:<20} {:>5} MB  {languages:<13} {installed:<10} {purpose}", bytes / 1_000_000);
    };
    for model in &BROUGHT {
        let (language, purpose) = (model.language.unwrap_or("any"), model.purpose);
        line(model.name, model.bytes(folder), language, model.is_installed(folder), purpose);
    }
    for model in CATALOGUE {
        line(model.name, model.size, model.languages(), installed(model), model.purpose);
    }
    println!();
    for model in &BROUGHT {
        println!(
            "{}: licence {}, brought by pip in {}",
            model.name, model.licence, model.package.requirement
        );
    }
    println!("all others: Whisper, licence {LICENCE}, from {}", catalogue::PUBLISHER);
    let speed = sotto_hearing::speed();
    println!(
        "this machine does {speed:.0} thousand million operations a second: {MOONSHINE} suits it for English, {} for free speech \
         in English, {} for other languages",
        catalogue::suits("en", speed),
        catalogue::suits("de", speed)
    );
    println!("without any of them the hub hears its own sentences all the same, less well where it is loud");
    Ok(ExitCode::SUCCESS)
}

fn fetch(place: &Place, folder: &Path, model: &Model, from: Option<&str>) -> anyhow::Result<ExitCode> {
    place.data()?;
    let address = from.map_or_else(|| model.address(), str::to_owned);
    let target: PathBuf = folder.join(model.file());
    let bar = bar(model.size)?;
    let wanted = Wanted { address: &address, size: model.size, sha256: model.sha256 };
    let done = pull(&wanted, &target, |bytes| {
        bar.set_position(bytes);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    done.with_context(|| format!("the model {} was not installed", model.name))?;
    installed(place, model.name, &target)
}

fn remove(place: &Place, folder: &Path, model: &Model) -> anyhow::Result<ExitCode> {
    let target = folder.join(model.file());
    let had_part = std::fs::remove_file(part_of(&target)).is_ok();
    let removed = std::fs::remove_file(&target);
    let missing = removed.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    gone(place, if missing && had_part { Ok(()) } else { removed }, model.name, &target)
}

fn gone(place: &Place, removed: std::io::Result<()>, name: &str, target: &Path) -> anyhow::Result<ExitCode> {
    match removed {
        Ok(()) => {}
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
