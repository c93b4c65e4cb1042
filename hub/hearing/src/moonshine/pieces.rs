//! Text as the network's symbols: pieces of words, put together from letters by the merges that come first.
//!
//! A piece's number is its rank (byte pair encoding as SentencePiece does it, Kudo and Richardson 2018). A blank is
//! `▁` at the front of a piece; bytes that are no letter have pieces of their own.

use std::collections::HashMap;

use super::network::SYMBOLS;

/// What every text begins after, and ends with.
pub const START: u32 = 1;
pub const END: u32 = 2;
/// The first bytes' pieces; those of one byte each follow.
const BYTES_FROM: u32 = 3;
const LETTERS_FROM: usize = 3 + 256;
/// A blank before a word.
pub const BLANK: char = '▁';

pub struct Pieces {
    texts: Vec<Vec<u8>>,
    numbers: HashMap<Vec<u8>, u32>,
}

impl Pieces {
    /// From a length and so many bytes for each piece, in order; a length above 127 has two bytes, the first with its
    /// highest bit set for the lower half. `None` for anything but [`SYMBOLS`] pieces.
    pub fn read(mut bytes: &[u8]) -> Option<Pieces> {
        let mut texts = Vec::with_capacity(SYMBOLS);
        while let Some((length, mut rest)) = bytes.split_first() {
            let mut length = usize::from(*length);
            if length >= 128 {
                let (high, after) = rest.split_first()?;
                length += 128 * usize::from(*high) - 128;
                rest = after;
            }
            let (text, rest) = rest.split_at_checked(length)?;
            texts.push(text.to_vec());
            bytes = rest;
        }
        let letters = texts.iter().enumerate().skip(LETTERS_FROM).rev();
        let numbers = letters.map(|(number, text)| (text.clone(), number as u32)).collect();
        (texts.len() == SYMBOLS).then_some(Pieces { texts, numbers })
    }

    /// The symbols of a text; blanks are [`BLANK`].
    pub fn symbols(&self, text: &str) -> Vec<u32> {
        let mut parts: Vec<Vec<u8>> = text.chars().map(|c| c.to_string().into_bytes()).collect();
        loop {
            let merged = |(at, pair): (usize, &[Vec<u8>])| Some((*self.numbers.get(&pair.concat())?, at));
            let Some((_, at)) = parts.windows(2).enumerate().filter_map(merged).min() else { break };
            let second = parts.remove(at + 1);
            parts[at].extend(second);
        }
        let symbols = |part: Vec<u8>| match self.numbers.get(&part) {
            Some(number) => vec![*number],
            None => part.into_iter().map(|byte| BYTES_FROM + u32::from(byte)).collect(),
        };
        parts.into_iter().flat_map(symbols).collect()
    }

    /// What a symbol adds to a text; nothing for what only begins or ends one.
    pub fn text(&self, symbol: u32) -> &[u8] {
        match symbol {
            0..BYTES_FROM => &[],
            _ => self.texts.get(symbol as usize).map_or(&[], Vec::as_slice),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Pieces enough for a few words: letters, then merges in the order given, then fillers.
    pub fn some(merges: &[&str]) -> Pieces {
        let mut bytes = vec![0, 3, b'<', b's', b'>', 4, b'<', b'/', b's', b'>'];
        (0..=255_u8).for_each(|byte| bytes.extend([1, byte]));
        let letters = ('a'..='z').chain('A'..='Z').chain("▁0123456789-.,?!'%°".chars()).map(String::from);
        let known: Vec<String> = letters.chain(merges.iter().map(|m| (*m).to_owned())).collect();
        let fillers = (0..SYMBOLS - LETTERS_FROM - known.len()).map(|n| format!("#{n}"));
        for text in known.iter().cloned().chain(fillers) {
            bytes.push(text.len() as u8);
            bytes.extend(text.bytes());
        }
        Pieces::read(&bytes).unwrap()
    }

    #[test]
    fn what_comes_first_is_merged_first_and_all_comes_back() {
        let pieces = some(&["ig", "ight", "▁l", "light", "▁light", "s"]);
        let text = |symbols: &[u32]| -> Vec<String> {
            symbols.iter().map(|s| String::from_utf8_lossy(pieces.text(*s)).into_owned()).collect()
        };
        assert_eq!(text(&pieces.symbols("▁lights")), ["▁l", "ig", "h", "t", "s"]);
        let pieces = some(&["ig", "igh", "ight", "light", "▁light"]);
        assert_eq!(pieces.symbols("▁lights").len(), 2);
        // A letter that is no piece is its bytes.
        assert_eq!(pieces.symbols("é"), [3 + 0xC3, 3 + 0xA9]);
        assert!(pieces.text(END).is_empty() && pieces.text(u32::MAX).is_empty());
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        for bytes in [&[][..], &[5, b'a'], &[200], &[200, 2, b'a'], &[1, b'a', 1, b'b']] {
            assert!(Pieces::read(bytes).is_none());
        }
    }
}
