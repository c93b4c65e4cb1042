//! English numbers in words as digits: the network writes "21", the house says "twenty one".

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// Whether a word may be part of a number.
pub fn is_part(word: &str) -> bool {
    matches!(word, "hundred" | "and" | "point")
        || word.split('-').all(|w| SMALL.contains(&w) || TENS.contains(&w))
}

/// The digits of a number below a thousand, or `None` if the words are no number.
pub fn digits(words: &[impl AsRef<str>]) -> Option<String> {
    let mut words = words.iter().flat_map(|word| word.as_ref().split('-')).peekable();
    let mut whole = below_hundred(&mut words)?;
    if (1..10).contains(&whole) && words.next_if_eq(&"hundred").is_some() {
        let and = words.next_if_eq(&"and").is_some();
        let rest = below_hundred(&mut words);
        if and && rest.is_none() {
            return None;
        }
        whole = 100 * whole + rest.unwrap_or(0);
    }
    let mut digits = whole.to_string();
    if words.next_if_eq(&"point").is_some() {
        digits.push('.');
        let unit = |word: &&str| SMALL[..10].iter().position(|small| small == word);
        let mut unit = || words.peek().and_then(unit).inspect(|_| _ = words.next());
        digits.push_str(&unit()?.to_string());
        while let Some(more) = unit() {
            digits.push_str(&more.to_string());
        }
    }
    words.next().is_none().then_some(digits)
}

fn below_hundred<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Option<usize> {
    let word = words.peek()?;
    if let Some(small) = SMALL.iter().position(|s| s == word) {
        words.next();
        return Some(small);
    }
    let tens = 10 * (2 + TENS.iter().position(|t| t == word)?);
    words.next();
    let unit = words.peek().and_then(|word| SMALL[1..10].iter().position(|s| s == word));
    if unit.is_some() {
        words.next();
    }
    Some(tens + unit.map_or(0, |unit| unit + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_numbers_and_other_words_are_not() {
        for (words, expect) in [
            ("zero", Some("0")),
            ("seventeen", Some("17")),
            ("twenty", Some("20")),
            ("twenty one", Some("21")),
            ("twenty-one", Some("21")),
            ("one hundred", Some("100")),
            ("two hundred and five", Some("205")),
            ("nine hundred ninety-nine", Some("999")),
            ("twenty one point five", Some("21.5")),
            ("twenty ten", None),
            ("one hundred and", None),
            ("one point two five", Some("1.25")),
            ("one point five twenty", None),
            ("twenty point", None),
            ("one two", None),
            ("hundred", None),
            ("lamp", None),
            ("", None),
        ] {
            let words: Vec<&str> = words.split(' ').collect();
            assert_eq!(digits(&words).as_deref(), expect, "{words:?}");
            assert!(expect.is_none() || words.iter().all(|word| is_part(word)));
        }
    }
}
