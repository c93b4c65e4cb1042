//! Nothing but pairing is possible before pairing, and pairing takes the code.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use sotto_hub::satellites::CodeState;
use sotto_protocol::*;
use sotto_satellite::link::{FromHub, HubAddress, Link, pair_with};
use sotto_tests::linked::{Hub, Satellite, link_config};

/// Tries the hub's code as `typed`; what the person at the satellite reads, or the satellite's id.
async fn attempt(hub: &Hub, typed: &Code) -> (Result<String, String>, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let at = HubAddress::At(hub.address().to_string());
    let paired = pair_with(data.path(), &at, typed, "Kitchen", "Kitchen", "a test").await;
    tokio::time::sleep(Duration::from_millis(1050)).await;
    (paired.map(|pin| pin.satellite).map_err(|error| error.to_string()), data)
}

#[tokio::test]
async fn the_right_code_pairs_once_and_the_satellite_connects() -> anyhow::Result<()> {
    let mut hub = Hub::start()?;
    let none = "0000 0000".parse()?;
    assert!(attempt(&hub, &none).await.0.is_err_and(|error| error.contains("no pairing code is waiting")));
    let code = hub.handle.begin_pairing()?;
    let (paired, data) = attempt(&hub, &code).await;
    let id = paired.map_err(anyhow::Error::msg)?;
    assert_eq!(hub.handle.code_state(), CodeState::Used);
    assert!(attempt(&hub, &code).await.0.is_err(), "a code pairs one satellite");
    assert_eq!(hub.handle.list().len(), 1);

    let mut satellite = Satellite::start(data.path(), hub.address())?;
    satellite.online().await?;
    let connected = hub
        .until(|event| match event {
            sotto_hub::satellites::FromSatellite::Connected(satellite) => Some(satellite.clone()),
            _ => None,
        })
        .await?;
    assert_eq!(connected.id.as_str(), id);
    assert_eq!(connected.area.as_ref().map(|area| area.as_str()), Some("Kitchen"));
    assert!(hub.handle.list()[0].connected.is_some());
    Ok(())
}

#[tokio::test]
async fn five_wrong_tries_burn_the_code() -> anyhow::Result<()> {
    let hub = Hub::start()?;
    let code = hub.handle.begin_pairing()?;
    let wrong: Code = if code.to_string() == "1111 1111" { "2222 2222" } else { "1111 1111" }.parse()?;
    for _ in 0..5 {
        assert!(attempt(&hub, &wrong).await.0.is_err_and(|error| error.contains("code is wrong")));
    }
    assert!(attempt(&hub, &code).await.0.is_err_and(|error| error.contains("too many wrong tries")));
    assert_eq!(hub.handle.code_state(), CodeState::Burnt);
    assert!(hub.handle.list().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_stranger_is_told_to_pair_and_gets_nothing_else() -> anyhow::Result<()> {
    let hub = Hub::start()?;
    let stranger = Identity::fleeting()?;
    let endpoint = quinn::Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let client = quic_client(&stranger, None, ALPN)?;
    let connection = endpoint.connect_with(client, hub.address(), "sotto.local")?.await?;
    let quinn::ConnectionError::ApplicationClosed(close) = connection.closed().await else {
        panic!("closed in another way")
    };
    assert_eq!(close.error_code.into_inner(), ErrorCode::NotPaired as u64);
    assert_eq!(close.reason.as_ref(), b"pair this satellite with the hub first");
    Ok(())
}

#[tokio::test]
async fn a_satellite_without_a_certificate_gets_no_connection() -> anyhow::Result<()> {
    let hub = Hub::start()?;
    let mut tls = client_tls(&Identity::fleeting()?, None, ALPN)?;
    tls.client_auth_cert_resolver = Arc::new(rustls::client::AlwaysResolvesClientRawPublicKeys::new(
        Arc::new(rustls::sign::CertifiedKey::new(Vec::new(), Arc::new(NoKey))),
    ));
    let endpoint = quinn::Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let client = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let connected = endpoint.connect_with(client, hub.address(), "sotto.local")?.await;
    if let Ok(connection) = connected {
        assert!(matches!(connection.closed().await, quinn::ConnectionError::ConnectionClosed(_)));
    }
    Ok(())
}

/// A key that signs nothing.
#[derive(Debug)]
struct NoKey;

impl rustls::sign::SigningKey for NoKey {
    fn choose_scheme(&self, _: &[rustls::SignatureScheme]) -> Option<Box<dyn rustls::sign::Signer>> {
        None
    }

    fn algorithm(&self) -> rustls::SignatureAlgorithm {
        rustls::SignatureAlgorithm::ECDSA
    }
}

/// Somebody between satellite and hub: TLS with each, and every pairing message handed on unchanged.
async fn man_in_the_middle(hub: SocketAddr) -> anyhow::Result<SocketAddr> {
    let identity = Identity::fleeting()?;
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let near = quinn::Endpoint::server(quic_server(&identity, &[ALPN_PAIR])?, local)?;
    let address = near.local_addr()?;
    tokio::spawn(async move {
        while let Some(incoming) = near.accept().await {
            let from_satellite = incoming.await?;
            let far = quinn::Endpoint::client(local)?;
            let client = quic_client(&identity, None, ALPN_PAIR)?;
            let to_hub = far.connect_with(client, hub, "sotto.local")?.await?;
            let (mut up, mut answers) = to_hub.open_bi().await?;
            let (mut down, mut questions) = from_satellite.accept_bi().await?;
            let upward = tokio::io::copy(&mut questions, &mut up);
            let downward = tokio::io::copy(&mut answers, &mut down);
            let _ = tokio::join!(upward, downward);
        }
        anyhow::Ok(())
    });
    Ok(address)
}

#[tokio::test]
async fn a_man_in_the_middle_who_hands_everything_on_pairs_nobody() -> anyhow::Result<()> {
    let hub = Hub::start()?;
    let code = hub.handle.begin_pairing()?;
    let middle = HubAddress::At(man_in_the_middle(hub.address()).await?.to_string());
    let data = tempfile::tempdir()?;
    let paired = pair_with(data.path(), &middle, &code, "Kitchen", "Kitchen", "a test").await;
    let said = paired.expect_err("paired through a man in the middle").to_string();
    assert!(said.contains("code is wrong"), "{said}");
    assert!(hub.handle.list().is_empty());
    assert!(!data.path().join("hub.json").exists());
    Ok(())
}

/// He shows the satellite a hub of his own, and the hub a satellite of his own, with the code that he guesses.
#[tokio::test]
async fn a_man_in_the_middle_who_answers_himself_has_one_guess_and_learns_nothing() -> anyhow::Result<()> {
    let hub = Hub::start()?;
    let code = hub.handle.begin_pairing()?;
    let guess: Code = if code.to_string() == "1111 1111" { "2222 2222" } else { "1111 1111" }.parse()?;
    let identity = Identity::fleeting()?;
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let false_hub = quinn::Endpoint::server(quic_server(&identity, &[ALPN_PAIR])?, local)?;
    let at = HubAddress::At(false_hub.local_addr()?.to_string());
    let guessing = guess.clone();
    let attack = tokio::spawn(async move {
        let satellite = false_hub.accept().await.expect("the satellite dials").await?;
        let fingerprint = peer_fingerprint(satellite.peer_identity()).expect("it shows a certificate");
        let ends = Ends { satellite: fingerprint, hub: identity.fingerprint() };
        let (mut send, receive) = satellite.accept_bi().await?;
        let own = Peer { id: "hub-false".into(), name: "Home".into(), ..Peer::default() };
        let exchanged =
            pair_answering(receive, &mut send, Side::Hub, || Ok(guessing), ends, &own, |_| Ok(())).await;
        anyhow::Ok(exchanged.map(|_| ()))
    });
    let data = tempfile::tempdir()?;
    let paired = pair_with(data.path(), &at, &code, "Kitchen", "Kitchen", "a test").await;
    assert!(paired.is_err(), "the satellite took a false hub for its own");
    assert!(attack.await??.is_err(), "the false hub took a wrong guess for right");
    assert!(!data.path().join("hub.json").exists());
    // The code was not given away, and is still good.
    assert!(matches!(hub.handle.code_state(), CodeState::Waiting { .. }));
    assert!(attempt(&hub, &guess).await.0.is_err());
    assert!(attempt(&hub, &code).await.0.is_ok());
    Ok(())
}

#[tokio::test]
async fn a_code_may_be_tried_once_a_second() -> anyhow::Result<()> {
    let hub = Hub::start()?;
    let code = hub.handle.begin_pairing()?;
    let wrong: Code = if code.to_string() == "1111 1111" { "2222 2222" } else { "1111 1111" }.parse()?;
    let at = HubAddress::At(hub.address().to_string());
    let data = tempfile::tempdir()?;
    let tries = (0..4).map(|_| pair_with(data.path(), &at, &wrong, "Kitchen", "Kitchen", "a test"));
    let mut refused = Vec::new();
    for attempt in tries {
        refused.push(attempt.await.expect_err("a wrong code pairs").to_string());
    }
    assert!(refused[0].contains("code is wrong"), "{refused:?}");
    assert!(refused[1..].iter().any(|why| why.contains("wait")), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn keys_are_made_on_the_device_and_private() -> anyhow::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let hub = Hub::start()?;
    let (data, _) = hub.pair("Kitchen", "Kitchen").await?;
    for file in
        [hub.data.path().join("identity.pem"), data.path().join("identity.pem"), data.path().join("hub.json")]
    {
        assert_eq!(std::fs::metadata(&file)?.mode() & 0o777, 0o600, "{}", file.display());
    }
    Ok(())
}

/// The other way round: the satellite shows the code, and the hub that was told it dials. Needs multicast on
/// some interface, which a machine without network has not.
#[tokio::test]
async fn a_found_satellite_is_paired_by_the_code_that_it_shows() -> anyhow::Result<()> {
    let hub = Hub::start_with(|config| {
        config.discovery = true;
        config.listen = SocketAddr::from(([0, 0, 0, 0], 0));
    })?;
    let data = tempfile::tempdir()?;
    let (_handle, mut events) = Link::spawn(link_config(
        data.path(),
        Some(SocketAddr::from(([127, 0, 0, 1], hub.address().port()))),
    ))?;
    let Some(FromHub::Unpaired { code }) = events.recv().await else { panic!("no code is shown") };
    let mut waited = 0;
    let found = loop {
        if let Some(found) = hub.handle.found().into_iter().find(|found| found.hardware == "a test") {
            break found;
        }
        waited += 1;
        if waited > 50 {
            eprintln!("SKIPPED: multicast does not pass on this machine, so the satellite was not found");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let wrong: Code = if code.to_string() == "1111 1111" { "2222 2222" } else { "1111 1111" }.parse()?;
    assert!(hub.handle.pair_found(&found.id, &wrong, None, None).await.is_err());
    tokio::time::sleep(Duration::from_millis(1050)).await;
    let area = sotto_house::Area::new("Kitchen").ok();
    let paired = hub.handle.pair_found(&found.id, &code, Some("Shelf"), area).await?;
    assert_eq!(paired.name, "Shelf");
    let mut seen = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(10), events.recv()).await {
        let online = matches!(event, FromHub::Online { .. });
        seen.push(format!("{event:?}"));
        if online {
            return Ok(());
        }
    }
    panic!("the satellite did not come online: {seen:?}");
}
