//! The private broker: a mosquitto of the hub's own, for a household that names none.
//!
//! It listens on loopback, wants a password that is made on the first run, and stops with the hub. Everything it
//! needs lies in `DATA/mosquitto`; nothing of the household's own broker is touched.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::{Child, Command};

use crate::home::Address;

/// The user name that Home Assistant, or anyone on this machine, signs in with.
pub const USER: &str = "sotto";

/// A running mosquitto; dropping it kills it.
pub struct Broker {
    program: PathBuf,
    directory: PathBuf,
    port: u16,
    child: Child,
}

impl Broker {
    /// Starts mosquitto in `data/mosquitto` on `port`, or on another free port when that one is busy.
    pub async fn start(data: &Path, port: u16) -> anyhow::Result<Broker> {
        let program = find("mosquitto").context(
            "there is no mosquitto on this machine; install it (apt install mosquitto), or name your broker as \
             address in [mqtt]",
        )?;
        let directory = data.join("mosquitto");
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
        let port = free_port(port)?;
        write_password(&directory).await?;
        write_configuration(&directory, port)?;
        let child = spawn(&program, &directory)?;
        let mut broker = Broker { program, directory, port, child };
        broker.wait_until_it_answers().await?;
        Ok(broker)
    }

    /// Where, and as whom, to connect.
    pub fn address(&self) -> anyhow::Result<Address> {
        let password = fs::read_to_string(self.directory.join("password"))?.trim_end().to_owned();
        Ok(Address { host: "127.0.0.1".into(), port: self.port, user: USER.into(), password, tls: None })
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
            if tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("mosquitto does not answer on port {}; see {}", self.port, self.directory.join("log").display())
    }
}

/// Debian puts mosquitto where only root's search path looks.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin", "/usr/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).map(|dir| dir.join(program)).find(|file| file.is_file())
}

fn free_port(wanted: u16) -> anyhow::Result<u16> {
    let bind = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let listener =
        bind(wanted).or_else(|_| bind(0)).context("no free port on loopback for the private broker")?;
    Ok(listener.local_addr()?.port())
}

/// The password is made once and kept, so that what was pointed at this broker stays connected.
async fn write_password(directory: &Path) -> anyhow::Result<()> {
    let plain = directory.join("password");
    if !plain.exists() {
        let mut bytes = [0u8; 24];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
        let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        write_private(&plain, &format!("{password}\n"))?;
    }
    let password = fs::read_to_string(&plain)?;
    let hashed = directory.join("passwd");
    write_private(&hashed, &format!("{USER}:{}\n", password.trim_end()))?;
    let tool = find("mosquitto_passwd").context("mosquitto_passwd is missing; reinstall mosquitto")?;
    let status = Command::new(tool).arg("-U").arg(&hashed).stdin(Stdio::null()).status().await?;
    if !status.success() {
        bail!("mosquitto_passwd could not hash {}", hashed.display());
    }
    Ok(())
}

fn write_configuration(directory: &Path, port: u16) -> anyhow::Result<()> {
    let me = nix::unistd::User::from_uid(nix::unistd::getuid())?.map(|user| user.name);
    let at = |name: &str| directory.join(name).display().to_string();
    // mosquitto, started by root, would become another user and then not read these files.
    let user = me.map(|name| format!("user {name}\n")).unwrap_or_default();
    write_private(
        &directory.join("mosquitto.conf"),
        &format!(
            "listener {port} 127.0.0.1\n{user}allow_anonymous false\npassword_file {}\nacl_file {}\n\
             persistence false\nlog_dest file {}\nlog_type error\nlog_type warning\nset_tcp_nodelay true\n",
            at("passwd"),
            at("acl"),
            at("log"),
        ),
    )?;
    write_private(&directory.join("acl"), &format!("user {USER}\ntopic readwrite #\n"))
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
