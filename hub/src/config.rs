//! The household's configuration: a TOML file, then the environment, then the defaults.
//!
//! Every key is explained in `hub.example.toml`. A wrong key or value is named with file and line. The
//! environment overrides any key: `SOTTO_MQTT_ADDRESS` is `address` in `[mqtt]`.

mod sections;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use sections::*;

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

/// Where the package keeps what its hub keeps.
pub const SYSTEM: &str = "/var/lib/sotto";

/// Where everything that the hub keeps lives: `given`, else [`SYSTEM`] where a package made it, else the
/// user's own data directory.
pub fn data_directory(given: Option<PathBuf>) -> PathBuf {
    let system = Path::new(SYSTEM);
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
