//! A household for a story: a hub that runs, its member, its satellites, all in one temporary folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sotto_hub::home::Address;

use crate::programs::{Running, facts, program};

/// The member's name and passphrase.
pub const MEMBER: &str = "Ada";
pub const PASSPHRASE: &str = "four words are enough";

pub struct Household {
    folder: tempfile::TempDir,
    pub hub: Running,
    /// What the hub said when it was ready.
    pub ready: Value,
    config: PathBuf,
}

impl Household {
    /// Starts a hub on free ports of loopback, with `more` in its configuration.
    pub fn start(more: &str) -> Household {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("hub.toml");
        let base = "[satellites]\nlisten = \"127.0.0.1:0\"\ndiscovery = false\n[web]\nlisten = \"127.0.0.1:0\"\n\
                    [mqtt]\nprivate_port = 0\n";
        std::fs::write(&config, format!("{base}{more}")).expect("a file");
        let hub = Running::start(&mut run(&config, folder.path()));
        let ready = hub.event("ready");
        Household { folder, hub, ready, config }
    }

    /// Starts the hub again, after it was ended, where its satellites look for it.
    pub fn restart(&mut self) {
        let listen = format!("[satellites]\nlisten = {}", self.ready["satellites"]);
        let config = std::fs::read_to_string(&self.config).expect("a file");
        let config = config.replacen("[satellites]\nlisten = \"127.0.0.1:0\"", &listen, 1);
        std::fs::write(&self.config, config).expect("a file");
        self.hub = Running::start(&mut run(&self.config, self.folder.path()));
        self.ready = self.hub.event("ready");
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its configuration file.
    pub fn config(&self) -> &Path {
        &self.config
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("hub")
    }

    /// A command of the hub's, about this household.
    pub fn hub_command(&self, args: &[&str]) -> Command {
        let mut command = program("sotto-hub");
        command.args(args).arg("--json").arg("--data").arg(self.data());
        command
    }

    pub fn add_member(&self) {
        let mut add = self.hub_command(&["members", "add", MEMBER, "--administrator", "--passphrase-stdin"]);
        facts(&mut add, &format!("{PASSPHRASE}\n"));
    }

    /// The member's history, newest first.
    pub fn history(&self) -> Vec<Value> {
        let mut history = self.hub_command(&["history", "--person", MEMBER, "--passphrase-stdin"]);
        let history = facts(&mut history, &format!("{PASSPHRASE}\n"));
        history["entries"].as_array().expect("entries").clone()
    }

    /// Where the hub's private broker is, and its password.
    pub fn broker(&self) -> Address {
        let (host, port) =
            Address::parse(self.ready["mqtt"].as_str().expect("an address")).expect("an address");
        let password = std::fs::read_to_string(self.data().join("mosquitto/password")).expect("a password");
        Address {
            host,
            port,
            user: "sotto".into(),
            password: password.trim().to_owned(),
            ..Address::default()
        }
    }

    /// A satellite in `area`, paired as people do it. `more` is its configuration.
    pub fn satellite(&self, name: &str, area: &str, more: &str) -> Satellite {
        self.satellite_in(name, area, more, |_| {})
    }

    /// The same, in surroundings that are not the usual.
    pub fn satellite_in(
        &self,
        name: &str,
        area: &str,
        more: &str,
        surroundings: impl Fn(&mut Command) + 'static,
    ) -> Satellite {
        let satellite = Satellite { surroundings: Box::new(surroundings), ..self.unpaired(name, more) };
        let code = facts(&mut self.hub_command(&["pair"]), "")["code"].as_str().expect("a code").to_owned();
        let hub = self.ready["satellites"].as_str().expect("an address");
        facts(&mut satellite.command(&["pair", &code, "--hub", hub, "--name", name, "--area", area]), "");
        satellite
    }

    /// A satellite that knows no hub yet.
    pub fn unpaired(&self, name: &str, more: &str) -> Satellite {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let config = folder.join("satellite.toml");
        std::fs::write(&config, more).expect("a file");
        Satellite { folder, config, surroundings: Box::new(|_| {}) }
    }
}

fn run(config: &Path, folder: &Path) -> Command {
    let mut hub = program("sotto-hub");
    hub.args(["run", "--json", "--config"]).arg(config).arg("--data").arg(folder.join("hub"));
    hub
}

/// A paired satellite.
pub struct Satellite {
    folder: PathBuf,
    config: PathBuf,
    surroundings: Box<dyn Fn(&mut Command)>,
}

impl Satellite {
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = program("sotto-satellite");
        command.args(args).arg("--json").arg("--config").arg(&self.config).arg("--data").arg(self.data());
        (self.surroundings)(&mut command);
        command
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Hears nothing at all.
    pub fn run_in_silence(&self) -> Running {
        let silence = self.folder.join("silence.wav");
        crate::audio::write_wav(&silence, &[0; 16_000]);
        self.hear(&silence)
    }

    /// Hears `sound` as if it were spoken.
    pub fn hear(&self, sound: &Path) -> Running {
        Running::start(&mut self.command(&["run", &format!("--microphone=file:{}", sound.display())]))
    }
}
