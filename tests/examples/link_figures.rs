//! The link's figures: `cargo run -p sotto-tests --example link_figures`. The two programs, stopped and killed; then
//! real QUIC over the tests' relay on loopback. Prints the table that stands in docs/measurements.md.

use std::time::{Duration, Instant};

use sotto_hub::satellites::FromSatellite;
use sotto_protocol::EndReason;
use sotto_tests::household::Household;
use sotto_tests::linked::{Hub, Satellite, packet};
use sotto_tests::relay::{Relay, Weather};

/// The value below which `share` of them lie, in milliseconds.
fn quantile(times: &mut [Duration], share: f64) -> f64 {
    times.sort();
    let index = ((times.len() - 1) as f64 * share).round() as usize;
    times[index].as_secs_f64() * 1000.0
}

fn print(what: &str, mut times: Vec<Duration>) {
    let count = times.len();
    let [median, p95, worst] = [0.5, 0.95, 1.0].map(|share| quantile(&mut times, share));
    println!("| {what} | {count} | {median:.1} | {p95:.1} | {worst:.1} |");
}

fn main() -> anyhow::Result<()> {
    println!("| what, in milliseconds | times | median | 95 % | most |\n|---|---|---|---|---|");
    for signal in ["TERM", "KILL"] {
        restarts(signal);
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        handshakes().await?;
        first_bytes().await?;
        for loss in [0.0, 0.02, 0.05, 0.1] {
            added_delay(loss).await?;
        }
        Ok(())
    })
}

/// From the new hub's saying that it is ready to its saying that the satellite is connected.
fn restarts(signal: &str) {
    let mut house = Household::start("");
    let satellite = house.satellite("kitchen", "Kitchen", "trigger = \"speech\"\n");
    let _running = satellite.run_in_silence();
    house.hub.event("connected");
    let mut times = Vec::new();
    for _ in 0..10 {
        // Longer than a connection takes to count as a good one.
        std::thread::sleep(Duration::from_secs(6));
        house.hub.signal(signal);
        house.hub.wait();
        house.restart();
        let began = Instant::now();
        house.hub.event("connected");
        times.push(began.elapsed());
    }
    print(&format!("hub ended by SIG{signal}, new one ready → satellite connected"), times);
}

/// From nothing to the hub's answer to the hello, keys read from disk.
async fn handshakes() -> anyhow::Result<()> {
    let mut hub = Hub::start()?;
    let (data, _) = hub.pair("Kitchen", "Kitchen").await?;
    let mut times = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        let mut satellite = Satellite::start(data.path(), hub.address())?;
        satellite.online().await?;
        times.push(began.elapsed());
        drop(satellite);
        hub.until(|event| matches!(event, FromSatellite::Disconnected { .. }).then_some(())).await?;
    }
    print("satellite starts → hello answered", times);
    Ok(())
}

/// From the opening of an utterance to its first packet at the hub.
async fn first_bytes() -> anyhow::Result<()> {
    let mut hub = Hub::start()?;
    let (data, _) = hub.pair("Kitchen", "Kitchen").await?;
    let mut satellite = Satellite::start(data.path(), hub.address())?;
    satellite.online().await?;
    let mut times = Vec::new();
    // The hub takes 32 utterances a minute from one satellite, and no more.
    for _ in 0..30 {
        let began = Instant::now();
        let sender = satellite.open()?;
        (0..75).for_each(|sequence| assert!(sender.send(packet(sequence))));
        hub.until(|event| matches!(event, FromSatellite::Audio { .. }).then_some(())).await?;
        times.push(began.elapsed());
        sender.end(EndReason::Silence);
        hub.until(|event| matches!(event, FromSatellite::UtteranceEnded { .. }).then_some(())).await?;
        let id = sotto_house::UtteranceId::from_bytes(*sender.id().bytes());
        hub.handle.outcome(id, sotto_house::Outcome::Done, None);
        // At the pace the hub reads a satellite on average, so that the figure is not that of a flood.
        tokio::time::sleep(Duration::from_millis(800)).await;
        while satellite.events.try_recv().is_ok() {}
    }
    print("wake → first packet at the hub", times);
    Ok(())
}

/// How much later a packet arrives than it was spoken, at 10 ms of delay and 20 ms of jitter each way.
async fn added_delay(loss: f64) -> anyhow::Result<()> {
    let mut hub = Hub::start()?;
    let (data, _) = hub.pair("Kitchen", "Kitchen").await?;
    let weather = Weather {
        loss,
        delay: Duration::from_millis(10),
        jitter: Duration::from_millis(20),
        ..Weather::default()
    };
    let relay = Relay::start(hub.address(), weather, 42).await?;
    let mut satellite = Satellite::start(data.path(), relay.address())?;
    satellite.online().await?;
    let mut times = Vec::new();
    let mut ends = Vec::new();
    for _ in 0..15 {
        let sender = satellite.open()?;
        let speaking = async {
            let mut spoken = Vec::new();
            let mut tick = tokio::time::interval(Duration::from_millis(20));
            for sequence in 0..100 {
                tick.tick().await;
                spoken.push(Instant::now());
                sender.send(packet(sequence));
            }
            sender.end(EndReason::Silence);
            (spoken, Instant::now())
        };
        let hearing = async {
            let mut heard = Vec::new();
            loop {
                match hub.next().await? {
                    FromSatellite::Audio { .. } => heard.push(Instant::now()),
                    FromSatellite::UtteranceEnded { .. } => return anyhow::Ok((heard, Instant::now())),
                    _ => {}
                }
            }
        };
        let ((spoken, ended), heard) = tokio::join!(speaking, hearing);
        let (heard, end_heard) = heard?;
        times.extend(heard.iter().zip(&spoken).map(|(heard, spoken)| heard.duration_since(*spoken)));
        ends.push(end_heard.duration_since(ended));
        let id = sotto_house::UtteranceId::from_bytes(*sender.id().bytes());
        hub.handle.outcome(id, sotto_house::Outcome::Done, None);
    }
    let percent = loss * 100.0;
    print(&format!("packet spoken → heard, {percent} % loss"), times);
    print(&format!("end spoken → heard, {percent} % loss"), ends);
    Ok(())
}
