//! Any YAML, any UTF-8, any length: an error or no match, never a panic, in bounded time and memory.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sotto_intents::{Context, Home, Matcher, Sentences, TEXT_LIMIT};

fn file(sentences: &[&str], rest: &str) -> String {
    let list: Vec<String> = sentences.iter().map(|s| format!("          - '{s}'")).collect();
    format!("language: en\nintents:\n  Test:\n    data:\n      - sentences:\n{}\n{rest}", list.join("\n"))
}

/// What is wrong with a file, one problem after the other.
fn problems(text: &str) -> Vec<String> {
    match Sentences::from_yaml("own.yaml", text) {
        Err(error) => vec![error.to_string()],
        Ok(sentences) => {
            let home = Home::default().area("k", "Kitchen");
            Matcher::new(&sentences, &home).problems().map(ToString::to_string).collect()
        }
    }
}

/// Each problem names its place and what to write instead.
#[track_caller]
fn check(text: &str, place: &str, parts: &[&str]) {
    let found = problems(text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(&format!("own.yaml:{place}: ")), "{found:?}");
    for part in parts {
        assert!(found[0].contains(part), "{part:?} is not in {found:?}");
    }
}

#[test]
fn each_error_has_its_place_and_its_remedy() {
    check(&file(&["turn on (the light"], ""), "6:22", &["this ( has no )", "\\("]);
    check(&file(&["turn on the light]"], ""), "6:31", &["closes nothing"]);
    check(&file(&["(a|b;c)"], ""), "6:18", &["| and ;", "((a|b);c)"]);
    check(&file(&["in {area"], ""), "6:17", &["this { has no }"]);
    check(&file(&["in {aera}"], ""), "6:14", &["no list {aera}", "did you mean {area}?"]);
    check(
        &file(&["<trun> it"], "expansion_rules:\n  turn: '(turn|switch)'\n"),
        "6:14",
        &["no rule <trun>", "did you mean <turn>?"],
    );
    check(
        &file(&["<a>"], "expansion_rules:\n  a: 'x <b>'\n  b: 'y <a>'\n"),
        "6:14",
        &["uses itself", "own.yaml:"],
    );
    check(
        &file(&["set it"], "lists:\n  n: {range: {from: 9, to: 1}}\n"),
        "8:14",
        &["greater than", "swap them"],
    );
    check("language: en\nintents:\n  A: [\n", "4:1", &["valid YAML"]);
    check(
        "language: en\nintents: {A: {data: [{slots: {}}]}}\n",
        "2:22",
        &["no sentences", "write: sentences:"],
    );
}

#[test]
fn a_bad_sentence_leaves_the_others_in_force() {
    let sentences = Sentences::from_yaml("own.yaml", &file(&["broken (", "ring the bell"], "")).unwrap();
    assert_eq!(sentences.problems().len(), 1);
    let matcher = Matcher::new(&sentences, &Home::default());
    assert!(matcher.parse("ring the bell", &Context::default()).is_some());
}

#[test]
fn templates_that_explode_are_refused_with_their_place() {
    let nested = format!("{}x{}", "(".repeat(60), ")".repeat(60));
    check(&file(&[&nested], ""), "6:55", &["nested more than"]);
    check(&file(&["(a;b;c;d;e;f;g;h;i;j;k;l)"], ""), "6:15", &["more than 8 parts"]);
    let long = "word ".repeat(5_000);
    check(&file(&[&long], ""), "6:14", &["longer than"]);
    // Each rule uses the one before twice: 2^40 pieces if it were put together.
    let mut rules = "expansion_rules:\n  r0: '[so ]much '\n".to_owned();
    for i in 1..=40 {
        rules.push_str(&format!("  r{i}: '<r{0}><r{0}>'\n", i - 1));
    }
    check(&file(&["<r40>"], &rules), "6:14", &["parts"]);
    let mut chain = "expansion_rules:\n  r0: 'end'\n".to_owned();
    for i in 1..=2_000 {
        chain.push_str(&format!("  r{i}: 'x [<r{}>]'\n", i - 1));
    }
    check(&file(&["<r2000>"], &chain), "6:14", &["deep"]);
}

#[test]
fn yaml_that_explodes_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..9 {
        let uses: Vec<String> = (0..10).map(|_| format!("*a{}", i - 1)).collect();
        text.push_str(&format!("a{i}: &a{i} [{}]\n", uses.join(", ")));
    }
    assert!(problems(&text)[0].contains("values"), "{:?}", problems(&text));
    let deep = problems(&"[".repeat(100_000));
    assert!(deep[0].starts_with("own.yaml:1:"), "{deep:?}");
}

#[test]
fn templates_that_match_in_many_ways_are_matched_in_time() {
    let tricky = [
        "[a ][a ][a ][a ][a ][a ][a ][a ][a ][a ]b",
        "([a ];[a ];[a ];[a ];[a ];[a ];[a ]) c",
        "{x} a {y} a {z} a",
    ];
    let text = file(&tricky, "lists:\n  x: {wildcard: true}\n  y: {wildcard: true}\n  z: {wildcard: true}\n");
    let matcher = Matcher::new(&Sentences::from_yaml("own.yaml", &text).unwrap(), &Home::default());
    let start = Instant::now();
    for said in ["a ".repeat(300), "a".repeat(900), "a b a c ".repeat(100)] {
        let _ = matcher.parse(&said, &Context::default());
    }
    // Bounded, not fast: hassil needs hours for this.
    assert!(start.elapsed() < Duration::from_secs(60));
    assert!(matcher.parse(&"a".repeat(TEXT_LIMIT + 1), &Context::default()).is_none());
}

const EVERYTHING: &str = r#"
language: en
intents:
  Everything:
    data:
      - sentences:
          - "[please] (turn|switch) (on;[the] {name}) [at {level}[ ][%| percent]]"
          - "say {words} in {area}[s]"
          - "{words:first} and (again|{words:second})"
        required_keywords: [turn, switch, say, and]
lists:
  level: {range: {from: -10, to: 100, fractions: halves}}
  words: {wildcard: true}
skip_words: [um, "if you would"]
"#;

/// Compiled once: it is tried some hundred times.
fn everything() -> &'static Matcher {
    static MATCHER: OnceLock<Matcher> = OnceLock::new();
    MATCHER.get_or_init(compile_everything)
}

fn compile_everything() -> Matcher {
    let home = Home::default().area("k", "Kitchen").area("o", "Büro").entity("light.tv", "TV-Light", "k");
    Matcher::new(&Sentences::from_yaml("own.yaml", EVERYTHING).unwrap(), &home)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_template_panics(text in "[a-c \\[\\](){}<>|;:\\\\\"éß-]{0,40}") {
        let text = text.replace('\'', "''");
        let _ = problems(&file(&[&text], "lists:\n  a: {values: [b]}\nexpansion_rules:\n  c: 'd'\n"));
    }

    #[test]
    fn no_yaml_panics(text in "\\PC{0,200}") {
        let _ = problems(&text);
        let _ = problems(&format!("language: en\nintents:\n  A:\n    data:\n{text}"));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let matcher = everything();
        let _ = matcher.parse(&text, &Context::in_area("Kitchen"));
        let _ = matcher.exact(&format!("say {text} in kitchen"), &Context::default());
    }

    #[test]
    fn what_is_said_into_a_wildcard_comes_out(words in "[a-z]{1,8}( [a-z]{1,8}){0,4}") {
        prop_assume!(!words.contains(" in ") && !words.contains("um") && !words.contains("if"));
        let found = everything().exact(&format!("Say {words} in Büro!"), &Context::default());
        prop_assert_eq!(found.map(|m| m.slot("words").unwrap().spoken.clone()), Some(words));
    }

    #[test]
    fn numbers_in_digits_and_words_are_the_same(n in 0i32..=100) {
        let matcher = everything();
        let found = matcher.exact(&format!("turn on tv light at {n}%"), &Context::default());
        let value = found.and_then(|m| m.slot("level").and_then(|s| s.value.as_number()));
        prop_assert_eq!(value, Some(f64::from(n)));
    }
}
