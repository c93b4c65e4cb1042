//! One satellite is revoked alone, at once, is told why, and comes back only by a new pairing.

use std::time::{Duration, Instant};

use sotto_house::SatelliteId;
use sotto_satellite::link::{FromHub, HubAddress, pair_with};
use sotto_tests::linked::{Hub, Satellite};

#[tokio::test]
async fn the_connection_closes_within_a_second_and_the_other_one_stays() -> anyhow::Result<()> {
    let hub = Hub::start()?;
    let (kitchen_data, kitchen_pin) = hub.pair("Kitchen", "Kitchen").await?;
    tokio::time::sleep(Duration::from_millis(1050)).await;
    let (bedroom_data, _) = hub.pair("Bedroom", "Bedroom").await?;
    let mut kitchen = Satellite::start(kitchen_data.path(), hub.address())?;
    let mut bedroom = Satellite::start(bedroom_data.path(), hub.address())?;
    kitchen.online().await?;
    bedroom.online().await?;

    let began = Instant::now();
    hub.handle.revoke(&SatelliteId::new(&kitchen_pin.satellite)?, "sold to a neighbour")?;
    let reason = kitchen
        .until(|event| match event {
            FromHub::Revoked { reason } => Some(reason),
            _ => None,
        })
        .await?;
    assert_eq!(reason, "sold to a neighbour");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    // It knows that it belongs to nobody, and shows a code of its own.
    kitchen.until(|event| matches!(event, FromHub::Unpaired { .. }).then_some(())).await?;
    assert!(!kitchen_data.path().join("hub.json").exists());
    assert_eq!(hub.handle.list().iter().filter(|listed| listed.connected.is_some()).count(), 1);
    assert!(bedroom.events.try_recv().is_err(), "the other one noticed");

    // A satellite that kept its pin all the same is turned away with the reason.
    kitchen_pin.save(kitchen_data.path())?;
    let again = kitchen
        .until(|event| match event {
            FromHub::Revoked { reason } => Some(reason),
            FromHub::Online { .. } => Some("let in".into()),
            _ => None,
        })
        .await?;
    assert_eq!(again, "sold to a neighbour");
    drop(kitchen);

    tokio::time::sleep(Duration::from_millis(1050)).await;
    let code = hub.handle.begin_pairing()?;
    let at = HubAddress::At(hub.address().to_string());
    pair_with(kitchen_data.path(), &at, &code, "Kitchen", "Kitchen", "a test").await?;
    Satellite::start(kitchen_data.path(), hub.address())?.online().await
}
