//! Makes `src/taught/background.bin`: the statistics of other people's speech that a taught word is told from.
//!
//! `cargo run --release -p sotto-wake --example background -- NETWORK-FOLDER OUT SPEECH-FOLDER…` reads every FLAC file
//! in the folders (16 kHz mono) and keeps nothing of it but these numbers.

use std::path::{Path, PathBuf};

use sotto_wake::taught::Teacher;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(network), Some(out)) = (given.next(), given.next()) else {
        return Err("give the folder of the network, the file to write, and folders of FLAC files".into());
    };
    let mut files = Vec::new();
    for folder in given {
        for entry in std::fs::read_dir(folder)? {
            files.push(entry?.path());
        }
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "flac"));
    files.sort();
    let teacher = Teacher::open(&network)?;
    let count = files.len();
    let file = teacher.background(files.into_iter().filter_map(|file| sound(&file)));
    std::fs::write(&out, &file)?;
    println!("{} from {count} recordings", out.display());
    Ok(())
}

fn sound(file: &Path) -> Option<Vec<i16>> {
    let mut reader = claxon::FlacReader::open(file).ok()?;
    reader.samples().map(|sample| Some(sample.ok()? as i16)).collect()
}
