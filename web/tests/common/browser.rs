//! A real browser, driven by a script in `tests/browser/` (node, playwright-core, Debian's chromium).
//!
//! The script and the test talk over its standard input and output: a line that begins with `!` asks the test for
//! something ("say something in the kitchen"), which answers with one line. Skipped, loudly, where node or chromium
//! is not there.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

/// A story that takes longer has hung.
const LONGEST: Duration = Duration::from_secs(420);

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/tests/browser")
}

/// Where npm's packages lie: beside the build, never in the tree.
fn packages() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser")
}

async fn works(program: &str, argument: &str) -> bool {
    let run = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    run.is_ok_and(|status| status.success())
}

/// Installs what the scripts need, once; says why when it cannot be done.
async fn ready() -> Result<PathBuf, String> {
    for (program, argument) in [("node", "--version"), ("npm", "--version"), ("chromium", "--version")] {
        if !works(program, argument).await {
            return Err(format!("{program} is not installed"));
        }
    }
    let folder = packages();
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let lock = std::fs::File::create(folder.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let wanted = std::fs::read(scripts().join("package.json")).map_err(|error| error.to_string())?;
    let have = std::fs::read(folder.join("package.json")).unwrap_or_default();
    if have != wanted || !folder.join("node_modules/axe-core/axe.min.js").exists() {
        std::fs::write(folder.join("package.json"), &wanted).map_err(|error| error.to_string())?;
        let install = Command::new("npm")
            .args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .status()
            .await;
        if !install.is_ok_and(|status| status.success()) {
            return Err("npm could not install playwright-core and axe-core".into());
        }
    }
    for script in std::fs::read_dir(scripts()).map_err(|error| error.to_string())?.flatten() {
        std::fs::copy(script.path(), folder.join(script.file_name())).map_err(|error| error.to_string())?;
    }
    Ok(folder)
}

/// Tells the story `name` of `tests/browser/NAME.mjs` in the house at `base`; panics when it does not come true.
pub async fn story(base: &str, name: &str, mut help: impl FnMut(&str) -> String) {
    let folder = match ready().await {
        Ok(folder) => folder,
        Err(why) => {
            eprintln!("SKIPPED: the story {name} needs a browser, and {why}");
            return;
        }
    };
    let artefacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../artefacts");
    std::fs::create_dir_all(&artefacts).unwrap();
    let mut script = Command::new("node")
        .arg(folder.join(format!("{name}.mjs")))
        .env("BASE", base)
        .env("ARTEFACTS", artefacts)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = script.stdin.take().unwrap();
    let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
    let told = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            match line.strip_prefix('!') {
                Some(wish) => {
                    let answer = help(wish.trim());
                    stdin.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
                }
                None => println!("{name}: {line}"),
            }
        }
    };
    let in_time = tokio::time::timeout(LONGEST, told).await.is_ok();
    drop(stdin);
    let output = script.wait_with_output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(in_time && output.status.success(), "{name} did not come true:\n{errors}");
}
