//! The two programs as a household runs them: built once, started, listened to line by line, stopped by process id.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest that any program here needs for one step, on a slow and busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// `sotto-hub` or `sotto-satellite`, built if need be.
pub fn program(name: &str) -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--workspace", "--bins"]);
        // What cargo told this test about its own package would make others' build scripts run again.
        for (name, _) in std::env::vars_os() {
            let own = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
            if name.to_str().is_some_and(own) {
                build.env_remove(name);
            }
        }
        let built =
            build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).status().expect("cargo");
        assert!(built.success(), "the programs do not build");
        // target/debug/deps/this-test → target/debug
        let test = std::env::current_exe().expect("a path");
        test.ancestors().nth(2).expect("target/debug").to_owned()
    });
    let mut command = Command::new(folder.join(name));
    // What the machine that runs the tests has configured is none of theirs.
    command.env_remove("SOTTO_CONFIG").env_remove("SOTTO_DATA").env_remove("SOTTO_LOG");
    command
}

/// A program that runs.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    /// Everything that it printed, both streams, for searching.
    said: Arc<Mutex<String>>,
}

impl Running {
    pub fn start(command: &mut Command) -> Running {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = Arc::new(Mutex::new(String::new()));
        let (tell, lines) = mpsc::channel();
        let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        collect(out, said.clone(), Some(tell));
        collect(err, said.clone(), None);
        Running { child, lines, said }
    }

    /// The next JSON event called `name`.
    pub fn event(&self, name: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if event["event"] == name {
                return event;
            }
        }
        panic!("no event {name}; it said:\n{}", self.said());
    }

    /// Lets go of the events that came so far.
    pub fn forget(&self) {
        while self.lines.try_recv().is_ok() {}
    }

    pub fn said(&self) -> String {
        self.said.lock().expect("no reader panics").clone()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name: `TERM`, `INT`, `KILL`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            assert!(Instant::now() < until, "it does not end; it said:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("---- {} said:\n{}", self.child.id(), self.said());
        }
    }
}

fn collect(from: impl Read + Send + 'static, said: Arc<Mutex<String>>, tell: Option<mpsc::Sender<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut all = said.lock().expect("no reader panics");
            all.push_str(&line);
            all.push('\n');
            drop(all);
            if let Some(tell) = &tell {
                let _ = tell.send(line);
            }
        }
    });
}

/// Runs a command that reads `input`; what it printed, and how it ended.
pub fn answer(command: &mut Command, input: &str) -> (String, String, i32) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A program that wants no input closes early.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("a child of ours");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code().unwrap_or(-1))
}

/// The same, for a command that must succeed and print one JSON document.
#[track_caller]
pub fn facts(command: &mut Command, input: &str) -> Value {
    let (out, err, code) = answer(command, input);
    assert_eq!(code, 0, "{command:?}: {err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{command:?}: {error}: {out}"))
}
