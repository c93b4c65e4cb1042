//! A program that is given a text and gives sound: bounded in time and in what it may say.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::VoiceError;

/// A thousand letters take espeak-ng 0.1 s and Piper, on a small machine, some 10 s.
const PATIENCE: Duration = Duration::from_secs(30);
/// Five minutes at 48 kHz.
const MOST_BYTES: u64 = 300 * 48_000 * 2;

/// Where `name` is, if it is installed.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Gives `text` to `command` and returns all that it wrote.
pub fn run(mut command: Command, name: &str, text: &str) -> Result<Vec<u8>, VoiceError> {
    let failed = |why| VoiceError::Run { program: name.to_owned(), why };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let (mut input, output) = (child.stdin.take(), child.stdout.take());
    let text = format!("{text}\n");
    let (tell, done) = mpsc::sync_channel(1);
    // Both ends at once: a program that writes before it has read everything would wait for ever.
    std::thread::spawn(move || {
        let written = input.as_mut().map(|input| input.write_all(text.as_bytes()));
        drop(input);
        // One that stopped reading early may still have said something.
        drop(written);
    });
    std::thread::spawn(move || {
        let mut sound = Vec::new();
        let read = output.map_or(Ok(0), |output| output.take(MOST_BYTES).read_to_end(&mut sound));
        let _ = tell.send(read.map(|_| sound));
    });
    let sound = done.recv_timeout(PATIENCE);
    if sound.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    match sound {
        Err(_) => Err(VoiceError::Slow(name.to_owned())),
        Ok(Err(why)) => Err(failed(why)),
        Ok(Ok(_)) if !status.success() => Err(VoiceError::Silent(name.to_owned())),
        Ok(Ok(sound)) => Ok(sound),
    }
}

/// Little-endian 16-bit samples.
pub fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
}
