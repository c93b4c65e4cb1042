//! espeak-ng: plain, quick, in every distribution, in a hundred languages.

use std::path::PathBuf;
use std::process::Command;

use super::program::{self, samples};
use super::{Sound, Voice, VoiceError};

pub struct Espeak {
    program: PathBuf,
}

impl Espeak {
    pub fn find() -> Result<Espeak, VoiceError> {
        let program = program::find("espeak-ng");
        program.map(|program| Espeak { program }).ok_or(VoiceError::Missing(
            "espeak-ng",
            "install it (apt install espeak-ng), or name a Piper voice in [voice]",
        ))
    }
}

impl Voice for Espeak {
    fn name(&self) -> &str {
        "espeak-ng"
    }

    fn speaks(&self, language: &str) -> bool {
        !language.is_empty() && language.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    }

    fn speak(&self, text: &str, language: &str) -> Result<Sound, VoiceError> {
        let mut command = Command::new(&self.program);
        // -b 1: the text is UTF-8. Without a text argument it is read from standard input.
        command.args(["-v", language, "-b", "1", "-s", "160", "--stdout"]);
        let bytes = program::run(command, "espeak-ng", text)?;
        wav(&bytes).ok_or_else(|| VoiceError::Silent("espeak-ng".into()))
    }
}

/// Reads a WAV that was written to a pipe: its lengths are made up, so the data go on to the end.
fn wav(bytes: &[u8]) -> Option<Sound> {
    let rest = bytes.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    let (mut rest, mut rate) = (rest, None);
    loop {
        let (id, tail) = rest.split_at_checked(4)?;
        let (size, tail) = tail.split_first_chunk::<4>()?;
        match id {
            b"data" => {
                let rate = rate.filter(|rate| (8_000..=96_000).contains(rate))?;
                let samples = samples(tail);
                return (!samples.is_empty()).then_some(Sound { samples, rate });
            }
            b"fmt " => rate = Some(u32::from_le_bytes(*tail.get(4..)?.first_chunk()?)),
            _ => {}
        }
        rest = tail.get(usize::try_from(u32::from_le_bytes(*size)).ok()?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wav_from_a_pipe_goes_on_to_its_end() {
        let mut bytes = b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0\x01\0\x01\0\x22\x56\0\0".to_vec();
        bytes.extend(b"\x44\xac\0\0\x02\0\x10\0data\0\xf0\xff\x7f\x01\0\x02\0");
        let sound = wav(&bytes).unwrap();
        assert_eq!((sound.rate, &sound.samples[..]), (22_050, &[1, 2][..]));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = wav(&bytes);
            let _ = wav(&[b"RIFF\0\0\0\0WAVE".as_slice(), &bytes].concat());
        }
    }
}
