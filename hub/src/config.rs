//! The household's configuration: a TOML file, then the environment, then the defaults.
//!
//! Every key is explained in `hub.example.toml`. A wrong key or value is named with file and line. The
//! environment overrides any key: `SOTTO_MQTT_ADDRESS` is `address` in `[mqtt]`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub hub: Hub,
    pub satellites: Satellites,
    pub hearing: Hearing,
    pub understanding: Understanding,
    pub mqtt: Mqtt,
    pub journal: Journal,
    pub web: Web,
    pub metrics: Metrics,
    pub voice: Voice,
    pub voices: Voices,
    pub home: Home,
}

/// `[hub]`: this hub among others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hub {
    pub name: String,
    pub language: String,
}

/// `[satellites]`: where satellites connect, and what the hub asks of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Satellites {
    pub listen: SocketAddr,
    pub discovery: bool,
    #[serde(deserialize_with = "seconds")]
    pub longest_utterance: f64,
    pub second_look: bool,
}

/// `[hearing]`: which speech engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hearing {
    pub engine: EngineChoice,
    pub model: String,
    pub elsewhere: bool,
    pub servers: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    Auto,
    Whisper,
    Phrase,
    Both,
    Remote,
}

/// `[understanding]`: sentences and how sure the hub must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Understanding {
    pub sentences: Vec<PathBuf>,
    #[serde(deserialize_with = "fraction")]
    pub least_confidence: f32,
}

/// `[mqtt]`: the household's broker, or none for a private one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mqtt {
    pub address: String,
    pub user: String,
    pub password_file: PathBuf,
    pub tls: bool,
    pub ca_file: PathBuf,
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
    pub private_port: u16,
    pub private_listen: IpAddr,
    pub words: bool,
    #[serde(deserialize_with = "seconds")]
    pub deadline: f64,
    /// Other deadlines by intent, in seconds.
    #[serde(deserialize_with = "seconds_by_intent")]
    pub deadlines: BTreeMap<String, f64>,
}

/// `[journal]`: how long recordings of nobody in particular are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Journal {
    pub keep: Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    NotAtAll,
    Day,
    Week,
    Month,
    ThreeMonths,
    EighteenMonths,
    UntilErased,
}

/// `[web]`: the privacy hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    pub listen: SocketAddr,
}

/// `[metrics]`: numbers for Prometheus.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    #[serde(deserialize_with = "loopback")]
    pub listen: String,
}

/// `[voice]`: how the hub speaks, and when it does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Voice {
    pub piper: PathBuf,
    #[serde(deserialize_with = "fraction")]
    pub volume: f32,
    pub chime: bool,
    #[serde(deserialize_with = "quiet_hours")]
    pub quiet_hours: String,
}

/// `[voices]`: what a voice that is known, or not, may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Voices {
    pub keep_strangers: bool,
    pub doors: bool,
    pub risky: Vec<String>,
    pub pin_file: PathBuf,
}

/// `[home]`: who carries commands out; areas, devices and actions of the household's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Home {
    pub acts: Acts,
    pub confirm: bool,
    #[serde(deserialize_with = "seconds")]
    pub reply_within: f64,
    pub actions: Vec<ActionEntry>,
    pub areas: Vec<AreaEntry>,
    pub entities: Vec<EntityEntry>,
}

/// Who carries a command out. Each is carried out once, whoever else could.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acts {
    /// Home Assistant where its package is there, else the hub.
    Auto,
    Hub,
    HomeAssistant,
}

/// One intent's own action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionEntry {
    pub intent: String,
    pub topic: String,
    #[serde(default)]
    pub payload: String,
    #[serde(default)]
    pub retain: bool,
    #[serde(default = "one")]
    pub qos: u8,
    /// Topic of the answer; empty: none is expected.
    #[serde(default)]
    pub reply: String,
    #[serde(default = "three")]
    pub reply_within: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaEntry {
    #[serde(deserialize_with = "area_name")]
    pub name: String,
    #[serde(default)]
    pub aliases: Vec<String>,
    #[serde(default)]
    pub floor: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntityEntry {
    pub name: String,
    /// Home Assistant's word for what kind of thing it is: `light`, `switch`, `cover`…
    pub domain: String,
    #[serde(default)]
    pub aliases: Vec<String>,
    #[serde(default)]
    pub area: Option<String>,
}

impl Default for Hub {
    fn default() -> Self {
        Hub { name: "Sotto".into(), language: "en".into() }
    }
}

impl Default for Satellites {
    fn default() -> Self {
        Satellites {
            listen: SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 0], 7414)),
            discovery: true,
            longest_utterance: 30.0,
            second_look: true,
        }
    }
}

impl Default for Hearing {
    fn default() -> Self {
        Hearing { engine: EngineChoice::Auto, model: String::new(), elsewhere: false, servers: Vec::new() }
    }
}

impl Default for Understanding {
    fn default() -> Self {
        Understanding { sentences: Vec::new(), least_confidence: sotto_hearing::ACCEPT }
    }
}

impl Default for Mqtt {
    fn default() -> Self {
        Mqtt {
            address: String::new(),
            user: String::new(),
            password_file: PathBuf::new(),
            tls: false,
            ca_file: PathBuf::new(),
            certificate_file: PathBuf::new(),
            key_file: PathBuf::new(),
            private_port: 1883,
            private_listen: IpAddr::from([127, 0, 0, 1]),
            words: false,
            deadline: 5.0,
            deadlines: BTreeMap::new(),
        }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Journal { keep: Keep::Day }
    }
}

impl Default for Voice {
    fn default() -> Self {
        Voice { piper: PathBuf::new(), volume: 1.0, chime: true, quiet_hours: String::new() }
    }
}

impl Default for Voices {
    fn default() -> Self {
        Voices { keep_strangers: false, doors: true, risky: Vec::new(), pin_file: PathBuf::new() }
    }
}

impl Default for Home {
    fn default() -> Self {
        Home {
            acts: Acts::Auto,
            confirm: true,
            reply_within: 1.5,
            actions: Vec::new(),
            areas: Vec::new(),
            entities: Vec::new(),
        }
    }
}

impl Default for Web {
    fn default() -> Self {
        Web { listen: SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 0], 8443)) }
    }
}

impl From<Keep> for sotto_house::Retention {
    fn from(keep: Keep) -> Self {
        use sotto_house::Retention as R;
        match keep {
            Keep::NotAtAll => R::NotAtAll,
            Keep::Day => R::Day,
            Keep::Week => R::Week,
            Keep::Month => R::Month,
            Keep::ThreeMonths => R::ThreeMonths,
            Keep::EighteenMonths => R::EighteenMonths,
            Keep::UntilErased => R::UntilErased,
        }
    }
}

/// Why a configuration cannot be used; always with the place to mend.
#[derive(Debug)]
pub enum ConfigError {
    Read {
        file: PathBuf,
        why: std::io::Error,
    },
    /// Place (`file:line:column`, or the variable's name) and what is wrong there.
    Wrong {
        place: String,
        why: String,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Read { file, why } => write!(f, "cannot read {}: {why}", file.display()),
            ConfigError::Wrong { place, why } => write!(f, "{place}: {why}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads `file` if one is given, then lets the environment override.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        let config = match file {
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|why| ConfigError::Read { file: file.to_owned(), why })?;
                Config::parse(&text, &file.display().to_string())?
            }
            None => Config::default(),
        };
        config.overridden(|name| std::env::var(name).ok())
    }

    /// `name` is how errors call the text: a file's path.
    pub fn parse(text: &str, name: &str) -> Result<Config, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let place = match error.span() {
                Some(span) => {
                    let before = text.get(..span.start).unwrap_or(text);
                    let line = before.matches('\n').count() + 1;
                    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
                    format!("{name}:{line}:{column}")
                }
                None => name.to_owned(),
            };
            ConfigError::Wrong { place, why: error.message().to_owned() }
        })
    }

    /// Any `SOTTO_SECTION_KEY` that `variable` knows replaces that key. What is not valid TOML is a string.
    fn overridden(self, variable: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let mut config = self;
        let toml::Value::Table(sections) = toml::Value::try_from(&config).expect("a config is a table")
        else {
            return Ok(config);
        };
        for (section, keys) in &sections {
            for key in keys.as_table().into_iter().flat_map(|table| table.keys()) {
                let name = format!("SOTTO_{section}_{key}").to_uppercase();
                let Some(text) = variable(&name) else { continue };
                let quoted = toml::Value::String(text.clone());
                config = [format!("{key} = {text}"), format!("{key} = {quoted}")]
                    .into_iter()
                    .map(|line| {
                        let mut table = sections_of(&config);
                        let value: toml::Table = toml::from_str(&line)?;
                        if let Some(keys) = table.get_mut(section).and_then(|keys| keys.as_table_mut()) {
                            keys.extend(value);
                        }
                        table.try_into::<Config>()
                    })
                    .reduce(|first, second| first.or(second))
                    .expect("two readings")
                    .map_err(|error| ConfigError::Wrong { place: name, why: error.message().to_owned() })?;
            }
        }
        Ok(config)
    }
}

fn sections_of(config: &Config) -> toml::Table {
    match toml::Value::try_from(config) {
        Ok(toml::Value::Table(table)) => table,
        _ => toml::Table::new(),
    }
}

fn seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let value = f64::deserialize(from)?;
    match value.is_finite() && (0.1..=600.0).contains(&value) {
        true => Ok(value),
        false => Err(serde::de::Error::custom("give seconds between 0.1 and 600")),
    }
}

fn seconds_by_intent<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<String, f64>, D::Error> {
    #[derive(Deserialize)]
    struct Seconds(#[serde(deserialize_with = "seconds")] f64);
    let all = BTreeMap::<String, Seconds>::deserialize(from)?;
    Ok(all.into_iter().map(|(intent, Seconds(seconds))| (intent, seconds)).collect())
}

fn quiet_hours<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    match text.is_empty() || crate::home::QuietHours::parse(&text).is_some() {
        true => Ok(text),
        false => Err(serde::de::Error::custom("give hours as in \"22:00-07:00\", or nothing")),
    }
}

/// Numbers are for this machine alone: whoever may read them knows when somebody is at home.
fn loopback<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    match text.is_empty() || text.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback()) {
        true => Ok(text),
        false => {
            Err(serde::de::Error::custom("give an address on loopback, as in \"127.0.0.1:9474\", or nothing"))
        }
    }
}

fn one() -> u8 {
    1
}

fn three() -> f64 {
    3.0
}

fn fraction<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f32, D::Error> {
    let value = f32::deserialize(from)?;
    match (0.0..=1.0).contains(&value) {
        true => Ok(value),
        false => Err(serde::de::Error::custom("give a number from 0 to 1")),
    }
}

fn area_name<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    sotto_house::Area::new(&name).map(|area| area.as_str().to_owned()).map_err(serde::de::Error::custom)
}

/// Where everything that the hub keeps lives: `given`, else `/var/lib/sotto` where a package made it, else the
/// user's own data directory.
pub fn data_directory(given: Option<PathBuf>) -> PathBuf {
    let system = Path::new("/var/lib/sotto");
    let home = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    given
        .or_else(|| system.is_dir().then(|| system.to_owned()))
        .or_else(|| home("XDG_DATA_HOME").map(|dir| dir.join("sotto")))
        .or_else(|| home("HOME").map(|dir| dir.join(".local/share/sotto")))
        .unwrap_or_else(|| PathBuf::from("sotto-data"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../hub.example.toml");

    #[test]
    fn the_example_says_the_defaults() {
        let example = Config::parse(EXAMPLE, "hub.example.toml").unwrap();
        assert_eq!(example, Config::default());
    }

    #[test]
    fn the_example_explains_every_key() {
        for (section, keys) in sections_of(&Config::default()) {
            assert!(EXAMPLE.contains(&format!("[{section}]")), "[{section}]");
            for key in keys.as_table().unwrap().keys().filter(|_| section != "home") {
                let line =
                    EXAMPLE.lines().position(|line| line.starts_with(&format!("{key} = "))).expect(key);
                let above = EXAMPLE.lines().nth(line - 1).unwrap();
                assert!(above.starts_with("# "), "{key} is not explained");
            }
        }
    }

    #[test]
    fn a_wrong_key_or_value_is_named_with_its_place() {
        let check = |text: &str, expect: &[&str]| {
            let error = Config::parse(text, "hub.toml").unwrap_err().to_string();
            for part in expect {
                assert!(error.contains(part), "{error}\nlacks {part}");
            }
        };
        check("[mqtt]\nadress = \"x\"", &["hub.toml:2:1", "adress", "address"]);
        check("[hearing]\n\nengine = \"sphinx\"", &["hub.toml:3:10", "sphinx", "phrase"]);
        check("[understanding]\nleast_confidence = 7", &["hub.toml:2:20", "from 0 to 1"]);
        check("[mqtt]\ndeadline = -1", &["hub.toml:2:12", "between 0.1 and 600"]);
        check("[mqtt]\ndeadlines = { HassTurnOn = 0 }", &["hub.toml:2:28", "between 0.1 and 600"]);
        check("[[home.areas]]\nname = \"\"", &["hub.toml:2:8", "empty"]);
        check("[voice]\nquiet_hours = \"at night\"", &["hub.toml:2:15", "22:00-07:00"]);
        check("[home]\nacts = \"both\"", &["hub.toml:2:8", "home-assistant"]);
        check("[web]\nlisten = \"8443\"", &["hub.toml:2:10", "socket address"]);
        check("[metrics]\nlisten = \"0.0.0.0:9474\"", &["hub.toml:2:10", "on loopback"]);
        check("[hub", &["hub.toml:1:5"]);
        check("\u{0}", &["hub.toml:1:2"]);
    }

    #[test]
    fn the_environment_overrides() {
        let check = |name: &str, value: &str| {
            Config::default().overridden(|n| (n == name).then(|| value.to_owned())).map_err(|e| e.to_string())
        };
        assert_eq!(check("SOTTO_MQTT_ADDRESS", "broker:1883").unwrap().mqtt.address, "broker:1883");
        assert_eq!(check("SOTTO_MQTT_USER", "7").unwrap().mqtt.user, "7");
        assert_eq!(check("SOTTO_MQTT_PRIVATE_PORT", "99").unwrap().mqtt.private_port, 99);
        assert!(!check("SOTTO_SATELLITES_SECOND_LOOK", "false").unwrap().satellites.second_look);
        let error = check("SOTTO_MQTT_PRIVATE_PORT", "many").unwrap_err();
        assert!(error.starts_with("SOTTO_MQTT_PRIVATE_PORT: "), "{error}");
    }
}
