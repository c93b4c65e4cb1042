//! A house's network: machines of their own on one switch, made of Linux network namespaces joined by veth pairs.
//!
//! `machine ═veth═ switch ═veth═ machine`. Each machine has its own addresses, routes and multicast, and a cable that
//! can be pulled. What runs on a machine runs on a runtime whose threads live in its namespace. Needs root; without it
//! a story is skipped, and says so.

use std::future::Future;
use std::os::fd::AsRawFd;
use std::process::Command;

use tokio::runtime::Runtime;

/// The switch, in a namespace of its own so that it disturbs nothing of the machine that runs the tests.
pub struct Lan {
    name: String,
}

/// One machine of the house.
pub struct Machine {
    namespace: String,
    /// The switch's namespace and the port there that the cable is in.
    switch: String,
    port: String,
    runtime: Runtime,
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip").args(arguments.split(' ')).output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

#[track_caller]
fn must(arguments: &str) {
    ip(arguments).unwrap_or_else(|error| panic!("{error}"));
}

impl Lan {
    /// The network, or a line that `cargo xtask test` repeats at its end.
    pub fn or_skip(story: &str) -> Option<Lan> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("sotto-{}-{count}", std::process::id());
        let made = ip(&format!("netns add {name}"))
            .and_then(|()| ip(&format!("-n {name} link add switch type bridge mcast_snooping 0")))
            .and_then(|()| ip(&format!("-n {name} link set switch up")));
        let lan = Lan { name };
        match made {
            Ok(()) => Some(lan),
            Err(why) => {
                println!("SKIPPED: {story}: no network namespaces here (they need root): {why}");
                None
            }
        }
    }

    /// A machine that is plugged in, with these addresses (`10.0.0.2/24`). It has a link-local IPv6 address besides,
    /// as every machine has.
    pub fn machine(&self, name: &str, addresses: &[&str]) -> Machine {
        let (switch, namespace, port) = (&self.name, format!("{}-{name}", self.name), name.to_owned());
        must(&format!("netns add {namespace}"));
        must(&format!("-n {switch} link add {port} type veth peer name eth0 netns {namespace}"));
        must(&format!("-n {switch} link set {port} master switch up"));
        // Nobody else is here: an address need not be probed for two seconds first.
        set_ipv6(&namespace, "accept_dad", "0");
        must(&format!("-n {namespace} link set lo up"));
        must(&format!("-n {namespace} link set eth0 up"));
        let runtime = inside(&namespace, || {
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
        });
        let runtime = runtime.expect("a runtime");
        let machine = Machine { namespace, switch: switch.clone(), port, runtime };
        addresses.iter().for_each(|address| machine.gains(address));
        machine
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        let _ = ip(&format!("netns del {}", self.name));
    }
}

/// Does something on a thread that has entered the namespace. Threads that it starts are born into it.
fn inside<T: Send + 'static>(namespace: &str, what: impl FnOnce() -> T + Send + 'static) -> T {
    let path = format!("/run/netns/{namespace}");
    let enter = move || {
        let namespace = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        // SAFETY: a call without pointers; it moves this thread alone, and the descriptor is open.
        let entered = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
        assert_eq!(entered, 0, "{path}: {}", std::io::Error::last_os_error());
        what()
    };
    std::thread::spawn(enter).join().expect("the namespace is entered")
}

/// A setting of the machine's network card.
fn set_ipv6(namespace: &str, setting: &str, value: &'static str) {
    let path = format!("/proc/sys/net/ipv6/conf/eth0/{setting}");
    inside(namespace, move || {
        std::fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}; is there IPv6?"));
    });
}

impl Machine {
    /// Runs something on this machine, and gives what comes of it.
    pub fn run<T: Send + 'static>(&self, what: impl Future<Output = T> + Send + 'static) -> T {
        let running = self.runtime.spawn(what);
        self.runtime.block_on(running).expect("it does not panic")
    }

    /// Starts something on this machine, and does not wait for it.
    pub fn begin(&self, what: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(what));
    }

    pub fn gains(&self, address: &str) {
        must(&format!("-n {} addr add {address} dev eth0", self.namespace));
    }

    pub fn loses(&self, address: &str) {
        must(&format!("-n {} addr del {address} dev eth0", self.namespace));
    }

    /// As where the router gives none: the link-local address goes too.
    pub fn without_ipv6(self) -> Machine {
        set_ipv6(&self.namespace, "disable_ipv6", "1");
        self
    }

    pub fn unplug(&self) {
        must(&format!("-n {} link set {} down", self.switch, self.port));
    }

    pub fn plug(&self) {
        must(&format!("-n {} link set {} up", self.switch, self.port));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = ip(&format!("netns del {}", self.namespace));
    }
}
