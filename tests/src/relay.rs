//! A bad network between satellite and hub: a UDP relay that loses, delays, repeats and reorders what it carries,
//! and can move its end as a satellite that roams does. Seeded, so that a bad day can be had again.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// What the network does to each packet, in either direction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Share of packets that are lost, 0 to 1.
    pub loss: f64,
    /// Every packet takes this, and up to `jitter` more: which also reorders them.
    pub delay: Duration,
    pub jitter: Duration,
    /// Share of packets that come twice.
    pub twice: f64,
    /// Nothing passes: the cable is out.
    pub cut: bool,
}

struct Inner {
    weather: Mutex<Weather>,
    dice: Mutex<StdRng>,
    hub: Mutex<SocketAddr>,
    ways: Mutex<HashMap<SocketAddr, Arc<UdpSocket>>>,
    near: UdpSocket,
    /// Bytes that satellites have sent.
    sent: AtomicU64,
}

/// Satellites send to [`Relay::address`] what is meant for the hub.
pub struct Relay {
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl Relay {
    pub async fn start(hub: SocketAddr, weather: Weather, seed: u64) -> std::io::Result<Relay> {
        let inner = Arc::new(Inner {
            weather: Mutex::new(weather),
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
            hub: Mutex::new(hub),
            ways: Mutex::default(),
            near: UdpSocket::bind("127.0.0.1:0").await?,
            sent: AtomicU64::new(0),
        });
        let task = tokio::spawn(carry(inner.clone()));
        Ok(Relay { inner, task })
    }

    pub fn address(&self) -> SocketAddr {
        self.inner.near.local_addr().expect("a bound socket has an address")
    }

    /// Bytes in UDP packets that satellites have sent so far.
    pub fn sent(&self) -> u64 {
        self.inner.sent.load(Ordering::Relaxed)
    }

    pub fn set(&self, weather: Weather) {
        *self.inner.weather.lock().unwrap() = weather;
    }

    /// The hub sees every satellite come from a new address from here on.
    pub fn roam(&self) {
        self.inner.ways.lock().unwrap().clear();
    }

    /// The hub has moved.
    pub fn lead_to(&self, hub: SocketAddr) {
        *self.inner.hub.lock().unwrap() = hub;
        self.roam();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inner {
    /// When each copy of a packet is to arrive: none if it is lost.
    fn fate(&self) -> Vec<Duration> {
        let weather = *self.weather.lock().unwrap();
        let mut dice = self.dice.lock().unwrap();
        if weather.cut || dice.random_bool(weather.loss) {
            return Vec::new();
        }
        let copies = if dice.random_bool(weather.twice) { 2 } else { 1 };
        (0..copies).map(|_| weather.delay + weather.jitter.mul_f64(dice.random::<f64>())).collect()
    }
}

async fn carry(inner: Arc<Inner>) {
    let mut buffer = [0; 65_536];
    while let Ok((length, satellite)) = inner.near.recv_from(&mut buffer).await {
        inner.sent.fetch_add(length as u64, Ordering::Relaxed);
        let known = inner.ways.lock().unwrap().get(&satellite).cloned();
        let way = match known {
            Some(way) => way,
            None => {
                let Ok(way) = UdpSocket::bind("127.0.0.1:0").await else { return };
                let way = Arc::new(way);
                inner.ways.lock().unwrap().insert(satellite, way.clone());
                tokio::spawn(back(inner.clone(), Arc::downgrade(&way), satellite));
                way
            }
        };
        let hub = *inner.hub.lock().unwrap();
        for after in inner.fate() {
            let (packet, way) = (buffer[..length].to_vec(), way.clone());
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                let _ = way.send_to(&packet, hub).await;
            });
        }
    }
}

/// Carries the hub's packets for one satellite, as long as the way is used.
async fn back(inner: Arc<Inner>, way: std::sync::Weak<UdpSocket>, satellite: SocketAddr) {
    let mut buffer = [0; 65_536];
    loop {
        let Some(held) = way.upgrade() else { return };
        let received = tokio::time::timeout(Duration::from_millis(200), held.recv_from(&mut buffer)).await;
        let Ok(received) = received else { continue };
        let Ok((length, _)) = received else { return };
        for after in inner.fate() {
            let (packet, inner) = (buffer[..length].to_vec(), inner.clone());
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                let _ = inner.near.send_to(&packet, satellite).await;
            });
        }
    }
}
