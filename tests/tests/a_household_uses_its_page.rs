//! The privacy hub of a running hub in a real browser: `web/tests/browser/a_household_uses_its_page.mjs`, with real
//! people's orders spoken at a real satellite.

#[path = "../../web/tests/common/browser.rs"]
mod browser;

use sotto_tests::household::Household;
use sotto_tests::programs::{Running, facts};
use sotto_tests::{audio, coffee, data};

#[tokio::test(flavor = "multi_thread")]
async fn a_household_uses_its_page() {
    let story = "a household uses its page";
    let Some(data) = data::or_skip(story) else { return };
    if !data::has_program("mosquitto", story) {
        return;
    }
    let speech = data.join("speech");
    let orders = coffee::orders(&speech, 3);
    let sentences = speech.join(coffee::SENTENCES);
    let house = Household::start(&format!("[understanding]\nsentences = [{sentences:?}]\n"));
    let base = house.ready["web"].as_str().expect("an address").to_owned();
    let satellite = house.unpaired("bar", "trigger = \"speech\"\n");
    let sound = house.folder().join("orders.wav");
    audio::one_after_another(&sound, orders.iter().map(|order| order.file.as_path()));

    let hub = &house.hub;
    let listen = house.ready["satellites"].as_str().expect("an address").to_owned();
    let mut microphone: Option<Running> = None;
    let help = |wish: &str| match wish.split_once(' ').unwrap_or((wish, "")) {
        ("set-up", _) => {
            let said = hub.said();
            let address = said.lines().map(str::trim).find(|line| line.starts_with(&base));
            address.expect("the hub prints its set-up address").to_owned()
        }
        ("pair", code) => {
            let args = ["pair", code, "--hub", &listen, "--name", "bar"];
            facts(&mut satellite.command(&args), "");
            microphone = Some(satellite.run_in_silence());
            "paired".to_owned()
        }
        ("order", _) => {
            drop(microphone.take());
            hub.forget();
            microphone = Some(satellite.hear(&sound));
            "ordered".to_owned()
        }
        ("session", _) => {
            (0..3).for_each(|_| drop(hub.event("session")));
            "ended".to_owned()
        }
        other => panic!("nobody does {other:?} here"),
    };
    browser::story(&base, story.replace(' ', "_").as_str(), help).await;

    // Not a word of all that in what the hub printed.
    let said = house.hub.said();
    for words in ["cappuccino", "espresso", "latte", "mocha"] {
        assert!(!said.contains(words), "the hub printed what was said");
    }
}
