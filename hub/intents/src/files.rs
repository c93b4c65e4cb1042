//! Sentence files on the disk: which there are, and what stands in them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::problem::{LoadError, Problem};
use crate::tree::{FILE_LIMIT, Tree};

/// The language that a file says it is of, else the name of its folder.
pub(crate) fn language_of(tree: &Tree, path: &Path) -> String {
    match tree.get("language").and_then(Tree::text) {
        Some(language) => language.into_owned(),
        None => path
            .parent()
            .and_then(Path::file_name)
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default(),
    }
}

/// Adds all sentence files at or below a path, in the order of their names.
pub(crate) fn find_files(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    let failed = |e: std::io::Error| {
        Problem::new(&path.display().to_string(), 0, 0, format!("cannot be read: {e}"))
            .instead("check that it is there and that this user may read it")
    };
    if depth > 8 {
        return Ok(());
    }
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut inside: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        inside.push(entry.map_err(failed)?.path());
    }
    inside.sort();
    for path in inside {
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        let sentences = path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json");
        if !hidden && (sentences || path.is_dir()) {
            find_files(&path, depth + 1, files)?;
        }
    }
    Ok(())
}

/// Reads a YAML or JSON file of bounded size.
pub(crate) fn read(path: &Path, file: &str) -> Result<Tree, Problem> {
    let failed = |e: std::io::Error| Problem::new(file, 0, 0, format!("cannot be read: {e}"));
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > FILE_LIMIT {
        return Err(Problem::new(file, 0, 0, format!("the file is larger than {} MB", FILE_LIMIT >> 20))
            .instead("split it into several files"));
    }
    let bytes = fs::read(path).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let line = 1 + e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        Problem::new(file, line as u32, 1, "this is not UTF-8 text").instead("save the file as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if path.extension().is_some_and(|e| e == "json") {
        Tree::parse_json(file, text)
    } else {
        Tree::parse_yaml(file, text)
    }
}
