//! A satellite asks whether there is another program for it, and gets its bytes.

use std::time::Duration;

use sotto_protocol::{ErrorCode, MessageReader, PIECE, Update, write_message};
use tokio::io::AsyncReadExt;

use super::server::PATIENCE;
use super::{Shared, close};
use crate::updates::Offer;

/// The whole of it, on a slow network.
const ALL: Duration = Duration::from_secs(15 * 60);

/// Answers one question of a paired satellite.
pub async fn serve(shared: &Shared, connection: quinn::Connection) {
    if tokio::time::timeout(ALL, answer(shared, &connection)).await.is_err() {
        close(&connection, ErrorCode::Unexpected, "it takes too long");
    }
}

async fn answer(shared: &Shared, connection: &quinn::Connection) {
    let Ok(Ok((mut send, receive))) = tokio::time::timeout(PATIENCE, connection.accept_bi()).await else {
        return close(connection, ErrorCode::Unexpected, "nothing was asked");
    };
    let mut asks = MessageReader::<_, Update>::new(receive);
    let asked = tokio::time::timeout(PATIENCE, asks.next()).await;
    let Ok(Ok(Some(Update::Ask { architecture, software }))) = asked else {
        return close(connection, ErrorCode::Unexpected, "ask for a program first");
    };
    let offer = shared.updates.offer(&architecture).filter(|offer| offer.program.version != software);
    let sent = match offer {
        Some(offer) => send_program(&mut send, offer).await,
        None => write_message(&mut send, &Update::Nothing).await,
    };
    match sent {
        Ok(()) => {
            let _ = send.finish();
            // The satellite closes when it has all of it.
            connection.closed().await;
        }
        Err(error) => {
            tracing::warn!(%error, "a satellite did not get its program");
            close(connection, ErrorCode::Unexpected, "the program cannot be sent");
        }
    }
}

async fn send_program(send: &mut quinn::SendStream, offer: Offer) -> std::io::Result<()> {
    let Offer { program, signature, file } = offer;
    let mut file = tokio::fs::File::open(file).await?;
    let (version, size, sha256) = (program.version, program.size, program.sha256);
    write_message(send, &Update::Offer { version, size, sha256, signature }).await?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).await? {
            0 => return Ok(()),
            count => write_message(send, &Update::Piece(piece[..count].to_vec().into())).await?,
        }
    }
}
