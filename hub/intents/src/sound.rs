//! How alike two words sound.
//!
//! A rough spelling-to-sound for Latin scripts that serves English, German and their neighbours: sounds that speech
//! engines take for each other lie near, vowels count half. Other scripts are compared letter by letter. It never
//! decides alone: what may be taken for what is in `near`.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A word with its letters and sounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sounded {
    pub letters: Vec<char>,
    sounds: Vec<char>,
    /// Which letters and sounds there are, a bit for each of 64 kinds.
    letters_there: u64,
    sounds_there: u64,
}

impl Sounded {
    pub fn new(word: &str) -> Sounded {
        let (letters, sounds): (Vec<char>, _) = (word.chars().collect(), sounds(word));
        let there = |all: &[char]| all.iter().fold(0, |bits, c| bits | 1 << (*c as u32 % 64));
        Sounded { letters_there: there(&letters), sounds_there: there(&sounds), letters, sounds }
    }

    /// The distance, where it is at most `limit`. Most words are ruled out by the letters that they do not share.
    pub fn distance_within(&self, other: &Sounded, limit: f32) -> Option<f32> {
        let longer = |a: &[char], b: &[char]| a.len().max(b.len()).max(1) as f32;
        let only = |a: u64, b: u64| (a & !b).count_ones().max((b & !a).count_ones());
        let lengths = |a: &[char], b: &[char]| a.len().abs_diff(b.len()) as u32;
        let letters =
            only(self.letters_there, other.letters_there).max(lengths(&self.letters, &other.letters));
        // No change of a sound costs less than 0.4, and none more or less than 0.6.
        let sounds = (0.4 * only(self.sounds_there, other.sounds_there) as f32)
            .max(0.6 * lengths(&self.sounds, &other.sounds) as f32);
        let least = 0.35 * letters as f32 / longer(&self.letters, &other.letters)
            + 0.65 * sounds / longer(&self.sounds, &other.sounds);
        if least > limit + 1e-4 {
            return None;
        }
        Some(self.distance(other)).filter(|distance| *distance <= limit)
    }

    /// From 0 (the same word) to 1 (nothing in common): mostly sound, partly spelling.
    pub fn distance(&self, other: &Sounded) -> f32 {
        if self.letters == other.letters {
            return 0.0;
        }
        let spelling = relative(&self.letters, &other.letters, |a, b| f32::from(u8::from(a != b)), |_| 1.0);
        let sound = relative(&self.sounds, &other.sounds, change, |c| if is_vowel(c) { 0.6 } else { 1.0 });
        0.35 * spelling + 0.65 * sound
    }
}

/// Edits by cost, of the longer one's length.
fn relative(a: &[char], b: &[char], change: impl Fn(char, char) -> f32, single: impl Fn(char) -> f32) -> f32 {
    let longer = a.len().max(b.len()).max(1);
    let mut last: Vec<f32> = vec![0.0; b.len() + 1];
    for j in 1..=b.len() {
        last[j] = last[j - 1] + single(b[j - 1]);
    }
    let mut row = vec![0.0; b.len() + 1];
    for i in 1..=a.len() {
        row[0] = last[0] + single(a[i - 1]);
        for j in 1..=b.len() {
            let changed = last[j - 1] + change(a[i - 1], b[j - 1]);
            row[j] = changed.min(last[j] + single(a[i - 1])).min(row[j - 1] + single(b[j - 1]));
        }
        std::mem::swap(&mut last, &mut row);
    }
    (last[b.len()] / longer as f32).min(1.0)
}

fn is_vowel(c: char) -> bool {
    matches!(c, 'a' | 'e' | 'i' | 'o' | 'u')
}

/// What it costs to take one sound for another.
fn change(a: char, b: char) -> f32 {
    if a == b {
        return 0.0;
    }
    if is_vowel(a) && is_vowel(b) {
        return 0.5;
    }
    // Voiced and unvoiced pairs, nasals, and the sounds that are made alike.
    const ALIKE: &[(char, char, f32)] = &[
        ('b', 'p', 0.4),
        ('d', 't', 0.4),
        ('g', 'k', 0.4),
        ('v', 'f', 0.4),
        ('m', 'n', 0.4),
        ('T', 'f', 0.5),
        ('T', 's', 0.5),
        ('T', 't', 0.7),
        ('T', 'd', 0.8),
        ('S', 's', 0.4),
        ('S', 'k', 0.7),
        ('l', 'r', 0.7),
        ('v', 'b', 0.7),
        ('j', 'S', 0.6),
        ('j', 'g', 0.6),
    ];
    let alike = ALIKE.iter().find(|(x, y, _)| (*x, *y) == (a, b) || (*x, *y) == (b, a));
    alike.map_or(1.0, |(.., cost)| *cost)
}

/// A word's sounds, one character each: vowels `aeiou`, `S` for sh and ch, `T` for th, and plain consonants.
fn sounds(word: &str) -> Vec<char> {
    let letters: Vec<char> = word.nfd().filter(|c| !is_combining_mark(*c) && *c != '\'').collect();
    let at = |i: usize| letters.get(i).copied().unwrap_or(' ');
    let mut out: Vec<char> = Vec::with_capacity(letters.len());
    let mut i = 0;
    while i < letters.len() {
        let rest = |text: &str| text.chars().enumerate().all(|(k, c)| at(i + k) == c);
        let soft = matches!(at(i + 1), 'e' | 'i' | 'y');
        let (sound, taken): (&str, usize) = match at(i) {
            'k' if i == 0 && rest("kn") => ("n", 2),
            'w' if i == 0 && rest("wr") => ("r", 2),
            'w' if i == 0 && rest("wh") => ("v", 2),
            's' if rest("sch") => ("S", 3),
            't' if rest("tsch") => ("S", 4),
            't' if rest("tch") => ("S", 3),
            's' if rest("sh") => ("S", 2),
            'c' if rest("ch") => ("S", 2),
            'c' if rest("ck") => ("k", 2),
            'p' if rest("ph") => ("f", 2),
            't' if rest("th") => ("T", 2),
            'g' if rest("gh") => ("", 2),
            'd' if rest("dt") => ("t", 2),
            'q' if rest("qu") => ("kv", 2),
            't' if rest("tion") => ("Sn", 4),
            'c' => (if soft { "s" } else { "k" }, 1),
            'x' => ("ks", 1),
            'z' | 'ß' => ("s", 1),
            'w' => ("v", 1),
            'y' if i == 0 => ("j", 1),
            'y' => ("i", 1),
            // An h after a vowel is not heard.
            'h' if i > 0 && is_vowel(at(i - 1)) => ("", 1),
            // Nor is an e at the end of a longer word.
            'e' if i + 1 == letters.len() && i > 2 => ("", 1),
            'e' if rest("ei") || rest("ey") || rest("ai") || rest("ay") => ("ai", 2),
            'e' if rest("ee") || rest("ea") || rest("ie") => ("i", 2),
            'o' if rest("oo") || rest("ou") => ("u", 2),
            'a' if rest("au") || rest("aw") => ("o", 2),
            _ => ("", 0),
        };
        if taken == 0 {
            out.push(at(i));
            i += 1;
        } else {
            out.extend(sound.chars());
            i += taken;
        }
    }
    out.dedup();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, between: std::ops::Range<f32>) {
        let distance = Sounded::new(a).distance(&Sounded::new(b));
        assert!(between.contains(&distance), "{a} {b}: {distance}");
        assert_eq!(distance, Sounded::new(b).distance(&Sounded::new(a)));
    }

    #[test]
    fn words_that_sound_alike_are_near() {
        check("of", "off", 0.01..0.2);
        check("kitchen", "kitchin", 0.01..0.15);
        check("lights", "light", 0.05..0.25);
        check("night", "knight", 0.01..0.15);
        check("küche", "kuche", 0.01..0.2);
        check("licht", "lich", 0.05..0.25);
    }

    proptest::proptest! {
        #[test]
        fn what_is_ruled_out_early_is_far(a in "[a-zäöüß]{1,9}", b in "[a-zäöüß]{1,9}", limit in 0.0..1.0f32) {
            let (a, b) = (Sounded::new(&a), Sounded::new(&b));
            let near = Some(a.distance(&b)).filter(|distance| *distance <= limit);
            proptest::prop_assert_eq!(a.distance_within(&b, limit), near);
        }
    }

    #[test]
    fn rooms_that_sound_a_little_alike_are_not() {
        check("bathroom", "bedroom", 0.22..0.5);
        check("kitchen", "chicken", 0.3..0.8);
        check("on", "off", 0.4..1.0);
        check("küche", "bad", 0.6..1.1);
    }
}
