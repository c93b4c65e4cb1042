//! Messages on anything that carries bytes in order: a QUIC stream, or a pipe in a test.

use std::marker::PhantomData;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::decode::{DecodeError, Message};
use crate::frame::{FrameError, Frames};
use crate::wire::ErrorCode;

/// Why no further message came off a stream.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("the stream ended in the middle of a message")]
    Half,
    #[error("the stream broke: {0}")]
    Broken(#[from] std::io::Error),
}

impl ReadError {
    /// How the peer is told, or `None` where it is no longer there.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            ReadError::Frame(_) => Some(ErrorCode::TooLong),
            ReadError::Decode(error) => Some(error.code()),
            ReadError::Half => Some(ErrorCode::Malformed),
            ReadError::Broken(_) => None,
        }
    }
}

/// Reads messages of one kind. Dropping the future of [`MessageReader::next`] loses nothing.
pub struct MessageReader<R, M> {
    stream: R,
    frames: Frames,
    kind: PhantomData<fn() -> M>,
}

impl<R: AsyncRead + Unpin, M: Message> MessageReader<R, M> {
    pub fn new(stream: R) -> Self {
        MessageReader { stream, frames: Frames::new(M::LIMIT), kind: PhantomData }
    }

    /// The next message, or `None` where the stream ended between two. After [`DecodeError::Unknown`] reading
    /// can go on; after any other error it cannot.
    pub async fn next(&mut self) -> Result<Option<M>, ReadError> {
        loop {
            if let Some(frame) = self.frames.next()? {
                return Ok(Some(M::decode(frame)?));
            }
            if self.stream.read_buf(self.frames.buffer()).await? == 0 {
                return if self.frames.is_empty() { Ok(None) } else { Err(ReadError::Half) };
            }
        }
    }

    pub fn stream(&mut self) -> &mut R {
        &mut self.stream
    }
}

/// Writes one message with its length before it.
pub async fn write_message<M: Message>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &M,
) -> Result<(), std::io::Error> {
    let body = message.encode();
    let mut framed = Vec::with_capacity(body.len() + 5);
    prost::encode_length_delimiter(body.len(), &mut framed)?;
    framed.extend_from_slice(&body);
    stream.write_all(&framed).await
}
