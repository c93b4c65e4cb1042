//! A wheel made here, fetched by a real pip from a folder: what arrives, and what is said when it does not.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::pip::Python;
use std::ops::ControlFlow::{Break, Continue};

/// Makes `made_up-1.0-py3-none-any.whl` of 3 MB in the folder that it is run in; numbers.bin and whole.bin.
const MAKE: &str = "\
import hashlib, zipfile
with zipfile.ZipFile('made_up-1.0-py3-none-any.whl', 'w', zipfile.ZIP_DEFLATED) as wheel:
    def add(name, content):
        wheel.writestr(zipfile.ZipInfo(name), content)
    add('made_up/numbers.bin', bytes(range(256)) * 4)
    add('made_up/whole.bin', hashlib.shake_128().digest(3_000_000))
    add('made_up/__init__.py', 'raise SystemExit(\"this package was run\")')
    add('made_up-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: made-up\\nVersion: 1.0\\n')
    add('made_up-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    add('made_up-1.0.dist-info/RECORD', '')
";

/// A folder that serves as a package index, and one to install into.
struct House {
    index: tempfile::TempDir,
    models: tempfile::TempDir,
    package: Package,
}

/// `None`, said loudly, where there is no pip.
fn house() -> Option<House> {
    let (index, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pip = Command::new("python3").args(["-c", "import pip"]).output();
    if !pip.is_ok_and(|pip| pip.status.success()) {
        eprintln!("SKIPPED: python3 with pip is not here; apt install python3-pip");
        return None;
    }
    let made = Command::new("python3").args(["-c", MAKE]).current_dir(index.path()).status().unwrap();
    assert!(made.success());
    let wheel = pin(&index.path().join("made_up-1.0-py3-none-any.whl"));
    let numbers: Vec<u8> = (0..=255u8).cycle().take(1024).collect();
    const STRETCHES: &[(u64, u64)] = &[(1000, 24), (0, 8)];
    let kept: Vec<u8> = numbers[1000..].iter().chain(&numbers[..8]).copied().collect();
    let part = |member, pin, keep, file| Part { member, pin, keep, file };
    let parts = [
        part("made_up/numbers.bin", pin_of(&numbers), Keep::Stretches(STRETCHES, pin_of(&kept)), "numbers"),
        part(
            "made_up/whole.bin",
            Pin {
                bytes: 3_000_000,
                sha256: "3d6c66f23d9c32296465735930d5b9749241867822b3bdc5478550279d40d18c",
            },
            Keep::All,
            "whole",
        ),
    ];
    let package = Package {
        name: "the made-up network",
        requirement: "made-up==1.0",
        platform: None,
        wheel,
        parts: Box::leak(Box::new(parts)),
        command: "sotto fetch",
        otherwise: "copy it from somewhere",
    };
    Some(House { index, models, package })
}

fn pin_of(bytes: &[u8]) -> Pin {
    Pin { bytes: bytes.len() as u64, sha256: hexadecimal(&Sha256::digest(bytes)).leak() }
}

fn pin(path: &Path) -> Pin {
    pin_of(&fs::read(path).unwrap())
}

impl House {
    fn python(&self) -> Python {
        let set = |name: &'static str, value: &str| (name, OsString::from(value));
        let mut settings = vec![set("PIP_NO_INDEX", "1"), set("PIP_RETRIES", "0")];
        settings.push(("PIP_FIND_LINKS", self.index.path().into()));
        Python { program: "python3".into(), settings }
    }

    fn fetch(&self, python: &Python) -> Result<(), Error> {
        self.package.fetch_by(python, self.models.path(), &mut |_| Continue(()))
    }

    /// Nothing but what was there before.
    fn has(&self, files: &[&str]) {
        let entries = fs::read_dir(self.models.path()).unwrap();
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().file_name().into()).collect();
        found.sort();
        assert_eq!(found, files.iter().map(PathBuf::from).collect::<Vec<_>>());
    }
}

#[test]
fn the_numbers_are_cut_out_and_all_else_is_thrown_away() {
    let Some(house) = house() else { return };
    // What a loss of power left.
    fs::create_dir(house.models.path().join("made-up.part")).unwrap();
    fs::write(house.models.path().join("made-up.part/half.whl"), b"half").unwrap();
    assert!(!house.package.is_in(house.models.path()));
    house.fetch(&house.python()).unwrap();
    house.has(&["numbers", "whole"]);
    assert!(house.package.is_in(house.models.path()));
    let [numbers, whole] = house.package.parts else { unreachable!() };
    let read = |part| house.package.read(part, house.models.path());
    let expect: Vec<u8> = (1000..1024).chain(0..8).map(|n: u32| (n % 256) as u8).collect();
    assert_eq!(read(numbers).unwrap(), expect);
    assert_eq!(read(whole).unwrap().len(), 3_000_000);
    // What is there is not fetched again.
    house.fetch(&Python { program: "/nowhere".into(), settings: vec![] }).unwrap();
    // What was changed is refused with what to do, and fetching mends it.
    fs::write(house.models.path().join("numbers"), b"something else, as long as that").unwrap();
    let error = read(numbers).unwrap_err().to_string();
    assert!(error.contains("`sotto fetch`"), "{error}");
    house.fetch(&house.python()).unwrap();
    assert!(read(numbers).is_ok());
    fs::remove_file(house.models.path().join("whole")).unwrap();
    assert!(matches!(read(whole), Err(Error::Read { .. })));
}

#[test]
fn a_file_at_hand_needs_no_network() {
    let Some(house) = house() else { return };
    let wheel = house.index.path().join("made_up-1.0-py3-none-any.whl");
    let numbers = house.index.path().join("numbers.bin");
    fs::write(&numbers, (0..=255u8).cycle().take(1024).collect::<Vec<_>>()).unwrap();
    house.package.install(&numbers, house.models.path()).unwrap();
    house.has(&["numbers"]);
    house.package.install(&wheel, house.models.path()).unwrap();
    house.has(&["numbers", "whole"]);
    fs::write(&numbers, b"another").unwrap();
    let refused = house.package.install(&numbers, house.models.path());
    assert!(matches!(refused, Err(Error::Digest { .. })));
    let missing = house.package.install(Path::new("/nowhere/at all"), house.models.path());
    assert!(matches!(missing, Err(Error::Read { .. })));
}

#[test]
fn what_goes_wrong_is_said_with_what_to_do_and_leaves_nothing() {
    let Some(mut house) = house() else { return };
    let check = |house: &House, python: &Python, kind: fn(&Error) -> bool, words: &str| {
        let error = house.fetch(python).unwrap_err();
        assert!(kind(&error) && error.to_string().contains(words), "{error:?}: {error}");
        house.has(&[]);
    };
    let nowhere = Python { program: "/nowhere/python3".into(), settings: vec![] };
    check(&house, &nowhere, |e| matches!(e, Error::NoPip { .. }), "install python3-pip");
    // A Python without pip says so itself.
    let mut without = house.python();
    without.settings.push(("PYTHONPATH", house.index.path().into()));
    fs::create_dir(house.index.path().join("pip")).unwrap();
    fs::write(house.index.path().join("pip/__init__.py"), "").unwrap();
    fs::write(house.index.path().join("pip/__main__.py"), "raise SystemExit('No module named pip')").unwrap();
    check(&house, &without, |e| matches!(e, Error::NoPip { .. }), "install python3-pip");
    fs::write(
        house.index.path().join("pip/__main__.py"),
        "raise SystemExit('ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device')",
    )
    .unwrap();
    check(&house, &without, |e| matches!(e, Error::Full { .. }), "make room for");
    // Nobody listens at port 9 of this machine.
    let set = |name, value: &str| (name, OsString::from(value));
    let settings = vec![
        set("PIP_RETRIES", "1"),
        set("PIP_FIND_LINKS", ""),
        set("PIP_INDEX_URL", "http://127.0.0.1:9/simple"),
    ];
    let offline = Python { program: "python3".into(), settings };
    check(&house, &offline, |e| matches!(e, Error::Unreachable { .. }), "check the network");
    let python = house.python();
    house.package.wheel.sha256 = "00";
    check(&house, &python, |e| matches!(e, Error::Digest { .. }), "`sotto fetch`");
    house.package.requirement = "made-up==2.0";
    check(&house, &python, |e| matches!(e, Error::Pip { .. }), "made-up==2.0");
}

#[test]
fn it_can_be_stopped() {
    let Some(house) = house() else { return };
    let stopped = house.package.fetch_by(&house.python(), house.models.path(), &mut |_| Break(()));
    assert!(matches!(stopped, Err(Error::Stopped { .. })));
    house.has(&[]);
    // Also while another process fetches.
    let other = fs::File::open(house.models.path()).unwrap();
    other.lock().unwrap();
    let stopped = house.package.fetch_by(&house.python(), house.models.path(), &mut |_| Break(()));
    assert!(matches!(stopped, Err(Error::Stopped { .. })));
}
