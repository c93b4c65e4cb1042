//! Where the hub is: as configured, as mDNS tells, or where it was last.

use std::collections::HashMap;
use std::net::{SocketAddr, SocketAddrV6};
use std::time::Duration;

use mdns_sd::{ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent};
use sotto_protocol::{DEFAULT_PORT, Fingerprint, HUB_SERVICE, HubRecord};
use tokio::sync::watch;

/// Hubs that are remembered; anybody on the network can announce some.
const MOST: usize = 64;

/// A hub that announces itself. What it says is a hint: the pinned certificate decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub id: String,
    pub name: String,
    pub fingerprint: Fingerprint,
    pub addresses: Vec<SocketAddr>,
}

/// Watches for hubs until it is dropped.
pub struct Finder {
    daemon: ServiceDaemon,
    hubs: watch::Receiver<Vec<Found>>,
}

impl Finder {
    pub fn start() -> Result<Finder, mdns_sd::Error> {
        let daemon = ServiceDaemon::new()?;
        let events = daemon.browse(HUB_SERVICE)?;
        let (sender, hubs) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let mut found: HashMap<String, Found> = HashMap::new();
            while let Ok(event) = events.recv_async().await {
                match event {
                    ServiceEvent::ServiceResolved(service) => {
                        let Some(hub) = read(&service) else { continue };
                        if found.len() >= MOST && !found.contains_key(&service.fullname) {
                            continue;
                        }
                        found.insert(service.fullname.clone(), hub);
                    }
                    ServiceEvent::ServiceRemoved(_, fullname) => {
                        found.remove(&fullname);
                    }
                    _ => continue,
                }
                let hubs = each_once(found.values().cloned().collect());
                sender.send_if_modified(|old| {
                    let changed = *old != hubs;
                    *old = hubs;
                    changed
                });
            }
        });
        Ok(Finder { daemon, hubs })
    }

    pub fn hubs(&self) -> Vec<Found> {
        self.hubs.borrow().clone()
    }

    /// Where the hub with this certificate says it is.
    pub fn addresses_of(&self, hub: Fingerprint) -> Vec<SocketAddr> {
        let hubs = self.hubs.borrow();
        hubs.iter()
            .filter(|found| found.fingerprint == hub)
            .flat_map(|found| found.addresses.clone())
            .collect()
    }

    /// Returns when that hub shows itself where it was not `known` to be, or again after a goodbye.
    pub async fn moved(&mut self, hub: Fingerprint, mut known: Vec<SocketAddr>) {
        let now = self.addresses_of(hub);
        known.retain(|address| now.contains(address));
        let elsewhere = |hubs: &Vec<Found>| {
            let mut own =
                hubs.iter().filter(|found| found.fingerprint == hub).flat_map(|found| &found.addresses);
            own.any(|address| !known.contains(address))
        };
        if self.hubs.wait_for(elsewhere).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Finder {
    fn drop(&mut self) {
        let _ = self.daemon.shutdown();
    }
}

/// The hubs that announce themselves within `time`.
pub async fn find_hubs(time: Duration) -> Result<Vec<Found>, mdns_sd::Error> {
    let finder = Finder::start()?;
    tokio::time::sleep(time).await;
    Ok(finder.hubs())
}

/// A hub with two ways into one network hears itself, takes that for another of its name, and goes by two names: it is
/// still one, with the addresses of both.
fn each_once(mut hubs: Vec<Found>) -> Vec<Found> {
    hubs.sort_by(|a, b| (&a.id, a.fingerprint).cmp(&(&b.id, b.fingerprint)));
    hubs.dedup_by(|again, first| {
        let same = (&again.id, again.fingerprint) == (&first.id, first.fingerprint);
        if same {
            first.addresses.append(&mut again.addresses);
        }
        same
    });
    for hub in &mut hubs {
        hub.addresses.sort_by_key(preference);
        hub.addresses.dedup();
    }
    hubs
}

/// Loopback last: it is this machine's own, whoever announced it.
fn preference(address: &SocketAddr) -> (bool, bool, SocketAddr) {
    (address.ip().is_loopback(), address.is_ipv6(), *address)
}

fn read(service: &ResolvedService) -> Option<Found> {
    let record = HubRecord::parse(|key| service.get_property_val_str(key)).ok()?;
    let addresses = service
        .get_addresses()
        .iter()
        .filter_map(|scoped| match scoped {
            ScopedIp::V4(v4) => Some(SocketAddr::from((*v4.addr(), service.port))),
            ScopedIp::V6(v6) => {
                Some(SocketAddrV6::new(*v6.addr(), service.port, 0, v6.scope_id().index).into())
            }
            _ => None,
        })
        .collect();
    Some(Found { id: record.id, name: record.name, fingerprint: record.fingerprint, addresses })
}

/// The addresses of a configured `host`, `host:port`, `[v6]:port` or bare address.
pub async fn resolve(address: &str) -> std::io::Result<Vec<SocketAddr>> {
    let bare = address.parse::<std::net::IpAddr>().map(|ip| SocketAddr::from((ip, DEFAULT_PORT)));
    if let Ok(address) = bare {
        return Ok(vec![address]);
    }
    let with_port = match address.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => address.to_owned(),
        _ => format!("{address}:{DEFAULT_PORT}"),
    };
    Ok(tokio::net::lookup_host(with_port).await?.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_that_goes_by_two_names_is_one() {
        let hub = |id: &str, addresses: &[&str]| Found {
            id: id.to_owned(),
            name: "Sotto".to_owned(),
            fingerprint: Fingerprint::from_bytes([id.as_bytes()[4]; 32]),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        };
        let seen = [
            hub("hub-b", &["127.0.0.1:1", "192.0.2.1:1"]),
            hub("hub-a", &["192.0.2.9:1"]),
            hub("hub-b", &["192.0.2.2:1", "[2001:db8::1]:1", "192.0.2.1:1"]),
        ];
        let both = &["192.0.2.1:1", "192.0.2.2:1", "[2001:db8::1]:1", "127.0.0.1:1"];
        assert_eq!(each_once(seen.to_vec()), [hub("hub-a", &["192.0.2.9:1"]), hub("hub-b", both)]);
    }

    #[tokio::test]
    async fn an_address_is_understood_however_it_is_written() {
        for (written, expect) in [
            ("192.0.2.1", "192.0.2.1:7414"),
            ("192.0.2.1:99", "192.0.2.1:99"),
            ("2001:db8::1", "[2001:db8::1]:7414"),
            ("[2001:db8::1]:99", "[2001:db8::1]:99"),
        ] {
            assert_eq!(resolve(written).await.unwrap(), [expect.parse().unwrap()], "{written}");
        }
        assert!(resolve("").await.is_err() || resolve("").await.unwrap().is_empty());
    }
}
