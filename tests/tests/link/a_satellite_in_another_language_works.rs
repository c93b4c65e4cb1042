//! PROTOCOL.md is enough: a satellite written in Python from it alone pairs and sends a recording.

use std::path::Path;
use std::process::{Command, Stdio};

use sotto_house::{Outcome, UtteranceId};
use sotto_tests::linked::{Hub, assert_whole, collect, packet};

/// What the Python satellite needs, in versions that were tried.
const PACKAGES: [&str; 5] =
    ["aioquic==1.7.2", "protobuf>=5,<8", "grpcio-tools", "spake2==0.9", "cryptography>=42"];

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// A virtual environment under the build folder, made once, and the Python of it.
fn python() -> Result<std::path::PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-satellite");
    let python = folder.join("bin/python");
    let ready = folder.join("ready");
    if !ready.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
        let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/proto");
        let out = format!("--python_out={}", folder.display());
        run(Command::new(&python).args(["-m", "grpc_tools.protoc", "-I", proto, &out, "sotto.proto"]))?;
        std::fs::write(&ready, "").map_err(|error| error.to_string())?;
    }
    Ok(python)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_satellite_pairs_and_is_heard() -> anyhow::Result<()> {
    let python = match tokio::task::spawn_blocking(python).await? {
        Ok(python) => python,
        Err(why) => {
            eprintln!("SKIPPED: the Python satellite's packages cannot be installed here: {why}");
            return Ok(());
        }
    };
    let mut hub = Hub::start()?;
    let code = hub.handle.begin_pairing()?;
    let packets = tempfile::NamedTempFile::new()?;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines: Vec<String> = (0..150).map(|sequence| hex(packet(sequence).bytes())).collect();
    std::fs::write(packets.path(), lines.join("\n"))?;

    let address = hub.address();
    let folder = python.parent().and_then(Path::parent).unwrap_or(Path::new(".")).to_owned();
    let satellite = tokio::task::spawn_blocking(move || {
        let output = Command::new(python)
            .env("PYTHONPATH", folder)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/satellite.py"))
            .args([address.ip().to_string(), address.port().to_string(), code.to_string()])
            .arg(packets.path())
            .output();
        drop(packets);
        output
    });
    // It stays until it is told the outcome, as the protocol asks.
    let answered = async {
        let heard = collect(&mut hub, |all| all.values().any(|one| one.ended + one.lost > 0)).await?;
        let utterance = *heard.keys().next().expect("one utterance");
        hub.handle.outcome(UtteranceId::from_bytes(utterance), Outcome::Done, None);
        anyhow::Ok(heard)
    };
    let (output, heard) = tokio::join!(satellite, answered);
    let output = output??;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(said["received"], 150);
    assert_eq!(said["hub"], hub.handle.hub());
    assert_whole(heard?.values().next().expect("one utterance"), 150);
    assert_eq!(hub.handle.list()[0].paired.id.as_str(), "python-1");
    Ok(())
}
