//! mDNS at the hub: telling where it is, on every interface, and seeing which satellites ask for one.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};
use sotto_protocol::{Fingerprint, HUB_SERVICE, HubRecord, SATELLITE_SERVICE, SatelliteRecord, VERSION};

use super::{Shared, lock};

/// Unpaired satellites that are remembered: a neighbour can announce as many as it likes.
const MOST: usize = 64;

/// How often the hub looks whether it has a new address, in seconds: a satellite waits 10 s to go on with a sentence,
/// and needs 6 of them to know that the old address is dead.
const MOVED: u32 = 2;

/// A satellite that asks for a hub. What it says of itself is not proved yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub id: String,
    pub name: String,
    pub hardware: String,
    pub fingerprint: Fingerprint,
    pub addresses: Vec<SocketAddr>,
}

pub struct Discovery {
    daemon: ServiceDaemon,
    fullname: String,
    found: Arc<Mutex<HashMap<String, Found>>>,
}

impl Discovery {
    pub fn start(shared: &Shared) -> Result<Discovery, Box<dyn std::error::Error>> {
        let record = HubRecord {
            id: shared.hub.clone(),
            name: shared.config.name.clone(),
            version: VERSION,
            fingerprint: shared.identity.fingerprint(),
        };
        let port = shared.endpoint.local_addr()?.port();
        let host = format!("sotto-{}.local.", shared.hub);
        let properties: HashMap<String, String> = record.properties().into_iter().collect();
        let listen = shared.config.listen.ip();
        // One address listens: that one is told. All listen: whichever there are, as they come and go.
        let addresses = if listen.is_unspecified() { String::new() } else { listen.to_string() };
        let mut service =
            ServiceInfo::new(HUB_SERVICE, &shared.hub, &host, addresses.as_str(), port, properties)?;
        if listen.is_unspecified() {
            service = service.enable_addr_auto();
        }
        let fullname = service.get_fullname().to_owned();
        let daemon = ServiceDaemon::new()?;
        daemon.set_ip_check_interval(MOVED)?;
        daemon.register(service)?;
        let found = Arc::default();
        let events = daemon.browse(SATELLITE_SERVICE)?;
        tokio::spawn(look(events, Arc::clone(&found)));
        Ok(Discovery { daemon, fullname, found })
    }

    pub fn found(&self) -> Vec<Found> {
        let mut found: Vec<Found> = lock(&self.found).values().cloned().collect();
        found.sort_by(|a, b| (&a.id, a.fingerprint).cmp(&(&b.id, b.fingerprint)));
        // One with two ways into one network hears itself, and goes by two names.
        found.dedup_by(|again, first| {
            let same = (&again.id, again.fingerprint) == (&first.id, first.fingerprint);
            if same {
                first.addresses.append(&mut again.addresses);
            }
            same
        });
        found
    }

    /// Withdraws the record, so that satellites look elsewhere at once.
    pub fn goodbye(self) {
        if let Ok(withdrawn) = self.daemon.unregister(&self.fullname) {
            let _ = withdrawn.recv_timeout(std::time::Duration::from_millis(200));
        }
        let _ = self.daemon.shutdown();
    }
}

async fn look(events: mdns_sd::Receiver<ServiceEvent>, found: Arc<Mutex<HashMap<String, Found>>>) {
    while let Ok(event) = events.recv_async().await {
        match event {
            ServiceEvent::ServiceResolved(service) => {
                let Ok(record) = SatelliteRecord::parse(|key| service.get_property_val_str(key)) else {
                    continue;
                };
                let mut found = lock(&found);
                if found.len() >= MOST && !found.contains_key(&service.fullname) {
                    continue;
                }
                let seen = Found {
                    id: record.id,
                    name: record.name,
                    hardware: record.hardware,
                    fingerprint: record.fingerprint,
                    addresses: addresses(&service),
                };
                found.insert(service.fullname.clone(), seen);
            }
            ServiceEvent::ServiceRemoved(_, fullname) => {
                lock(&found).remove(&fullname);
            }
            _ => {}
        }
    }
}

/// Where a service can be reached: other machines' addresses before loopback, IPv4 first.
fn addresses(service: &ResolvedService) -> Vec<SocketAddr> {
    let addresses: HashSet<SocketAddr> = service
        .get_addresses()
        .iter()
        .filter_map(|scoped| match scoped {
            mdns_sd::ScopedIp::V4(v4) => Some(SocketAddr::from((*v4.addr(), service.port))),
            mdns_sd::ScopedIp::V6(v6) => {
                let scope = v6.scope_id().index;
                Some(std::net::SocketAddrV6::new(*v6.addr(), service.port, 0, scope).into())
            }
            _ => None,
        })
        .collect();
    let mut addresses: Vec<SocketAddr> = addresses.into_iter().collect();
    addresses.sort_by_key(|address| {
        let ip: IpAddr = address.ip();
        (ip.is_loopback(), ip.is_ipv6(), *address)
    });
    addresses
}
