//! Commands that hang together, with the sentences that come with Sotto.

use std::time::{Duration, Instant};

use sotto_intents::{Context, Conversation, FOLLOW_UP, Home, Match, Matcher, Sentences};

fn home() -> Home {
    Home::default()
        .area("living", "Living Room")
        .area("kitchen", "Kitchen")
        .entity("light.desk", "Desk Lamp", "living")
        .entity("light.corner", "Corner Lamp", "living")
        .entity("fan.ceiling", "Ceiling Fan", "living")
        .entity("lock.front", "Front Door", "living")
        .entity("cover.blind", "Left Blind", "living")
}

fn matcher(language: &str) -> Matcher {
    let matcher = Matcher::new(&Sentences::built_in(language).unwrap().unwrap(), &home());
    assert_eq!(matcher.problems().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    matcher
}

fn shown(commands: &[Match]) -> String {
    let one = |m: &Match| {
        let mut slots: Vec<String> = m.slots.iter().map(|s| format!("{}={}", s.name, s.value)).collect();
        slots.sort();
        format!("{} {}", m.intent, slots.join(" ")).trim_end().to_owned()
    };
    commands.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What is said one after the other in the living room, a second apart, and what is made of it.
#[track_caller]
fn check(language: &str, turns: &[(&str, &str)]) {
    let matcher = matcher(language);
    let mut conversation = Conversation::default();
    let start = Instant::now();
    for (i, (said, wanted)) in turns.iter().enumerate() {
        let now = start + Duration::from_secs(i as u64);
        let context = Context::in_area("Living Room");
        let found = conversation.understand(&matcher, &[said], &context, "Living Room", now);
        if let Some(last) = found.as_ref().ok().and_then(|found| found.last()) {
            conversation.remember("Living Room", last, now);
        }
        let found = found.map_or_else(|unsure| format!("unsure: {:?}", unsure.why), |found| shown(&found));
        assert_eq!(found, *wanted, "{said}");
    }
}

#[test]
fn the_lights_are_those_where_it_was_said() {
    check("en", &[("turn on the lights", "HassTurnOn area=Living Room domain=light")]);
    check("de", &[("mach das Licht an", "HassTurnOn area=Living Room domain=light")]);
}

#[test]
fn follow_ups_refer_to_the_command_before() {
    check(
        "en",
        &[
            ("turn on the desk lamp", "HassTurnOn name=Desk Lamp"),
            ("and the ceiling fan too", "HassTurnOn name=Ceiling Fan"),
            ("off again", "HassTurnOff name=Ceiling Fan"),
        ],
    );
    check(
        "en",
        &[
            ("turn on the lights", "HassTurnOn area=Living Room domain=light"),
            ("and the fans too", "HassTurnOn area=Living Room domain=fan"),
            ("and the kitchen too", "HassTurnOn area=Kitchen domain=fan"),
        ],
    );
    check(
        "en",
        &[
            ("turn on the desk lamp", "HassTurnOn name=Desk Lamp"),
            ("no, the other one", "HassTurnOff name=Desk Lamp; HassTurnOn name=Corner Lamp"),
        ],
    );
    check(
        "de",
        &[
            ("mach das Licht an", "HassTurnOn area=Living Room domain=light"),
            ("wieder aus", "HassTurnOff area=Living Room domain=light"),
        ],
    );
}

#[test]
fn a_follow_up_opens_no_door() {
    check(
        "en",
        &[
            ("turn off the desk lamp", "HassTurnOff name=Desk Lamp"),
            ("and the front door too", "unsure: NothingBefore"),
        ],
    );
}

#[test]
fn a_follow_up_to_nothing_does_nothing() {
    check("en", &[("off again", "unsure: NothingBefore")]);
    let matcher = matcher("en");
    let mut conversation = Conversation::default();
    let start = Instant::now();
    let said = |conversation: &Conversation, text: &str, area: &str, now| {
        conversation.understand(&matcher, &[text], &Context::in_area(area), area, now)
    };
    let lamp = said(&conversation, "turn on the desk lamp", "Living Room", start).unwrap();
    // What was understood but came to nothing is nothing to follow.
    assert!(said(&conversation, "off again", "Living Room", start).is_err());
    conversation.remember("Living Room", &lamp[0], start);
    assert!(said(&conversation, "off again", "Living Room", start + FOLLOW_UP).is_ok());
    assert!(said(&conversation, "off again", "Kitchen", start).is_err());
    let late = start + FOLLOW_UP + Duration::from_secs(1);
    assert!(said(&conversation, "off again", "Living Room", late).is_err());
}

#[test]
fn several_commands_in_one_breath() {
    check(
        "en",
        &[
            (
                "turn off the lights and close the blinds",
                "HassTurnOff area=Living Room domain=light; HassTurnOff area=Living Room domain=cover",
            ),
            (
                "turn on the desk lamp and the ceiling fan",
                "HassTurnOn name=Desk Lamp; HassTurnOn name=Ceiling Fan",
            ),
        ],
    );
    check("en", &[("turn off the lights and sing a song about it", "unsure: NothingNear")]);
}
