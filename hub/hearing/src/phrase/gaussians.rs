//! The acoustic model's Gaussians: read from and written to the `means` and `variances` files of CMU Sphinx.
//!
//! ```text
//! "s3\n" attribute lines "endhdr\n" | byte order 0x11223344 | codebooks streams densities | length × streams
//! | count | count × f32 [| checksum]
//! ```
//!
//! A phonetically tied model: 42 codebooks (one a phone), in each three streams (cepstra, their slopes, the
//! slopes' slopes) of 128 densities of 13 numbers.

use std::fs;
use std::path::{Path, PathBuf};

use super::features::CEPSTRA;

/// Cepstra, first and second differences.
pub const STREAMS: usize = 3;

/// Largest file that is read: a hundred times the usual size.
const LARGEST: u64 = 100_000_000;

#[derive(Debug, thiserror::Error)]
pub enum GaussiansError {
    #[error("{} cannot be read: {source}; install the package pocketsphinx-en-us again", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is not a Gaussian file of three streams of 13 numbers ({what}); install the package pocketsphinx-en-us again", path.display())]
    Format { path: PathBuf, what: &'static str },
}

/// `[codebook][stream][density]` → 13 numbers, flat.
#[derive(Clone)]
pub struct Gaussians {
    pub codebooks: usize,
    pub densities: usize,
    values: Vec<[f32; CEPSTRA]>,
}

impl Gaussians {
    pub fn read(path: &Path) -> Result<Self, GaussiansError> {
        let unreadable = |source| GaussiansError::Read { path: path.to_owned(), source };
        if fs::metadata(path).map_err(unreadable)?.len() > LARGEST {
            return Err(GaussiansError::Format { path: path.to_owned(), what: "too large" });
        }
        let bytes = fs::read(path).map_err(unreadable)?;
        Self::parse(&bytes).map_err(|what| GaussiansError::Format { path: path.to_owned(), what })
    }

    fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        const END: &[u8] = b"endhdr\n";
        if !bytes.starts_with(b"s3\n") {
            return Err("no s3 header");
        }
        let head = bytes.windows(END.len()).take(4096).position(|w| w == END).ok_or("no end of header")?;
        let body = &bytes[head + END.len()..];
        let word = |index: usize| -> Result<u32, &'static str> {
            let four = body.get(4 * index..4 * index + 4).ok_or("too short")?;
            Ok(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
        };
        if word(0)? != 0x1122_3344 {
            return Err("foreign byte order");
        }
        let (codebooks, streams, densities) = (word(1)? as usize, word(2)? as usize, word(3)? as usize);
        if streams != STREAMS || !(1..=4096).contains(&codebooks) || !(1..=4096).contains(&densities) {
            return Err("another shape");
        }
        if (4..4 + STREAMS).any(|index| word(index) != Ok(CEPSTRA as u32)) {
            return Err("another feature length");
        }
        let count = codebooks * STREAMS * densities;
        if word(7)? as usize != count * CEPSTRA {
            return Err("another number of values");
        }
        let values = body.get(32..32 + 4 * count * CEPSTRA).ok_or("too short")?;
        let values = values
            .chunks_exact(4 * CEPSTRA)
            .map(|row| {
                let mut out = [0.0; CEPSTRA];
                for (value, four) in out.iter_mut().zip(row.chunks_exact(4)) {
                    *value = f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
                }
                out
            })
            .collect::<Vec<_>>();
        if values.iter().flatten().any(|value| !value.is_finite()) {
            return Err("a value that is not a number");
        }
        Ok(Gaussians { codebooks, densities, values })
    }

    /// All densities of one stream of one codebook.
    pub fn of(&self, codebook: usize, stream: usize) -> &[[f32; CEPSTRA]] {
        let start = (codebook * STREAMS + stream) * self.densities;
        &self.values[start..start + self.densities]
    }

    pub fn of_mut(&mut self, codebook: usize, stream: usize) -> &mut [[f32; CEPSTRA]] {
        let start = (codebook * STREAMS + stream) * self.densities;
        &mut self.values[start..start + self.densities]
    }

    /// The file that PocketSphinx reads, without checksum.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + 4 * CEPSTRA * self.values.len());
        bytes.extend_from_slice(b"s3\nversion 1.0\nendhdr\n");
        let shape = [0x1122_3344, self.codebooks, STREAMS, self.densities, CEPSTRA, CEPSTRA, CEPSTRA];
        for number in shape.into_iter().chain([CEPSTRA * self.values.len()]) {
            bytes.extend_from_slice(&(number as u32).to_le_bytes());
        }
        for value in self.values.iter().flatten() {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes
    }
}
