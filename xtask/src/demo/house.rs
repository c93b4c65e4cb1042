//! The household of the demo: its rooms, its commands, its hub, and what is printed of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::children::Children;
use super::program;
use crate::shell;

/// The member who signs in on the page.
pub const MEMBER: &str = "Demo";
pub const ROOMS: [&str; 2] = ["Kitchen", "Living room"];

/// A command, and what must arrive on MQTT for it.
pub struct Spoken {
    pub words: &'static str,
    intent: &'static str,
    /// A slot that it must carry.
    slot: (&'static str, &'static str),
}

/// Spoken in turn by the two satellites.
pub const COMMANDS: [Spoken; 4] = [
    Spoken { words: "turn on the ceiling light", intent: "HassTurnOn", slot: ("name", "ceiling light") },
    Spoken { words: "close the blinds", intent: "HassTurnOff", slot: ("name", "blinds") },
    Spoken { words: "set the lights to forty percent", intent: "HassLightSet", slot: ("brightness", "40") },
    Spoken { words: "set a timer for five minutes", intent: "HassStartTimer", slot: ("minutes", "5") },
];

const CONFIGURATION: &str = r#"
[hub]
name = "Sotto demo"
[satellites]
listen = "127.0.0.1:0"
discovery = false
[web]
listen = "127.0.0.1:8443"
[mqtt]
private_port = 18831
[[home.areas]]
name = "Kitchen"
[[home.areas]]
name = "Living room"
[[home.entities]]
name = "ceiling light"
domain = "light"
area = "Kitchen"
[[home.entities]]
name = "reading lamp"
domain = "light"
area = "Living room"
[[home.entities]]
name = "blinds"
domain = "cover"
area = "Living room"
"#;

impl Spoken {
    /// Whether a line of mosquitto_sub, `topic payload`, is the intent of this command.
    pub fn is_answered_by(&self, line: &str) -> bool {
        let Some((topic, payload)) = line.split_once(' ') else { return false };
        let Ok(payload) = serde_json::from_str::<Value>(payload) else { return false };
        let slot = match &payload["slots"][self.slot.0] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.as_f64().unwrap_or_default().to_string(),
            _ => return false,
        };
        topic.strip_prefix("sotto/intent/") == Some(self.intent) && slot == self.slot.1
    }
}

/// The hub that runs, and how to reach it.
pub struct House {
    data: PathBuf,
    folder: PathBuf,
    pub satellites: String,
    pub broker: String,
    pub web: String,
    pub passphrase: String,
}

fn copy_models(models: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for file in std::fs::read_dir(models)? {
        let file = file?;
        let to = to.join(file.file_name());
        match file.file_type()?.is_dir() {
            true => copy_models(&file.path(), &to)?,
            false => drop(std::fs::copy(file.path(), to)?),
        }
    }
    Ok(())
}

/// The folder of models of a data folder that outlives the demos, with the network that hears best in it; `None` when it
/// could not be had, which the hub has then said.
pub fn fetch_hearing() -> Option<PathBuf> {
    let data = shell::target().join("demo-models");
    let mut pull = program("sotto-hub");
    let pulled =
        pull.args(["models", "pull", "moonshine", "--data"]).arg(&data).stdout(Stdio::null()).status();
    pulled.is_ok_and(|status| status.success()).then(|| data.join("models"))
}

impl House {
    /// `models` are the wake words, at which the hub looks a second time; `hearing` is a folder of speech models.
    pub fn start(
        folder: &Path,
        models: &Path,
        hearing: Option<&Path>,
        children: &mut Children,
    ) -> anyhow::Result<House> {
        std::fs::create_dir_all(folder)?;
        let config = folder.join("hub.toml");
        std::fs::write(&config, CONFIGURATION)?;
        let data = folder.join("hub");
        copy_models(models, &data.join("wake"))?;
        if let Some(hearing) = hearing {
            copy_models(hearing, &data.join("models"))?;
        }
        let mut hub = program("sotto-hub");
        children
            .spawn("hub", hub.args(["run", "--json", "--config"]).arg(&config).arg("--data").arg(&data))?;
        let ready = loop {
            let line =
                children.next(Duration::from_secs(60)).context("the hub did not start within a minute")?;
            if line.text.is_empty() {
                let log = std::fs::read_to_string(folder.join("hub.log")).unwrap_or_default();
                bail!("the hub ended: {}", log.trim());
            }
            let event: Value = serde_json::from_str(&line.text).unwrap_or_default();
            if event["event"] == "ready" {
                break event;
            }
        };
        let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        let mut house = House {
            data,
            folder: folder.to_owned(),
            satellites: text("satellites"),
            broker: text("mqtt"),
            web: text("web"),
            passphrase: passphrase()?,
        };
        house.add_member()?;
        Ok(house)
    }

    fn add_member(&mut self) -> anyhow::Result<()> {
        let mut add = program("sotto-hub");
        add.args(["members", "add", MEMBER, "--administrator", "--passphrase-stdin", "--json", "--data"]);
        answer(add.arg(&self.data), &self.passphrase).map(drop)
    }

    /// Pairs satellite `room` as a person would: a code at the hub, typed at the satellite.
    pub fn pair(&self, room: usize, area: &str, models: &Path) -> anyhow::Result<()> {
        let paired: Value =
            answer(program("sotto-hub").args(["pair", "--json", "--data"]).arg(&self.data), "")?;
        let code = paired["code"].as_str().context("the hub gave no pairing code")?;
        let mut pair = self.satellite_program(room);
        pair.args(["pair", code, "--hub", &self.satellites, "--area", area, "--name"]);
        answer(pair.arg(format!("satellite-{}", room + 1)), "")?;
        copy_models(models, &self.satellite_data(room).join("wake"))
    }

    /// The satellite of `room`, hearing `sound` as if it were spoken.
    pub fn satellite(&self, room: usize, sound: &Path) -> Command {
        let mut run = self.satellite_program(room);
        run.args(["run", "--json", "--speaker", "none", "--microphone"])
            .arg(format!("file:{}", sound.display()));
        run
    }

    /// mosquitto's own client, subscribed to everything of ours.
    pub fn subscriber(&self) -> anyhow::Result<Command> {
        let password = std::fs::read_to_string(self.data.join("mosquitto/password"))?;
        let port = self.broker.rsplit(':').next().unwrap_or_default();
        // In a file, not on the command line, where every user of this machine could read the password.
        let options = format!("-h 127.0.0.1\n-p {port}\n-u sotto\n-P {}\n", password.trim());
        std::fs::write(self.folder.join("mosquitto_sub"), options)?;
        let mut subscriber = Command::new("mosquitto_sub");
        subscriber.env("XDG_CONFIG_HOME", &self.folder).args(["-v", "-q", "1", "-t", "sotto/intent/#"]);
        Ok(subscriber)
    }

    /// What the journal holds, read as its owner reads it: signed in, and on record.
    pub fn print_history(&self) -> anyhow::Result<()> {
        let mut history = program("sotto-hub");
        history
            .args(["history", "--person", MEMBER, "--passphrase-stdin", "--json", "--data"])
            .arg(&self.data);
        let history: Value = answer(&mut history, &self.passphrase)?;
        let entries = history["entries"].as_array().context("no history")?;
        println!(
            "  {:<12} {:<34} {:<16} {:<14} {:>8} {:>10} {:>9}",
            "area", "heard", "intent", "outcome", "speech", "understood", "published"
        );
        for entry in entries.iter().rev() {
            let text = |name: &str| entry[name].as_str().unwrap_or("–").to_owned();
            let ms = |name: &str| entry["stages_ms"][name].as_f64();
            let since_end = |name: &str| match (ms(name), ms("ended")) {
                (Some(at), Some(ended)) => format!("+{:.0} ms", at - ended),
                _ => "–".into(),
            };
            println!(
                "  {:<12} {:<34} {:<16} {:<14} {:>8} {:>10} {:>9}",
                text("area"),
                text("transcript"),
                text("intent"),
                text("outcome"),
                ms("ended").map_or("–".into(), |ms| format!("{:.1} s", ms / 1000.0)),
                since_end("understood"),
                since_end("acted"),
            );
        }
        println!("  understood and published are counted from the end of speech as the satellite heard it");
        Ok(())
    }

    fn satellite_program(&self, room: usize) -> Command {
        let mut satellite = program("sotto-satellite");
        satellite.arg("--data").arg(self.satellite_data(room));
        satellite
    }

    fn satellite_data(&self, room: usize) -> PathBuf {
        self.folder.join(format!("satellite-{}", room + 1))
    }
}

/// Runs a command that reads `input` and prints one JSON document.
fn answer(command: &mut Command, input: &str) -> anyhow::Result<Value> {
    use std::io::Write;
    let name = format!("{command:?}");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Closed early by a program that wants no input.
        let _ = stdin.write_all(format!("{input}\n").as_bytes());
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{name} failed; its message is above");
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// Four words of six letters: long enough to be a passphrase, short enough to be typed once.
fn passphrase() -> anyhow::Result<String> {
    let mut bytes = [0u8; 12];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    let letters = |byte: u8| {
        let consonants = b"bdfgklmnprstvz";
        let vowels = b"aeiou";
        let consonant = consonants[usize::from(byte) % consonants.len()];
        let vowel = vowels[usize::from(byte >> 4) % vowels.len()];
        [consonant as char, vowel as char]
    };
    let words = bytes.chunks(3).map(|word| word.iter().flat_map(|byte| letters(*byte)).collect::<String>());
    Ok(words.collect::<Vec<_>>().join("-"))
}

/// One event of the running house, as a line for people.
pub fn print_line(from: &str, text: &str) {
    let event: Value = serde_json::from_str(text).unwrap_or_default();
    match event.as_object() {
        Some(fields) => {
            let name = fields.get("event").and_then(Value::as_str).unwrap_or_default();
            let rest = fields.iter().filter(|(key, _)| !matches!(key.as_str(), "event" | "utterance" | "ms"));
            let rest =
                rest.map(|(key, value)| format!("{key} {}", value.to_string().trim_matches('"').to_owned()));
            println!("  {from:<12} {name:<12} {}", rest.collect::<Vec<_>>().join(", "));
        }
        None => println!("  {from:<12} {text}"),
    }
}
