//! The hub as the wiring sees it: the link on one side, [`run`](crate::run)'s port on the other.

use sotto_protocol::{Capability, EndReason, Level, Packet, Panel as PanelState};
use tokio::sync::mpsc;

use crate::config::Config;
use crate::link::{FromHub, Link, LinkConfig, LinkError, LinkHandle, UtteranceSender};
use crate::listening::{Line, Opening};
use crate::panel::Panel;
use crate::run::{Hub, HubSays, ToHub};

/// Messages that may wait for the wiring. A reply's packets come this way too, and wait where there is no room.
const WAITING: usize = 64;

/// Starts the link on this tokio runtime.
pub fn connect(config: &Config, panel: &Panel) -> Result<Hub, LinkError> {
    let (handle, events) = Link::spawn(LinkConfig {
        data: config.data.clone(),
        address: Some(config.hub.address.clone()).filter(|address| !address.is_empty()),
        name: config.name(),
        hardware: hardware(),
        software: env!("CARGO_PKG_VERSION").into(),
        capabilities: capabilities(config, panel),
        wake_words: config.possible_words(),
    })?;
    let (sender, says) = mpsc::channel(WAITING);
    tokio::spawn(translate(events, sender));
    let language = Some(config.language.clone()).filter(|language| !language.is_empty());
    let volume = config.speaker.volume as f32 / 100.0;
    let panel = PanelState { volume, ..PanelState::default() };
    handle.panel(panel);
    let to = LinkedHub { handle, language, panel, under_way: None };
    Ok(Hub { to: Box::new(to), says })
}

struct LinkedHub {
    handle: LinkHandle,
    language: Option<String>,
    panel: PanelState,
    under_way: Option<UtteranceSender>,
}

impl ToHub for LinkedHub {
    fn open(&mut self, opening: Opening) {
        let sender = self.handle.open_utterance(crate::link::Opening {
            utterance: opening.utterance,
            trigger: opening.trigger,
            level_dbfs: opening.level_dbfs,
            preroll_packets: opening.preroll.len() as u32,
            language: self.language.clone(),
        });
        for packet in opening.preroll {
            sender.send(packet);
        }
        self.under_way = Some(sender);
    }

    fn send(&mut self, packet: Packet) {
        // What is not wanted any more is dropped here; the hub says so too, by its outcome or dismissal.
        if let Some(sender) = &self.under_way {
            sender.send(packet);
        }
    }

    fn end(&mut self, reason: EndReason) {
        if let Some(sender) = self.under_way.take() {
            sender.end(reason);
        }
    }

    fn cancel(&mut self) {
        self.under_way = None;
    }

    fn muted(&mut self, muted: bool, by_switch: bool) {
        self.panel = PanelState { muted, mute_switch: by_switch, ..self.panel };
        self.handle.panel(self.panel);
    }

    fn volume(&mut self, volume: f32) {
        self.panel.volume = volume;
        self.handle.panel(self.panel);
    }

    fn lost(&mut self, frames: u64) {
        self.handle.lost(frames);
    }

    fn level(&mut self, dbfs: f32, speech: bool) {
        self.handle.level(Level { dbfs, speech });
    }
}

/// Hands on what the link says, until one of the two sides is gone.
async fn translate(mut events: mpsc::Receiver<FromHub>, sender: mpsc::Sender<HubSays>) {
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = sender.closed() => None,
        };
        let Some(event) = event else { break };
        if hand_on(event, &sender).await.is_none() {
            break;
        }
    }
    // The link says goodbye to the hub, and is gone when its end of the channel is.
    events.close();
    while events.recv().await.is_some() {}
}

/// `None` when nobody listens any more.
async fn hand_on(event: FromHub, sender: &mpsc::Sender<HubSays>) -> Option<()> {
    let says = match event {
        FromHub::Unpaired { code } => {
            sender.send(HubSays::Line(Line::Unpaired)).await.ok()?;
            HubSays::Code(code.to_string())
        }
        // It connects next, and that is news.
        FromHub::Paired(_) => HubSays::Line(Line::Offline),
        FromHub::Online { .. } => HubSays::Line(Line::Online),
        FromHub::Offline { reason } => {
            sender.send(HubSays::Line(Line::Offline)).await.ok()?;
            HubSays::Trouble(format!("no hub: {reason}"))
        }
        FromHub::Revoked { reason } => {
            sender.send(HubSays::Line(Line::Unpaired)).await.ok()?;
            HubSays::Trouble(format!("the hub has revoked this satellite: {reason}"))
        }
        FromHub::Dismissed { utterance, reason } => HubSays::Dismissed(utterance, reason),
        FromHub::Stopped { utterance } => HubSays::Enough(utterance),
        FromHub::Outcome(outcome) => HubSays::Outcome(outcome),
        FromHub::Say(mut reply) => {
            let (sender, volume) = (sender.clone(), reply.header.volume);
            // Beside the rest: a long answer holds up no news.
            tokio::spawn(async move {
                while let Some(packet) = reply.next().await {
                    if sender.send(HubSays::Speech { packet, volume }).await.is_err() {
                        return;
                    }
                }
            });
            return Some(());
        }
        FromHub::Settings(settings) => HubSays::Settings {
            muted: settings.muted,
            volume: settings.volume,
            sensitivity: settings.sensitivity,
            wake_words: settings.wake_words,
        },
        FromHub::WatchLevel(time) => HubSays::WatchLevel(time),
    };
    sender.send(says).await.ok()
}

fn capabilities(config: &Config, panel: &Panel) -> Vec<Capability> {
    let speaker = config.speaker.device != "none";
    let lamps = config.panel.kind != crate::config::PanelKind::None;
    [
        (Capability::Speaker, speaker),
        (Capability::Lamp, lamps),
        (Capability::MuteSwitch, panel.has_switch),
        (Capability::Button, panel.has_button),
    ]
    .into_iter()
    .filter_map(|(capability, has)| has.then_some(capability))
    .collect()
}

/// What this machine is, for people.
fn hardware() -> String {
    let model = std::fs::read_to_string("/proc/device-tree/model").unwrap_or_default();
    let model: String = model.trim_matches(char::from(0)).chars().filter(|c| !c.is_control()).collect();
    if model.is_empty() { format!("{} {}", std::env::consts::OS, std::env::consts::ARCH) } else { model }
}
