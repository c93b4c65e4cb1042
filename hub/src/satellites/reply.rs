//! The hub speaks: a stream of Opus packets to one satellite.

use std::sync::Arc;

use sotto_house::SatelliteId;
use sotto_protocol::{Packet, Reply, ReplyHeader, write_message};
use tokio::sync::mpsc;

use super::{Shared, lock};

/// Packets that may wait for a slow satellite: five seconds.
const QUEUE: usize = 250;

#[derive(Debug, thiserror::Error)]
#[error("the satellite {0} is not connected")]
pub struct NotConnected(pub SatelliteId);

/// Takes the packets of one reply, in order. Dropping it ends the reply.
pub struct ReplySender {
    satellite: SatelliteId,
    packets: mpsc::Sender<Packet>,
}

impl ReplySender {
    /// Waits while the satellite has enough to play.
    pub async fn send(&self, packet: Packet) -> Result<(), NotConnected> {
        self.packets.send(packet).await.map_err(|_| NotConnected(self.satellite.clone()))
    }
}

pub async fn open(
    shared: &Arc<Shared>,
    satellite: &SatelliteId,
    header: ReplyHeader,
) -> Result<ReplySender, NotConnected> {
    let connection = lock(&shared.live).get(satellite).map(|live| live.connection.clone());
    let gone = || NotConnected(satellite.clone());
    let mut stream = connection.ok_or_else(gone)?.open_uni().await.map_err(|_| gone())?;
    let (packets, mut queue) = mpsc::channel::<Packet>(QUEUE);
    tokio::spawn(async move {
        let mut sequence = 0;
        if write_message(&mut stream, &Reply::Header(header)).await.is_err() {
            return;
        }
        while let Some(packet) = queue.recv().await {
            if write_message(&mut stream, &Reply::Packet { sequence, packet }).await.is_err() {
                return;
            }
            sequence += 1;
        }
        if write_message(&mut stream, &Reply::End { packets: sequence }).await.is_ok() {
            let _ = stream.finish();
        }
    });
    Ok(ReplySender { satellite: satellite.clone(), packets })
}
