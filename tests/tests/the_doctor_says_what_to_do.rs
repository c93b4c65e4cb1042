//! `sotto-hub doctor` looks at every part, and says of each that is broken what to do.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use sotto_tests::household::Household;
use sotto_tests::programs::{PATIENCE, answer, program};

/// What the doctor says of this household, and its exit code.
fn doctor(household: &Household, change: impl Fn(&mut Command)) -> (Value, i32) {
    let mut command = program("sotto-hub");
    command.args(["--json", "--data"]).arg(household.data()).arg("--config").arg(household.config());
    command.args(["doctor", "--patience", "1"]);
    change(&mut command);
    let (out, err, code) = answer(&mut command, "");
    (serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}")), code)
}

/// State and advice of one part.
#[track_caller]
fn part<'a>(facts: &'a Value, part: &str) -> (&'a str, &'a str) {
    let parts = facts["parts"].as_array().unwrap();
    let found =
        parts.iter().find(|found| found["part"] == part).unwrap_or_else(|| panic!("no {part}: {facts}"));
    (found["state"].as_str().unwrap(), found["advice"].as_str().unwrap())
}

#[test]
fn the_doctor_looks_at_every_part() {
    let mut household = Household::start("");
    // A hub that is ready may still be on its way to its broker.
    let until = Instant::now() + PATIENCE;
    let facts = loop {
        let (facts, _) = doctor(&household, |_| {});
        if part(&facts, "broker").0 == "fine" || Instant::now() > until {
            break facts;
        }
    };
    for (name, expect) in
        [("hub", "fine"), ("data", "fine"), ("broker", "fine"), ("page", "fine"), ("satellites", "beware")]
    {
        let (state, advice) = part(&facts, name);
        assert_eq!(state, expect, "{name}");
        assert_eq!(
            advice.is_empty(),
            state == "fine",
            "{name}: advice where something is wrong, and only there"
        );
    }
    for name in ["clock", "disk", "voice", "models"] {
        part(&facts, name);
    }
    household.hub.signal("TERM");
    household.hub.wait();
    let (facts, code) = doctor(&household, |_| {});
    assert_eq!((code, facts["ok"].as_bool()), (1, Some(false)));
    assert!(part(&facts, "hub").1.contains("systemctl start"));
}

#[test]
fn what_is_broken_is_named_with_what_to_do() {
    // Nobody listens on port 1.
    let household = Household::start("address = \"127.0.0.1:1\"\n");
    let check = |facts: &(Value, i32), name: &str, expect: (&str, &str)| {
        let (state, advice) = part(&facts.0, name);
        assert_eq!(state, expect.0, "{name}");
        assert!(advice.contains(expect.1), "{name}: {advice}");
        assert_eq!(facts.1, 1, "{name}");
    };
    check(&doctor(&household, |_| {}), "broker", ("broken", "[mqtt] address"));

    std::fs::set_permissions(household.data(), Permissions::from_mode(0o755)).unwrap();
    check(&doctor(&household, |_| {}), "data", ("broken", "chmod 0700"));
    std::fs::set_permissions(household.data(), Permissions::from_mode(0o700)).unwrap();

    // The certificate of another house.
    let authority = household.data().join("web/ca.pem");
    let other = Household::start("");
    std::fs::copy(other.data().join("web/ca.pem"), &authority).unwrap();
    check(&doctor(&household, |_| {}), "page", ("broken", "restart the hub"));
    std::fs::write(&authority, "no certificate").unwrap();
    check(&doctor(&household, |_| {}), "page", ("broken", "restart the hub"));

    let without_programs = |command: &mut Command| {
        command.env("PATH", "/nonexistent");
    };
    check(&doctor(&household, without_programs), "voice", ("beware", "install espeak-ng"));
}
