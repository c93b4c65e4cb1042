//! The satellites, shown to the home as devices: who is paired, who is there, and what was chosen for them.
//!
//! By whichever door a satellite is paired, renamed or revoked, this sees it within a second, and takes back from
//! the broker all that stood for one that is gone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sotto_hearing::Engine;
use sotto_house::SatelliteId;
use tokio_util::sync::CancellationToken;

use crate::home::{Home, HubState, SatelliteDevice, SatelliteState};
use crate::lately::Lately;
use crate::satellite_settings::SatelliteSettings;
use crate::satellites::SatellitesHandle;

const LOOK: Duration = Duration::from_secs(1);
/// With less on the disk nothing can be kept for long, in bytes.
const LITTLE: u64 = 100 * 1024 * 1024;

/// Shows them until `stop`; then says that they are away.
pub async fn show(
    home: Home,
    satellites: SatellitesHandle,
    settings: Arc<SatelliteSettings>,
    lately: Arc<Lately>,
    engine: Arc<dyn Engine>,
    data: PathBuf,
    stop: CancellationToken,
) {
    let mut shown: BTreeMap<SatelliteId, SatelliteDevice> = BTreeMap::new();
    loop {
        let listed = satellites.list();
        shown.retain(|id, _| {
            let paired = listed.iter().any(|listed| listed.paired.id == *id);
            if !paired {
                home.forget_satellite(id);
            }
            paired
        });
        for listed in &listed {
            let (paired, connected) = (&listed.paired, listed.connected.as_ref());
            let before = shown.get(&paired.id);
            let device = SatelliteDevice {
                id: paired.id.clone(),
                name: paired.name.clone(),
                area: paired.area.clone(),
                // One that is away keeps what it last told of itself.
                version: connected
                    .map(|satellite| satellite.software.clone())
                    .or_else(|| before.map(|device| device.version.clone()))
                    .unwrap_or_default(),
                wake_words: connected
                    .map(|satellite| satellite.wake_words.clone())
                    .or_else(|| before.and_then(|device| device.wake_words.clone())),
            };
            if before != Some(&device) {
                home.satellite(&device);
            }
            let chosen = settings.of(&paired.id);
            home.satellite_state(
                &paired.id,
                &SatelliteState {
                    online: Some(connected.is_some()),
                    muted: Some(chosen.muted),
                    volume: Some(chosen.volume),
                    sensitivity: Some(chosen.sensitivity),
                    wake_word: device
                        .wake_words
                        .as_ref()
                        .map(|offered| chosen.wake_word_of(offered).cloned()),
                    ..SatelliteState::default()
                },
            );
            shown.insert(paired.id.clone(), device);
        }
        home.hub_state(&HubState {
            healthy: Some(!lately.deaf() && free(&data) > LITTLE),
            engine: Some(engine.name().to_owned()),
            satellites: Some(listed.iter().filter(|listed| listed.connected.is_some()).count()),
            queue: Some(lately.awaited()),
        });
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => break,
        }
    }
}

/// Bytes that are free where the hub keeps its data; one that does not say is taken to have room.
fn free(data: &std::path::Path) -> u64 {
    nix::sys::statvfs::statvfs(data).map_or(u64::MAX, |disk| disk.blocks_available() * disk.fragment_size())
}
