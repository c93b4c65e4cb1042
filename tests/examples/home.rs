//! A hub's home without ears, for checks on a real Home Assistant: one command a line in, what came of it out.
//!
//! `cargo run -p sotto-tests --example home -- PORT [SENTENCES]` · `satellite ID AREA`, `forget ID`,
//! `say INTENT JSON`, `speak LANGUAGE TEXT` (understood with the built-in sentences, those in SENTENCES, and the names
//! of the house), `heard INTENT`, `known`; requests of Home Assistant are printed as they come.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sotto_house::{Acted, Area, Outcome, SatelliteId, UtteranceId};
use sotto_hub::config::Config;
use sotto_hub::home::{
    self, Activity, Address, Heard, Home, HubState, SatelliteDevice, SatelliteState, Settings, Spoken,
};
use sotto_hub::understanding::{Understanding, Where};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let port = args.next().ok_or_else(|| anyhow::anyhow!("give the broker's port"))?.parse()?;
    let sentences = args.map(PathBuf::from).collect();
    let config = Config {
        understanding: sotto_hub::config::Understanding { sentences, ..Default::default() },
        ..Config::default()
    };
    let understanding = Understanding::open(&config, Path::new("/nonexistent"))?;
    let address = Address { host: "127.0.0.1".into(), port, ..Address::default() };
    let stop = CancellationToken::new();
    let settings = Settings::read(&config, "check").map_err(anyhow::Error::msg)?;
    let (home, mut requests, task) = Home::open(address, settings, stop.clone());
    home.hub_state(&HubState {
        healthy: Some(true),
        engine: Some("phrase".into()),
        queue: Some(0),
        satellites: Some(1),
    });
    home.page("https://sotto.local:8443");
    let (lines, mut read) = tokio::sync::mpsc::channel(8);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    home.online().wait_for(|now| *now).await?;
    println!("online");
    let mut count = 0;
    loop {
        tokio::select! {
            Some(request) = requests.recv() => println!("request {request:?}"),
            line = read.recv() => match line {
                Some(line) => {
                    count += 1;
                    command(&home, &understanding, &line, count).await?;
                }
                None => break,
            },
        }
    }
    stop.cancel();
    Ok(task.await?)
}

async fn command(home: &Home, understanding: &Understanding, line: &str, count: u8) -> anyhow::Result<()> {
    let mut words = line.splitn(3, ' ');
    let (what, first, rest) = (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or("{}"));
    match what {
        Some("satellite") => {
            let id = SatelliteId::new(first)?;
            home.satellite(&SatelliteDevice {
                id: id.clone(),
                name: format!("{rest} satellite"),
                area: Some(Area::new(rest)?),
                version: "0.1.0".into(),
                wake_words: Some(vec!["okay_nabu".into(), "alexa".into()]),
            });
            home.satellite_state(
                &id,
                &SatelliteState {
                    online: Some(true),
                    activity: Some(Activity::Idle),
                    muted: Some(false),
                    volume: Some(60),
                    sensitivity: Some(50),
                    wake_word: Some(Some("okay_nabu".into())),
                    signal: Some(-58),
                    false_wakes: Some(0),
                },
            );
        }
        Some("forget") => home.forget_satellite(&SatelliteId::new(first)?),
        Some("heard") => {
            home.heard(&Heard {
                satellite: SatelliteId::new("kitchen")?,
                outcome: Outcome::Done,
                intent: Some(first.to_owned()),
                slots: Map::new(),
                area: Some(Area::new("Kitchen")?),
                person: None,
                confidence: 1.0,
                words: None,
            })
            .await;
        }
        Some("say") => {
            let slots: Value = serde_json::from_str(rest)?;
            let slots = slots.as_object().cloned().unwrap_or_default();
            carry_out(home, first, slots, "en", [count; 16], |answer| answer).await?;
        }
        Some("speak") => {
            understanding.rename(&home.known(home::names));
            let kitchen = Area::new("Kitchen")?;
            let said = Where { area: Some(&kitchen), satellite: "kitchen", language: first, own_room: None };
            match understanding.understand(&[rest], said) {
                Err(unsure) => println!("answer NotUnderstood {unsure:?}"),
                Ok(commands) => {
                    for (index, command) in commands.iter().enumerate() {
                        let slots =
                            command.slots.iter().map(|slot| (slot.name.clone(), slot.value.to_json()));
                        let own = || understanding.answer(command, first, &home.known(home::names));
                        let id = [count + 100 * index as u8; 16];
                        carry_out(home, &command.intent, slots.collect(), first, id, |said| {
                            said.or_else(own)
                        })
                        .await?;
                    }
                }
            }
        }
        Some("known") => {
            let names = home.known(home::names);
            let names: Vec<&str> = names.entities.iter().map(|entity| entity.id.as_str()).collect();
            println!("known {}", json!(names));
        }
        _ => println!("unknown command"),
    }
    Ok(())
}

async fn carry_out(
    home: &Home,
    intent: &str,
    slots: Map<String, Value>,
    language: &str,
    id: [u8; 16],
    response: impl FnOnce(Option<String>) -> Option<String>,
) -> anyhow::Result<()> {
    let shown = json!(slots);
    let spoken = Spoken {
        utterance: UtteranceId::from_bytes(id),
        intent: intent.to_owned(),
        slots,
        satellite: SatelliteId::new("kitchen")?,
        area: Some(Area::new("Kitchen")?),
        person: None,
        confidence: 1.0,
        language: language.to_owned(),
        spoken_at: Timestamp::now(),
        deadline: Duration::from_secs(5),
        words: None,
        vouched: false,
    };
    let began = Instant::now();
    let answer = home.carry_out(&spoken, began + Duration::from_secs(5)).await;
    let ms = began.elapsed().as_secs_f64() * 1000.0;
    let speech = match answer.acted {
        Acted::Published => response(answer.speech),
        _ => answer.speech,
    };
    println!("answer {:?} {ms:.1} ms {} | {intent} {shown}", answer.acted, speech.unwrap_or_default());
    Ok(())
}
