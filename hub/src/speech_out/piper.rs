//! Piper: a natural voice, where the household has installed its program and a voice file.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::program::{self, samples};
use super::{Sound, Voice, VoiceError};

/// Largest description of a voice; they are some 10 kB.
const LARGEST: u64 = 1024 * 1024;

pub struct Piper {
    program: PathBuf,
    voice: PathBuf,
    name: String,
    rate: u32,
    /// Two-letter code.
    language: String,
}

impl Piper {
    /// Opens the voice `voice`, an `.onnx` file with its description, `.onnx.json`, beside it.
    pub fn open(voice: &Path) -> Result<Piper, VoiceError> {
        let program = program::find("piper").ok_or(VoiceError::Missing(
            "piper",
            "install it (pip install piper-tts), or leave [voice] piper empty",
        ))?;
        let no_voice = |why| VoiceError::NoVoice(voice.to_owned(), why);
        if !voice.is_file() {
            return Err(no_voice("there is no such file"));
        }
        let description = PathBuf::from(format!("{}.json", voice.display()));
        let fits = description.metadata().is_ok_and(|file| file.len() <= LARGEST);
        let text = fits.then(|| std::fs::read_to_string(&description).ok()).flatten();
        let (rate, language) = text
            .and_then(|text| describe(&text))
            .ok_or_else(|| no_voice("its description, the same name with .json, is missing or wrong"))?;
        let name = voice.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Piper { program, voice: voice.to_owned(), name, rate, language })
    }
}

impl Voice for Piper {
    fn name(&self) -> &str {
        &self.name
    }

    fn speaks(&self, language: &str) -> bool {
        language.get(..2) == Some(&self.language)
    }

    fn speak(&self, text: &str, _: &str) -> Result<Sound, VoiceError> {
        let mut command = Command::new(&self.program);
        command.arg("--model").arg(&self.voice).arg("--output_raw");
        // Piper takes each line for a text of its own.
        let samples = samples(&program::run(command, "piper", &text.replace(['\r', '\n'], " "))?);
        if samples.is_empty() {
            return Err(VoiceError::Silent("piper".into()));
        }
        Ok(Sound { samples, rate: self.rate })
    }
}

/// Sample rate and language of a voice's description.
fn describe(text: &str) -> Option<(u32, String)> {
    let json: Value = serde_json::from_str(text).ok()?;
    let rate = json["audio"]["sample_rate"].as_u64().filter(|rate| (8_000..=96_000).contains(rate))?;
    let code = json["language"]["family"].as_str().or_else(|| json["espeak"]["voice"].as_str())?;
    Some((u32::try_from(rate).ok()?, code.get(..2)?.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_described_beside_it() {
        let check = |text: &str, expect: Option<(u32, &str)>| {
            assert_eq!(describe(text), expect.map(|(rate, code)| (rate, code.to_owned())), "{text}");
        };
        check(
            r#"{"audio": {"sample_rate": 22050}, "language": {"code": "de_DE", "family": "de"}}"#,
            Some((22_050, "de")),
        );
        check(r#"{"audio": {"sample_rate": 16000}, "espeak": {"voice": "en-us"}}"#, Some((16_000, "en")));
        check(r#"{"audio": {"sample_rate": 1}, "espeak": {"voice": "en"}}"#, None);
        check(r#"{"audio": {"sample_rate": 16000}}"#, None);
        check("nope", None);
    }

    #[test]
    fn piper_speaks_by_its_program() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        // Stands for Piper: as many bytes as it was given letters.
        let program = folder.path().join("piper");
        std::fs::write(&program, "#!/bin/sh\nexec cat\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let piper = |program: PathBuf| Piper {
            program,
            voice: "de.onnx".into(),
            name: "de".into(),
            rate: 16_000,
            language: "de".into(),
        };
        let voice = piper(program);
        assert_eq!(voice.speak("ab\ncd", "de").unwrap().samples.len(), 3, "one line, and its end");
        assert!(voice.speaks("de-CH") && !voice.speaks("en") && !voice.speaks(""));
        assert!(matches!(piper("/no/piper".into()).speak("x", "de"), Err(VoiceError::Run { .. })));
    }
}
