//! A household has a broker already: with TLS and an authority of its own, with client certificates, or found by what it
//! advertises.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mdns_sd::{ServiceDaemon, ServiceInfo};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;
use sotto_house::Acted;
use sotto_hub::config::Config;
use sotto_hub::home::{Address, Command as Intent, Home};
use sotto_tests::broker::Listener;
use sotto_tests::data;
use sotto_tests::lan::{Lan, Machine};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// How long a stranger knocks; a friend is let in within a tenth of that.
const KNOCKING: Duration = Duration::from_millis(1500);

/// A mosquitto of the household's, stopped when it goes out of scope.
struct Mosquitto(Child);

impl Mosquitto {
    /// Runs with this configuration in `folder`.
    fn start(folder: &Path, configuration: &str) -> Mosquitto {
        let file = folder.join("mosquitto.conf");
        std::fs::write(&file, format!("user root\npersistence false\n{configuration}")).expect("a file");
        let mut command = Command::new("mosquitto");
        let usual = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
        command.env("PATH", usual).arg("-c").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
        Mosquitto(command.spawn().expect("mosquitto"))
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A certificate authority, as a household makes one with openssl.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let folder = tempfile::tempdir().expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the household");
        let certificate = params.self_signed(&key).expect("a certificate");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("a file");
        Authority { folder, issuer: Issuer::new(params, key) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes `NAME.pem` and `NAME.key`, for these names.
    fn certify(&self, name: &str, names: &[&str]) {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        std::fs::write(self.file(&format!("{name}.pem")), certificate.pem()).expect("a file");
        std::fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).expect("a file");
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr()).expect("a port").port()
}

/// What `[mqtt]` says.
fn address(mqtt: &str) -> Address {
    let config = Config::parse(&format!("[mqtt]\n{mqtt}"), "hub.toml").expect("a configuration");
    Address::of(&config.mqtt).expect("usable files").expect("a broker is named")
}

/// Whether a hub that is so configured is let in within `time`; it then says something.
async fn is_let_in(mqtt: &str, time: Duration) -> bool {
    let stop = CancellationToken::new();
    let (home, task) = Home::connect(address(mqtt), "test", stop.clone());
    let mut online = home.online();
    let let_in = tokio::time::timeout(time, online.wait_for(|now| *now)).await.is_ok();
    if let_in {
        let intent = Intent { intent: "HassTurnOn".into(), payload: json!({ "mqtt": mqtt }) };
        let said = home.publish(&intent, Instant::now() + Duration::from_secs(20)).await;
        assert_eq!(said, Acted::Published);
    }
    stop.cancel();
    task.await.expect("it does not panic");
    let_in
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_the_right_broker_is_believed_and_only_known_hubs_are_let_in() {
    if !data::has_program("mosquitto", "a broker with TLS") {
        return;
    }
    let (house, stranger) = (Authority::new(), Authority::new());
    house.certify("broker", &["localhost"]);
    house.certify("hub", &["hub"]);
    stranger.certify("hub", &["hub"]);
    let passwords = house.file("passwords");
    std::fs::write(&passwords, "hub:a good one\n").unwrap();
    let hashed = Command::new("mosquitto_passwd").arg("-U").arg(&passwords).status();
    assert!(hashed.is_ok_and(|status| status.success()));
    std::fs::write(house.file("password"), "a good one\n").unwrap();
    std::fs::write(house.file("guess"), "a guess\n").unwrap();
    let (with_password, with_certificate, clear) = (free_port(), free_port(), free_port());
    let tls = format!(
        "certfile {}\nkeyfile {}\ncafile {}\n",
        house.file("broker.pem").display(),
        house.file("broker.key").display(),
        house.file("ca.pem").display()
    );
    let _broker = Mosquitto::start(
        house.folder.path(),
        &format!(
            "per_listener_settings true\n\
             listener {with_password} 127.0.0.1\nallow_anonymous false\npassword_file {}\n{tls}\
             listener {with_certificate} 127.0.0.1\nallow_anonymous false\nrequire_certificate true\n\
             use_identity_as_username true\n{tls}\
             listener {clear} 127.0.0.1\nallow_anonymous true\n",
            passwords.display()
        ),
    );
    let plain = Address { host: "127.0.0.1".into(), port: clear, ..Address::default() };
    let mut listener = Listener::on(&plain, "sotto/intent/#").await;

    let ca = |authority: &Authority| format!("tls = true\nca_file = {:?}\n", authority.file("ca.pem"));
    let password = |file: &str| format!("user = \"hub\"\npassword_file = {:?}\n", house.file(file));
    let by_password = format!("address = \"localhost:{with_password}\"\n");
    let right = format!("{by_password}{}{}", ca(&house), password("password"));
    assert!(is_let_in(&right, Duration::from_secs(20)).await);
    assert!(listener.next().await.unwrap().payload.contains("localhost"));
    for wrong in [
        format!("{by_password}{}{}", ca(&house), password("guess")),
        // Somebody else's broker, for all the hub knows.
        format!("{by_password}{}{}", ca(&stranger), password("password")),
        format!("address = \"127.0.0.1:{with_password}\"\n{}{}", ca(&house), password("password")),
        // In the clear.
        format!("{by_password}{}", password("password")),
    ] {
        assert!(!is_let_in(&wrong, KNOCKING).await, "{wrong}");
    }

    let by_certificate = format!("address = \"localhost:{with_certificate}\"\n{}", ca(&house));
    let own = |authority: &Authority| {
        let (certificate, key) = (authority.file("hub.pem"), authority.file("hub.key"));
        format!("certificate_file = {certificate:?}\nkey_file = {key:?}\n")
    };
    assert!(is_let_in(&format!("{by_certificate}{}", own(&house)), Duration::from_secs(20)).await);
    assert!(listener.next().await.unwrap().payload.contains("hub.pem"));
    assert!(!is_let_in(&by_certificate, KNOCKING).await, "it has none");
    assert!(
        !is_let_in(&format!("{by_certificate}{}", own(&stranger)), KNOCKING).await,
        "it has somebody else's"
    );
    assert!(listener.so_far().is_empty());
}

/// Advertises a broker as avahi does: with the machine's name and address.
fn advertise(machine: &Machine, ip: &str, port: u16) -> ServiceDaemon {
    let ip: IpAddr = ip.parse().expect("an address");
    machine.run(async move {
        let daemon = ServiceDaemon::new().expect("a daemon");
        let service = ServiceInfo::new(
            "_mqtt._tcp.local.",
            "Mosquitto",
            "broker.local.",
            ip,
            port,
            HashMap::<String, String>::new(),
        );
        daemon.register(service.expect("a service")).expect("it is registered");
        daemon
    })
}

fn mosquitto_on(machine: &Machine, folder: &Path, port: u16) -> Mosquitto {
    let folder = folder.to_owned();
    let configuration = format!("listener {port}\nallow_anonymous true\n");
    machine.run(async move { Mosquitto::start(&folder, &configuration) })
}

#[test]
fn a_broker_is_found_whenever_it_comes_and_wherever_it_goes() {
    let story = "a broker is found by mDNS";
    if !data::has_program("mosquitto", story) {
        return;
    }
    let Some(lan) = Lan::or_skip(story) else { return };
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = lan.machine("broker", &["10.8.0.1/24"]);
    let hub = lan.machine("hub", &["10.8.0.2/24"]);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    // The hub is there first, and does not mind.
    let home = hub.run(async move { Home::connect(address("address = \"mdns\""), "test", stopped).0 });
    assert!(!home.is_online());
    let broker = mosquitto_on(&server, first.path(), 1883);
    let told = advertise(&server, "10.8.0.1", 1883);
    let waiting = home.clone();
    let until = move |online: bool| {
        let home = waiting.clone();
        async move {
            let mut state = home.online();
            let reached =
                tokio::time::timeout(Duration::from_secs(60), state.wait_for(|now| *now == online)).await;
            reached.expect("in time").expect("home lives");
        }
    };
    hub.run(until(true));

    // It moves to another machine and another port.
    let gone = told.unregister("Mosquitto._mqtt._tcp.local.").expect("it was there");
    let _ = gone.recv_timeout(Duration::from_secs(5));
    let _ = told.shutdown();
    drop(broker);
    hub.run(until(false));
    let other = lan.machine("other", &["10.8.0.3/24"]);
    let _broker = mosquitto_on(&other, second.path(), 1999);
    let _told = advertise(&other, "10.8.0.3", 1999);
    hub.run(until(true));
    stop.cancel();
}
