//! The satellite's configuration: defaults ← file ← environment.
//!
//! `satellite.example.toml` is the list of keys: every key, its default, and what it does. A key `b` of
//! table `[a]` is overridden by the variable `SOTTO_A_B`. Whatever is wrong is named with its file and
//! line, or its variable, and with what to write instead. Nothing secret is kept here: the certificate
//! and the pairing live in the data folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::ear::{self, AUTHOR, Ear, EarError, Listened};

/// Every key with its default and its explanation.
pub const EXAMPLE: &str = include_str!("../../satellite.example.toml");

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub name: String,
    pub language: String,
    pub trigger: Trigger,
    /// Certificate, pairing and wake models.
    #[serde(deserialize_with = "path")]
    pub data: PathBuf,
    pub microphone: Microphone,
    pub wake: Wake,
    pub endpoint: Endpoint,
    pub opus: Opus,
    pub hub: Hub,
    pub speaker: Speaker,
    pub panel: Panel,
}

/// What makes the satellite open an utterance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    WakeWord,
    Speech,
    PushToTalk,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Microphone {
    pub device: String,
    #[serde(deserialize_with = "within::<_, 1, 8>")]
    pub channel: u32,
    #[serde(deserialize_with = "within::<_, 0, 5000>")]
    pub preroll_ms: u32,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wake {
    #[serde(deserialize_with = "path")]
    pub models: PathBuf,
    pub words: Vec<String>,
    /// 0 to 1, for words that have one of their own.
    #[serde(deserialize_with = "shares")]
    pub sensitivity: BTreeMap<String, f32>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoint {
    #[serde(deserialize_with = "within::<_, 100, 3000>")]
    pub silence_ms: u32,
    #[serde(deserialize_with = "within::<_, 500, 30000>")]
    pub nobody_spoke_ms: u32,
    #[serde(deserialize_with = "within::<_, 1000, 60000>")]
    pub longest_ms: u32,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Opus {
    #[serde(deserialize_with = "within::<_, 6000, 128000>")]
    pub bitrate: u32,
    #[serde(deserialize_with = "within::<_, 0, 10>")]
    pub complexity: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hub {
    pub address: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Speaker {
    pub device: String,
    #[serde(deserialize_with = "within::<_, 0, 100>")]
    pub volume: u32,
    pub earcons: bool,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Panel {
    pub kind: PanelKind,
    #[serde(deserialize_with = "path")]
    pub chip: PathBuf,
    #[serde(deserialize_with = "path")]
    pub spi: PathBuf,
    pub lamps: Vec<u32>,
    pub button: Vec<u32>,
    pub mute: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PanelKind {
    None,
    Terminal,
    Gpio,
    Respeaker,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: String::new(),
            language: String::new(),
            trigger: Trigger::WakeWord,
            data: PathBuf::new(),
            microphone: Microphone::default(),
            wake: Wake::default(),
            endpoint: Endpoint::default(),
            opus: Opus::default(),
            hub: Hub::default(),
            speaker: Speaker::default(),
            panel: Panel::default(),
        }
    }
}

impl Default for Microphone {
    fn default() -> Self {
        Self { device: "default".into(), channel: 1, preroll_ms: 1500 }
    }
}

impl Default for Wake {
    fn default() -> Self {
        Self { models: PathBuf::new(), words: vec!["okay_nabu".into()], sensitivity: BTreeMap::new() }
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Self { silence_ms: 300, nobody_spoke_ms: 3000, longest_ms: 15_000 }
    }
}

impl Default for Opus {
    fn default() -> Self {
        Self { bitrate: 24_000, complexity: 5 }
    }
}

impl Default for Speaker {
    fn default() -> Self {
        Self { device: "default".into(), volume: 70, earcons: true }
    }
}

impl Default for Panel {
    fn default() -> Self {
        Self {
            kind: PanelKind::None,
            chip: "/dev/gpiochip0".into(),
            spi: "/dev/spidev0.0".into(),
            lamps: Vec::new(),
            button: Vec::new(),
            mute: Vec::new(),
        }
    }
}

/// Where the package keeps what its satellite keeps.
pub const SYSTEM: &str = "/var/lib/sotto-satellite";

/// The configuration cannot be used; each variant says where it is wrong and what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {cause}; name another file with --config, or leave it out for the defaults", path = .path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("{path}:{line}: {problem}", path = .path.display())]
    Line { path: PathBuf, line: usize, problem: String },
    #[error("environment variable {variable}: {problem}")]
    Variable { variable: String, problem: String },
    #[error("there is no folder for the satellite's data: set --data DIR, SOTTO_DATA or HOME")]
    NoData,
}

impl Config {
    /// Reads `file` (defaults without one), lays the variables over it, and `data` over both, and fills in the folders.
    pub fn load(
        file: Option<&Path>,
        data: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let variables: Vec<_> = variables.into_iter().filter(|(name, _)| known(name)).collect();
        let text = match file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|cause| ConfigError::Unreadable { path: path.into(), cause })?,
            None => String::new(),
        };
        let mut config = Self::parse(file.unwrap_or(Path::new("defaults")), &text, &variables)?;
        if let Some(data) = data {
            config.data = data.into();
        }
        config.with_folders(Path::new(SYSTEM), &variables)
    }

    /// Parses `text`, whose errors are reported as of `path`, and lays `overrides` over it.
    fn parse(path: &Path, text: &str, overrides: &[(String, String)]) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|error| ConfigError::Line {
            path: path.into(),
            line: error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count()),
            problem: plainly(error.message()),
        })?;
        let mut table: toml::Table = toml::from_str(text).unwrap_or_default();
        for (variable, value) in overrides {
            if let Some((section, key)) = key_of(variable) {
                config = overridden(&mut table, section.as_deref(), &key, value)
                    .map_err(|problem| ConfigError::Variable { variable: variable.clone(), problem })?;
            }
        }
        Ok(config)
    }

    fn with_folders(mut self, system: &Path, variables: &[(String, String)]) -> Result<Self, ConfigError> {
        let variable = |name| variables.iter().find(|(key, value)| key == name && !value.is_empty());
        if self.data.as_os_str().is_empty() {
            self.data = match (variable("XDG_DATA_HOME"), variable("HOME")) {
                _ if system.is_dir() => system.to_owned(),
                (Some((_, data)), _) => Path::new(data).join("sotto-satellite"),
                (None, Some((_, home))) => Path::new(home).join(".local/share/sotto-satellite"),
                (None, None) => return Err(ConfigError::NoData),
            };
        }
        Ok(self)
    }

    /// Where the wake models are: `wake.models`, or `wake` in the data folder.
    pub fn wake_models(&self) -> PathBuf {
        if self.wake.models.as_os_str().is_empty() {
            self.data.join("wake")
        } else {
            self.wake.models.clone()
        }
    }

    /// The words that wake this satellite; none where something else does.
    pub fn wake_words(&self) -> &[String] {
        if self.trigger == Trigger::WakeWord { &self.wake.words } else { &[] }
    }

    /// Every word that it could be asked to listen for: those of the configuration first, then the other models
    /// that are there. At most as many as the hub may be told.
    pub fn possible_words(&self) -> Vec<String> {
        let own = self.wake_words();
        if own.is_empty() {
            return Vec::new();
        }
        // A name that could not be told, or chosen, is not offered.
        let tellable = |word: &String| word.len() <= 100 && !word.chars().any(char::is_control);
        let others = ear::words_in(&self.wake_models()).into_iter();
        let others = others.filter(|word| !own.contains(word) && tellable(word));
        own.iter().cloned().chain(others).take(sotto_protocol::WAKE_WORDS).collect()
    }

    /// An ear for these words from the folder of models, 0 to 1 readily, but for those with a sensitivity of their own:
    /// they stay by as much above or below.
    pub fn open_ear(&self, words: &[String], sensitivity: f32) -> Result<Ear, EarError> {
        if self.trigger == Trigger::WakeWord && words.is_empty() {
            return Err(EarError::NoWords);
        }
        let listened = |word: &String| {
            let own = self.wake.sensitivity.get(word);
            Listened { name: word.clone(), readier: own.map_or(0.0, |own| own - AUTHOR) }
        };
        Ear::open(&self.wake_models(), words.iter().map(listened).collect(), sensitivity)
    }

    /// What people call this satellite until it is paired under a name.
    pub fn name(&self) -> String {
        let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = if self.name.is_empty() { host().trim().to_owned() } else { self.name.clone() };
        if name.is_empty() { "satellite".into() } else { name }
    }

    pub fn preroll(&self) -> Duration {
        Duration::from_millis(self.microphone.preroll_ms.into())
    }
}

fn known(variable: &str) -> bool {
    matches!(variable, "HOME" | "XDG_DATA_HOME") || key_of(variable).is_some()
}

/// The key that an environment variable overrides, as (table, key); `None` for every other variable.
fn key_of(variable: &str) -> Option<(Option<String>, String)> {
    let name = variable.strip_prefix("SOTTO_")?.to_ascii_lowercase();
    let example: toml::Table = toml::from_str(EXAMPLE).ok()?;
    example.into_iter().find_map(|(key, value)| match value {
        toml::Value::Table(table) => {
            let inner = name.strip_prefix(&key)?.strip_prefix('_')?;
            table.contains_key(inner).then(|| (Some(key.clone()), inner.to_owned()))
        }
        _ => (name == key).then_some((None, key)),
    })
}

/// Sets one key to `value`, read as TOML if that fits the key, else as a string, else as a list with commas.
fn overridden(
    table: &mut toml::Table,
    section: Option<&str>,
    key: &str,
    value: &str,
) -> Result<Config, String> {
    let typed = toml::from_str::<toml::Table>(&format!("v = {value}")).ok().and_then(|mut t| t.remove("v"));
    let mut problem = String::new();
    let list = value.split(',').map(|item| toml::Value::String(item.trim().into())).collect();
    let others = [toml::Value::String(value.into()), toml::Value::Array(list)];
    for candidate in typed.into_iter().chain(others) {
        let keys = match section {
            None => &mut *table,
            Some(section) => {
                let entry = table.entry(section).or_insert_with(|| toml::Table::new().into());
                entry.as_table_mut().ok_or("the file gives this table another type")?
            }
        };
        keys.insert(key.into(), candidate);
        match Config::deserialize(table.clone()) {
            Ok(config) => return Ok(config),
            Err(error) if problem.is_empty() => problem = plainly(error.message()),
            Err(_) => {}
        }
    }
    Err(problem)
}

/// serde's message in the words of a configuration.
fn plainly(message: &str) -> String {
    message
        .replace("unknown field", "unknown key")
        .replace("unknown variant", "unknown value")
        .replace(", expected one of", "; write one of")
        .replace(", expected", "; write")
        .replace('\n', " ")
}

/// A whole number from `LOW` to `HIGH`.
fn within<'de, D: Deserializer<'de>, const LOW: u32, const HIGH: u32>(input: D) -> Result<u32, D::Error> {
    let number = i64::deserialize(input)?;
    u32::try_from(number).ok().filter(|number| (LOW..=HIGH).contains(number)).ok_or_else(|| {
        de::Error::custom(format!("{number} is out of range; write a whole number from {LOW} to {HIGH}"))
    })
}

/// A number from 0 to 1 for each name.
fn shares<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeMap<String, f32>, D::Error> {
    let shares = BTreeMap::<String, f32>::deserialize(input)?;
    match shares.iter().find(|(_, share)| !(0.0..=1.0).contains(*share)) {
        Some((name, share)) => Err(de::Error::custom(format!(
            "the sensitivity of {name} is {share}; write a number from 0 (nearly never) to 1 (readily)"
        ))),
        None => Ok(shares),
    }
}

/// A folder or file; a leading `~/` is the home of whoever runs the satellite.
fn path<'de, D: Deserializer<'de>>(input: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(input)?;
    Ok(match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => text.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables: Vec<_> = variables.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Config::parse(Path::new("satellite.toml"), text, &variables).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_holds_every_key_with_its_default() {
        assert_eq!(parse(EXAMPLE, &[]).unwrap(), Config::default());
        // Each key of the example is a line of its own with an explanation above it, and each key that
        // the program knows is in the example: `Debug` names them all.
        let example: toml::Table = toml::from_str(EXAMPLE).unwrap();
        let keys: usize = example.values().map(|v| v.as_table().map_or(1, toml::Table::len)).sum();
        let fields = format!("{:?}", Config::default()).matches(": ").count();
        let tables = example.values().filter(|value| value.is_table()).count();
        assert_eq!(keys, fields - tables, "a key is missing from satellite.example.toml");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place_and_its_remedy() {
        let check = |text: &str, expect: &str| assert_eq!(parse(text, &[]).unwrap_err(), expect);
        check(
            "\n\ntriger = \"speech\"\n",
            "satellite.toml:3: unknown key `triger`; write one of `name`, `language`, `trigger`, `data`, \
             `microphone`, `wake`, `endpoint`, `opus`, `hub`, `speaker`, `panel`",
        );
        check(
            "trigger = \"shout\"",
            "satellite.toml:1: unknown value `shout`; write one of `wake-word`, `speech`, `push-to-talk`",
        );
        check(
            "[opus]\ncomplexity = 11\n",
            "satellite.toml:2: 11 is out of range; write a whole number from 0 to 10",
        );
        check(
            "[opus]\n\nbitrate = -4\n",
            "satellite.toml:3: -4 is out of range; write a whole number from 6000 to 128000",
        );
        check("[opus]\ncomplexity = \"high\"", "satellite.toml:2: invalid type: string \"high\"; write i64");
        check(
            "[wake]\nsensitivity = { alexa = 1.5 }",
            "satellite.toml:2: the sensitivity of alexa is 1.5; write a number from 0 (nearly never) to 1 (readily)",
        );
        check("name = ", "satellite.toml:1: string values must be quoted; write literal string");
    }

    #[test]
    fn variables_lie_over_the_file() {
        let config = parse(
            "[opus]\nbitrate = 16000\ncomplexity = 3",
            &[
                ("SOTTO_OPUS_COMPLEXITY", "1"),
                ("SOTTO_TRIGGER", "speech"),
                ("SOTTO_NAME", "7"),
                ("SOTTO_WAKE_WORDS", "[\"alexa\", \"computer\"]"),
                ("SOTTO_WAKE_SENSITIVITY", "{ alexa = 0.25 }"),
                ("SOTTO_SPEAKER_EARCONS", "false"),
                ("SOTTO_DATA", "/var/lib/sotto"),
                ("SOTTO_MQTT_PASSWORD", "belongs to the hub"),
            ],
        )
        .unwrap();
        assert_eq!((config.opus.bitrate, config.opus.complexity), (16_000, 1));
        assert_eq!((config.trigger, config.name.as_str()), (Trigger::Speech, "7"));
        assert_eq!(config.wake.words, ["alexa", "computer"]);
        assert_eq!(config.wake.sensitivity["alexa"], 0.25);
        assert!(!config.speaker.earcons);
        let words = parse("", &[("SOTTO_WAKE_WORDS", "alexa, computer")]).unwrap().wake.words;
        assert_eq!(words, ["alexa", "computer"]);
        assert_eq!(config.wake_models(), Path::new("/var/lib/sotto/wake"));
        assert_eq!(
            parse("", &[("SOTTO_OPUS_COMPLEXITY", "eleven")]).unwrap_err(),
            "environment variable SOTTO_OPUS_COMPLEXITY: invalid type: string \"eleven\"; write i64"
        );
    }

    #[test]
    fn the_data_folder_follows_the_conventions() {
        let load_on = |system: &Path, data: Option<&str>, variables: &[(&str, &str)]| {
            let variables: Vec<_> = variables.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            let mut config = Config::parse(Path::new("defaults"), "", &variables).unwrap();
            config.data = data.map_or(config.data, PathBuf::from);
            config.with_folders(system, &variables).ok().map(|config| config.data)
        };
        let load =
            |data: Option<&str>, variables: &[(&str, &str)]| load_on(Path::new("/nothing"), data, variables);
        let check = |variables: &[(&str, &str)], expect: Option<&str>| {
            assert_eq!(load(None, variables), expect.map(PathBuf::from));
        };
        check(&[("HOME", "/home/a")], Some("/home/a/.local/share/sotto-satellite"));
        check(&[("HOME", "/home/a"), ("XDG_DATA_HOME", "/d")], Some("/d/sotto-satellite"));
        check(&[("HOME", "/home/a"), ("SOTTO_DATA", "/s")], Some("/s"));
        check(&[], None);
        // Where a package is installed, commands are for its service.
        let package = tempfile::tempdir().unwrap();
        let installed = load_on(package.path(), None, &[("HOME", "/home/a")]);
        assert_eq!(installed.as_deref(), Some(package.path()));
        assert_eq!(load_on(package.path(), Some("/told"), &[]), Some("/told".into()));
        // A service may have no home, and needs none where it is told.
        assert_eq!(load(Some("/told"), &[]), Some("/told".into()));
        assert_eq!(load(Some("/told"), &[("SOTTO_DATA", "/s"), ("HOME", "/home/a")]), Some("/told".into()));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ -~\n\u{e9}\u{4e2d}]{0,200}") {
            let _ = parse(&text, &[("SOTTO_NAME", &text)]);
        }
    }
}
