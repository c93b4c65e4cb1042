//! The hub speaks: one stream of Opus packets, handed on as they come.

use sotto_protocol::{MessageReader, Packet, Reply, ReplyHeader};
use tokio::sync::mpsc;

use super::FromHub;

/// Packets that wait for the loudspeaker: a second. Then the hub waits.
const QUEUE: usize = 50;

/// A reply that has begun.
pub struct IncomingReply {
    pub header: ReplyHeader,
    packets: mpsc::Receiver<Packet>,
}

impl IncomingReply {
    /// The next 20 ms, or `None` at the end of the reply.
    pub async fn next(&mut self) -> Option<Packet> {
        self.packets.recv().await
    }
}

impl std::fmt::Debug for IncomingReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IncomingReply({:?})", self.header)
    }
}

/// Reads one reply stream to its end.
pub async fn read(stream: quinn::RecvStream, events: mpsc::Sender<FromHub>) {
    let mut messages = MessageReader::<_, Reply>::new(stream);
    let Ok(Some(Reply::Header(header))) = messages.next().await else { return };
    let (sender, packets) = mpsc::channel(QUEUE);
    if events.send(FromHub::Say(IncomingReply { header, packets })).await.is_err() {
        return;
    }
    let mut expected = 0;
    while let Ok(Some(Reply::Packet { sequence, packet })) = messages.next().await {
        if sequence != expected || sender.send(packet).await.is_err() {
            return;
        }
        expected += 1;
    }
}
