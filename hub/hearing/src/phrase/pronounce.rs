//! How a word that is not in the dictionary is probably said: English spelling to the model's phones by rules.
//!
//! Longest match from the left, with a look at what stands before and after. Made for names of rooms, people
//! and products ("Grünbeck", "Zigbee", "Lamellen"), so letters with accents count as the plain letter. A guess,
//! and reported as one, so that people can say how it is really said.

/// Phones of `word`, blank-separated, or `None` when there is nothing to say (digits, foreign scripts).
pub fn guess(word: &str) -> Option<String> {
    let letters: Vec<char> = word.to_lowercase().chars().filter_map(plain).collect();
    if letters.is_empty() || word.chars().any(|c| c.is_alphanumeric() && plain(c).is_none()) {
        return None;
    }
    let mut phones: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let (length, sound) = RULES
            .iter()
            .find(|rule| rule.fits(&letters, at))
            .map_or((1, ""), |rule| (rule.spelling.chars().count(), rule.phones));
        for phone in sound.split_whitespace() {
            // A doubled letter is one sound.
            if phones.last() != Some(&phone) || is_vowel_phone(phone) {
                phones.push(phone);
            }
        }
        at += length;
    }
    (!phones.is_empty()).then(|| phones.join(" "))
}

/// The plain letter for a letter with an accent; `None` for anything that is not a Latin letter.
fn plain(c: char) -> Option<char> {
    Some(match c.to_lowercase().next().unwrap_or(c) {
        c @ 'a'..='z' => c,
        'à' | 'á' | 'â' | 'ã' | 'å' => 'a',
        'ä' | 'æ' | 'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ý' | 'ÿ' => 'y',
        'ç' => 'c',
        'ñ' => 'n',
        'ß' => 's',
        'ł' => 'l',
        'š' => 's',
        'ž' => 'z',
        'č' => 'c',
        _ => return None,
    })
}

fn is_vowel_phone(phone: &str) -> bool {
    matches!(phone.as_bytes().first(), Some(b'A' | b'E' | b'I' | b'O' | b'U'))
}

fn is_vowel(c: char) -> bool {
    matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

/// Where in a word a rule holds.
#[derive(Clone, Copy, PartialEq)]
enum Where {
    Anywhere,
    Start,
    End,
    /// A consonant and a final `e` follow: the vowel says its name ("lamp-shade").
    MagicE,
    /// `e`, `i` or `y` follows.
    Soft,
    /// A vowel follows.
    BeforeVowel,
}

struct Rule {
    spelling: &'static str,
    place: Where,
    phones: &'static str,
}

impl Rule {
    fn fits(&self, letters: &[char], at: usize) -> bool {
        let length = self.spelling.chars().count();
        let rest = &letters[at..];
        if rest.len() < length || !self.spelling.chars().zip(rest).all(|(a, b)| a == *b) {
            return false;
        }
        let after = &rest[length..];
        match self.place {
            Where::Anywhere => true,
            Where::Start => at == 0,
            Where::End => after.is_empty() && at > 0,
            Where::MagicE => {
                after.len() == 2 && !is_vowel(after[0]) && after[1] == 'e' || magic_plural(after)
            }
            Where::Soft => matches!(after.first(), Some('e' | 'i' | 'y')),
            Where::BeforeVowel => after.first().is_some_and(|c| is_vowel(*c)),
        }
    }
}

fn magic_plural(after: &[char]) -> bool {
    matches!(after, [consonant, 'e', 's'] if !is_vowel(*consonant))
}

const fn rule(spelling: &'static str, place: Where, phones: &'static str) -> Rule {
    Rule { spelling, place, phones }
}

/// The first that fits counts, so longer and narrower ones stand first.
const RULES: &[Rule] = {
    use Where::{Anywhere, BeforeVowel, End, MagicE, Soft, Start};
    &[
        rule("tion", Anywhere, "SH AH N"),
        rule("sion", Anywhere, "ZH AH N"),
        rule("ture", End, "CH ER"),
        rule("ough", End, "OW"),
        rule("augh", Anywhere, "AO"),
        rule("eigh", Anywhere, "EY"),
        rule("igh", Anywhere, "AY"),
        rule("tch", Anywhere, "CH"),
        rule("sch", Anywhere, "SH"),
        rule("dge", Anywhere, "JH"),
        rule("ous", End, "AH S"),
        rule("air", Anywhere, "EH R"),
        rule("ear", Anywhere, "IH R"),
        rule("eer", Anywhere, "IH R"),
        rule("oor", Anywhere, "AO R"),
        rule("our", Anywhere, "AO R"),
        rule("ing", End, "IH NG"),
        rule("all", Anywhere, "AO L"),
        rule("alk", Anywhere, "AO K"),
        rule("igne", End, "AY N"),
        rule("kn", Start, "N"),
        rule("gn", Start, "N"),
        rule("wr", Start, "R"),
        rule("ps", Start, "S"),
        rule("wh", Anywhere, "W"),
        rule("ch", Anywhere, "CH"),
        rule("sh", Anywhere, "SH"),
        rule("th", Anywhere, "TH"),
        rule("ph", Anywhere, "F"),
        rule("gh", Start, "G"),
        rule("gh", Anywhere, ""),
        rule("ck", Anywhere, "K"),
        rule("qu", Anywhere, "K W"),
        rule("ng", End, "NG"),
        rule("nk", Anywhere, "NG K"),
        rule("ee", Anywhere, "IY"),
        rule("ea", Anywhere, "IY"),
        rule("ie", End, "IY"),
        rule("ie", Anywhere, "IY"),
        rule("ei", Anywhere, "EY"),
        rule("ey", End, "IY"),
        rule("ai", Anywhere, "EY"),
        rule("ay", Anywhere, "EY"),
        rule("au", Anywhere, "AO"),
        rule("aw", Anywhere, "AO"),
        rule("oa", Anywhere, "OW"),
        rule("oo", Anywhere, "UW"),
        rule("ou", Anywhere, "AW"),
        rule("ow", End, "OW"),
        rule("ow", Anywhere, "AW"),
        rule("oi", Anywhere, "OY"),
        rule("oy", Anywhere, "OY"),
        rule("eu", Anywhere, "Y UW"),
        rule("ew", Anywhere, "UW"),
        rule("ue", End, "UW"),
        rule("ui", Anywhere, "UW"),
        rule("ar", Anywhere, "AA R"),
        rule("er", Anywhere, "ER"),
        rule("ir", Anywhere, "ER"),
        rule("or", Anywhere, "AO R"),
        rule("ur", Anywhere, "ER"),
        rule("le", End, "AH L"),
        rule("es", End, "IH Z"),
        rule("ed", End, "D"),
        rule("ce", End, "S"),
        rule("ge", End, "JH"),
        rule("sc", Soft, "S"),
        rule("c", Soft, "S"),
        rule("c", Anywhere, "K"),
        rule("g", Soft, "JH"),
        rule("g", Anywhere, "G"),
        rule("a", MagicE, "EY"),
        rule("a", End, "AH"),
        rule("a", Anywhere, "AE"),
        rule("e", MagicE, "IY"),
        rule("e", End, ""),
        rule("e", Anywhere, "EH"),
        rule("i", MagicE, "AY"),
        rule("i", End, "IY"),
        rule("i", BeforeVowel, "IY"),
        rule("i", Anywhere, "IH"),
        rule("o", MagicE, "OW"),
        rule("o", End, "OW"),
        rule("o", Anywhere, "AA"),
        rule("u", MagicE, "UW"),
        rule("u", End, "UW"),
        rule("u", Anywhere, "AH"),
        rule("y", Start, "Y"),
        rule("y", End, "IY"),
        rule("y", BeforeVowel, "Y"),
        rule("y", Anywhere, "IH"),
        rule("b", Anywhere, "B"),
        rule("d", Anywhere, "D"),
        rule("f", Anywhere, "F"),
        rule("h", Anywhere, "HH"),
        rule("j", Anywhere, "JH"),
        rule("k", Anywhere, "K"),
        rule("l", Anywhere, "L"),
        rule("m", Anywhere, "M"),
        rule("n", Anywhere, "N"),
        rule("p", Anywhere, "P"),
        rule("q", Anywhere, "K"),
        rule("r", Anywhere, "R"),
        rule("s", Anywhere, "S"),
        rule("t", Anywhere, "T"),
        rule("v", Anywhere, "V"),
        rule("w", Anywhere, "W"),
        rule("x", Start, "Z"),
        rule("x", Anywhere, "K S"),
        rule("z", Anywhere, "Z"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_house_are_said_as_people_would() {
        for (word, phones) in [
            ("lamp", "L AE M P"),
            ("shade", "SH EY D"),
            ("zigbee", "Z IH G B IY"),
            ("kitchen", "K IH CH EH N"),
            ("tasmota", "T AE S M AA T AH"),
            ("philips", "F IH L IH P S"),
            ("küche", "K AH CH"),
            ("ikea", "IH K IY"),
            ("bright", "B R AY T"),
            ("knob", "N AA B"),
        ] {
            assert_eq!(guess(word).as_deref(), Some(phones), "{word}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_not_guessed() {
        for word in ["", "42", "лампа", "灯", "-", "r2d2"] {
            assert_eq!(guess(word), None, "{word}");
        }
    }
}
