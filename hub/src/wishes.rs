//! Models that somebody wants: said in files beside the models, worked off by whoever may reach the network.
//!
//! ```text
//! page → wanted/NAME → fetch (here, or sotto-models.service beside) → NAME's file, whole
//!                      └ grows NAME's file.part ┘                   → or failed/NAME: why
//! ```
//!
//! The packaged hub has no way out of the house (decision 0111), so it only writes down what is wanted; a unit beside it,
//! which hears nothing, fetches. Files are all they share: how far it is can be seen, taking `wanted/NAME` away stops it,
//! and a power cut loses nothing.

use std::fs;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sotto_hearing::catalogue::{self, CATALOGUE, Model};
use sotto_hearing::pull::{PullError, Wanted, part_of, pull};

use crate::brought;

/// Somebody who is there to fetch begins within this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// What stands in a wish that somebody works on.
const FETCHING: &str = "fetching";

/// The folder of models, and what is wanted of them.
#[derive(Debug, Clone)]
pub struct Wishes {
    folder: PathBuf,
    catalogue: &'static [Model],
    publisher: String,
}

/// What is to be said of a model.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    Installed,
    /// Being fetched: the part that is there, where that is known.
    Coming(Option<f32>),
    NotThere,
    Failed(String),
}

impl Wishes {
    pub fn new(folder: &Path) -> Wishes {
        Wishes::of(folder, CATALOGUE, catalogue::PUBLISHER)
    }

    fn of(folder: &Path, catalogue: &'static [Model], publisher: &str) -> Wishes {
        Wishes { folder: folder.to_owned(), catalogue, publisher: publisher.to_owned() }
    }

    pub fn catalogue(&self) -> &'static [Model] {
        self.catalogue
    }

    fn find(&self, name: &str) -> Option<&'static Model> {
        self.catalogue.iter().find(|model| model.name == name)
    }

    /// Whether there is a model of that name that may be wished for, whatever the name is.
    pub fn knows(&self, name: &str) -> bool {
        brought::find(name).is_some() || self.find(name).is_some()
    }

    /// The file of a model of the catalogue.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        self.find(name).map(|model| self.folder.join(model.file()))
    }

    fn is_installed(&self, name: &str) -> bool {
        match brought::find(name) {
            Some(brought) => brought.is_installed(&self.folder),
            None => self.file(name).is_some_and(|file| file.is_file()),
        }
    }

    fn wanted(&self, name: &str) -> PathBuf {
        self.folder.join("wanted").join(name)
    }

    fn failed(&self, name: &str) -> PathBuf {
        self.folder.join("failed").join(name)
    }

    pub fn standing(&self, name: &str) -> Standing {
        if !self.knows(name) {
            return Standing::NotThere;
        }
        if self.is_installed(name) {
            return Standing::Installed;
        }
        if let Ok(about) = fs::metadata(self.wanted(name)) {
            let waits = about.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            if about.len() == 0 && waits.is_some_and(|waits| waits > PATIENCE) {
                return Standing::Failed(format!(
                    "nobody fetches it: start sotto-models.path on the hub, or run `sotto-hub models pull {name}` there"
                ));
            }
            return Standing::Coming(self.part(name));
        }
        match fs::read_to_string(self.failed(name)) {
            Ok(why) => Standing::Failed(why),
            Err(_) => Standing::NotThere,
        }
    }

    /// How much of a model has come, between 0 and 1.
    fn part(&self, name: &str) -> Option<f32> {
        let (have, all) = match (brought::find(name), self.find(name)) {
            // Whoever fetches it writes down how far it is.
            (Some(brought), _) => {
                let written = fs::read_to_string(self.wanted(name)).ok()?;
                (written.trim_start_matches(FETCHING).trim().parse().ok()?, brought.package.wheel.bytes)
            }
            (None, Some(model)) => {
                let part = part_of(&self.folder.join(model.file()));
                (fs::metadata(part).map_or(0, |part| part.len()), model.size)
            }
            (None, None) => return None,
        };
        Some(have as f32 / all.max(1) as f32)
    }

    /// Writes down that a model is wanted.
    pub fn want(&self, name: &str) -> io::Result<()> {
        fs::create_dir_all(self.folder.join("wanted"))?;
        let _ = fs::remove_file(self.failed(name));
        fs::File::create(self.wanted(name)).map(drop)
    }

    /// No longer; what has arrived is kept.
    pub fn give_up(&self, name: &str) {
        let _ = fs::remove_file(self.wanted(name));
    }

    /// Throws a model away, and what there is of it.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        self.give_up(name);
        let _ = fs::remove_file(self.failed(name));
        if let Some(brought) = brought::find(name) {
            return brought.remove(&self.folder);
        }
        let Some(file) = self.file(name) else { return Err(io::ErrorKind::NotFound.into()) };
        let _ = fs::remove_file(part_of(&file));
        fs::remove_file(file)
    }

    /// The next that is wanted. What nobody knows is taken away.
    fn next(&self) -> Option<String> {
        let entries = fs::read_dir(self.folder.join("wanted")).ok()?;
        for entry in entries.flatten() {
            match entry.file_name().into_string() {
                Ok(name) if self.knows(&name) => return Some(name),
                _ => drop(fs::remove_file(entry.path())),
            }
        }
        None
    }

    /// Fetches whatever is wanted, one after the other, until nothing is or `stop` says so. One program does at a time.
    pub fn work_off(&self, stop: &dyn Fn() -> bool) {
        let Ok(lock) = fs::File::create(self.folder.join("fetching")) else { return };
        if lock.try_lock().is_err() {
            return;
        }
        while let Some(name) = self.next().filter(|_| !stop()) {
            let wanted = self.wanted(&name);
            // Begun: whoever looks sees that somebody is there. Given up in this moment, it is not there to be written.
            let begun = fs::File::options().write(true).truncate(true).open(&wanted);
            if begun.and_then(|mut file| file.write_all(FETCHING.as_bytes())).is_err() && wanted.exists() {
                return;
            }
            let fetched = self.fetch(&name, &|| stop() || !wanted.exists());
            match fetched {
                Ok(()) if !wanted.exists() => drop(self.remove(&name)),
                Err(_) if stop() || !wanted.exists() => {}
                Ok(()) => tracing::info!(model = name, "a model was installed"),
                Err(why) => {
                    tracing::warn!(model = name, why, "a model could not be fetched");
                    let _ = fs::create_dir_all(self.folder.join("failed"));
                    let _ = fs::write(self.failed(&name), why);
                }
            }
            if !stop() && fs::remove_file(&wanted).is_err() && wanted.exists() {
                return;
            }
        }
    }

    fn fetch(&self, name: &str, stopped: &dyn Fn() -> bool) -> Result<(), String> {
        if let Some(brought) = brought::find(name) {
            let progress = |bytes| {
                if stopped() {
                    return ControlFlow::Break(());
                }
                // Given up in this moment, it is not there to be written.
                let _ = fs::File::options()
                    .write(true)
                    .truncate(true)
                    .open(self.wanted(name))
                    .and_then(|mut file| write!(file, "{FETCHING} {bytes}"));
                ControlFlow::Continue(())
            };
            let fetched = brought.package.fetch(&brought.folder(&self.folder), progress);
            return fetched.map_err(|error| error.to_string());
        }
        let Some(model) = self.find(name) else { return Err("there is no model of that name".to_owned()) };
        let address = format!("{}/{}", self.publisher, model.file());
        let wanted = Wanted { address: &address, size: model.size, sha256: model.sha256 };
        let progress = |_| if stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        pull(&wanted, &self.folder.join(model.file()), progress).map_err(|error| match error {
            PullError::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "the hub's disk is full; make room, then fetch it again".to_owned()
            }
            error => error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    use super::*;

    /// SHA-256 of [`content`], by sha256sum.
    const SHA256: &str = "b1cf7538cf80d01efe3e0b8e45dc930048a138c7b6f8c4aff08f478e4695e631";

    fn content() -> Vec<u8> {
        (0..300_000u32).map(|i| (i * 7 % 251) as u8).collect()
    }

    /// A publisher that waits after half of what it sends, until `go`.
    fn publisher(go: std::sync::mpsc::Receiver<()>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let asked: Vec<String> =
                    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let start = asked.iter().find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("range: bytes=")?
                        .trim_end_matches('-')
                        .parse::<usize>()
                        .ok()
                });
                let (start, body) = (start.unwrap_or(0), content());
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-299999/300000\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len() - start
                );
                let half = start + (body.len() - start) / 2;
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[start..half]));
                let _ = go.recv();
                let _ = stream.write_all(&body[half..]);
            }
        });
        address
    }

    fn wishes(folder: &Path, publisher: &str, sha256: &'static str) -> Wishes {
        let model = Model { name: "x.en", purpose: "", multilingual: false, size: 300_000, sha256, work: 1 };
        Wishes::of(folder, vec![model].leak(), publisher)
    }

    fn until(what: impl Fn() -> bool) {
        let begun = std::time::Instant::now();
        while !what() {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing came of it in a minute");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn half(wishes: &Wishes) -> bool {
        matches!(wishes.standing("x.en"), Standing::Coming(Some(part)) if part >= 0.4)
    }

    #[test]
    fn what_is_wanted_comes_can_be_stopped_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (go, gate) = std::sync::mpsc::channel();
        let wishes = wishes(folder.path(), &publisher(gate), SHA256);
        assert_eq!(wishes.standing("x.en"), Standing::NotThere);
        wishes.want("x.en").unwrap();
        assert_eq!(wishes.standing("x.en"), Standing::Coming(Some(0.0)));
        let at_work = wishes.clone();
        let fetcher = std::thread::spawn(move || at_work.work_off(&|| false));
        until(|| half(&wishes));
        // Stopped: the part stays, and is not called a failure.
        wishes.give_up("x.en");
        go.send(()).unwrap();
        fetcher.join().unwrap();
        assert_eq!(wishes.standing("x.en"), Standing::NotThere);
        assert!(part_of(&wishes.file("x.en").unwrap()).is_file());
        // Wanted again, it goes on from there, and is whole.
        wishes.want("x.en").unwrap();
        go.send(()).unwrap();
        wishes.work_off(&|| false);
        assert_eq!(wishes.standing("x.en"), Standing::Installed);
        assert_eq!(fs::read(wishes.file("x.en").unwrap()).unwrap(), content());
        wishes.remove("x.en").unwrap();
        assert_eq!(wishes.standing("x.en"), Standing::NotThere);
    }

    #[test]
    fn why_it_failed_is_told_until_it_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let (go, gate) = std::sync::mpsc::channel();
        let wrong = "0000000000000000000000000000000000000000000000000000000000000000";
        let wishes = wishes(folder.path(), &publisher(gate), wrong);
        wishes.want("x.en").unwrap();
        go.send(()).unwrap();
        wishes.work_off(&|| false);
        let Standing::Failed(why) = wishes.standing("x.en") else { panic!("it was taken for right") };
        assert!(why.contains("pull again"), "{why}");
        assert!(!wishes.file("x.en").unwrap().exists());
        wishes.want("x.en").unwrap();
        assert!(matches!(wishes.standing("x.en"), Standing::Coming(_)));
    }

    #[test]
    fn a_wish_that_nobody_hears_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let wishes = wishes(folder.path(), "http://127.0.0.1:9", SHA256);
        wishes.want("x.en").unwrap();
        let file = fs::File::options().write(true).open(wishes.wanted("x.en")).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
        let Standing::Failed(why) = wishes.standing("x.en") else { panic!("it waits for ever") };
        assert!(why.contains("sotto-models.path") && why.contains("models pull x.en"), "{why}");
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let wishes = wishes(folder.path(), "http://127.0.0.1:9", SHA256);
        for name in ["", "..", "../x.en", "/etc/passwd", "ggml-x.en.bin", "x.en\0"] {
            assert_eq!(wishes.file(name), None, "{name:?}");
            assert!(wishes.remove(name).is_err(), "{name:?}");
        }
        fs::create_dir_all(folder.path().join("wanted")).unwrap();
        fs::write(folder.path().join("wanted/strange"), "").unwrap();
        wishes.work_off(&|| false);
        assert_eq!(fs::read_dir(folder.path().join("wanted")).unwrap().count(), 0);
    }
}
