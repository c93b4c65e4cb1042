//! The pages on a disk with no room left at all: a form that would write says in plain words what to do, changes nothing
//! or everything, and reading and erasing go on.
//!
//! The test starts itself again in a mount namespace of its own with a small tmpfs; where the system does not allow that
//! it says so and passes.

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use common::{PASSPHRASE, Said, World};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use tower::ServiceExt;

const DISK: &str = "SOTTO_SMALL_DISK";
const FORM: &str = "application/x-www-form-urlencoded";

struct Browser<'a> {
    world: &'a World,
    cookie: String,
    csrf: String,
}

impl Browser<'_> {
    async fn send(&self, method: &str, path: &str, kind: &str, body: String) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, &self.cookie);
        let request = request.header("x-csrf", &self.csrf).header(header::CONTENT_TYPE, kind);
        let answer =
            self.world.pages.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (status, body) = (answer.status(), answer.into_body().collect().await.unwrap().to_bytes());
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        self.send("GET", path, FORM, String::new()).await
    }

    async fn post(&self, path: &str, fields: &str) -> (StatusCode, String) {
        self.send("POST", path, FORM, format!("csrf={}&{fields}", self.csrf)).await
    }
}

async fn sign_in<'a>(world: &'a World, name: &str) -> Browser<'a> {
    let form = format!("name={name}&passphrase={}", PASSPHRASE.replace(' ', "+"));
    let request =
        Request::post("/sign-in").header(header::CONTENT_TYPE, FORM).body(Body::from(form)).unwrap();
    let answer = world.pages.router().oneshot(request).await.unwrap();
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut browser = Browser { world, cookie, csrf: String::new() };
    let (_, page) = browser.get("/more").await;
    browser.csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    browser
}

/// Somebody else fills the disk to the last byte.
fn fill(disk: &Path) {
    let file = File::create(disk.join("fill")).unwrap();
    let (mut step, mut at) = (1 << 20, 0);
    while step > 0 {
        match file.write_at(&vec![1; step], at) {
            Ok(written) if written > 0 => at += written as u64,
            _ => step /= 2,
        }
    }
}

/// All that a form below could change, as the journal has it.
fn decided(world: &World) -> String {
    let journal = &world.journal;
    let ada = journal.sign_in("Ada", PASSPHRASE, Timestamp::now()).unwrap();
    format!(
        "{:?}",
        (
            journal.settings(&ada).unwrap(),
            (journal.house_keep().unwrap(), journal.false_wakes().unwrap(), journal.claims().unwrap()),
            journal.area_keeps().unwrap(),
            journal.voice_choices(&ada).unwrap(),
            journal.voice(&ada).unwrap().is_some(),
            journal.members().unwrap(),
            journal.guardians().unwrap(),
            journal.counts().unwrap(),
        )
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_small_disk() {
    let Some(disk) = std::env::var_os(DISK) else { return };
    let disk = Path::new(&disk);
    let world = World::on(disk).with_family();
    let said = Said::not_understood("where is the kettle");
    let hers = world.say(Some("Ada"), "Kitchen", SignedDuration::from_mins(1), said).unwrap();
    let (cleo, ben) = (world.person("Cleo"), world.person("Ben"));
    let ada = sign_in(&world, "Ada").await;
    fill(disk);
    let settings = "keep=day&transcripts=on&training=on";
    let forms = [
        ("/first", settings.to_owned()),
        ("/settings", settings.to_owned()),
        ("/settings/house", "house_keep=day&false_wakes=day".to_owned()),
        ("/settings/area", "area=Kitchen&keep=day".to_owned()),
        ("/people/invite", "role=adult".to_owned()),
        ("/people/reviewer", format!("person={ben}&on=yes")),
        ("/people/administrator", format!("person={ben}&on=yes")),
        ("/people/guardian", format!("person={cleo}&guardian={ben}&on=yes")),
        ("/voice/choices", "named=on&language=de".to_owned()),
        ("/account/passphrase", format!("old={}&new=four+other+words+here", PASSPHRASE.replace(' ', "+"))),
    ];
    let mut refused = 0;
    for (path, fields) in &forms {
        let before = decided(&world);
        let (status, page) = ada.post(path, fields).await;
        match status {
            StatusCode::INSUFFICIENT_STORAGE => {
                assert!(page.contains("disk is full") && page.contains("Erase recordings"), "{path}: {page}");
                assert_eq!(decided(&world), before, "{path} said no and changed something");
                refused += 1;
            }
            // There was room enough for it after all.
            status => assert!(status.is_success() || status.is_redirection(), "{path}: {status} {page}"),
        }
    }
    println!("{refused} of {} forms were refused for want of room", forms.len());
    assert!(refused > forms.len() / 2, "the disk was not full");
    let json = r#"{"keep":"week","transcripts":true,"review":false,"training":false,"voice_erasure":false}"#;
    let (status, told) = ada.send("PUT", "/api/v1/settings", "application/json", json.to_owned()).await;
    assert!(status == StatusCode::INSUFFICIENT_STORAGE && told.contains("disk is full"), "{status} {told}");

    // Reading goes on: what needs no access record whatever happens, and the words where that record still fits.
    for path in ["/settings", "/people", "/house", "/health", "/account", "/listened", "/house/models"] {
        let (status, page) = ada.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {page}");
    }
    for path in ["/history", &format!("/recordings/{hers}")] {
        let (status, page) = ada.get(path).await;
        let read = status == StatusCode::OK && page.contains("where is the kettle");
        let full = status == StatusCode::INSUFFICIENT_STORAGE && page.contains("disk is full");
        println!("{path}: {}", if read { "read" } else { "cannot be written down, so not read" });
        assert!(read || full, "{path}: {status} {page}");
    }
    // And erasing makes the room.
    let (status, page) = ada.post("/erase", &format!("id={hers}")).await;
    assert!(status.is_redirection(), "{status} {page}");
    assert!(
        world
            .journal
            .receipts(&world.journal.sign_in("Ada", PASSPHRASE, Timestamp::now()).unwrap(), 9)
            .is_ok()
    );
    std::fs::remove_file(disk.join("fill")).unwrap();
    let (status, _) = ada.post("/settings", settings).await;
    assert!(status.is_redirection(), "with room, it works again: {status}");
    world.journal.verify(&[]).unwrap();
}

#[test]
fn on_a_disk_with_no_room_left_forms_say_what_to_do() {
    let disk = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=96m tmpfs '{}' || exit 77; exec \"$0\" --exact on_the_small_disk --nocapture --test-threads=1",
        disk.path().display()
    );
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(DISK, disk.path())
        .output();
    match run {
        Ok(run) if run.status.success() => {
            let said = String::from_utf8_lossy(&run.stdout).into_owned();
            assert!(said.contains("1 passed"));
            println!("{said}");
        }
        Ok(run) if run.status.code() == Some(101) => panic!("{}", String::from_utf8_lossy(&run.stderr)),
        _ => println!("SKIPPED: this system lets nobody mount a small disk (unshare, tmpfs)"),
    }
}
