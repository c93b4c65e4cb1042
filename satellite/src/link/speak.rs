//! One utterance up to the hub, on a stream of its own, from where the hub wants it.

use std::sync::Arc;
use std::time::Instant;

use sotto_protocol::{ErrorCode, Speech, write_message};

use super::utterance::{Next, Utterance};

/// Sends one utterance from packet `first` on. It ends with the utterance, or with the connection.
pub async fn speak(connection: quinn::Connection, utterance: Arc<Utterance>, first: u32) {
    let Ok(mut stream) = connection.open_uni().await else { return };
    let header = Speech::Header(utterance.header(first, Instant::now()));
    if write_message(&mut stream, &header).await.is_err() {
        return;
    }
    let mut sent = first as usize;
    loop {
        match utterance.next(sent) {
            Next::Packets(packets) => {
                for packet in packets {
                    let sequence = sent as u32;
                    // A stream that the hub has stopped, or a connection that broke: both are told elsewhere.
                    if write_message(&mut stream, &Speech::Packet { sequence, packet }).await.is_err() {
                        return;
                    }
                    sent += 1;
                }
            }
            Next::End { reason, packets } => {
                if write_message(&mut stream, &Speech::End { reason, packets }).await.is_ok() {
                    let _ = stream.finish();
                }
                return;
            }
            Next::Wait => {
                tokio::select! {
                    () = utterance.changed() => {}
                    _ = stream.stopped() => return,
                }
            }
            Next::Erased => {
                let _ = stream.reset(quinn::VarInt::from_u32(ErrorCode::None as u32));
                return;
            }
        }
    }
}
