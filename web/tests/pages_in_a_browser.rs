//! The pages in a real browser. Each story is a script in `tests/browser/` of the same name.

mod common;

use common::browser::story;
use common::{PASSPHRASE, Said, World};
use jiff::{SignedDuration, Timestamp};
use sotto_house::Role;
use sotto_journal::{Selection, Settings};
use sotto_web::ModelState;

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
    let cold =
        world.say(Some("Ada"), "Kitchen", SignedDuration::from_hours(200), Said::not_understood("brr"));
    world.journal.erase(&Selection::one(cold.unwrap()), &ada, now).unwrap();
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
async fn a_model_is_fetched_from_the_page() {
    let world = a_week().await;
    let port = world.port.clone();
    let happen = move |wish: &str| {
        let (model, state) = match wish {
            "half of it has arrived" => ("base.en-q8_0", ModelState::Pulling(Some(0.5))),
            "it is whole" => ("base.en-q8_0", ModelState::InUse),
            "the other one fails" => {
                let why = "the hub's disk is full; make room, then fetch it again";
                ("speaker", ModelState::Failed(why.to_owned()))
            }
            other => return nothing_to_do(other),
        };
        port.set_model(model, state);
        String::new()
    };
    story(&world.base(), "a_model_is_fetched_from_the_page", happen).await;
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
async fn switches_do_what_they_say() {
    let world = a_week().await;
    let ben = world.journal.sign_in("Ben", PASSPHRASE, Timestamp::now()).unwrap();
    world.journal.set_voice(&ben, &[1; 10], Timestamp::now()).unwrap();
    let happen = |wish: &str| match wish {
        "Ben says something" => {
            let said = Said::not_understood("where is my other shoe");
            world.say(Some("Ben"), "Kitchen", SignedDuration::ZERO, said).unwrap().to_string()
        }
        // What the hub compares with: profiles whose owners let it.
        "is Ben's voice compared?" => {
            let voices = world.journal.voices().unwrap();
            let his = voices.iter().any(|voice| voice.person == ben.id() && voice.recognise);
            if his { "yes" } else { "no" }.to_owned()
        }
        other => nothing_to_do(other),
    };
    story(&world.base(), "switches_do_what_they_say", happen).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_can_be_kept() {
    let world = a_week().await;
    let invite = |wish: &str| match wish {
        "an invitation" => {
            let ada = world.journal.sign_in("Ada", PASSPHRASE, Timestamp::now()).unwrap();
            let token = world.journal.invite(&ada, Role::Adult, false, Timestamp::now()).unwrap();
            format!("/join/{}", token.reveal().as_str())
        }
        other => nothing_to_do(other),
    };
    story(&world.base(), "what_is_printed_can_be_kept", invite).await;
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
