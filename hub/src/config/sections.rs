//! The sections of the configuration and their defaults, in the order of `hub.example.toml`, which explains each key.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::values::{area_name, fraction, loopback, one, quiet_hours, seconds, seconds_by_intent, three};

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
