//! `stdin`: raw 16 kHz mono, signed 16 bits, little endian, as `arecord -f S16_LE -r 16000` writes it.

use std::io::Read;

use tokio::sync::mpsc::Sender;

use super::Heard;
use super::pace::Pace;
use crate::sound::{Frame, Framer};

/// Starts to listen to `input`, no faster than it could be spoken; after its end comes silence.
pub fn listen(mut input: impl Read + Send + 'static, sender: Sender<Heard>) {
    std::thread::spawn(move || {
        let (mut pace, mut framer, mut open) = (Pace::new(), Framer::default(), true);
        let mut hear = |frame: Frame| {
            pace.wait();
            sender.blocking_send(Heard::Sound(frame)).is_ok()
        };
        // One frame's bytes; an odd byte waits at the front for its other half.
        let (mut bytes, mut have) = ([0u8; 640], 0);
        while open {
            match input.read(&mut bytes[have..]) {
                Ok(0) => break,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let _ =
                        sender.blocking_send(Heard::Broken(format!("standard input breaks off: {error}")));
                    return;
                }
                Ok(read) => {
                    let (samples, rest) = bytes[..have + read].as_chunks::<2>();
                    framer.push(samples.iter().map(|&pair| i16::from_le_bytes(pair)), |frame| {
                        open = open && hear(frame);
                    });
                    let (half, odd) = (rest.first().copied(), rest.len());
                    bytes[0] = half.unwrap_or_default();
                    have = odd;
                }
            }
        }
        if let Some(frame) = framer.finish() {
            open = open && hear(frame);
        }
        open = open && sender.blocking_send(Heard::Ended).is_ok();
        while open {
            open = hear(Frame::SILENCE);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in the pieces it was told to, so that samples are cut in half.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn samples_cut_in_half_are_joined_and_the_end_is_told() {
        let spoken: Vec<i16> = (0..500).map(|i| i * 17).collect();
        let bytes: Vec<u8> = spoken.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let pieces = bytes.chunks(333).map(<[u8]>::to_vec).collect();
        let (sender, mut heard) = tokio::sync::mpsc::channel(100);
        listen(Pieces(pieces), sender);
        let (mut samples, mut ended) = (Vec::new(), false);
        while !ended {
            match heard.blocking_recv().unwrap() {
                Heard::Sound(frame) => samples.extend(frame.samples()),
                Heard::Ended => ended = true,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((&samples[..500], samples.len()), (&spoken[..], 640));
        assert!(matches!(heard.blocking_recv(), Some(Heard::Sound(Frame::SILENCE))));
    }
}
