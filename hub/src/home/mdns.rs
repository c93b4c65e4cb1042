//! The household's broker, found by what it advertises: `_mqtt._tcp`, or `_secure-mqtt._tcp` with TLS.
//!
//! It is then known by its IP address, which with TLS its certificate must name.

use std::time::Duration;

use anyhow::{Context, bail};
use mdns_sd::{ServiceDaemon, ServiceEvent};

/// How long an answer is awaited; responders answer within 120 ms (RFC 6762, section 6), Wi-Fi may lose some.
const PATIENCE: Duration = Duration::from_secs(4);

/// Host and port of the broker that answers first.
pub async fn find(tls: bool) -> anyhow::Result<(String, u16)> {
    let service = if tls { "_secure-mqtt._tcp.local." } else { "_mqtt._tcp.local." };
    let daemon = ServiceDaemon::new().context("cannot look for a broker by mDNS")?;
    let events = daemon.browse(service).context("cannot look for a broker by mDNS")?;
    let found = async {
        while let Ok(event) = events.recv_async().await {
            if let ServiceEvent::ServiceResolved(info) = event {
                let v4 = info.get_addresses_v4().into_iter().next().map(|ip| ip.to_string());
                let any = || info.get_addresses().iter().next().map(|ip| ip.to_ip_addr().to_string());
                if let Some(host) = v4.or_else(any) {
                    return Some((host, info.get_port()));
                }
            }
        }
        None
    };
    let found = tokio::time::timeout(PATIENCE, found).await.ok().flatten();
    let _ = daemon.shutdown();
    match found {
        Some(found) => Ok(found),
        None => bail!("no broker advertises {service} on this network; name it as address in [mqtt]"),
    }
}
