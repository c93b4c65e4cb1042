//! What stands on the satellite: lamps that show its state, the action button and the mute switch.
//!
//! `State → Lamps`, and `Touch` the other way. One file for each kind of panel.

mod gpio;
mod respeaker;
mod terminal;

use std::path::PathBuf;

use tokio::sync::mpsc;

use crate::config::{self, PanelKind};
use crate::listening::State;

/// What a person did to the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    Pressed,
    Released,
    /// The mute switch was turned: off is the microphone.
    Mute(bool),
}

/// Lamps, or what stands for them.
pub trait Lamps: Send {
    fn show(&mut self, state: State);
}

#[derive(Debug, thiserror::Error)]
pub enum PanelError {
    #[error("GPIO line {line} of {chip} cannot be used: {cause}; see [panel] in satellite.example.toml", chip = .chip.display())]
    Line { chip: PathBuf, line: u32, cause: String },
    #[error("the lamps at {device} cannot be used: {cause}; is SPI on (raspi-config), and may this user write there?", device = .device.display())]
    Spi { device: PathBuf, cause: std::io::Error },
    #[error("panel.{key} has {count} lines; write {expect}")]
    Lines { key: &'static str, count: usize, expect: &'static str },
}

/// A panel that is there: its lamps, and what people do to it.
pub struct Panel {
    pub lamps: Box<dyn Lamps>,
    touches: mpsc::Receiver<Touch>,
    /// Whether it has a mute switch, which software cannot undo.
    pub has_switch: bool,
    pub has_button: bool,
}

impl Panel {
    /// `keys`: whether the terminal's keys belong to the panel; not where standard input is the microphone.
    pub fn open(config: &config::Panel, keys: bool) -> Result<Self, PanelError> {
        let (sender, touches) = mpsc::channel(16);
        let (lamps, has_button): (Box<dyn Lamps>, bool) = match config.kind {
            PanelKind::None => (Box::new(Nothing), false),
            PanelKind::Terminal => (Box::new(terminal::Terminal::open(sender, keys)), keys),
            PanelKind::Gpio => {
                gpio::watch(config, sender)?;
                (Box::new(gpio::Gpio::open(config)?), !config.button.is_empty())
            }
            PanelKind::Respeaker => {
                gpio::watch(config, sender)?;
                (Box::new(respeaker::Respeaker::open(&config.spi)?), !config.button.is_empty())
            }
        };
        Ok(Self { lamps, touches, has_switch: !config.mute.is_empty(), has_button })
    }

    /// The next thing that a person does to it; never, where there is nothing to touch. Safe to cancel.
    pub async fn touched(&mut self) -> Touch {
        match self.touches.recv().await {
            Some(touch) => touch,
            None => std::future::pending().await,
        }
    }
}

struct Nothing;

impl Lamps for Nothing {
    fn show(&mut self, _: State) {}
}

impl State {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Listening => "listening",
            Self::Thinking => "thinking",
            Self::Speaking => "speaking",
            Self::Muted => "muted",
            Self::Offline => "offline",
            Self::Pairing => "pairing",
        }
    }
}
