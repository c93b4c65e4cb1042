//! The likeliest sentence of the house, and beside it the likeliest text of all.
//!
//! ```text
//!            ┌ paths: the best few beginnings of sentences that the house knows ┐
//! clip ──────┤                                                                  ├─ one step of the decoder for all
//!            └ free:  what the network would write by itself                    ┘
//! ```
//!
//! A path only ever takes symbols with which some sentence goes on, so noise cannot lead it astray; how much less
//! likely it is than the free text tells whether a sentence of the house was said at all.

use std::collections::BTreeSet;
use std::time::Duration;

use super::network::{Clip, Network, Next, SAMPLES_A_FRAME, Step};
use super::pieces::{BLANK, END, Pieces, START};
use super::spelling::{Place, Spelling};
use crate::engine::{RATE, Word};

/// Beginnings that are followed side by side.
const BEAM: usize = 8;
/// A beginning so much less likely than the best (in natural logarithms) is given up.
const FAR: f32 = 14.0;
/// When the best beginning is so much less likely than the free text, nobody said a sentence of the house.
const HOPELESS: f32 = 45.0;
/// How much the end of a sentence weighs: with 1, a sentence that ends too early is often likelier than one whose last
/// words are hard to hear.
const END_WEIGHT: f32 = 3.0;
/// Sentences that are reported.
const BEST: usize = 3;

/// One symbol of a text.
#[derive(Clone)]
struct Taken {
    before: Option<usize>,
    symbol: u32,
    /// Logarithm of its probability.
    log: f32,
    frame: usize,
}

/// Words that were whole when a path had so many symbols.
struct Said {
    before: Option<usize>,
    words: Vec<String>,
    symbols: usize,
}

/// A beginning of a text.
struct Path {
    score: f32,
    /// The decoder's step before the last symbol.
    step: Option<usize>,
    symbol: u32,
    taken: Option<usize>,
    symbols: usize,
    /// Where in the sentences this may be, and the words so far.
    places: Vec<(Place, Option<usize>)>,
}

impl Path {
    fn start(places: Vec<(Place, Option<usize>)>) -> Path {
        Path { score: 0.0, step: None, symbol: START, taken: None, symbols: 0, places }
    }

    /// The decoder's row for this.
    fn row(&self) -> (Option<usize>, u32) {
        (self.step, self.symbol)
    }
}

/// How a path may go on.
struct Candidate {
    score: f32,
    path: usize,
    symbol: u32,
}

/// A text and how likely it is.
pub struct Text {
    pub words: Vec<Word>,
    /// Logarithm of its probability, its end included.
    pub score: f32,
    /// Symbols, its end not included.
    pub symbols: usize,
}

impl Text {
    /// "21 lamps" and "twenty-one lamps" are one sentence of the house.
    fn same_words(&self, other: &Text) -> bool {
        self.words.iter().map(|word| &word.text).eq(other.words.iter().map(|word| &word.text))
    }
}

pub struct Found {
    /// Sentences of the house, the likeliest first.
    pub sentences: Vec<Text>,
    /// What the network would write.
    pub free: Text,
}

/// Everything that grows while a clip is searched.
#[derive(Default)]
struct Memory {
    steps: Vec<Step>,
    taken: Vec<Taken>,
    said: Vec<Said>,
}

/// Searches a clip; `sentences` are those of the house, if it has any. Asks `go_on` before each step.
pub fn search<E>(
    network: &Network,
    pieces: &Pieces,
    mut sentences: Option<&mut Spelling>,
    clip: &Clip,
    go_on: impl Fn() -> Result<(), E>,
) -> Result<Found, E> {
    let mut paths: Vec<Path> =
        sentences.iter().map(|spelling| Path::start(vec![(spelling.start(), None)])).collect();
    let (mut free, mut free_goes_on) = (Path::start(Vec::new()), true);
    let (mut memory, mut whole) = (Memory::default(), Vec::<Path>::new());
    // People say four words a second at most; what goes on longer is the network talking to itself.
    let most = 12 + clip.frames() * SAMPLES_A_FRAME * 8 / RATE;
    for _ in 0..most {
        go_on()?;
        let mut rows: Vec<_> = paths.iter().map(Path::row).collect();
        // In quiet the free text is one of the paths, and costs nothing.
        let free_row = rows.iter().position(|row| *row == free.row()).unwrap_or(rows.len());
        if free_goes_on && free_row == rows.len() {
            rows.push(free.row());
        }
        if rows.is_empty() {
            break;
        }
        let nexts = network.decode(clip, &mut memory.steps, &rows);
        let mut candidates = Vec::new();
        if let Some(spelling) = sentences.as_deref_mut() {
            candidates = go_further(&paths, &nexts, spelling, pieces, &mut whole);
        }
        if free_goes_on {
            let next = &nexts[free_row];
            let (symbol, log) = likeliest(&next.symbols);
            free = memory.take(&free, next, symbol, free.score + log, Vec::new());
            free_goes_on = symbol != END && !goes_round(&memory.taken, free.taken);
        }
        if candidates.first().is_some_and(|best| best.score < free.score - HOPELESS) {
            candidates.clear();
        }
        paths = candidates
            .iter()
            .filter_map(|candidate| {
                let path = &paths[candidate.path];
                let places = memory.follow(path, candidate.symbol, sentences.as_deref()?);
                let next = &nexts[candidate.path];
                Some(memory.take(path, next, candidate.symbol, candidate.score, places))
            })
            .collect();
    }
    let mut sentences: Vec<Text> = Vec::new();
    for path in &whole {
        let sentence = memory.sentence(path, clip);
        if sentences.iter().all(|known| !known.same_words(&sentence)) {
            sentences.push(sentence);
        }
    }
    sentences.truncate(BEST);
    Ok(Found { sentences, free: memory.text(&free, pieces, clip) })
}

/// The best ways to go on, the likeliest first; those that may end here join `whole`.
fn go_further(
    paths: &[Path],
    nexts: &[Next],
    spelling: &mut Spelling,
    pieces: &Pieces,
    whole: &mut Vec<Path>,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (number, (path, next)) in paths.iter().zip(nexts).enumerate() {
        if let Some(end) = path.places.iter().find(|(place, _)| spelling.is_end(*place)) {
            let score = path.score + END_WEIGHT * next.symbols[END as usize];
            whole.push(Path { score, places: vec![*end], ..*path });
        }
        let mut symbols = BTreeSet::new();
        for (place, _) in &path.places {
            symbols.extend(spelling.symbols(*place, pieces));
        }
        candidates.extend(symbols.into_iter().map(|symbol| Candidate {
            score: path.score + next.symbols[symbol as usize],
            path: number,
            symbol,
        }));
    }
    whole.sort_by(|a, b| b.score.total_cmp(&a.score));
    whole.truncate(BEAM);
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    candidates.truncate(BEAM);
    // A sentence only becomes less likely as it goes on.
    let best = whole.first().map_or(f32::NEG_INFINITY, |path| path.score);
    let floor = best.max(candidates.first().map_or(0.0, |best| best.score) - FAR);
    candidates.retain(|candidate| candidate.score >= floor);
    candidates
}

fn likeliest(symbols: &[f32]) -> (u32, f32) {
    let best = symbols.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or((END, 0.0), |(symbol, log)| (symbol as u32, *log))
}

/// Whether a text says the same few symbols over and over.
fn goes_round(taken: &[Taken], last: Option<usize>) -> bool {
    let back = std::iter::successors(last, |at| taken[*at].before);
    let symbols: Vec<u32> = back.map(|at| taken[at].symbol).take(48).collect();
    (1..=16).any(|length| {
        let three = symbols.get(..3 * length);
        three.is_some_and(|three| three.chunks(length).all(|chunk| chunk == &three[..length]))
    })
}

fn time(frame: usize) -> Duration {
    Duration::from_secs_f64((frame * SAMPLES_A_FRAME) as f64 / RATE as f64)
}

impl Memory {
    /// A path with one symbol more.
    fn take(
        &mut self,
        path: &Path,
        next: &Next,
        symbol: u32,
        score: f32,
        places: Vec<(Place, Option<usize>)>,
    ) -> Path {
        let log = score - path.score;
        self.taken.push(Taken { before: path.taken, symbol, log, frame: next.frame });
        let taken = Some(self.taken.len() - 1);
        Path { score, step: Some(next.step), symbol, taken, symbols: path.symbols + 1, places }
    }

    /// Where a symbol leads from all places of a path.
    fn follow(&mut self, path: &Path, symbol: u32, spelling: &Spelling) -> Vec<(Place, Option<usize>)> {
        let mut places: Vec<(Place, Option<usize>)> = Vec::new();
        for (place, said) in &path.places {
            for (next, words) in spelling.follow(*place, symbol) {
                if places.iter().any(|(known, _)| *known == next) {
                    continue;
                }
                let mut said = *said;
                if !words.is_empty() {
                    let (words, symbols) = (words.to_vec(), path.symbols + 1);
                    self.said.push(Said { before: said, words, symbols });
                    said = Some(self.said.len() - 1);
                }
                places.push((next, said));
            }
        }
        places
    }

    fn symbols(&self, path: &Path) -> Vec<&Taken> {
        let back = std::iter::successors(path.taken, |at| self.taken[*at].before);
        let mut symbols: Vec<&Taken> = back.map(|at| &self.taken[at]).collect();
        symbols.reverse();
        symbols
    }

    fn sentence(&self, path: &Path, clip: &Clip) -> Text {
        let symbols = self.symbols(path);
        let said = path.places.first().and_then(|(_, said)| *said);
        let mut said: Vec<&Said> =
            std::iter::successors(said, |at| self.said[*at].before).map(|at| &self.said[at]).collect();
        said.reverse();
        let (mut words, mut from) = (Vec::new(), 0);
        for said in said {
            let of = &symbols[from..said.symbols];
            words.extend(said.words.iter().map(|word| written(word.clone(), of)));
            from = said.symbols;
        }
        Text { words: one_after_the_other(words, clip), score: path.score, symbols: symbols.len() }
    }

    fn text(&self, path: &Path, pieces: &Pieces, clip: &Clip) -> Text {
        let symbols = self.symbols(path);
        let blank = BLANK.to_string();
        let symbols: Vec<&Taken> = symbols.into_iter().filter(|taken| taken.symbol != END).collect();
        let begins = |taken: &&Taken| pieces.text(taken.symbol).starts_with(blank.as_bytes());
        let mut groups: Vec<Vec<&Taken>> = Vec::new();
        for taken in &symbols {
            match groups.last_mut() {
                Some(group) if !begins(taken) => group.push(taken),
                _ => groups.push(vec![taken]),
            }
        }
        let words = groups.iter().filter_map(|group| {
            let bytes: Vec<u8> = group.iter().flat_map(|taken| pieces.text(taken.symbol)).copied().collect();
            let text = String::from_utf8_lossy(&bytes).replace(BLANK, " ").trim().to_owned();
            text.chars().any(char::is_alphanumeric).then(|| written(text, group))
        });
        Text { words: one_after_the_other(words.collect(), clip), score: path.score, symbols: symbols.len() }
    }
}

/// A word of so many symbols: as sure as they are on average, and from where the network looked first.
fn written(text: String, symbols: &[&Taken]) -> Word {
    let log = symbols.iter().map(|taken| taken.log).sum::<f32>() / symbols.len().max(1) as f32;
    let start = time(symbols.first().map_or(0, |taken| taken.frame));
    Word { text, confidence: log.exp().clamp(0.0, 1.0), start, end: start }
}

/// Words begin one after the other and end where the next begins, though the network may look back.
fn one_after_the_other(mut words: Vec<Word>, clip: &Clip) -> Vec<Word> {
    let mut next = time(clip.frames());
    for word in words.iter_mut().rev() {
        word.start = word.start.min(next);
        word.end = next;
        next = word.start;
    }
    words
}
