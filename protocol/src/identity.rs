//! A key pair and a self-made certificate: who a satellite or a hub is, for as long as its data directory lives.
//!
//! There is no authority and no expiry here. Each side pins the other's certificate at pairing, so the dates in
//! it are never looked at and a satellite whose clock is years wrong still knows its hub.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};

use crate::update::{Program, Signature, UpdateKey};

/// Private key first, then the certificate, in one file, so that a crash cannot part them.
const FILE: &str = "identity.pem";

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("{path} cannot be read: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} cannot be written: {source}; give the program a data directory that it may write to")]
    Write { path: PathBuf, source: io::Error },
    #[error("{path} can be read by others, and it holds a private key; run: chmod 600 {path}")]
    Open { path: PathBuf },
    #[error("{path} holds no key and certificate; restore it, or remove it and pair again")]
    Damaged { path: PathBuf },
    #[error("no key could be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// A private key and its certificate. Prints the certificate's fingerprint only.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl Identity {
    /// The identity kept in `folder`; on first use it is made there, readable by its owner alone.
    pub fn load_or_make(folder: &Path) -> Result<Self, IdentityError> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(pem) => {
                // A key that others could read may be anybody's: say so rather than use it.
                let mode = fs::metadata(&path).map_err(|source| read_error(&path, source))?.mode();
                if mode & 0o077 != 0 {
                    return Err(IdentityError::Open { path });
                }
                Self::from_pem(&pem).ok_or(IdentityError::Damaged { path })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (identity, pem) = Self::make()?;
                write_private(&path, pem.as_bytes())
                    .map_err(|source| IdentityError::Write { path, source })?;
                Ok(identity)
            }
            Err(source) => Err(read_error(&path, source)),
        }
    }

    /// A new identity that is kept nowhere: of a stranger in a test, say.
    pub fn fleeting() -> Result<Self, IdentityError> {
        Ok(Self::make()?.0)
    }

    fn make() -> Result<(Self, String), IdentityError> {
        // P-256, because small TLS libraries for other languages all have it.
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let certificate = rcgen::CertificateParams::new(["sotto.local".to_owned()])?.self_signed(&key)?;
        let pem = format!("{}{}", key.serialize_pem(), certificate.pem());
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok((Identity { certificate: certificate.der().clone(), key }, pem))
    }

    fn from_pem(pem: &[u8]) -> Option<Self> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).ok()?;
        let certificate = CertificateDer::from_pem_slice(pem).ok()?;
        Some(Identity { certificate, key })
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.clone()]
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone_key())
    }

    /// Signs a program for the satellites of this hub. The key is made of the hub's own, so that it needs no file and moves
    /// with it.
    pub fn sign_program(&self, program: &Program) -> Signature {
        Signature(self.update_pair().sign(&program.signed()).as_ref().try_into().unwrap_or([0; 64]))
    }

    /// What satellites check such a signature with.
    pub fn update_key(&self) -> UpdateKey {
        UpdateKey::from_bytes(self.update_pair().public_key().as_ref().try_into().unwrap_or([0; 32]))
    }

    fn update_pair(&self) -> Ed25519KeyPair {
        let seed = self.derive(b"sotto updates");
        Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 bytes are a seed (RFC 8032, section 5.1.5)")
    }

    /// A secret for one purpose, the same for as long as the identity lives.
    pub(crate) fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        derive(self.key.secret_pkcs8_der(), &[purpose])
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.fingerprint())
    }
}

/// HMAC-SHA-256 of the parts, one after the other.
pub(crate) fn derive(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    mac(key, parts).finalize().into_bytes().into()
}

pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

fn read_error(path: &Path, source: io::Error) -> IdentityError {
    IdentityError::Read { path: path.to_owned(), source }
}

/// Writes a file that only its owner may read, whole or not at all, whatever happens in between.
pub fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let temporary = folder.join(name);
    let _ = fs::remove_file(&temporary);
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).and_then(|mut file| {
            file.write_all(contents)?;
            file.sync_all()
        });
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    renamed?;
    // The rename itself is only durable once the folder is.
    fs::File::open(folder)?.sync_all()
}

/// SHA-256 of a certificate in DER. Public: it is advertised and compared, and lets nobody in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(certificate: &[u8]) -> Self {
        Fingerprint(Sha256::digest(certificate).into())
    }

    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Fingerprint(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 64 hexadecimal digits")]
pub struct FingerprintError;

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(FingerprintError)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Fingerprint(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_identity_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = Identity::load_or_make(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let again = Identity::load_or_make(folder.path()).unwrap();
        assert_eq!(first.fingerprint(), again.fingerprint());

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Identity::load_or_make(folder.path()).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");

        fs::remove_file(&path).unwrap();
        write_private(&path, b"nonsense").unwrap();
        assert!(matches!(Identity::load_or_make(folder.path()), Err(IdentityError::Damaged { .. })));
    }

    #[test]
    fn a_fingerprint_reads_back_what_it_prints() {
        let fingerprint = Identity::fleeting().unwrap().fingerprint();
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        for bad in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
        }
    }
}
