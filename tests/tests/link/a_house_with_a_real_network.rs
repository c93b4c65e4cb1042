//! Machines of their own on a switch: satellites find the hub without configuration, follow it, and survive a pulled
//! cable and a changed address.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mdns_sd::{ServiceDaemon, ServiceEvent};
use sotto_hub::satellites::{FromSatellite, SatellitesHandle};
use sotto_protocol::{EndReason, Fingerprint, HUB_SERVICE, OutcomeKind};
use sotto_satellite::link::{FromHub, HubAddress, Link, Pin, pair_with};
use sotto_tests::lan::{Lan, Machine};
use sotto_tests::linked::{Hub, Satellite, assert_whole, collect, link_config, packet};
use tempfile::TempDir;

/// A hub as it is by default: on all addresses, and telling where.
fn hub_on(machine: &Machine) -> Hub {
    let hub = machine.run(async {
        Hub::start_with(|config| {
            config.listen = SocketAddr::from(([0u16; 8], 7414));
            config.discovery = true;
        })
    });
    hub.expect("the hub starts")
}

/// Pairs by the hub's code, with nothing configured but where several hubs are seen: the hub's id.
async fn pair(hub: &SatellitesHandle, id: Option<String>) -> anyhow::Result<(TempDir, Pin)> {
    let data = tempfile::tempdir()?;
    let code = hub.begin_pairing()?;
    let found = HubAddress::Found { id };
    let pin = pair_with(data.path(), &found, &code, "Kitchen", "Kitchen", "a test").await?;
    Ok((data, pin))
}

async fn start(data: &std::path::Path) -> anyhow::Result<Satellite> {
    let (handle, events) = Link::spawn(link_config(data, None))?;
    Ok(Satellite { handle, events })
}

/// A satellite that was paired and is online, found by itself.
fn satellite_on(machine: &Machine, hub: &Hub) -> (TempDir, Satellite) {
    let hub = hub.handle.clone();
    let ready = machine.run(async move {
        let (data, _) = pair(&hub, None).await?;
        let mut satellite = start(data.path()).await?;
        satellite.online().await?;
        anyhow::Ok((data, satellite))
    });
    ready.expect("the satellite finds its hub")
}

async fn connected_from(hub: &mut Hub) -> anyhow::Result<SocketAddr> {
    hub.until(|event| match event {
        FromSatellite::Connected(satellite) => Some(satellite.address),
        _ => None,
    })
    .await
}

#[test]
fn a_hub_is_found_over_ipv4_and_over_ipv6() -> anyhow::Result<()> {
    let Some(lan) = Lan::or_skip("a hub is found over IPv4 and over IPv6") else { return Ok(()) };
    let server = lan.machine("hub", &["10.7.0.1/24"]);
    let mut hub = hub_on(&server);
    let old = lan.machine("old", &["10.7.0.2/24"]).without_ipv6();
    let (_data, _satellite) = satellite_on(&old, &hub);
    let (hub, address) = server.run(async move {
        let address = connected_from(&mut hub).await;
        (hub, address)
    });
    assert_eq!(address?.ip().to_canonical().to_string(), "10.7.0.2");
    // No address but the one every machine gives itself.
    let new = lan.machine("new", &[]);
    let (_data, _satellite) = satellite_on(&new, &hub);
    let mut hub = hub;
    let address = server.run(async move { connected_from(&mut hub).await })?;
    assert!(address.ip().to_string().starts_with("fe80:"), "{address}");
    Ok(())
}

#[test]
fn the_hub_tells_what_it_is_and_says_goodbye() -> anyhow::Result<()> {
    let Some(lan) = Lan::or_skip("the hub tells what it is and says goodbye") else { return Ok(()) };
    let server = lan.machine("hub", &["10.7.0.1/24"]);
    let hub = hub_on(&server);
    let neighbour = lan.machine("else", &["10.7.0.9/24"]);
    let (service, events) = neighbour.run(async {
        let events = ServiceDaemon::new()?.browse(HUB_SERVICE)?;
        loop {
            if let ServiceEvent::ServiceResolved(service) = events.recv_async().await? {
                return anyhow::Ok((service, events));
            }
        }
    })?;
    let text = |key| service.get_property_val_str(key).unwrap_or_default();
    assert_eq!((text("id"), text("name"), text("v")), (hub.handle.hub(), "Home", "1"));
    assert_eq!(text("fp").parse::<Fingerprint>()?, hub.handle.fingerprint());
    assert_eq!(service.port, 7414);

    let began = Instant::now();
    server.run(async move { hub.handle.close().await });
    neighbour.run(async move {
        while !matches!(events.recv_async().await?, ServiceEvent::ServiceRemoved(..)) {}
        anyhow::Ok(())
    })?;
    // Without a goodbye the record would be believed for two minutes.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    Ok(())
}

#[test]
fn of_several_hubs_a_satellite_takes_its_own() -> anyhow::Result<()> {
    let Some(lan) = Lan::or_skip("of several hubs a satellite takes its own") else { return Ok(()) };
    let (ours, theirs) = (lan.machine("ours", &["10.7.0.1/24"]), lan.machine("theirs", &["10.7.0.2/24"]));
    let (mut hub, mut neighbours) = (hub_on(&ours), hub_on(&theirs));
    let kitchen = lan.machine("kitchen", &["10.7.0.3/24"]);
    let handle = hub.handle.clone();
    let (refused, _data, mut satellite) = kitchen.run(async move {
        let refused = pair(&handle, None).await.expect_err("whose?").to_string();
        let (data, _) = pair(&handle, Some(handle.hub().to_owned())).await?;
        let satellite = start(data.path()).await?;
        anyhow::Ok((refused, data, satellite))
    })?;
    for hub in [&hub, &neighbours] {
        assert!(refused.contains(hub.handle.hub()), "{refused}");
    }
    kitchen.run(async move { satellite.online().await.map(|()| satellite) })?;
    ours.run(async move { connected_from(&mut hub).await })?;
    assert!(neighbours.events.try_recv().is_err(), "the neighbours' hub was called");
    Ok(())
}

#[test]
fn a_new_satellite_is_listed_until_it_is_paired_or_stops() -> anyhow::Result<()> {
    let Some(lan) = Lan::or_skip("a new satellite is listed until it is paired or stops") else {
        return Ok(());
    };
    let server = lan.machine("hub", &["10.7.0.1/24"]);
    let hub = hub_on(&server);
    let (kitchen, hall) = (lan.machine("kitchen", &["10.7.0.2/24"]), lan.machine("hall", &[]));
    let unpaired = async || {
        let data = tempfile::tempdir()?;
        let mut satellite = start(data.path()).await?;
        let code = satellite.until(|event| match event {
            FromHub::Unpaired { code } => Some(code),
            _ => None,
        });
        anyhow::Ok((code.await?, data, satellite))
    };
    let (code, _data, mut satellite) = kitchen.run(async move { unpaired().await })?;
    let (_, _other_data, other) = hall.run(async move { unpaired().await })?;

    let handle = hub.handle.clone();
    let listed = async move |count| {
        while handle.found().len() != count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        handle.found()
    };
    let wait = listed.clone();
    let found = server.run(async move { wait(2).await });
    for new in &found {
        assert_eq!((new.name.as_str(), new.hardware.as_str()), ("Kitchen", "a test"));
    }
    // The one in the hall is switched off.
    let began = Instant::now();
    hall.run(async move {
        let Satellite { handle, mut events } = other;
        drop(handle);
        events.close();
        while events.recv().await.is_some() {}
    });
    let wait = listed.clone();
    let found = server.run(async move { wait(1).await });
    assert!(began.elapsed() < Duration::from_secs(10), "not by its goodbye: {:?}", began.elapsed());
    // The one in the kitchen shows a code, which is typed at the hub.
    let (handle, id) = (hub.handle.clone(), found[0].id.clone());
    server.run(async move { handle.pair_found(&id, &code, Some("Kitchen"), None).await })?;
    kitchen.run(async move { satellite.online().await.map(|()| satellite) })?;
    server.run(async move { listed(0).await });
    Ok(())
}

#[test]
fn a_satellite_follows_the_hub_to_a_new_address_in_the_middle_of_a_sentence() -> anyhow::Result<()> {
    let Some(lan) = Lan::or_skip("a satellite follows the hub to a new address") else { return Ok(()) };
    let server = lan.machine("hub", &["10.7.0.1/24"]).without_ipv6();
    let mut hub = hub_on(&server);
    let kitchen = lan.machine("kitchen", &["10.7.0.2/24"]).without_ipv6();
    let (_data, satellite) = satellite_on(&kitchen, &hub);
    let sender = satellite.open()?;
    (0..40).for_each(|sequence| assert!(sender.send(packet(sequence))));
    let hub = server.run(async move {
        hub.until(|event| matches!(event, FromSatellite::Audio { sequence: 39, .. }).then_some(())).await?;
        anyhow::Ok(hub)
    });
    server.loses("10.7.0.1/24");
    server.gains("10.7.0.77/24");
    (40..60).for_each(|sequence| assert!(sender.send(packet(sequence))));
    sender.end(EndReason::Silence);
    let mut hub = hub?;
    let received = server.run(async move {
        collect(&mut hub, |all| all.values().any(|one| one.ended + one.lost > 0)).await
    })?;
    let rest = &received[sender.id().bytes()];
    assert_eq!((rest.opened, rest.ended, rest.lost), (0, 1, 0));
    assert_eq!(rest.sequences, (40..60).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_satellite_that_gets_a_new_address_goes_on_talking() -> anyhow::Result<()> {
    let Some(lan) = Lan::or_skip("a satellite that gets a new address goes on talking") else {
        return Ok(());
    };
    let server = lan.machine("hub", &["10.7.0.1/24"]).without_ipv6();
    let mut hub = hub_on(&server);
    let kitchen = lan.machine("kitchen", &["10.7.0.2/24"]).without_ipv6();
    let (_data, mut satellite) = satellite_on(&kitchen, &hub);
    let sender = satellite.open()?;
    let mut spoken = 0..60;
    spoken.by_ref().take(30).for_each(|sequence| assert!(sender.send(packet(sequence))));
    kitchen.loses("10.7.0.2/24");
    kitchen.gains("10.7.0.88/24");
    spoken.for_each(|sequence| assert!(sender.send(packet(sequence))));
    sender.end(EndReason::Silence);
    let received = server.run(async move {
        collect(&mut hub, |all| all.values().any(|one| one.ended + one.lost > 0)).await
    })?;
    assert_whole(&received[sender.id().bytes()], 60);
    assert!(satellite.events.try_recv().is_err(), "the satellite noticed");
    Ok(())
}

/// `SOTTO_OUTAGE` seconds without a cable: 3 of them in the gate, 600 by hand.
#[test]
fn a_pulled_cable_costs_nothing_that_is_said_after_it() -> anyhow::Result<()> {
    let Some(lan) = Lan::or_skip("a pulled cable costs nothing that is said after it") else { return Ok(()) };
    let out = std::env::var("SOTTO_OUTAGE").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(3);
    let server = lan.machine("hub", &["10.7.0.1/24"]);
    let mut hub = hub_on(&server);
    let kitchen = lan.machine("kitchen", &["10.7.0.2/24"]);
    let (_data, mut satellite) = satellite_on(&kitchen, &hub);
    let mut events = std::mem::replace(&mut satellite.events, tokio::sync::mpsc::channel(1).1);
    let (tell, outcomes) = std::sync::mpsc::channel();
    kitchen.begin(async move {
        while let Some(event) = events.recv().await {
            if let FromHub::Outcome(outcome) = event {
                let _ = tell.send(outcome);
            }
        }
    });
    let sender = satellite.open()?;
    (0..40).for_each(|sequence| assert!(sender.send(packet(sequence))));
    let mut hub = server.run(async move {
        hub.until(|event| matches!(event, FromSatellite::Audio { sequence: 39, .. }).then_some(())).await?;
        anyhow::Ok(hub)
    })?;
    kitchen.unplug();
    (40..60).for_each(|sequence| {
        sender.send(packet(sequence));
    });
    sender.end(EndReason::Silence);
    let cut = *sender.id().bytes();
    std::thread::sleep(Duration::from_secs(out));
    kitchen.plug();
    let began = Instant::now();
    // What is said now must be heard, as soon as there is a way.
    let next = satellite.speak(50)?;
    let received = server.run(async move {
        collect(&mut hub, |all| {
            [next.bytes(), &cut].iter().all(|id| all.get(*id).is_some_and(|one| one.ended + one.lost > 0))
        })
        .await
    })?;
    eprintln!("{out} s without a cable; heard {:?} after it was back", began.elapsed());
    assert_whole(&received[next.bytes()], 50);
    let before = received.get(&cut).expect("the sentence that was cut has an end");
    let whole = (before.ended, before.lost) == (1, 0);
    assert!(whole || (before.ended, before.lost) == (0, 1), "once, and clearly: {before:?}");
    assert_eq!(whole, out < 10, "a break of {out} s");
    if !whole {
        let outcome = outcomes.recv_timeout(Duration::from_secs(10))?;
        assert_eq!((outcome.utterance.bytes(), outcome.kind), (&cut, OutcomeKind::Interrupted));
    }
    Ok(())
}
