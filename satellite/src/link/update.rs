//! Fetching another program from the hub, on a connection of its own.
//!
//! `ask → offer, signed by the key that was kept at the first connection → bytes → checked → to be tried`

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use sotto_protocol::{
    ALPN_UPDATE, Identity, IdentityError, MessageReader, Program, ReadError, TlsError, Update, quic_client,
    write_message,
};
use tokio::io::AsyncWriteExt;

use super::dial::endpoint;
use super::{Pin, PinError};
use crate::programs::{ProgramError, Programs};

/// The whole of it, on a slow network.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    #[error("this satellite is not paired; pair it first")]
    NotPaired,
    #[error("the hub's key for programs is not known yet; let the satellite reach its hub once")]
    NoKey,
    #[error("the hub cannot be reached: {0}")]
    Hub(String),
    #[error("the hub answers with something else; it may be older than this satellite")]
    Answer,
    #[error("what the hub offers is not signed by the key that it had when this satellite was paired")]
    Signature,
    #[error("what arrived is not what was offered; it is thrown away")]
    Bytes,
    #[error("it takes too long")]
    Slow,
    #[error("it cannot be written: {0}")]
    Write(std::io::Error),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Pin(#[from] PinError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl From<ReadError> for UpdateError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Broken(error) => UpdateError::Hub(error.to_string()),
            _ => UpdateError::Answer,
        }
    }
}

/// Fetches what the hub at `address` (or where it was last) has for this satellite, to be tried at its next start. The
/// version, or `None` where there is no other.
pub async fn fetch(data: &Path, address: Option<SocketAddr>) -> Result<Option<String>, UpdateError> {
    tokio::time::timeout(PATIENCE, fetch_now(data, address)).await.unwrap_or(Err(UpdateError::Slow))
}

async fn fetch_now(data: &Path, address: Option<SocketAddr>) -> Result<Option<String>, UpdateError> {
    let pin = Pin::load(data)?.ok_or(UpdateError::NotPaired)?;
    let key = pin.update_key.ok_or(UpdateError::NoKey)?;
    let identity = Identity::load_or_make(data)?;
    let address = match address {
        Some(address) => address,
        None => pin.address.parse().map_err(|_| UpdateError::Hub("its address is not known".into()))?,
    };
    let hub = |error: &dyn std::fmt::Display| UpdateError::Hub(error.to_string());
    let client = quic_client(&identity, Some(pin.fingerprint), ALPN_UPDATE)?;
    let endpoint = endpoint().map_err(|error| hub(&error))?;
    let connecting = endpoint.connect_with(client, address, "sotto.local").map_err(|error| hub(&error))?;
    let connection = connecting.await.map_err(|error| hub(&error))?;
    let (mut send, receive) = connection.open_bi().await.map_err(|error| hub(&error))?;
    let architecture = std::env::consts::ARCH;
    let software = env!("CARGO_PKG_VERSION").to_owned();
    let ask = Update::Ask { architecture: architecture.to_owned(), software };
    write_message(&mut send, &ask).await.map_err(|error| hub(&error))?;
    let mut answers = MessageReader::<_, Update>::new(receive);
    let (program, signature) = match answers.next().await? {
        Some(Update::Offer { version, size, sha256, signature }) => {
            (Program { architecture: architecture.to_owned(), version, size, sha256 }, signature)
        }
        Some(Update::Nothing) => return Ok(None),
        _ => return Err(UpdateError::Answer),
    };
    // Before a byte of it is taken.
    if !key.signed(&program, &signature) {
        return Err(UpdateError::Signature);
    }
    let programs = Programs::of(data);
    let file = programs.fetching();
    let written = write(&mut answers, &file, &program).await;
    connection.close(0u32.into(), b"");
    let Program { version, .. } = program;
    let tried = match written {
        Ok(()) => {
            let (programs, file, version) = (programs, file.clone(), version.clone());
            let try_out = move || programs.try_out(&file, &version);
            tokio::task::spawn_blocking(try_out)
                .await
                .map_err(|error| hub(&error))?
                .map_err(UpdateError::from)
        }
        Err(error) => Err(error),
    };
    if tried.is_err() {
        let _ = std::fs::remove_file(&file);
    }
    tried.map(|()| Some(version))
}

/// Takes exactly as much as was offered, and checks what then lies on the card.
async fn write(
    answers: &mut MessageReader<quinn::RecvStream, Update>,
    to: &Path,
    program: &Program,
) -> Result<(), UpdateError> {
    if let Some(folder) = to.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(UpdateError::Write)?;
    }
    let mut file = tokio::fs::File::create(to).await.map_err(UpdateError::Write)?;
    let mut left = program.size;
    while left > 0 {
        match answers.next().await? {
            Some(Update::Piece(bytes)) if !bytes.is_empty() && bytes.len() as u64 <= left => {
                left -= bytes.len() as u64;
                file.write_all(&bytes).await.map_err(UpdateError::Write)?;
            }
            _ => return Err(UpdateError::Bytes),
        }
    }
    file.sync_all().await.map_err(UpdateError::Write)?;
    drop(file);
    let lies = std::fs::File::open(to)
        .and_then(|file| Program::read(&program.architecture, &program.version, file))
        .map_err(UpdateError::Write)?;
    if lies == *program { Ok(()) } else { Err(UpdateError::Bytes) }
}
