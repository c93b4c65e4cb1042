//! At 10 % loss and 100 ms of jitter, with packets repeated and reordered, every utterance arrives whole, in
//! order and once.

use std::time::Duration;

use sotto_protocol::EndReason;
use sotto_tests::linked::{Hub, Satellite, assert_whole, collect, packet};
use sotto_tests::relay::{Relay, Weather};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_utterance_arrives_whole_and_in_order() -> anyhow::Result<()> {
    let mut hub = Hub::start()?;
    let (data, _) = hub.pair("Kitchen", "Kitchen").await?;
    let storm = Weather {
        loss: 0.1,
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(100),
        twice: 0.05,
        cut: false,
    };
    let relay = Relay::start(hub.address(), storm, 7).await?;
    let mut satellite = Satellite::start(data.path(), relay.address())?;
    satellite.online().await?;
    let mut said = Vec::new();
    for _ in 0..5 {
        // 1.2 s each, as fast as speech comes.
        let sender = satellite.open()?;
        for sequence in 0..60 {
            assert!(sender.send(packet(sequence)));
            if sequence >= 5 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        sender.end(EndReason::Silence);
        said.push(sender.id());
        let received = collect(&mut hub, |all| all.values().any(|one| one.ended + one.lost > 0)).await?;
        assert_whole(&received[sender.id().bytes()], 60);
        hub.handle.outcome(
            sotto_house::UtteranceId::from_bytes(*sender.id().bytes()),
            sotto_house::Outcome::Done,
            None,
        );
    }
    for id in said {
        let outcome = satellite
            .until(|event| match event {
                sotto_satellite::link::FromHub::Outcome(outcome) => Some(outcome),
                _ => None,
            })
            .await?;
        assert_eq!(outcome.utterance, id, "outcomes come in order too");
    }
    Ok(())
}
