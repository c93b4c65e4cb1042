//! From understood to done: `cargo bench -p sotto-tests --bench act [-- PORT]`.
//!
//! Without a port: a private mosquitto, and the hub switches a lamp on it. With one: an anonymous broker on loopback
//! that a Home Assistant with our package listens to (`tests/home-assistant/check.sh` runs it so); the lamp is then one
//! that Home Assistant switches over MQTT. Prints rows of the table in docs/measurements.md.

use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Timestamp;
use serde_json::json;
use sotto_house::{Acted, Area, SatelliteId, UtteranceId};
use sotto_hub::broker::Broker;
use sotto_hub::config::Config;
use sotto_hub::home::{Address, Home, Settings, Spoken};
use sotto_tests::broker::{Listener, keep};
use tokio_util::sync::CancellationToken;

const COMMANDS: u32 = 500;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // cargo itself gives `--bench`.
    let port = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let port = port.map(|port| port.parse()).transpose()?;
    let data = tempfile::tempdir()?;
    let own = match port {
        None => Some(Broker::start(data.path(), 0).await?),
        Some(_) => None,
    };
    let address = match (&own, port) {
        (Some(broker), _) => broker.address()?,
        (None, port) => {
            Address { host: "127.0.0.1".into(), port: port.unwrap_or(1883), ..Address::default() }
        }
    };
    let stop = CancellationToken::new();
    let settings = Settings::read(&Config::default(), "figures").map_err(anyhow::Error::msg)?;
    let (home, _requests, task) = Home::open(address.clone(), settings, stop.clone());
    home.online().wait_for(|online| *online).await?;

    let lamp = json!({
        "name": null, "unique_id": "figures_lamp", "command_topic": "figures/lamp/set", "optimistic": true,
        "device": {"identifiers": ["figures"], "name": "Figures lamp", "suggested_area": "Kitchen"},
    });
    let discovery = "homeassistant/light/figures/config";
    keep(&address, discovery, &lamp.to_string()).await;
    let there = async {
        while !home.known(|known| {
            let mut lamps = known.things().into_iter().filter(|thing| thing.name == "Figures lamp");
            lamps.any(|lamp| own.is_some() || (known.has_home_assistant() && lamp.id == "light.figures_lamp"))
        }) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // Home Assistant tells what it exposes a moment after it has the lamp itself.
        tokio::time::sleep(Duration::from_secs(if own.is_some() { 0 } else { 3 })).await;
    };
    tokio::time::timeout(Duration::from_secs(60), there).await.context("the lamp is not known")?;

    let mut intents = Listener::on(&address, "sotto/intent/+").await;
    let mut lamp = Listener::on(&address, "figures/lamp/set").await;
    let [mut told, mut acted, mut answered] = [const { Vec::new() }; 3];
    for number in 0..COMMANDS {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        let spoken = Spoken {
            utterance: UtteranceId::from_bytes(id),
            intent: if number % 2 == 0 { "HassTurnOn" } else { "HassTurnOff" }.into(),
            slots: serde_json::Map::from_iter([("name".to_owned(), json!("figures lamp"))]),
            satellite: SatelliteId::new("kitchen")?,
            area: Some(Area::new("Kitchen")?),
            person: None,
            confidence: 1.0,
            language: "en".into(),
            spoken_at: Timestamp::now(),
            deadline: Duration::from_secs(5),
            words: None,
            vouched: false,
        };
        let began = Instant::now();
        let (answer, (), ()) = tokio::join!(
            async {
                let answer = home.carry_out(&spoken, began + Duration::from_secs(5)).await;
                answered.push(began.elapsed());
                answer
            },
            async {
                intents.next().await.expect("the intent is published");
                told.push(began.elapsed());
            },
            async {
                lamp.next().await.expect("the lamp is switched");
                acted.push(began.elapsed());
            },
        );
        anyhow::ensure!(answer.acted == Acted::Published, "command {number}: {answer:?}");
    }
    let by = if own.is_some() { "hub" } else { "Home Assistant" };
    print(&format!("{by} acts: understood → intent at a subscriber"), told);
    print(&format!("{by} acts: understood → command at the lamp"), acted);
    print(&format!("{by} acts: understood → the hub knows what came of it"), answered);
    keep(&address, discovery, "").await;
    stop.cancel();
    task.await?;
    if let Some(broker) = own {
        broker.stop().await;
    }
    Ok(())
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1000.0;
    println!("| {what} | {} | {:.2} | {:.2} | {:.2} |", times.len(), at(0.5), at(0.99), at(1.0));
}
