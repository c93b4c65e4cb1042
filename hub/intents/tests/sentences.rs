//! The template language, case by case, and the sentences that come with Sotto.

use sotto_intents::{Context, Home, Match, Matcher, Sentences};

const HOUSE: &str = r#"
language: en
intents:
  Set:
    data:
      - sentences: ["set [the] {name} to {level}[ ](%|percent)"]
        requires_context: {domain: [light, fan]}
        slots: {kind: dimmer}
      - sentences: ["<set> {half} degrees [in] [{area}]"]
        excludes_context: {area: Garage}
      - sentences: ["warm up [here]"]
        requires_context: {area: {slot: true}}
        slots: {half: 22}
      - sentences: ["dim to {tenth}", "step {big}", "minus {neg}"]
  Order:
    data:
      - sentences: ["(tea;milk;[sugar]) please"]
        response: served
        metadata: {kind: drink}
  Note:
    data:
      - sentences: ["note {text}", "note {text} for {who}", "{text} is a note"]
      - sentences: ["shout {text}"]
        required_keywords: [loud]
  Say:
    data:
      - sentences: ["<greet> {who:person}"]
        expansion_rules: {greet: "(hello|hi)[ there]"}
        lists: {who: {values: ["everybody"]}}
      - sentences: ["greet {who}", "what\\'s up", "roll(a|o)den light[s] mode\\(1\\)", "l'ampoule"]
expansion_rules:
  set: "(set|make it)"
  greet: "never"
lists:
  level: {range: {from: 0, to: 100, step: 10}}
  half: {range: {from: 5, to: 30, fractions: halves}}
  tenth: {range: {from: 0, to: 2, fractions: tenths}}
  big: {range: {from: 1000, to: 6500, step: 100}}
  neg: {range: {from: 1, to: 20, multiplier: -1}}
  text: {wildcard: true}
  who:
    values:
      - {in: "(mum|mother)", out: "Mum"}
      - "my [big ]brother"
      - "Dad"
skip_words: ["please do", "um"]
"#;

fn house() -> Matcher {
    let home = Home::default()
        .area("k", "Kitchen")
        .area("g", "Garage")
        .entity("light.top", "Top Light", "k")
        .entity("fan.top", "Top Fan", "k")
        .entity("cover.door", "Door", "g");
    let matcher = Matcher::new(&Sentences::from_yaml("house.yaml", HOUSE).unwrap(), &home);
    assert_eq!(matcher.problems().count(), 0);
    matcher
}

fn shown(found: Option<Match>) -> String {
    let Some(found) = found else { return "–".to_owned() };
    let mut slots: Vec<String> = found.slots.iter().map(|s| format!("{}={}", s.name, s.value)).collect();
    slots.sort();
    format!("{} {}", found.intent, slots.join(" ")).trim_end().to_owned()
}

#[track_caller]
fn check_all(matcher: &Matcher, area: &str, cases: &[(&str, &str)]) {
    let context = if area.is_empty() { Context::default() } else { Context::in_area(area) };
    for (said, wanted) in cases {
        assert_eq!(shown(matcher.exact(said, &context)), *wanted, "{said}");
    }
}

#[test]
fn lists_ranges_and_numbers() {
    check_all(
        &house(),
        "",
        &[
            ("set the top light to 50%", "Set kind=dimmer level=50 name=Top Light"),
            ("set top fan to fifty percent", "Set kind=dimmer level=50 name=Top Fan"),
            ("set top light to 55%", "–"),
            ("set the door to 50%", "–"),
            ("set 20.5 degrees", "Set half=20.5"),
            ("make it 20,5 degrees", "Set half=20.5"),
            ("make it twenty point five degrees in kitchen", "Set area=Kitchen half=20.5"),
            ("set 20.3 degrees", "–"),
            ("dim to 0.3", "Set tenth=0.3"),
            ("step 2700", "Set big=2700"),
            ("step two thousand seven hundred", "Set big=2700"),
            ("step 2750", "–"),
            ("minus twelve", "Set neg=-12"),
        ],
    );
}

#[test]
fn context_is_required_excluded_and_becomes_a_slot() {
    check_all(
        &house(),
        "Kitchen",
        &[("warm up", "Set area=Kitchen half=22"), ("set 20 degrees", "Set half=20")],
    );
    check_all(&house(), "Garage", &[("set 20 degrees", "–"), ("warm up here", "Set area=Garage half=22")]);
    check_all(&house(), "", &[("warm up", "–")]);
}

#[test]
fn permutations_in_any_order() {
    let matcher = house();
    check_all(
        &matcher,
        "",
        &[
            ("tea milk sugar please", "Order"),
            ("sugar milk tea please", "Order"),
            ("milk tea please", "Order"),
            ("milk please", "–"),
            ("tea tea milk please", "–"),
        ],
    );
    let found = matcher.exact("milk tea please", &Context::default()).unwrap();
    assert_eq!(found.response, "served");
    assert_eq!(found.metadata[0].0, "kind");
}

#[test]
fn wildcards_end_where_the_sentence_goes_on() {
    check_all(
        &house(),
        "",
        &[
            ("note buy eggs", "Note text=buy eggs"),
            ("note buy eggs for mother", "Note text=buy eggs who=Mum"),
            ("note something for nobody", "Note text=something for nobody"),
            ("note", "–"),
            ("this is is a note", "Note text=this is"),
            ("shout hello", "–"),
            ("shout LOUD hello", "Note text=LOUD hello"),
        ],
    );
}

#[test]
fn text_is_folded_as_home_assistant_does() {
    check_all(
        &house(),
        "",
        &[
            ("  SET   the TOP LIGHT, to 50 % . ", "Set kind=dimmer level=50 name=Top Light"),
            ("um warm please do up", "–"),
            ("please do set um 20 degrees", "Set half=20"),
            ("set the top-light to 50%", "Set kind=dimmer level=50 name=Top Light"),
            ("what's up?", "Say"),
            ("what’s up", "Say"),
            ("l’ampoule!", "Say"),
            ("roladen", "–"),
            ("rolladen lights mode(1)", "Say"),
            ("rolloden light mode(1)", "Say"),
        ],
    );
}

#[test]
fn a_block_has_rules_and_lists_of_its_own() {
    check_all(
        &house(),
        "",
        &[
            ("hello there everybody", "Say person=everybody"),
            ("hi mum", "–"),
            ("greet my big brother", "Say who=my big brother"),
            ("greet dad", "Say who=Dad"),
        ],
    );
}

#[test]
fn what_the_household_wrote_wins() {
    let folder = std::env::temp_dir().join(format!("sotto-own-sentences-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let own = "language: en\nintents: {Own: {data: [{sentences: ['hi there everybody']}]}}\n\
               actions: {Own: {topic: 'house/{{ slots.x }}bell', payload: 'ring {{ intent }}'}}\n";
    std::fs::write(folder.join("own.yaml"), own).unwrap();
    let before = Sentences::fingerprint(&[&folder]).unwrap();
    let mut all = Sentences::from_yaml("house.yaml", HOUSE).unwrap();
    let own = Sentences::load_languages(&[&folder], true).unwrap().remove("en").unwrap();
    std::fs::write(folder.join("own.yaml"), "language: en\n").unwrap();
    assert_ne!(Sentences::fingerprint(&[&folder]).unwrap(), before);
    std::fs::remove_dir_all(&folder).unwrap();
    all.merge(own);
    let matcher = Matcher::new(&all, &Home::default());
    let found = matcher.exact("hi there everybody", &Context::default()).unwrap();
    assert_eq!(found.intent, "Own");
    let (topic, payload) = matcher.sentences().action("Own").unwrap().render(&found).unwrap();
    assert_eq!((topic.as_str(), payload.as_str()), ("house/bell", "ring Own"));
}

#[test]
fn a_thing_is_the_one_where_it_was_said() {
    let home = Home::default()
        .area("k", "Kitchen")
        .area("g", "Garage")
        .entity("light.a", "Lamp", "k")
        .entity("light.b", "Lamp", "g");
    let text = "language: en\nintents: {On: {data: [{sentences: ['lamp on', '{name} on']}]}}\n";
    let matcher = Matcher::new(&Sentences::from_yaml("own.yaml", text).unwrap(), &home);
    for (area, id) in [("Kitchen", "light.a"), ("Garage", "light.b")] {
        let found = matcher.exact("lamp on", &Context::in_area(area)).unwrap();
        assert_eq!(found.slot("name").unwrap().id.as_deref(), Some(id));
    }
}

#[test]
fn privacy_is_asked_for_in_both_languages() {
    let cases = [
        ("en", "delete what I just said", "SottoErase period=last"),
        ("en", "forget everything from the last ten minutes", "SottoErase minutes=10 period=minutes"),
        ("en", "delete everything I said today", "SottoErase period=today"),
        ("en", "erase everything I said this week", "SottoErase period=week"),
        ("en", "delete everything I ever said", "SottoErase period=everything"),
        ("en", "yes, delete everything", "SottoEraseConfirm period=everything"),
        ("en", "don't keep this", "SottoKeepNot"),
        ("en", "stop keeping recordings", "SottoKeepingStop"),
        ("en", "what did you hear?", "SottoWhatHeard"),
        ("en", "why did you do that?", "SottoWhy"),
        ("en", "who listened to me?", "SottoWhoListened"),
        ("en", "how many recordings of me do you have", "SottoHowMany"),
        ("en", "mute this room", "SottoMute area=Bad"),
        ("de", "lösche, was ich gerade gesagt habe", "SottoErase period=last"),
        ("de", "vergiss die letzten zehn Minuten", "SottoErase minutes=10 period=minutes"),
        ("de", "lösche alles, was ich heute gesagt habe", "SottoErase period=today"),
        ("de", "lösche alles von dieser Woche", "SottoErase period=week"),
        ("de", "lösche alles, was ich jemals gesagt habe", "SottoErase period=everything"),
        ("de", "ja, lösche alles", "SottoEraseConfirm period=everything"),
        ("de", "behalte das nicht", "SottoKeepNot"),
        ("de", "speichere keine Aufnahmen mehr von mir", "SottoKeepingStop"),
        ("de", "was hast du gehört?", "SottoWhatHeard"),
        ("de", "warum hast du das gemacht?", "SottoWhy"),
        ("de", "wer hat meine Aufnahmen gehört?", "SottoWhoListened"),
        ("de", "wie viele Aufnahmen hast du von mir", "SottoHowMany"),
        ("de", "schalte dieses Zimmer stumm", "SottoMute area=Bad"),
    ];
    for language in Sentences::built_in_languages() {
        let home = Home::default().area("b", "Bad");
        let matcher = Matcher::new(&Sentences::built_in(language).unwrap().unwrap(), &home);
        assert_eq!(matcher.problems().count(), 0);
        for (_, said, wanted) in cases.iter().filter(|(of, ..)| *of == language) {
            assert_eq!(shown(matcher.exact(said, &Context::in_area("Bad"))), *wanted, "{said}");
        }
    }
}

#[test]
fn what_may_be_skipped_may_be_part_of_a_name() {
    let home = Home::default().entity("light.please", "Please Do Bar", "").entity("light.desk", "Desk", "");
    let matcher = Matcher::new(&Sentences::from_yaml("house.yaml", HOUSE).unwrap(), &home);
    let named = |text: &str| {
        matcher.exact(text, &Context::default()).map(|found| found.slot("name").unwrap().value.to_string())
    };
    assert_eq!(named("set um the please do bar to 50 percent"), None);
    assert_eq!(named("set the please do bar to 50 percent").as_deref(), Some("Please Do Bar"));
    assert_eq!(named("please do set um the desk to 50%").as_deref(), Some("Desk"));
}

#[test]
fn a_name_as_it_is_written_comes_before_one_without_its_hyphens() {
    let home = Home::default().entity("light.a", "Desk-Lamp", "").entity("light.b", "Desk Lamp", "");
    let matcher = Matcher::new(&Sentences::from_yaml("house.yaml", HOUSE).unwrap(), &home);
    let id = |text: &str| matcher.exact(text, &Context::default()).unwrap().slot("name").unwrap().id.clone();
    assert_eq!(id("set desk lamp to 50%").as_deref(), Some("light.b"));
    assert_eq!(id("set desk-lamp to 50%").as_deref(), Some("light.a"));
}

#[test]
fn yaml_says_what_kind_a_value_is() {
    let text = "language: en\nintents:\n  A:\n    data:\n      - sentences: [a]\n        slots: {n: !!int \"5\", b: \
                !!bool 'true', s: !!str 7, q: \"8\"}\n";
    let matcher = Matcher::new(&Sentences::from_yaml("a.yaml", text).unwrap(), &Home::default());
    let found = matcher.exact("a", &Context::default()).unwrap();
    let values: Vec<_> = found.slots.iter().map(|s| s.value.to_json().to_string()).collect();
    assert_eq!(values, ["5", "true", "\"7\"", "\"8\""]);
}
