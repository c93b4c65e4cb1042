//! The exported graph of words says just what the matcher understands.

use std::collections::HashMap;

use proptest::prelude::*;
use sotto_intents::{Context, Grammar, Home, Matcher, Says, Sentences, Transition};

const HOUSE: &str = r#"
language: en
intents:
  Switch:
    data:
      - sentences:
          - "(turn|switch) (on;[the] {name})"
        requires_context: {domain: light}
      - sentences:
          - "[please] light[s] <place> (on|at {level}[ percent])"
      - sentences: ["open [the] {name} [at {hour} o'clock]"]
        requires_context: {domain: cover}
  Note:
    data:
      - sentences: ["remember {what} please"]
expansion_rules:
  place: "[in] [the] {area}[ room]"
lists:
  level: {range: {from: 0, to: 40, step: 5}}
  hour: {range: {from: 1, to: 24}}
  what: {wildcard: true}
"#;

fn house() -> Matcher {
    let home = Home::default()
        .area("a1", "Living")
        .area("a2", "Kitchen")
        .entity("light.desk", "Desk-lamp", "a1")
        .entity("light.tv", "TV light", "a1")
        .entity("cover.left", "Left blind", "a2");
    Matcher::new(&Sentences::from_yaml("house.yaml", HOUSE).unwrap(), &home)
}

/// A walk from start to end that takes the transitions chosen by `choices`.
fn walk(grammar: &Grammar, choices: &[u8]) -> Option<String> {
    let mut from: HashMap<u32, Vec<&Transition>> = HashMap::new();
    for transition in &grammar.transitions {
        from.entry(transition.from).or_default().push(transition);
    }
    let (mut at, mut words) = (0, Vec::new());
    for choice in choices {
        if at == grammar.end {
            break;
        }
        let ways = from.get(&at)?;
        let transition = ways[*choice as usize % ways.len()];
        match &transition.says {
            Says::Word(word) => words.push(word.as_str()),
            Says::Anything => words.push("something"),
            Says::Nothing => {}
        }
        at = transition.to;
    }
    (at == grammar.end).then(|| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_graph_says_is_understood(choices in prop::collection::vec(any::<u8>(), 60)) {
        let matcher = house();
        let grammar = matcher.grammar(10_000);
        let text = walk(&grammar, &choices).expect("no dead ends and no loops");
        prop_assert!(matcher.exact(&text, &Context::in_area("Kitchen")).is_some(), "{text}");
    }
}

#[test]
fn probabilities_of_a_state_sum_to_one() {
    let grammar = house().grammar(10_000);
    let mut sums: HashMap<u32, f32> = HashMap::new();
    for transition in &grammar.transitions {
        *sums.entry(transition.from).or_default() += transition.probability;
    }
    assert!(sums.values().all(|sum| (sum - 1.0).abs() < 1e-3));
}

#[test]
fn numbers_are_words_and_names_stand_where_they_fit() {
    let grammar = house().grammar(10_000);
    let words = grammar.vocabulary();
    for word in ["thirty", "five", "lights", "desk", "lamp", "o'clock"] {
        assert!(words.contains(&word), "{word}");
    }
    assert!(!words.iter().any(|w| w.chars().any(|c| c.is_ascii_digit())));
}

#[test]
fn unknown_words_take_their_dead_ends_with_them() {
    let grammar = house().grammar(10_000).keep(|word| word != "remember");
    let words = grammar.vocabulary();
    assert!(!words.contains(&"remember") && words.contains(&"open"));
    assert!(!grammar.transitions.iter().any(|t| t.says == Says::Anything));
}

#[test]
fn what_has_no_room_is_named() {
    let grammar = house().grammar(40);
    assert!(!grammar.left_out.is_empty());
    assert!(grammar.transitions.len() <= 100);
}
