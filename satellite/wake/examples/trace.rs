//! Prints what the engine computes for sound files, so that it can be compared with another engine.
//!
//! `trace MODELS_FOLDER FILE.flac…` prints, for each file and half a second of silence after it, one line of
//! features (`FILE features HEX`: u16, little endian, 40 a window) and one line a model of probabilities
//! (`FILE MODEL HEX`: in 1/256, one byte a run).

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use sotto_wake::frontend::FrontEnd;
use sotto_wake::{Model, find_models};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder are the models in?")?;
    let models: Vec<Model> =
        find_models(Path::new(&folder))?.into_iter().map(|found| found.model).collect::<Result<_, _>>()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for file in arguments {
        let mut samples = Vec::new();
        for sample in claxon::FlacReader::open(&file)?.samples() {
            samples.push(sample? as i16);
        }
        samples.resize(samples.len() + 8_000, 0);
        let mut frontend = FrontEnd::new();
        let mut windows = Vec::new();
        let mut rest = &samples[..];
        while let Some(features) = frontend.next(&mut rest) {
            windows.push(features);
        }
        let mut hex = String::new();
        for feature in windows.iter().flatten() {
            write!(hex, "{:04x}", feature.swap_bytes())?;
        }
        writeln!(out, "{file} features {hex}")?;
        for model in &models {
            let mut network = model.network();
            let mut hex = String::new();
            for probability in windows.iter().filter_map(|features| network.push(features)) {
                write!(hex, "{:02x}", (probability * 256.0) as u8)?;
            }
            writeln!(out, "{file} {} {hex}", model.id())?;
        }
    }
    Ok(())
}
