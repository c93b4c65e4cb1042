//! The satellite loses the hub in every way it can be lost, and finds it again; what was being said goes on where
//! it stopped, or ends with a clear outcome, and is never heard twice.

use std::time::Duration;

use sotto_hub::satellites::FromSatellite;
use sotto_protocol::{EndReason, OutcomeKind};
use sotto_satellite::link::FromHub;
use sotto_tests::linked::{Hub, Satellite, assert_whole, collect, packet};
use sotto_tests::relay::{Relay, Weather};

async fn house() -> anyhow::Result<(Hub, tempfile::TempDir, Relay, Satellite)> {
    let hub = Hub::start()?;
    let (data, _) = hub.pair("Kitchen", "Kitchen").await?;
    let relay = Relay::start(hub.address(), Weather::default(), 1).await?;
    let mut satellite = Satellite::start(data.path(), relay.address())?;
    satellite.online().await?;
    Ok((hub, data, relay, satellite))
}

#[tokio::test]
async fn a_hub_that_restarts_in_the_middle_of_a_sentence_hears_all_of_it() -> anyhow::Result<()> {
    let (hub, _data, _relay, mut satellite) = house().await?;
    let sender = satellite.open()?;
    (0..40).for_each(|sequence| assert!(sender.send(packet(sequence))));
    let mut hub = hub.restart().await?;
    (40..60).for_each(|sequence| assert!(sender.send(packet(sequence))));
    satellite.online().await?;
    sender.end(EndReason::Silence);
    let received = collect(&mut hub, |all| all.values().any(|one| one.ended + one.lost > 0)).await?;
    assert_whole(&received[sender.id().bytes()], 60);
    Ok(())
}

#[tokio::test]
async fn what_was_said_to_the_end_before_the_hub_restarted_is_not_said_again() -> anyhow::Result<()> {
    let (mut hub, _data, _relay, mut satellite) = house().await?;
    let id = satellite.speak(60)?;
    collect(&mut hub, |all| all.values().any(|one| one.ended > 0)).await?;
    let mut hub = hub.restart().await?;
    let outcome = satellite
        .until(|event| match event {
            FromHub::Outcome(outcome) => Some(outcome),
            _ => None,
        })
        .await?;
    assert_eq!((outcome.utterance, outcome.kind), (id, OutcomeKind::Interrupted));
    let second = satellite.speak(10)?;
    let received = collect(&mut hub, |all| all.values().any(|one| one.ended > 0)).await?;
    assert_eq!(received.keys().collect::<Vec<_>>(), [second.bytes()], "only what is new");
    Ok(())
}

#[tokio::test]
async fn a_short_break_in_the_middle_of_a_sentence_is_not_heard() -> anyhow::Result<()> {
    let (mut hub, _data, relay, satellite) = house().await?;
    let sender = satellite.open()?;
    (0..40).for_each(|sequence| assert!(sender.send(packet(sequence))));
    hub.until(|event| matches!(event, FromSatellite::Audio { sequence: 39, .. }).then_some(())).await?;
    relay.set(Weather { cut: true, ..Weather::default() });
    (40..80).for_each(|sequence| assert!(sender.send(packet(sequence))));
    // Longer than the time-out of a silent connection: the utterance is resumed on a new one.
    tokio::time::sleep(Duration::from_millis(7000)).await;
    relay.set(Weather::default());
    sender.end(EndReason::Silence);
    let received = collect(&mut hub, |all| all.values().any(|one| one.ended + one.lost > 0)).await?;
    let rest = &received[sender.id().bytes()];
    assert_eq!(rest.sequences, (40..80).collect::<Vec<_>>());
    assert_eq!((rest.opened, rest.ended, rest.lost), (0, 1, 0));
    Ok(())
}

#[tokio::test]
async fn a_long_break_ends_the_sentence_for_both_and_the_next_one_is_heard() -> anyhow::Result<()> {
    let (mut hub, _data, relay, mut satellite) = house().await?;
    let sender = satellite.open()?;
    (0..40).for_each(|sequence| assert!(sender.send(packet(sequence))));
    hub.until(|event| matches!(event, FromSatellite::Audio { sequence: 39, .. }).then_some(())).await?;
    relay.set(Weather { cut: true, ..Weather::default() });
    let outcome = satellite
        .until(|event| match event {
            FromHub::Outcome(outcome) => Some(outcome),
            _ => None,
        })
        .await?;
    assert_eq!((outcome.utterance, outcome.kind), (sender.id(), OutcomeKind::Interrupted));
    assert!(!sender.send(packet(40)), "its audio is erased, and no more is taken");
    let id = *sender.id().bytes();
    let lost = hub
        .until(|event| match event {
            FromSatellite::UtteranceLost { utterance } => Some(*utterance.bytes()),
            _ => None,
        })
        .await?;
    assert_eq!(lost, id);
    relay.set(Weather::default());
    satellite.online().await?;
    satellite.speak(10)?;
    collect(&mut hub, |all| all.values().any(|one| one.ended > 0)).await?;
    Ok(())
}

#[tokio::test]
async fn a_satellite_that_roams_keeps_its_connection() -> anyhow::Result<()> {
    let (mut hub, _data, relay, mut satellite) = house().await?;
    let before = hub
        .until(|event| match event {
            FromSatellite::Connected(satellite) => Some(satellite.address),
            _ => None,
        })
        .await?;
    let sender = satellite.open()?;
    for sequence in 0..60 {
        if sequence == 30 {
            relay.roam();
        }
        assert!(sender.send(packet(sequence)));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sender.end(EndReason::Silence);
    let received = collect(&mut hub, |all| all.values().any(|one| one.ended + one.lost > 0)).await?;
    assert_whole(&received[sender.id().bytes()], 60);
    assert!(satellite.events.try_recv().is_err(), "the satellite noticed");
    assert_ne!(before.port(), 0);
    Ok(())
}

#[tokio::test]
async fn a_hub_that_moves_is_found_again() -> anyhow::Result<()> {
    let (hub, _data, relay, mut satellite) = house().await?;
    hub.handle.close().await;
    let Hub { handle, events, data } = hub;
    drop((handle, events));
    let (handle, _events) =
        sotto_hub::satellites::Satellites::bind(sotto_tests::linked::hub_config(data.path(), 0))?;
    relay.lead_to(handle.address()?);
    satellite.until(|event| matches!(event, FromHub::Offline { .. }).then_some(())).await?;
    satellite.online().await
}

#[tokio::test]
async fn a_satellite_that_restarts_takes_over_from_its_old_connection() -> anyhow::Result<()> {
    let (mut hub, data, relay, satellite) = house().await?;
    // Its power is cut: the hub still believes in the old connection.
    let old = satellite;
    let mut new = Satellite::start(data.path(), relay.address())?;
    new.online().await?;
    let id = new.speak(10)?;
    let received = collect(&mut hub, |all| all.values().any(|one| one.ended > 0)).await?;
    assert_whole(&received[id.bytes()], 10);
    drop(old);
    Ok(())
}
