//! Bytes → frames: each message on a stream is preceded by its length as a Protocol Buffers varint.
//!
//! The length is compared with the limit before anything is reserved for it, so a peer that announces 4 GiB
//! costs five bytes.

use bytes::{Buf, Bytes, BytesMut};

/// Longest length prefix: five bytes hold 35 bits, more than any limit.
const PREFIX: usize = 5;

/// Room for one reading: what a QUIC packet brings.
const READ: usize = 1500;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    #[error("a message of {length} bytes was announced and {limit} are allowed")]
    TooLong { length: u64, limit: usize },
    #[error("the length before a message takes more than {PREFIX} bytes")]
    Prefix,
}

/// Cuts what a stream delivers into frames of at most `limit` bytes.
pub struct Frames {
    buffer: BytesMut,
    limit: usize,
}

impl Frames {
    pub fn new(limit: usize) -> Self {
        Frames { buffer: BytesMut::new(), limit }
    }

    /// Where the stream's next bytes go. Call [`Frames::next`] until it is empty before adding more.
    pub fn buffer(&mut self) -> &mut BytesMut {
        self.buffer.reserve(READ);
        &mut self.buffer
    }

    /// True between messages: a stream that ends elsewhere ended in the middle of one.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The next whole frame, or `None` until more bytes have come.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some((length, prefix)) = prefix(&self.buffer)? else { return Ok(None) };
        if length > self.limit as u64 {
            return Err(FrameError::TooLong { length, limit: self.limit });
        }
        let length = length as usize;
        if self.buffer.len() < prefix + length {
            return Ok(None);
        }
        self.buffer.advance(prefix);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }
}

/// The length at the start of `bytes` and how many bytes it takes, once it is whole.
fn prefix(bytes: &[u8]) -> Result<Option<(u64, usize)>, FrameError> {
    let mut length = 0;
    for (index, byte) in bytes.iter().take(PREFIX).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((length, index + 1)));
        }
    }
    if bytes.len() < PREFIX { Ok(None) } else { Err(FrameError::Prefix) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8], expect: Result<Option<&[u8]>, FrameError>) {
        let mut frames = Frames::new(1000);
        frames.buffer().extend_from_slice(bytes);
        assert_eq!(frames.next(), expect.map(|frame| frame.map(Bytes::copy_from_slice)), "{bytes:02x?}");
        assert!(frames.buffer.capacity() < 4000, "reserved for what was only announced");
    }

    #[test]
    fn a_length_is_checked_before_anything_is_reserved() {
        check(&[], Ok(None));
        check(&[0], Ok(Some(&[])));
        check(&[2, 7], Ok(None));
        check(&[2, 7, 8, 9], Ok(Some(&[7, 8])));
        check(&[0x81, 0], Ok(None));
        check(&[0x80, 0x80, 0x80, 0x80, 0x10], Err(FrameError::TooLong { length: 1 << 32, limit: 1000 }));
        check(&[0xe9, 0x07], Err(FrameError::TooLong { length: 1001, limit: 1000 }));
        check(&[0xff; 5], Err(FrameError::Prefix));
        check(&[0xff; 4], Ok(None));
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_they_are_cut(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..10),
            cut in 1usize..50,
        ) {
            let mut bytes = Vec::new();
            for message in &messages {
                prost::encode_length_delimiter(message.len(), &mut bytes).unwrap();
                bytes.extend_from_slice(message);
            }
            let mut frames = Frames::new(300);
            let mut out = Vec::new();
            for piece in bytes.chunks(cut) {
                frames.buffer().extend_from_slice(piece);
                while let Some(frame) = frames.next().unwrap() {
                    out.push(frame.to_vec());
                }
            }
            prop_assert_eq!(out, messages);
            prop_assert!(frames.is_empty());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut frames = Frames::new(64);
            frames.buffer().extend_from_slice(&bytes);
            while let Ok(Some(_)) = frames.next() {}
        }
    }
}
