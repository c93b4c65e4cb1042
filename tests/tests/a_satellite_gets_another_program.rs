//! A satellite gets its programs from its hub: a good one is kept, one that ends goes back by itself, and what is not
//! signed or not whole never runs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use sotto_tests::data;
use sotto_tests::household::{Household, Satellite};
use sotto_tests::programs::{Running, answer, facts, program};

const ARCHITECTURE: &str = std::env::consts::ARCH;

/// A program that says it is `version`, and otherwise does what `then` says.
fn script(folder: &Path, version: &str, then: &str) -> PathBuf {
    let file = folder.join(version);
    let say = format!("if [ \"$1\" = --version ]; then echo sotto-satellite {version}; exit; fi");
    std::fs::write(&file, format!("#!/bin/sh\n{say}\n{then}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    file
}

fn offer(house: &Household, file: &Path) {
    let version = file.file_name().unwrap().to_str().unwrap();
    let mut add = house.hub_command(&["updates", "add", file.to_str().unwrap(), "--version", version]);
    facts(add.args(["--architecture", ARCHITECTURE]), "");
}

/// What the satellite remembers of its programs.
fn state(satellite: &Satellite) -> Value {
    let file = satellite.data().join("programs/state.json");
    serde_json::from_slice(&std::fs::read(file).unwrap_or_default()).unwrap_or_default()
}

fn until(satellite: &Satellite, wanted: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let state = state(satellite);
        if wanted(&state) {
            return state;
        }
        assert!(Instant::now() < end, "{state}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn online(running: &Running) {
    running.event("online");
}

#[test]
fn a_satellite_gets_another_program() {
    if !data::has_program("mosquitto", "a satellite gets another program") {
        return;
    }
    let mut house = Household::start("");
    let satellite = house.satellite("hall", "Hall", "trigger = \"push-to-talk\"\n");
    let own = tempfile::tempdir().unwrap();
    let mut running = satellite.run_in_silence();
    online(&running);
    assert_eq!(facts(&mut satellite.command(&["update"]), "")["fetched"], Value::Null, "there is none yet");

    let real = program("sotto-satellite").get_program().to_str().unwrap().to_owned();
    offer(&house, &script(own.path(), "9.0.0", &format!("exec {real:?} \"$@\"")));
    assert_eq!(facts(&mut satellite.command(&["update"]), "")["fetched"], "9.0.0");
    // It changes over by itself, reaches the hub, and is kept.
    let kept = until(&satellite, |state| state["kept"]["version"] == "9.0.0");
    assert_eq!((&kept["trying"], &kept["kept"]["place"]), (&Value::Null, &"a".into()));

    // One that ends at once: whoever starts the satellite again starts the one before.
    offer(&house, &script(own.path(), "9.0.1", "exit 3"));
    assert_eq!(facts(&mut satellite.command(&["update"]), "")["fetched"], "9.0.1");
    assert!(!running.wait().success());
    let mut running = satellite.run_in_silence();
    online(&running);
    let back = state(&satellite);
    assert_eq!(back["put_back"], "9.0.1");
    assert_eq!((&back["trying"], &back["kept"]["version"]), (&Value::Null, &"9.0.0".into()));

    // Neither a signature of nobody nor half a program leaves a trace.
    offer(&house, &script(own.path(), "9.0.2", "exit 3"));
    let updates = house.data().join("updates");
    let (described, bytes) = (updates.join(format!("{ARCHITECTURE}.json")), updates.join(ARCHITECTURE));
    let signed = std::fs::read_to_string(&described).unwrap();
    std::fs::write(&described, signed.replace("9.0.2", "9.0.3")).unwrap();
    let (_, why, code) = answer(&mut satellite.command(&["update"]), "");
    assert!(code == 1 && why.contains("not signed"), "{why}");
    std::fs::write(&described, signed).unwrap();
    let whole = std::fs::read(&bytes).unwrap();
    std::fs::write(&bytes, &whole[..whole.len() - 3]).unwrap();
    let (_, why, code) = answer(&mut satellite.command(&["update"]), "");
    assert!(code == 1 && why.contains("not what was offered"), "{why}");
    std::fs::write(&bytes, [&whole[..whole.len() - 1], b"x"].concat()).unwrap();
    let (_, why, code) = answer(&mut satellite.command(&["update"]), "");
    assert!(code == 1 && why.contains("not what was offered"), "{why}");
    assert_eq!(state(&satellite), back);
    let lies = std::fs::read_dir(satellite.data().join("programs")).unwrap();
    let mut lies: Vec<_> = lies.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    lies.sort();
    assert_eq!(lies, ["a", "b", "state.json"], "nothing half is left");

    running.signal("TERM");
    assert!(running.wait().success());
    house.hub.signal("TERM");
    assert!(house.hub.wait().success());
}
