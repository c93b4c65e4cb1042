//! What is to sound: a reply and an earcon, mixed. No device, no thread, no clock.

use std::collections::VecDeque;

use crate::sound::{Frame, RATE};

/// The longest reply that waits here; what is beyond is dropped.
const LONGEST: usize = 120 * RATE;

/// Samples of 16 kHz that wait to be heard.
#[derive(Default)]
pub struct Tracks {
    reply: VecDeque<i16>,
    earcon: VecDeque<i16>,
    volume: f32,
    closed: bool,
    trouble: Option<String>,
}

impl Tracks {
    pub fn say(&mut self, frame: &Frame, volume: f32) {
        if !self.closed && self.reply.len() < LONGEST {
            let volume = volume.clamp(0.0, 1.0);
            self.reply.extend(frame.samples().iter().map(|&sample| (f32::from(sample) * volume) as i16));
        }
    }

    /// A new earcon takes the place of one that still sounds.
    pub fn play(&mut self, samples: Vec<i16>) {
        if !self.closed {
            self.earcon = samples.into();
        }
    }

    pub fn hush(&mut self) {
        self.reply.clear();
    }

    pub fn volume(&mut self, volume: f32) {
        self.volume = volume.clamp(0.0, 1.0);
    }

    pub fn speaking(&self) -> bool {
        !self.reply.is_empty()
    }

    pub fn sounding(&self) -> bool {
        self.speaking() || !self.earcon.is_empty()
    }

    /// Nothing sounds any more, now or later.
    pub fn close(&mut self) {
        self.closed = true;
        self.silence();
    }

    pub fn closed(&self) -> bool {
        self.closed
    }

    /// Gives up what waits.
    pub fn silence(&mut self) {
        self.reply.clear();
        self.earcon.clear();
    }

    pub fn report(&mut self, trouble: String) {
        self.trouble = Some(trouble);
    }

    pub fn take_trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }
}

/// The mixed sound, silence when there is none: it never ends.
impl Iterator for Tracks {
    type Item = i16;

    fn next(&mut self) -> Option<i16> {
        let take = |track: &mut VecDeque<i16>| f32::from(track.pop_front().unwrap_or(0));
        Some(((take(&mut self.reply) + take(&mut self.earcon)) * self.volume) as i16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(value: i16) -> Frame {
        Frame::from([value; 320])
    }

    #[test]
    fn reply_and_earcon_are_mixed_at_the_volume_and_then_it_is_silent() {
        let mut tracks = Tracks::default();
        tracks.volume(0.5);
        tracks.say(&frame(1_000), 0.5);
        tracks.play(vec![2_000; 10]);
        let sound: Vec<_> = tracks.by_ref().take(400).collect();
        assert_eq!((sound[0], sound[9], sound[10], sound[319], sound[320]), (1_250, 1_250, 250, 250, 0));
        assert!(!tracks.sounding());
    }

    #[test]
    fn loud_and_louder_is_clipped() {
        let mut tracks = Tracks::default();
        tracks.volume(7.0);
        tracks.say(&frame(30_000), 1.0);
        tracks.play(vec![30_000]);
        assert_eq!(tracks.next(), Some(i16::MAX));
    }

    #[test]
    fn hushed_closed_or_endless_it_holds_no_more_than_it_may() {
        let mut tracks = Tracks::default();
        tracks.say(&frame(1), 1.0);
        tracks.hush();
        assert!(!tracks.speaking());
        (0..10_000).for_each(|_| tracks.say(&frame(1), 1.0));
        assert!(tracks.reply.len() <= LONGEST + 320);
        tracks.close();
        tracks.say(&frame(1), 1.0);
        tracks.play(vec![1]);
        assert!(!tracks.sounding());
    }
}
