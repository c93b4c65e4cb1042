//! Sound cards on a machine that has none: ALSA's file plugin plays a tone as a microphone would, and a
//! PulseAudio of the test's own is killed under the satellite's ears and started again.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// The satellite's level meter on the microphone that the ALSA configuration calls `tone`.
fn meter(alsa: &Path, seconds: u32) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto-satellite"));
    command
        .args(["devices", "--json", "--level", "tone", "--seconds", &seconds.to_string()])
        .env("ALSA_CONFIG_PATH", alsa)
        .stdout(Stdio::piped());
    command
}

/// Four seconds of 16 bits: silence on every channel but the last, which has a tone at −9 dBFS.
fn tone(channels: usize) -> Vec<u8> {
    let sample = |i: usize| (16_384.0 * (std::f32::consts::TAU * 440.0 * i as f32 / 16_000.0).sin()) as i16;
    (0..64_000)
        .flat_map(|i| (1..=channels).map(move |channel| if channel == channels { sample(i) } else { 0 }))
        .flat_map(i16::to_le_bytes)
        .collect()
}

#[test]
fn the_chosen_channel_of_a_card_is_heard_at_its_true_level() {
    let dir = tempfile::tempdir().unwrap();
    let (alsa, raw) = (dir.path().join("asound.conf"), dir.path().join("tone.raw"));
    let conf = format!(
        r#"pcm.tone {{ type file slave.pcm "nothing" file /dev/null infile "{}" format raw
                       hint {{ show on description "a tone" }} }}
           pcm.nothing {{ type null }}"#,
        raw.display()
    );
    std::fs::write(&alsa, conf).unwrap();
    for channel in [1, 2] {
        std::fs::write(&raw, tone(channel)).unwrap();
        let output = meter(&alsa, 1).env("SOTTO_MICROPHONE_CHANNEL", channel.to_string()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let first: Value = serde_json::from_str(text.lines().next().expect("a reading")).unwrap();
        let level = first["dbfs"].as_f64().expect("a level");
        assert!((level + 9.0).abs() < 0.5, "channel {channel} at {level} dB");
    }
}

#[test]
fn a_card_that_is_not_there_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let alsa = dir.path().join("asound.conf");
    std::fs::write(&alsa, "pcm.other { type null hint { show on description \"another\" } }").unwrap();
    let output = meter(&alsa, 1).stderr(Stdio::piped()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("no microphone is called `tone`; `sotto-satellite devices` lists"), "{error}");
}

/// A PulseAudio that belongs to this test, with one more module. Dropping it kills it.
struct Pulse(Child);

/// A source that hums.
const HUM: &str = "module-sine-source source_name=hum rate=44100 frequency=440";
/// A loudspeaker that is none, and whose monitor hears what it plays.
const ROOM: &str = "module-null-sink sink_name=room rate=48000 channels=2";

impl Pulse {
    /// Started, and answering; `None` where it is not installed.
    fn start(dir: &Path, module: &str) -> Option<Self> {
        let socket = format!("module-native-protocol-unix auth-anonymous=1 socket={}/socket", dir.display());
        let pulse = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes"])
            .args(["-L", module, "-L", &socket])
            .env("HOME", dir)
            .env("XDG_RUNTIME_DIR", dir)
            .stderr(Stdio::null())
            .spawn();
        let Ok(pulse) = pulse.map(Self) else {
            eprintln!("SKIPPED: pulseaudio is not installed (apt install pulseaudio libasound2-plugins)");
            return None;
        };
        let answers = |_| {
            std::thread::sleep(Duration::from_millis(20));
            UnixStream::connect(dir.join("socket")).is_ok()
        };
        assert!((0..500).any(answers), "PulseAudio does not start");
        Some(pulse)
    }
}

/// ALSA's configuration in which the source `device` of that PulseAudio is called `tone`.
fn through_pulse(dir: &Path, device: &str) -> PathBuf {
    let alsa = dir.join("asound.conf");
    let conf = format!(
        r#"pcm.tone {{ type pulse server "unix:{}/socket" device "{device}"
                       hint {{ show on description "a source of PulseAudio" }} }}"#,
        dir.display()
    );
    std::fs::write(&alsa, conf).unwrap();
    alsa
}

/// What the level meter prints, line by line.
fn readings(satellite: &mut Child) -> impl Iterator<Item = Value> + use<> {
    let lines = BufReader::new(satellite.stdout.take().unwrap()).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

impl Drop for Pulse {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_microphone_that_is_pulled_out_is_heard_again_when_it_returns() {
    let dir = tempfile::tempdir().unwrap();
    let Some(pulse) = Pulse::start(dir.path(), HUM) else { return };
    let alsa = through_pulse(dir.path(), "hum");
    let mut satellite = meter(&alsa, 30).spawn().unwrap();
    let mut lines = readings(&mut satellite);
    let hums = |line: Value| line["dbfs"].as_f64().is_some_and(|level| level > -40.0);
    assert!(lines.any(hums), "the hum is heard");
    drop(pulse);
    let _ = std::fs::remove_file(dir.path().join("socket"));
    assert!(lines.any(|line| line["event"] == "lost"), "its loss is noticed");
    let _pulse = Pulse::start(dir.path(), HUM).unwrap();
    assert!(lines.any(|line| line["event"] == "returned"), "and its return");
    assert!(lines.any(hums), "and it is heard again");
    satellite.kill().unwrap();
    satellite.wait().unwrap();
}

#[test]
fn what_plays_into_a_null_sink_is_heard_from_its_monitor_at_its_true_level() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_pulse) = Pulse::start(dir.path(), ROOM) else { return };
    let raw = dir.path().join("tone.raw");
    std::fs::write(&raw, tone(1).repeat(8)).unwrap();
    let server = format!("unix:{}/socket", dir.path().display());
    let player = Command::new("pacat")
        .args(["--playback", "--raw", "--rate=16000", "--channels=1", "--format=s16le", "--device=room"])
        .arg(format!("--server={server}"))
        .arg(&raw)
        .env("HOME", dir.path())
        .spawn();
    let Ok(mut player) = player else {
        eprintln!("SKIPPED: pacat is not installed (apt install pulseaudio-utils)");
        return;
    };
    // 48 kHz and two channels there, 16 kHz and one of them here.
    let mut satellite = meter(&through_pulse(dir.path(), "room.monitor"), 30).spawn().unwrap();
    let mut levels = readings(&mut satellite).filter_map(|line| line["dbfs"].as_f64());
    assert!(levels.any(|level| (level + 9.0).abs() < 0.5), "the tone is not heard at its level");
    for child in [&mut satellite, &mut player] {
        let _ = child.kill();
        child.wait().unwrap();
    }
}
