//! `sotto.local`: the page's name on the local network, so that a phone in the house opens it by a name that
//! can be remembered and that the certificate carries.

use std::net::SocketAddr;

use mdns_sd::{ServiceDaemon, ServiceInfo};
use tokio_util::sync::CancellationToken;

/// The host name that is told.
pub const HOST: &str = "sotto.local";
const SERVICE: &str = "_https._tcp.local.";

/// Tells the name until `stop`, then withdraws it. A network without multicast only lacks the name: that is said
/// once, and the page is reached by the machine's address.
pub async fn tell(page: SocketAddr, hub: String, stop: CancellationToken) {
    let Some(record) = record(page, &hub) else { return };
    let told = record.and_then(|record| {
        let name = record.get_fullname().to_owned();
        let daemon = ServiceDaemon::new()?;
        daemon.register(record)?;
        Ok((daemon, name))
    });
    let (daemon, name) = match told {
        Ok(told) => told,
        Err(error) => {
            tracing::warn!(%error, "{HOST} cannot be told on this network; open the page by the hub's address");
            return;
        }
    };
    stop.cancelled().await;
    if let Ok(withdrawn) = daemon.unregister(&name) {
        let _ = withdrawn.recv_async().await;
    }
    let _ = daemon.shutdown();
}

/// What is told of a page at `page`; nothing of one that only its own machine reaches.
fn record(page: SocketAddr, hub: &str) -> Option<mdns_sd::Result<ServiceInfo>> {
    let ip = page.ip();
    if ip.is_loopback() {
        return None;
    }
    // One address listens: that one is told. All listen: whichever there are, as they come and go.
    let addresses = if ip.is_unspecified() { String::new() } else { ip.to_string() };
    let record = ServiceInfo::new(SERVICE, hub, &format!("{HOST}."), addresses.as_str(), page.port(), None);
    Some(record.map(|record| if ip.is_unspecified() { record.enable_addr_auto() } else { record }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_others_reach_has_a_name() {
        let check = |page: &str, expect: Option<(&str, u16, usize)>| {
            let record = record(page.parse().unwrap(), "Sotto").map(Result::unwrap);
            let told = record.as_ref().map(|r| (r.get_hostname(), r.get_port(), r.get_addresses().len()));
            assert_eq!(told, expect, "{page}");
        };
        check("[::]:8443", Some(("sotto.local.", 8443, 0)));
        check("0.0.0.0:443", Some(("sotto.local.", 443, 0)));
        check("192.168.1.7:8443", Some(("sotto.local.", 8443, 1)));
        check("127.0.0.1:8443", None);
        check("[::1]:8443", None);
    }
}
