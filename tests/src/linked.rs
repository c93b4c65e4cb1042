//! A hub's listening end and satellites' links, real ones, on loopback: what the stories about the link share.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use sotto_hub::satellites::{Config, FromSatellite, Limits, Satellites, SatellitesHandle};
use sotto_protocol::{EndReason, Packet, Trigger, UtteranceId};
use sotto_satellite::link::{
    FromHub, HubAddress, Link, LinkConfig, LinkHandle, Opening, Pin, UtteranceSender, pair_with,
};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// How long a story waits for something that should happen at once.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A hub's listening end, with its data in a folder of its own.
pub struct Hub {
    pub handle: SatellitesHandle,
    pub events: mpsc::Receiver<FromSatellite>,
    pub data: TempDir,
}

pub fn hub_config(data: &Path, port: u16) -> Config {
    Config {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        data: data.to_owned(),
        name: "Home".into(),
        discovery: false,
        limits: Limits::default(),
    }
}

impl Hub {
    pub fn start() -> anyhow::Result<Hub> {
        Self::start_with(|_| {})
    }

    pub fn start_with(change: impl FnOnce(&mut Config)) -> anyhow::Result<Hub> {
        let data = tempfile::tempdir()?;
        let mut config = hub_config(data.path(), 0);
        change(&mut config);
        let (handle, events) = Satellites::bind(config)?;
        Ok(Hub { handle, events, data })
    }

    pub fn address(&self) -> SocketAddr {
        self.handle.address().expect("a bound socket has an address")
    }

    /// Stops at once, as a power cut does, and starts again on the same port with the same data.
    pub async fn restart(self) -> anyhow::Result<Hub> {
        let address = self.address();
        let Hub { handle, events, data } = self;
        handle.close().await;
        drop((handle, events));
        let mut tries = 0;
        loop {
            match Satellites::bind(hub_config(data.path(), address.port())) {
                Ok((handle, events)) => return Ok(Hub { handle, events, data }),
                Err(error) if tries > 100 => return Err(error.into()),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn next(&mut self) -> anyhow::Result<FromSatellite> {
        tokio::time::timeout(PATIENCE, self.events.recv()).await?.context("the hub has stopped")
    }

    /// The first event for which `wanted` gives something; what comes before it is passed over.
    pub async fn until<T>(
        &mut self,
        mut wanted: impl FnMut(&FromSatellite) -> Option<T>,
    ) -> anyhow::Result<T> {
        loop {
            if let Some(found) = wanted(&self.next().await?) {
                return Ok(found);
            }
        }
    }

    /// Pairs a new satellite by the hub's code, and gives the folder with its data.
    pub async fn pair(&self, name: &str, area: &str) -> anyhow::Result<(TempDir, Pin)> {
        let data = tempfile::tempdir()?;
        let code = self.handle.begin_pairing()?;
        let hub = HubAddress::At(self.address().to_string());
        let pin = pair_with(data.path(), &hub, &code, name, area, "a test").await?;
        // A code may only be tried once a second; the next satellite of the story must not trip over that.
        Ok((data, pin))
    }
}

/// What a hub has heard of one utterance.
#[derive(Debug, Default)]
pub struct Received {
    pub opened: usize,
    pub packets: Vec<Vec<u8>>,
    pub sequences: Vec<u32>,
    pub ended: usize,
    pub lost: usize,
}

/// Collects events until `done` says so.
pub async fn collect(
    hub: &mut Hub,
    done: impl Fn(&HashMap<[u8; 16], Received>) -> bool,
) -> anyhow::Result<HashMap<[u8; 16], Received>> {
    let mut all: HashMap<[u8; 16], Received> = HashMap::new();
    while !done(&all) {
        match hub.next().await? {
            FromSatellite::UtteranceOpened(opened) => {
                all.entry(*opened.utterance.bytes()).or_default().opened += 1
            }
            FromSatellite::Audio { utterance, sequence, packet } => {
                let received = all.entry(*utterance.bytes()).or_default();
                received.packets.push(packet);
                received.sequences.push(sequence);
            }
            FromSatellite::UtteranceEnded { utterance, .. } => {
                all.entry(*utterance.bytes()).or_default().ended += 1
            }
            FromSatellite::UtteranceLost { utterance } => {
                all.entry(*utterance.bytes()).or_default().lost += 1
            }
            _ => {}
        }
    }
    Ok(all)
}

/// A satellite's link.
pub struct Satellite {
    pub handle: LinkHandle,
    pub events: mpsc::Receiver<FromHub>,
}

pub fn link_config(data: &Path, address: Option<SocketAddr>) -> LinkConfig {
    LinkConfig {
        data: data.to_owned(),
        address: address.map(|address| address.to_string()),
        name: "Kitchen".into(),
        hardware: "a test".into(),
        software: "0.1.0".into(),
        capabilities: Vec::new(),
        wake_words: vec!["okay_nabu".into()],
    }
}

impl Satellite {
    pub fn start(data: &Path, address: SocketAddr) -> anyhow::Result<Satellite> {
        let (handle, events) = Link::spawn(link_config(data, Some(address)))?;
        Ok(Satellite { handle, events })
    }

    pub async fn next(&mut self) -> anyhow::Result<FromHub> {
        tokio::time::timeout(PATIENCE, self.events.recv()).await?.context("the link has stopped")
    }

    pub async fn until<T>(&mut self, mut wanted: impl FnMut(FromHub) -> Option<T>) -> anyhow::Result<T> {
        loop {
            if let Some(found) = wanted(self.next().await?) {
                return Ok(found);
            }
        }
    }

    pub async fn online(&mut self) -> anyhow::Result<()> {
        self.until(|event| matches!(event, FromHub::Online { .. }).then_some(())).await
    }

    pub fn open(&self) -> anyhow::Result<UtteranceSender> {
        let Ok(utterance) = UtteranceId::random() else { bail!("no random numbers") };
        Ok(self.handle.open_utterance(Opening {
            utterance,
            trigger: Trigger::WakeWord { word: "okay_nabu".into(), score: 0.97, readier: 0.0 },
            level_dbfs: -23.0,
            preroll_packets: 5,
            language: None,
        }))
    }

    /// Speaks `packets` packets at once.
    pub fn speak(&self, packets: u32) -> anyhow::Result<UtteranceId> {
        let sender = self.open()?;
        (0..packets).for_each(|sequence| assert!(sender.send(packet(sequence))));
        sender.end(EndReason::Silence);
        Ok(sender.id())
    }
}

/// Bytes that pass for a packet, and tell which.
pub fn packet(sequence: u32) -> Packet {
    let body: Vec<u8> = sequence.to_le_bytes().iter().cycle().take(59).copied().collect();
    Packet::new([vec![0x48], body].concat()).expect("wide band SILK, 20 ms, mono")
}

/// Asserts that an utterance arrived whole, once and in order.
pub fn assert_whole(received: &Received, packets: u32) {
    assert_eq!((received.opened, received.ended, received.lost), (1, 1, 0), "opened, ended, lost");
    assert_eq!(received.sequences, (0..packets).collect::<Vec<_>>());
    for (sequence, bytes) in received.packets.iter().enumerate() {
        assert_eq!(bytes.as_slice(), packet(sequence as u32).bytes().as_ref(), "packet {sequence}");
    }
}
