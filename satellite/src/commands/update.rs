//! `update`: fetches the program that the hub has for this satellite. A running satellite changes over by itself; one
//! that does not reach the hub with it within two minutes goes back.

use serde_json::json;
use sotto_satellite::link::fetch_update;

use super::Place;

pub fn run(place: &Place) -> anyhow::Result<()> {
    let config = place.of_the_owner()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fetched = runtime.block_on(async {
        let address = match config.hub.address.as_str() {
            "" => None,
            address => tokio::net::lookup_host(address).await?.next(),
        };
        anyhow::Ok(fetch_update(&config.data, address).await?)
    })?;
    match (place.json, &fetched) {
        (true, _) => super::print(true, &json!({ "fetched": fetched })),
        (false, Some(version)) => println!("{version} is here; the satellite changes over within seconds"),
        (false, None) => println!("the hub has no other program for this satellite"),
    }
    Ok(())
}
