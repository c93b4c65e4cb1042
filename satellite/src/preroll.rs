//! The sound just before a wake. It exists here, in memory, and nowhere else until a wake takes it out.
//!
//! Deliberately absent: any way to read it without a wake, to write it to disk, or to print it.

use std::fmt;

use crate::sound::Frame;

/// The latest frames, up to a fixed count. Every frame that leaves is overwritten with silence.
pub struct Preroll {
    ring: Box<[Frame]>,
    /// Where the next frame goes.
    next: usize,
    held: usize,
}

impl Preroll {
    pub fn new(frames: usize) -> Self {
        Self { ring: vec![Frame::SILENCE; frames].into(), next: 0, held: 0 }
    }

    pub fn push(&mut self, frame: Frame) {
        let Some(place) = self.ring.get_mut(self.next) else { return };
        *place = frame;
        self.next = (self.next + 1) % self.ring.len();
        self.held = (self.held + 1).min(self.ring.len());
    }

    /// Takes out the latest `most` frames, oldest first, and forgets the rest.
    pub fn take(&mut self, most: usize) -> Vec<Frame> {
        let count = most.min(self.held);
        let ring = self.ring.len();
        let latest = (0..count).map(|i| self.ring[(self.next + ring - count + i) % ring]).collect();
        self.forget();
        latest
    }

    /// Level of the latest `most` frames, root mean square in decibels below full scale.
    pub fn dbfs(&self, most: usize) -> f32 {
        let (count, ring) = (most.min(self.held), self.ring.len());
        let power =
            |i: usize| 10f64.powf(f64::from(self.ring[(self.next + ring - 1 - i) % ring].dbfs()) / 10.0);
        let mean = (0..count).map(power).sum::<f64>() / count.max(1) as f64;
        (10.0 * mean.log10()).max(-100.0) as f32
    }

    pub fn forget(&mut self) {
        self.ring.fill(Frame::SILENCE);
        (self.next, self.held) = (0, 0);
    }
}

impl fmt::Debug for Preroll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Preroll({} of {} frames)", self.held, self.ring.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(value: i16) -> Frame {
        Frame::from([value; 320])
    }

    #[test]
    fn the_latest_come_out_oldest_first_and_once() {
        let check = |room, pushed: i16, most, expect: std::ops::Range<i16>| {
            let mut preroll = Preroll::new(room);
            (0..pushed).for_each(|value| preroll.push(frame(value)));
            assert_eq!(preroll.take(most), expect.map(frame).collect::<Vec<_>>());
            assert!(preroll.take(most).is_empty(), "what was taken is gone");
            assert!(preroll.ring.iter().all(|frame| *frame == Frame::SILENCE), "and overwritten");
        };
        check(3, 0, 3, 0..0);
        check(3, 2, 3, 0..2);
        check(3, 7, 3, 4..7);
        check(3, 7, 2, 5..7);
        check(3, 7, 99, 4..7);
        check(0, 7, 3, 0..0);
    }

    #[test]
    fn its_level_is_that_of_the_latest() {
        let mut preroll = Preroll::new(10);
        assert_eq!(preroll.dbfs(5), -100.0);
        (0..8).for_each(|_| preroll.push(Frame::SILENCE));
        (0..4).for_each(|_| preroll.push(frame(16_384)));
        assert!((preroll.dbfs(4) + 6.02).abs() < 0.01);
        assert!((preroll.dbfs(8) + 9.03).abs() < 0.01);
    }
}
