//! `file:NAME.wav`: what would have sounded, written down, without the silence between sounds.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use hound::{SampleFormat, WavSpec, WavWriter};

use super::{Shared, SpeakerError};
use crate::sound::{FRAME, RATE};

pub struct Recording {
    path: PathBuf,
    writer: WavWriter<BufWriter<File>>,
}

impl Recording {
    pub fn create(path: PathBuf) -> Result<Self, SpeakerError> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: RATE as u32,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        match WavWriter::create(&path, spec) {
            Ok(writer) => Ok(Self { path, writer }),
            Err(cause) => Err(SpeakerError::Recording { path, cause }),
        }
    }

    /// Writes what sounds until the speaker is closed. The file is whole after each sound.
    pub fn follow(&mut self, shared: &Shared) -> Result<(), SpeakerError> {
        while shared.wait() {
            self.write(shared).map_err(|cause| SpeakerError::Recording { path: self.path.clone(), cause })?;
        }
        Ok(())
    }

    fn write(&mut self, shared: &Shared) -> Result<(), hound::Error> {
        loop {
            let sound: Vec<i16> = {
                let mut tracks = shared.tracks();
                if !tracks.sounding() {
                    break;
                }
                tracks.by_ref().take(FRAME).collect()
            };
            sound.into_iter().try_for_each(|sample| self.writer.write_sample(sample))?;
        }
        self.writer.flush()
    }
}
