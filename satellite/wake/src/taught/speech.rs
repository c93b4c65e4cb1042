//! What was just said, as numbers: the embeddings of the last 1.1 s, while somebody speaks.
//!
//! `samples → mel → (kept for a second) → network, while there is a voice → three embeddings, 160 ms apart`
//!
//! The network takes ten times what the rest of an ear takes. Where the ear knows voices it runs only while there is
//! one, and for a second after; then what had been kept is run through it first, so that it is as if it had always run.

use std::collections::VecDeque;
use std::sync::Arc;

use super::mel::{BANDS, Frame, Mel};
use super::network::{BLOCK, Embedding, Network, PRIMING, SIZE, Stream};

/// Embeddings that are looked at together: the newest, and those of 2 and 4 steps (of 80 ms) before.
pub(crate) const LAGS: [usize; 3] = [0, 2, 4];
const DEEPEST: usize = 4;
/// What a taught word looks at: the newest embedding first.
pub(crate) const INPUT: usize = LAGS.len() * SIZE;
pub(crate) type Said = [f32; INPUT];

/// Blocks until there is something to look at, and kept for when somebody begins to speak.
pub(crate) const KEPT: usize = PRIMING + DEEPEST;
/// Blocks for which the network goes on after a voice: the end of a word may be too faint for one.
const AFTER_A_VOICE: usize = 13;
/// Probability above which something may be a voice: a few runs too many cost little, a missed word much.
const VOICE: f32 = 0.1;

pub(crate) struct Speech {
    mel: Mel,
    stream: Stream,
    block: [Frame; BLOCK],
    filled: usize,
    /// The last blocks, oldest first.
    kept: VecDeque<[Frame; BLOCK]>,
    /// Blocks that the network has heard in a row; none while it rests.
    run: usize,
    recent: VecDeque<Embedding>,
    /// Blocks for which it still runs; `None` where nobody says when there is a voice, and it always does.
    awake: Option<usize>,
}

impl Speech {
    /// `gated` where [`voice`](Self::voice) will be told.
    pub fn new(network: Arc<Network>, gated: bool) -> Self {
        Speech {
            mel: Mel::new(),
            stream: Stream::new(network),
            block: [[0.0; BANDS]; BLOCK],
            filled: 0,
            kept: VecDeque::with_capacity(KEPT + 1),
            run: 0,
            recent: VecDeque::with_capacity(DEEPEST + 2),
            awake: gated.then_some(0),
        }
    }

    pub fn reset(&mut self) {
        self.mel.reset();
        self.filled = 0;
        self.kept.clear();
        self.rest();
        self.awake = self.awake.map(|_| 0);
    }

    fn rest(&mut self) {
        self.run = 0;
        self.recent.clear();
    }

    /// How likely it is that somebody speaks just now.
    pub fn voice(&mut self, probability: f32) {
        if let Some(awake) = &mut self.awake
            && probability > VOICE
        {
            *awake = AFTER_A_VOICE;
        }
    }

    /// Hears samples, and gives `each` what was said up to the end of each block.
    pub fn push(&mut self, mut samples: &[i16], mut each: impl FnMut(&Said)) {
        while let Some(frame) = self.mel.next(&mut samples) {
            self.block[self.filled] = frame;
            self.filled += 1;
            if self.filled == BLOCK {
                self.filled = 0;
                self.hear(&mut each);
            }
        }
    }

    fn hear(&mut self, each: &mut impl FnMut(&Said)) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(self.block);
        match &mut self.awake {
            Some(0) => return self.rest(),
            Some(left) => *left -= 1,
            None => {}
        }
        let first = if self.run == 0 {
            self.stream.reset();
            0
        } else {
            self.kept.len() - 1
        };
        for at in first..self.kept.len() {
            let embedding = self.stream.push(&self.kept[at]);
            self.run = self.run.saturating_add(1);
            if self.run < PRIMING {
                continue;
            }
            if self.recent.len() > DEEPEST {
                self.recent.pop_back();
            }
            self.recent.push_front(embedding);
            if self.recent.len() > DEEPEST {
                let mut said = [0.0; INPUT];
                for (said, lag) in said.chunks_exact_mut(SIZE).zip(LAGS) {
                    said.copy_from_slice(&self.recent[lag]);
                }
                each(&said);
            }
        }
    }
}
