//! The private broker: a mosquitto of the hub's own, for a household that names none.
//!
//! It listens on loopback unless told otherwise, wants passwords that are made on the first run, and stops with
//! the hub. Everything it needs lies in `DATA/mosquitto`; nothing of the household's own broker is touched.
//!
//! Three may sign in: the hub; Home Assistant (`for-home-assistant`), which may do all that a house needs; and
//! devices (`for-devices`), which may neither hear nor say anything below `sotto/`: a bulb does not learn what
//! was asked in the bedroom, and cannot ask for anything itself.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::{Child, Command};

use crate::home::Address;

/// The user name that the hub signs in with.
pub const USER: &str = "sotto";
/// Who else may sign in, and the file that holds their password.
pub const HOME_ASSISTANT: (&str, &str) = ("home-assistant", "for-home-assistant");
pub const DEVICES: (&str, &str) = ("devices", "for-devices");

/// A running mosquitto; dropping it kills it.
pub struct Broker {
    program: PathBuf,
    directory: PathBuf,
    listen: SocketAddr,
    child: Child,
}

impl Broker {
    /// Starts mosquitto in `data/mosquitto` on loopback and `port`, or another free port when that one is busy.
    pub async fn start(data: &Path, port: u16) -> anyhow::Result<Broker> {
        Broker::start_on(data, SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
    }

    /// The same on an address of the household's choice: others on the network can then sign in.
    pub async fn start_on(data: &Path, listen: SocketAddr) -> anyhow::Result<Broker> {
        let program = find("mosquitto").context(
            "there is no mosquitto on this machine; install it (apt install mosquitto), or name your broker as \
             address in [mqtt]",
        )?;
        let directory = data.join("mosquitto");
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
        let listen = SocketAddr::new(listen.ip(), free_port(listen)?);
        write_passwords(&directory).await?;
        write_configuration(&directory, listen)?;
        let child = spawn(&program, &directory)?;
        let mut broker = Broker { program, directory, listen, child };
        broker.wait_until_it_answers().await?;
        Ok(broker)
    }

    /// Where, and as whom, to connect.
    pub fn address(&self) -> anyhow::Result<Address> {
        address(&self.directory, self.listen)
    }

    /// Where the private broker of a hub that runs on `data` is to be found.
    pub fn address_in(data: &Path) -> anyhow::Result<Address> {
        let directory = data.join("mosquitto");
        let configuration = fs::read_to_string(directory.join("mosquitto.conf"))
            .with_context(|| format!("there is no private broker in {}; start the hub", data.display()))?;
        let listen = configuration.lines().find_map(|line| {
            let (port, ip) = line.strip_prefix("listener ")?.split_once(' ')?;
            Some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?))
        });
        let listen =
            listen.context("mosquitto.conf names no listener; start the hub, which writes it anew")?;
        address(&directory, listen)
    }

    /// Runs until the broker has died, then starts it again; returns only when that fails.
    pub async fn keep(&mut self) -> anyhow::Error {
        loop {
            let status = self.child.wait().await;
            tracing::warn!(?status, "the private broker stopped; starting it again");
            tokio::time::sleep(Duration::from_millis(500)).await;
            match spawn(&self.program, &self.directory) {
                Ok(child) => self.child = child,
                Err(error) => return error,
            }
        }
    }

    /// Asks mosquitto to stop, and waits for it.
    pub async fn stop(mut self) {
        if let Some(pid) = self.child.id() {
            let pid = nix::unistd::Pid::from_raw(pid as i32);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), self.child.wait()).await;
    }

    async fn wait_until_it_answers(&mut self) -> anyhow::Result<()> {
        for _ in 0..100 {
            if let Some(status) = self.child.try_wait()? {
                bail!("mosquitto stopped at once ({status}); see {}", self.directory.join("log").display());
            }
            if tokio::net::TcpStream::connect((reachable(self.listen.ip()), self.listen.port())).await.is_ok()
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("mosquitto does not answer on {}; see {}", self.listen, self.directory.join("log").display())
    }
}

/// Debian puts mosquitto where only root's search path looks.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin", "/usr/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// An address of this machine by which what listens on `ip` can be reached.
fn reachable(ip: IpAddr) -> IpAddr {
    if ip.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip }
}

fn address(directory: &Path, listen: SocketAddr) -> anyhow::Result<Address> {
    let file = directory.join("password");
    let password = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let host = reachable(listen.ip()).to_string();
    Ok(Address {
        host,
        port: listen.port(),
        advertised: false,
        user: USER.into(),
        password: password.trim_end().into(),
        tls: None,
    })
}

fn free_port(wanted: SocketAddr) -> anyhow::Result<u16> {
    let bind = |port| TcpListener::bind(SocketAddr::new(wanted.ip(), port));
    let listener = bind(wanted.port()).or_else(|_| bind(0)).with_context(|| {
        format!(
            "no free port for the private broker on {}; is private_listen one of this machine's addresses?",
            wanted.ip()
        )
    })?;
    Ok(listener.local_addr()?.port())
}

/// Passwords are made once and kept, so that what was pointed at this broker stays connected.
async fn write_passwords(directory: &Path) -> anyhow::Result<()> {
    let mut lines = String::new();
    for (user, file) in [(USER, "password"), HOME_ASSISTANT, DEVICES] {
        let plain = directory.join(file);
        if !plain.exists() {
            let mut bytes = [0u8; 24];
            getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
            let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            write_private(&plain, &format!("{password}\n"))?;
        }
        let password = fs::read_to_string(&plain)?;
        lines.push_str(&format!("{user}:{}\n", password.trim_end()));
    }
    let hashed = directory.join("passwd");
    write_private(&hashed, &lines)?;
    let tool = find("mosquitto_passwd").context("mosquitto_passwd is missing; reinstall mosquitto")?;
    let status = Command::new(tool).arg("-U").arg(&hashed).stdin(Stdio::null()).status().await?;
    if !status.success() {
        bail!("mosquitto_passwd could not hash {}", hashed.display());
    }
    Ok(())
}

fn write_configuration(directory: &Path, listen: SocketAddr) -> anyhow::Result<()> {
    let me = nix::unistd::User::from_uid(nix::unistd::getuid())?.map(|user| user.name);
    let at = |name: &str| directory.join(name).display().to_string();
    // mosquitto, started by root, would become another user and then not read these files.
    let user = me.map(|name| format!("user {name}\n")).unwrap_or_default();
    write_private(
        &directory.join("mosquitto.conf"),
        &format!(
            "listener {} {}\n{user}allow_anonymous false\npassword_file {}\nacl_file {}\n\
             persistence false\nlog_dest file {}\nlog_type error\nlog_type warning\nset_tcp_nodelay true\n",
            listen.port(),
            listen.ip(),
            at("passwd"),
            at("acl"),
            at("log"),
        ),
    )?;
    write_private(&directory.join("acl"), &access())
}

/// Who may do what; `deny` goes before everything else.
fn access() -> String {
    let (home_assistant, devices) = (HOME_ASSISTANT.0, DEVICES.0);
    format!(
        "user {USER}\ntopic readwrite #\n\nuser {home_assistant}\ntopic readwrite #\n\n\
         user {devices}\ntopic deny sotto/#\ntopic readwrite #\n"
    )
}

fn write_private(file: &Path, text: &str) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let _ = fs::remove_file(file);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(file)?.write_all(text.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

fn spawn(program: &Path, directory: &Path) -> anyhow::Result<Child> {
    let mut command = Command::new(program);
    command.arg("-c").arg(directory.join("mosquitto.conf"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    // Should the hub be killed, its broker does not outlive it.
    // SAFETY: prctl is async-signal-safe and touches no memory.
    unsafe {
        command.pre_exec(|| {
            nix::libc::prctl(nix::libc::PR_SET_PDEATHSIG, nix::libc::SIGTERM);
            Ok(())
        });
    }
    command.spawn().with_context(|| format!("cannot start {}", program.display()))
}
