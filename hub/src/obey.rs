//! What Home Assistant, or anybody else on the broker, asks of the satellites: settings, and something to be spoken.

use std::sync::Arc;

use sotto_house::SatelliteId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::home::Request;
use crate::satellite_settings::{Chosen, SatelliteSettings};
use crate::satellites::SatellitesHandle;
use crate::voice::Voice;

/// Does what is asked, until `stop`.
pub async fn requests(
    mut requests: mpsc::Receiver<Request>,
    settings: Arc<SatelliteSettings>,
    satellites: SatellitesHandle,
    voice: Voice,
    stop: CancellationToken,
) {
    let change = |satellite: SatelliteId, change: &dyn Fn(&mut Chosen)| {
        // Of what is not of the house nothing is kept: anybody on the broker can make names up.
        if !satellites.list().iter().any(|listed| listed.paired.id == satellite) {
            return tracing::warn!(%satellite, "a setting was asked for a satellite that is not paired");
        }
        match settings.change(&satellite, change) {
            Ok(()) => settings.tell(&satellites, &satellite),
            Err(error) => tracing::error!(%error, "a setting was not kept"),
        }
    };
    loop {
        let request = tokio::select! {
            request = requests.recv() => request,
            () = stop.cancelled() => return,
        };
        match request {
            None => return,
            Some(Request::Say(announcement)) => voice.announce(announcement),
            Some(Request::Mute { satellite, muted }) => change(satellite, &|chosen| chosen.muted = muted),
            Some(Request::Volume { satellite, percent }) => {
                change(satellite, &|chosen| chosen.volume = percent);
            }
            Some(Request::Sensitivity { satellite, percent }) => {
                change(satellite, &|chosen| chosen.sensitivity = percent);
            }
            Some(Request::WakeWord { satellite, word }) => {
                change(satellite, &|chosen| chosen.wake_word.clone_from(&word));
            }
        }
    }
}
