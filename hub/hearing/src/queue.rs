//! Whose turn it is: rooms take turns, so that a long dictation in one does not hold up "lights off" in another.
//!
//! Each room has a line of its own, served first come first served; the lines are served round robin. Both the
//! length of a line and the number of all who wait are limited, so under overload people are told at once.

use std::collections::VecDeque;

/// Clips that may wait for one room: more means that its people repeat themselves.
const PER_ROOM: usize = 3;
/// Clips that may wait in all.
const IN_ALL: usize = 32;

pub struct Queue<T> {
    /// The room whose turn it is stands first; no line is empty.
    lines: VecDeque<(String, VecDeque<T>)>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { lines: VecDeque::new() }
    }
}

impl<T> Queue<T> {
    pub fn len(&self) -> usize {
        self.lines.iter().map(|(_, line)| line.len()).sum()
    }

    /// Takes out what nobody waits for any more, so that it holds no place.
    pub fn discard(&mut self, unwanted: impl Fn(&T) -> bool) {
        for (_, line) in &mut self.lines {
            line.retain(|job| !unwanted(job));
        }
        self.lines.retain(|(_, line)| !line.is_empty());
    }

    /// Waits in the room's line, or gives the job back when there is no place.
    pub fn push(&mut self, room: &str, job: T) -> Result<(), T> {
        if self.len() >= IN_ALL {
            return Err(job);
        }
        match self.lines.iter_mut().find(|(name, _)| name == room) {
            Some((_, line)) if line.len() >= PER_ROOM => Err(job),
            Some((_, line)) => {
                line.push_back(job);
                Ok(())
            }
            None => {
                self.lines.push_back((room.to_owned(), VecDeque::from([job])));
                Ok(())
            }
        }
    }

    /// The first of the room whose turn it is; that room then goes to the back.
    pub fn pop(&mut self) -> Option<T> {
        let (room, mut line) = self.lines.pop_front()?;
        let job = line.pop_front();
        if !line.is_empty() {
            self.lines.push_back((room, line));
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_take_turns() {
        let mut queue = Queue::default();
        for (room, job) in [("kitchen", 1), ("kitchen", 2), ("kitchen", 3), ("hall", 4), ("study", 5)] {
            queue.push(room, job).unwrap();
        }
        let order: Vec<i32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [1, 4, 5, 2, 3]);
    }

    #[test]
    fn a_room_that_shouts_is_told_to_wait_and_the_others_are_not() {
        let mut queue = Queue::default();
        for job in 0..PER_ROOM {
            queue.push("kitchen", job).unwrap();
        }
        assert_eq!(queue.push("kitchen", 9), Err(9));
        assert_eq!(queue.push("hall", 10), Ok(()));
    }

    #[test]
    fn what_nobody_waits_for_holds_no_place() {
        let mut queue = Queue::default();
        for job in 0..PER_ROOM {
            queue.push("kitchen", job).unwrap();
        }
        queue.push("hall", 7).unwrap();
        queue.discard(|job| *job < 2 || *job == 7);
        assert_eq!(queue.push("kitchen", 8), Ok(()));
        assert_eq!(std::iter::from_fn(|| queue.pop()).collect::<Vec<_>>(), [2, 8]);
    }

    #[test]
    fn nothing_piles_up() {
        let mut queue = Queue::default();
        let taken = (0..1000).filter(|job| queue.push(&format!("room {job}"), *job).is_ok()).count();
        assert_eq!((taken, queue.len()), (IN_ALL, IN_ALL));
    }
}
