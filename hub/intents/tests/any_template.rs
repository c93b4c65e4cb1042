//! Whatever a template stands for is understood, and whatever is written or said, nothing panics.
//!
//! `SOTTO_CASES=100000 cargo test -p sotto-intents --test any_template` tries as many as there is time for.

use proptest::prelude::*;
use proptest::sample::Index;
use sotto_intents::{Context, Home, Matcher, Sentences};

/// How many cases of each; few in the gate.
fn cases(usual: u32) -> ProptestConfig {
    let cases = std::env::var("SOTTO_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    ProptestConfig {
        cases,
        max_global_rejects: cases + 1024,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A piece of a template, as it is meant.
#[derive(Debug, Clone)]
enum Part {
    Word(String),
    Optional(Vec<Part>),
    Either(Vec<Vec<Part>>),
    AnyOrder(Vec<Vec<Part>>),
    /// `{name}`: one of the house's lights.
    Name,
    /// `{level}`: 0 to 20 in halves.
    Level,
    /// `<again>`: "once more" or "again".
    Rule,
}

const NAMES: [&str; 4] = ["Lamp", "Desk lamp", "TV-Light", "Bücherregal"];

fn part() -> impl Strategy<Value = Part> {
    let leaf = prop_oneof![
        4 => "[a-zäéжא]{1,6}".prop_map(Part::Word),
        1 => Just(Part::Name),
        1 => Just(Part::Level),
        1 => Just(Part::Rule),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let some = prop::collection::vec(inner, 1..3);
        prop_oneof![
            some.clone().prop_map(Part::Optional),
            prop::collection::vec(some.clone(), 2..4).prop_map(Part::Either),
            prop::collection::vec(some, 2..4).prop_map(Part::AnyOrder),
        ]
    })
}

fn template(parts: &[Part]) -> String {
    let group = |ways: &[Vec<Part>], between: &str| {
        let ways: Vec<String> = ways.iter().map(|way| template(way)).collect();
        format!("({})", ways.join(between))
    };
    let one = |part: &Part| match part {
        Part::Word(word) => word.clone(),
        Part::Optional(parts) => format!("[{}]", template(parts)),
        Part::Either(ways) => group(ways, "|"),
        Part::AnyOrder(ways) => group(ways, ";"),
        Part::Name => "{name}".to_owned(),
        Part::Level => "{level}".to_owned(),
        Part::Rule => "<again>".to_owned(),
    };
    parts.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// One of the texts that the parts stand for; each choice is taken from `choices`.
fn said(parts: &[Part], choices: &mut impl Iterator<Item = Index>) -> String {
    let mut words = Vec::new();
    for part in parts {
        let mut choose = |of: usize| choices.next().map_or(0, |index| index.index(of));
        let text = match part {
            Part::Word(word) => word.clone(),
            Part::Optional(_) if choose(2) == 0 => continue,
            Part::Optional(parts) => said(parts, choices),
            Part::Either(ways) => said(&ways[choose(ways.len())], choices),
            Part::AnyOrder(ways) => {
                let mut left: Vec<&Vec<Part>> = ways.iter().collect();
                let mut order = Vec::new();
                while !left.is_empty() {
                    let next = choices.next().map_or(0, |index| index.index(left.len()));
                    order.push(said(left.remove(next), choices));
                }
                order.join(" ")
            }
            Part::Name => NAMES[choose(NAMES.len())].to_owned(),
            Part::Level => match choose(42) {
                n if n % 2 == 0 => format!("{}", n / 2),
                n => format!("{}.5", n / 2),
            },
            Part::Rule => ["once more", "again"][choose(2)].to_owned(),
        };
        words.push(text);
    }
    words.join(" ")
}

fn matcher(template: &str) -> Matcher {
    let quoted = template.replace('\'', "''");
    let file = format!(
        "language: en\nintents:\n  Do:\n    data:\n      - sentences: ['{quoted}']\n\
         expansion_rules:\n  again: '(once more|again)'\n\
         lists:\n  level: {{range: {{from: 0, to: 20, fractions: halves}}}}\n"
    );
    let home = NAMES
        .iter()
        .zip(0..)
        .fold(Home::default(), |home, (name, i)| home.entity(&format!("light.l{i}"), name, ""));
    Matcher::new(&Sentences::from_yaml("any.yaml", &file).unwrap(), &home)
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn what_a_template_stands_for_is_understood(
        parts in prop::collection::vec(part(), 1..5),
        choices in prop::collection::vec(any::<Index>(), 40),
        shout: bool,
        dot: bool,
    ) {
        let template = template(&parts);
        let matcher = matcher(&template);
        prop_assert_eq!(matcher.problems().count(), 0);
        let mut text = said(&parts, &mut choices.into_iter());
        prop_assume!(!text.trim().is_empty());
        if shout {
            text = text.to_uppercase();
        }
        if dot {
            text.push_str(" .");
        }
        prop_assert!(matcher.exact(&text, &Context::default()).is_some(), "{template:?} does not say {text:?}");
    }

    #[test]
    fn whatever_is_said_nothing_panics(
        parts in prop::collection::vec(part(), 1..4),
        heard in prop::collection::vec("\\PC{0,40}|[a-z]{1,4}|lamp|again|7,5", 0..8),
    ) {
        let matcher = matcher(&template(&parts));
        let heard = heard.join(" ");
        let found = matcher.understand(&[&heard, &heard.to_lowercase()], &Context::in_area("x"));
        if let Ok(found) = found {
            prop_assert!((0.0..=1.0).contains(&found.confidence) && (0.0..=1.0).contains(&found.margin));
        }
        let _ = matcher.grammar(500);
    }

    #[test]
    fn whatever_a_template_says_it_is_read_or_refused_with_its_place(
        text in "([a-c ]|\\[|\\]|\\(|\\)|\\{|\\}|<|>|\\||;|:|\\\\|é|字){0,60}",
        said in "[a-c é字]{0,30}",
    ) {
        let text = format!("language: en\nintents:\n  Do:\n    data:\n      - sentences: ['{text}']\n");
        let Ok(sentences) = Sentences::from_yaml("any.yaml", &text) else { return Ok(()) };
        let matcher = Matcher::new(&sentences, &Home::default());
        for problem in matcher.problems() {
            prop_assert!(problem.to_string().starts_with("any.yaml:5:"), "{problem}");
        }
        let _ = matcher.exact(&said, &Context::default());
    }
}
