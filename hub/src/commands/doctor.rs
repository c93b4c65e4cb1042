//! `doctor`: what is wrong with this household's Sotto, and what to do about it, one line for each part.
//!
//! Looks from outside (disk, clock, page, multicast, programs) and asks the running hub for what only it knows
//! (satellites and their microphones, broker, engine). Nothing is changed.

mod level;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};

use super::Place;
use crate::config::Config;
use crate::control::ask;

#[derive(clap::Args)]
pub struct Args {
    /// How long to look for hubs and brokers on the network
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    patience: u64,
}

/// Below this much free disk the household should know; below the second, recordings will be lost soon.
const DISK_LOW: f64 = 2.0 * GIB;
const DISK_OUT: f64 = 0.25 * GIB;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
/// Nobody's clock is earlier: when this was written.
const EARLIEST: Duration = Duration::from_secs(1_795_564_800);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fine,
    /// Works, and will not for ever, or not as well as it could.
    Beware,
    Broken,
}

/// One part that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    part: String,
    state: State,
    found: String,
    /// What to do; empty when all is well.
    advice: String,
}

impl Finding {
    fn fine(part: &str, found: impl Into<String>) -> Finding {
        Finding { part: part.into(), state: State::Fine, found: found.into(), advice: String::new() }
    }

    fn beware(part: &str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { part: part.into(), state: State::Beware, found: found.into(), advice: advice.into() }
    }

    fn broken(part: &str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { part: part.into(), state: State::Broken, found: found.into(), advice: advice.into() }
    }
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<ExitCode> {
    let config = place.load()?;
    let data = place.data()?;
    let condition = ask(&data, &json!({ "ask": "condition" }));
    let mut findings = vec![match &condition {
        Ok(condition) => Finding::fine("hub", format!("runs, version {}", text(condition, "version"))),
        Err(error) => Finding::broken("hub", format!("{error:#}"), "start it: systemctl start sotto-hub"),
    }];
    findings.push(clock(SystemTime::now(), synchronised()));
    findings.push(data_directory(&data));
    findings.push(disk(&data));
    // The port that is in use, where the hub says it.
    let listens = condition.as_ref().ok().and_then(|condition| text(condition, "page").parse().ok());
    findings.push(page(listens.unwrap_or(config.web.listen), &data));
    if config.satellites.discovery {
        findings.push(multicast(&config, condition.is_ok(), Duration::from_secs(args.patience)));
    }
    findings.push(voice(&config));
    if let Ok(condition) = &condition {
        findings.push(broker(condition));
        findings.push(models(condition, &data));
        findings.extend(level::satellites(condition));
    }
    let broken = findings.iter().any(|finding| finding.state == State::Broken);
    print(&findings, place.json);
    Ok(ExitCode::from(u8::from(broken)))
}

fn print(findings: &[Finding], json: bool) {
    if json {
        let parts: Vec<Value> = findings
            .iter()
            .map(|finding| {
                let state = format!("{:?}", finding.state).to_lowercase();
                json!({ "part": finding.part, "state": state, "found": finding.found, "advice": finding.advice })
            })
            .collect();
        let ok = findings.iter().all(|finding| finding.state != State::Broken);
        return println!("{}", json!({ "ok": ok, "parts": parts }));
    }
    let wide = findings.iter().map(|finding| finding.part.chars().count()).max().unwrap_or(0);
    for finding in findings {
        let mark = match finding.state {
            State::Fine => "✓",
            State::Beware => "!",
            State::Broken => "✗",
        };
        println!("{mark} {:<wide$}  {}", finding.part, finding.found);
        if !finding.advice.is_empty() {
            println!("  {:<wide$}  → {}", "", finding.advice);
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("?")
}

/// `None`: this machine cannot say.
fn synchronised() -> Option<bool> {
    let asked = Command::new("timedatectl").args(["show", "--property=NTPSynchronized", "--value"]).output();
    match asked.ok()?.stdout.as_slice() {
        b"yes\n" => Some(true),
        b"no\n" => Some(false),
        _ => None,
    }
}

fn clock(now: SystemTime, synchronised: Option<bool>) -> Finding {
    const ADVICE: &str = "install systemd-timesyncd and connect this machine to a time server; certificates, \
                          retention and deadlines go by the clock";
    if now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() < EARLIEST {
        return Finding::broken("clock", "is years behind", ADVICE);
    }
    match synchronised {
        Some(true) => Finding::fine("clock", "is kept right by a time server"),
        Some(false) => Finding::beware("clock", "is not kept right by a time server", ADVICE),
        None => {
            Finding::fine("clock", "is plausible; this machine cannot say whether a time server keeps it")
        }
    }
}

fn data_directory(data: &Path) -> Finding {
    // What cannot be looked at cannot be judged; the hub itself complains of it.
    let mode = data.metadata().map_or(0, |metadata| metadata.permissions().mode());
    match mode & 0o077 {
        0 => Finding::fine("data", format!("{} is closed to others", data.display())),
        _ => Finding::broken(
            "data",
            format!("{} can be read by others on this machine", data.display()),
            format!("chmod 0700 {}", data.display()),
        ),
    }
}

fn disk(data: &Path) -> Finding {
    let free = match nix::sys::statvfs::statvfs(data) {
        Ok(disk) => disk.blocks_available() as f64 * disk.fragment_size() as f64,
        Err(error) => {
            return Finding::broken("disk", error.to_string(), "look at the disk of the data directory");
        }
    };
    let found = format!("{:.1} GiB are free", free / GIB);
    let advice = "make room, keep recordings for less long ([journal] keep), or move the data directory";
    if free < DISK_OUT {
        Finding::broken("disk", found, advice)
    } else if free < DISK_LOW {
        Finding::beware("disk", found, advice)
    } else {
        Finding::fine("disk", found)
    }
}

/// Opens the page as a browser would that trusts this household's authority: port, certificate, name, dates.
fn page(listen: SocketAddr, data: &Path) -> Finding {
    let authority = data.join("web/ca.pem");
    let port = SocketAddr::from(([127, 0, 0, 1], listen.port()));
    let at = if listen.ip().is_unspecified() { port } else { listen };
    match greet(at, &authority) {
        Ok(()) => {
            Finding::fine("page", format!("answers on port {} with a certificate that is good", at.port()))
        }
        Err(Greeting::Closed(error)) => Finding::broken(
            "page",
            format!("nothing answers on {at}: {error}"),
            "start the hub; another [web] listen port if something else has this one",
        ),
        Err(Greeting::Refused(error)) => Finding::broken(
            "page",
            format!("the certificate is no good: {error}"),
            format!(
                "set the clock right; else remove {} and restart the hub: each device has to trust the page anew",
                data.join("web").display()
            ),
        ),
    }
}

enum Greeting {
    Closed(std::io::Error),
    Refused(String),
}

fn greet(at: SocketAddr, authority: &Path) -> Result<(), Greeting> {
    let refused = |error: String| Greeting::Refused(error);
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority).map_err(|error| refused(error.to_string()))? {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(|error| refused(error.to_string()))?;
    let mut session =
        rustls::ClientConnection::new(Arc::new(config), name).map_err(|error| refused(error.to_string()))?;
    let patience = Some(Duration::from_secs(5));
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(5)).map_err(Greeting::Closed)?;
    stream
        .set_read_timeout(patience)
        .and_then(|()| stream.set_write_timeout(patience))
        .map_err(Greeting::Closed)?;
    let mut stream = rustls::Stream::new(&mut session, &mut stream);
    let asked = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answered = asked.and_then(|()| stream.read_exact(&mut [0; 12]));
    answered.map_err(|error| refused(error.to_string()))
}

/// Whether this hub's own announcement comes back over multicast.
fn multicast(config: &Config, running: bool, patience: Duration) -> Finding {
    let advice = "on this machine: let UDP port 5353 in and out; on the access point: switch off “client isolation” \
                  and IGMP filtering; or name the hub's address in each satellite.toml";
    let looked = mdns_sd::ServiceDaemon::new().and_then(|daemon| {
        let events = daemon.browse("_sotto._udp.local.")?;
        let until = std::time::Instant::now() + patience;
        let mut hubs = std::collections::BTreeSet::new();
        while let Ok(event) = events.recv_deadline(until) {
            if let mdns_sd::ServiceEvent::ServiceResolved(service) = event {
                hubs.insert(service.fullname.split('.').next().unwrap_or_default().to_owned());
            }
        }
        let _ = daemon.shutdown();
        Ok(hubs)
    });
    match looked {
        Err(error) => Finding::broken("multicast", error.to_string(), advice),
        Ok(hubs) if hubs.is_empty() && running => Finding::broken(
            "multicast",
            format!("the hub {:?} is not seen on the network", config.hub.name),
            advice,
        ),
        Ok(hubs) if hubs.is_empty() => Finding::fine("multicast", "can be used; no hub is announced"),
        Ok(hubs) => Finding::fine("multicast", format!("{} hubs are seen on the network", hubs.len())),
    }
}

fn voice(config: &Config) -> Finding {
    let program = if config.voice.piper.as_os_str().is_empty() { "espeak-ng" } else { "piper" };
    let there = Command::new(program).arg("--version").output().is_ok();
    match (there, config.voice.piper.as_os_str().is_empty() || config.voice.piper.exists()) {
        (true, true) => Finding::fine("voice", format!("{program} speaks")),
        (false, _) => Finding::beware(
            "voice",
            format!("there is no {program}; the hub answers with sounds alone"),
            format!("install {program}"),
        ),
        (true, false) => Finding::broken(
            "voice",
            format!("{} is not there", config.voice.piper.display()),
            "put the voice's .onnx and .onnx.json there, or empty piper in [voice]",
        ),
    }
}

fn broker(condition: &Value) -> Finding {
    let at = text(condition, "broker");
    match condition["broker_up"] == true {
        true => Finding::fine("broker", format!("{at} answers")),
        false => Finding::broken(
            "broker",
            format!("{at} does not answer; commands are refused until it does"),
            "look at [mqtt] address, user and password_file, and whether the broker runs",
        ),
    }
}

fn models(condition: &Value, data: &Path) -> Finding {
    let (engine, model) = (text(condition, "engine"), text(condition, "model"));
    let wake = std::fs::read_dir(data.join("wake"))
        .map(|files| {
            files
                .flatten()
                .filter(|file| file.path().extension().is_some_and(|kind| kind == "tflite"))
                .count()
        })
        .unwrap_or(0);
    let found = format!("{engine} hears with {model}; {wake} wake models for a second look");
    match engine {
        "phrase" => Finding::beware(
            "models",
            found,
            "understands the house's own sentences only; for free speech: sotto-hub models pull base.en",
        ),
        _ => Finding::fine("models", found),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn the_clock_is_judged() {
        let later = SystemTime::UNIX_EPOCH + EARLIEST + Duration::from_secs(60);
        for (now, synchronised, expect) in [
            (SystemTime::UNIX_EPOCH, None, State::Broken),
            (later, Some(true), State::Fine),
            (later, Some(false), State::Beware),
            (later, None, State::Fine),
        ] {
            assert_eq!(clock(now, synchronised).state, expect, "{synchronised:?}");
        }
    }

    #[test]
    fn an_open_data_directory_and_a_silent_page_are_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o750)).unwrap();
        let open = data_directory(folder.path());
        assert_eq!((open.state, open.advice.starts_with("chmod 0700")), (State::Broken, true));
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        assert_eq!(data_directory(folder.path()).state, State::Fine);
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let silent = page(port, folder.path());
        assert_eq!(silent.state, State::Broken, "{silent:?}");
        assert!(!disk(folder.path()).found.is_empty());
    }

    #[test]
    fn what_the_hub_says_of_broker_and_engine_is_judged() {
        let condition =
            json!({ "broker": "nas:1883", "broker_up": false, "engine": "phrase", "model": "en-us" });
        let found = broker(&condition);
        assert_eq!(found.state, State::Broken);
        assert!(found.found.starts_with("nas:1883 does not answer"), "{}", found.found);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(models(&condition, folder.path()).state, State::Beware);
    }
}
