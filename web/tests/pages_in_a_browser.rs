//! The pages in a real browser. Each story is a script in `tests/browser/` of the same name.

mod common;

use common::browser::story;
use common::{PASSPHRASE, Said, World};
use jiff::{SignedDuration, Timestamp};
use sotto_journal::Settings;

fn nothing_to_do(wish: &str) -> String {
    panic!("the story asks for {wish:?}, which nobody does here")
}

async fn a_week() -> World {
    let world = World::family().await;
    world.a_week();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_looked_at() {
    let world = a_week().await;
    // Ada looks after Cleo and reviews; Ben lets her.
    let now = Timestamp::now();
    let (ada, cleo) = (world.journal.sign_in("Ada", PASSPHRASE, now).unwrap(), world.person("Cleo"));
    world.journal.set_guardian(&ada, cleo, ada.id(), true, now).unwrap();
    world.journal.set_reviewer(&ada, ada.id(), true, now).unwrap();
    let ben = world.journal.sign_in("Ben", PASSPHRASE, now).unwrap();
    let settings = Settings { review: true, ..world.journal.settings(&ben).unwrap() };
    world.journal.set_settings(&ben, settings, now).unwrap();
    world.say(Some("Ben"), "Kitchen", SignedDuration::ZERO, Said::not_understood("where is the dog"));
    story(&world.base(), "every_page_is_looked_at", nothing_to_do).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_person_sets_up_a_house() {
    let world = World::empty().await;
    let pages = world.pages.clone();
    let address = move |wish: &str| match wish {
        "set-up address" => pages.set_up_path().unwrap().unwrap(),
        other => nothing_to_do(other),
    };
    story(&world.base(), "the_first_person_sets_up_a_house", address).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_heard_claimed_and_erased() {
    let world = a_week().await;
    story(&world.base(), "a_recording_is_heard_claimed_and_erased", nothing_to_do).await;
    world.stop().await;
}

/// Lets a story have something said.
fn say(world: &World, wish: &str) -> String {
    let (who, words) = match wish {
        "Ada says something" => (Some("Ada"), "where are my keys"),
        "nobody in particular says something" => (None, "is it going to rain"),
        other => return nothing_to_do(other),
    };
    world.say(who, "Kitchen", SignedDuration::ZERO, Said::not_understood(words)).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_hears_only_who_opted_in() {
    let world = a_week().await;
    story(&world.base(), "a_reviewer_hears_only_who_opted_in", |wish| say(&world, wish)).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_appears_at_once() {
    let world = a_week().await;
    story(&world.base(), "what_is_said_appears_at_once", |wish| say(&world, wish)).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript() {
    let world = a_week().await;
    story(&world.base(), "without_javascript", nothing_to_do).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_satellite_is_paired_and_removed() {
    let world = a_week().await;
    story(&world.base(), "a_satellite_is_paired_and_removed", nothing_to_do).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_opens_the_recordings() {
    let world = a_week().await;
    story(&world.base(), "a_passkey_opens_the_recordings", nothing_to_do).await;
    world.stop().await;
}

/// More recordings than a page shows, so that the page weighs what it may.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_weighs() {
    let world = a_week().await;
    for minutes in 0..60 {
        let said = Said::done(
            "set the heating to twenty one degrees",
            "HassClimateSetTemperature",
            vec![("temperature", "21")],
            "set [the] heating to {temperature} degrees",
        );
        world.say(Some("Ada"), "Living room", SignedDuration::from_mins(minutes), said);
    }
    story(&world.base(), "what_a_page_weighs", nothing_to_do).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_is_learned_and_forgotten() {
    let world = a_week().await;
    story(&world.base(), "a_voice_is_learned_and_forgotten", nothing_to_do).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_keyboard_alone() {
    let world = a_week().await;
    let (ada, cleo) =
        (world.journal.sign_in("Ada", PASSPHRASE, Timestamp::now()).unwrap(), world.person("Cleo"));
    world.journal.set_guardian(&ada, cleo, ada.id(), true, Timestamp::now()).unwrap();
    story(&world.base(), "by_keyboard_alone", nothing_to_do).await;
    world.stop().await;
}
