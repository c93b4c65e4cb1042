//! A satellite has no clock of its own: whatever it believes the year to be, it pairs and connects.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use sotto_tests::data;
use sotto_tests::household::Household;

/// Takes the place of the C library's clock: the time of day is `SKEW` seconds from what it is.
const SHIM: &str = r"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec += SKEW;
    return failed;
}
";

const YEAR: i64 = 365 * 24 * 3600;

fn shim(folder: &Path, skew: i64) -> PathBuf {
    let (source, library) = (folder.join("shim.c"), folder.join(format!("shim{skew}.so")));
    std::fs::write(&source, SHIM).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", &format!("-DSKEW={skew}"), "-o"])
        .args([&library, &source])
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "cc, which linked this test, does not compile the shim"
    );
    library
}

#[test]
fn a_satellite_pairs_and_connects_in_any_year() {
    if !data::has_program("mosquitto", "a clock that is years wrong") {
        return;
    }
    let house = Household::start("");
    for (name, years) in [("past", -30), ("future", 70)] {
        let library = shim(house.folder(), years * YEAR);
        let satellite = house.satellite_in(name, "Kitchen", "trigger = \"speech\"\n", move |command| {
            command.env("LD_PRELOAD", &library);
        });
        let running = satellite.run_in_silence();
        let connected = house.hub.event("connected");
        assert!(connected["satellite"].as_str().is_some_and(|id| id.starts_with(name)), "{connected}");
        // And it was in that year.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let believed = running.event("online")["ms"].as_u64().unwrap() as i64 / 1000;
        assert!((believed - now - years * YEAR).abs() < YEAR, "{believed}, and it is {now}");
    }
}
