//! APA102 lamps on the SPI bus: the three of a ReSpeaker 2-Mic HAT or of Adafruit's Voice Bonnet, the twelve of a 4-Mic
//! or of a ring: the same wire, repeated. The button of those boards is on GPIO line 17.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use super::{Lamps, PanelError};
use crate::listening::State;

/// Lamps that are told the colour; those beyond the end of the chain do not mind.
const LAMPS: usize = 24;

/// Of 31; more than this blinds at night.
const BRIGHTNESS: u8 = 3;

pub struct Respeaker<W = File> {
    spi: W,
}

impl Respeaker {
    pub fn open(device: &Path) -> Result<Self, PanelError> {
        let spi = OpenOptions::new().write(true).open(device);
        spi.map(|spi| Self { spi }).map_err(|cause| PanelError::Spi { device: device.into(), cause })
    }
}

impl<W: Write + Send> Lamps for Respeaker<W> {
    fn show(&mut self, state: State) {
        let [red, green, blue] = colour(state);
        // APA102 data sheet: 32 zero bits, per lamp 111 + brightness, blue, green, red; then ones, at least
        // half a bit for each lamp, to clock the last colour through.
        let mut message = vec![0; 4];
        for _ in 0..LAMPS {
            message.extend([0xe0 | BRIGHTNESS, blue, green, red]);
        }
        message.extend([0xff; 4]);
        if let Err(error) = self.spi.write_all(&message) {
            tracing::warn!("the lamps cannot be set: {error}");
        }
    }
}

/// Red, green, blue.
fn colour(state: State) -> [u8; 3] {
    match state {
        State::Idle => [0, 0, 0],
        State::Listening => [0, 80, 255],
        State::Thinking => [120, 0, 200],
        State::Speaking => [0, 200, 60],
        State::Muted => [255, 0, 0],
        State::Offline => [120, 60, 0],
        State::Pairing => [160, 160, 160],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lamps_get_the_bytes_of_their_data_sheet() {
        let mut lamps = Respeaker { spi: Vec::new() };
        lamps.show(State::Muted);
        let sent = &lamps.spi;
        assert_eq!(sent.len(), 4 + 4 * LAMPS + 4);
        assert_eq!(&sent[..8], [0, 0, 0, 0, 0xe3, 0, 0, 255]);
        assert_eq!(&sent[sent.len() - 8..], [0xe3, 0, 0, 255, 0xff, 0xff, 0xff, 0xff]);
    }
}
