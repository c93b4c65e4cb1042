//! Somebody with the hub's disk in his hands puts yesterday's back, so that nobody sees whom he let into the house. The
//! satellite has kept the end of the access log, and says so.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use sotto_tests::data;
use sotto_tests::household::Household;
use sotto_tests::programs::{PATIENCE, answer, facts};

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.is_ok_and(|status| status.success()), "{}", from.display());
}

/// What `verify` says, and how it ends.
fn verify(house: &Household) -> (Value, i32) {
    let (out, err, code) = answer(&mut house.hub_command(&["verify"]), "");
    (serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}")), code)
}

#[test]
fn a_log_that_was_cut_back_is_found_by_what_a_satellite_keeps() {
    if !data::has_program("mosquitto", "satellites are witnesses") {
        return;
    }
    let mut house = Household::start("");
    house.add_member();
    let satellite = house.satellite("kitchen", "Kitchen", "trigger = \"speech\"\n");
    let kept = satellite.data().join("journal-head");
    let (journal, yesterday) = (house.data().join("journal"), house.folder().join("yesterday"));
    let stop = |house: &mut Household| {
        house.hub.signal("TERM");
        assert!(house.hub.wait().success());
    };

    stop(&mut house);
    copy(&journal, &yesterday);
    house.restart();
    // Somebody comes to live here; that is on the record, and the satellite gets the end of it when it comes.
    let add = ["members", "add", "Mallory", "--administrator", "--passphrase-stdin"];
    facts(&mut house.hub_command(&add), "a passphrase for an evening\n");
    let _running = satellite.run_in_silence();
    house.hub.event("connected");
    wait_until("the satellite keeps a head", || kept.exists());
    assert_eq!(kept.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let (whole, code) = verify(&house);
    assert_eq!((&whole["ok"], code), (&Value::Bool(true), 0), "{whole}");

    stop(&mut house);
    std::fs::remove_dir_all(&journal).unwrap();
    copy(&yesterday, &journal);
    let _ = std::fs::remove_file(house.data().join("witnesses"));
    // By itself the log is whole: only the satellite knows better.
    let (fooled, code) = verify(&house);
    assert_eq!((&fooled["ok"], code), (&Value::Bool(true), 0), "{fooled}");
    house.restart();
    house.hub.event("connected");
    wait_until("the hub says so", || house.hub.said().contains("its end was removed"));
    wait_until("verify says so", || {
        let (found, code) = verify(&house);
        code == 1 && found["found"].as_str().is_some_and(|found| found.contains("its end was removed"))
    });
}
