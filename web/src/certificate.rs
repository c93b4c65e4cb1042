//! The hub's own certificate authority and the certificate that the pages are served with.
//!
//! `ca.key ca.pem → page.key page.pem`, made on first run in the folder that the hub names, private to its
//! user. The authority is limited to this house (`.local`, private addresses), so that trusting it cannot
//! endanger any other site. A household with a certificate of its own puts it in place of `page.pem`.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Browsers refuse leaves that live longer than 398 days, own authorities or not (Apple: 825).
const LEAF: Duration = Duration::from_secs(397 * DAY.as_secs());
/// A new one is made when less than this is left.
const RENEW: Duration = Duration::from_secs(60 * DAY.as_secs());
/// An authority that a person has installed on every phone of the house should last.
const AUTHORITY: Duration = Duration::from_secs(3650 * DAY.as_secs());

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("cannot read or write {path}: {source}; check that the folder belongs to the hub's user")]
    File { path: PathBuf, source: std::io::Error },
    #[error(
        "{path} is not a PEM certificate or key ({reason}); put the right file there, or remove it for a new one"
    )]
    Pem { path: PathBuf, reason: String },
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    #[error("the certificate and its key do not work together ({0}); remove both for new ones")]
    Pair(#[from] rustls::Error),
}

/// What the server needs, and what a person may download.
pub struct Certificates {
    pub config: Arc<rustls::ServerConfig>,
    /// The authority in PEM and DER, to be trusted on each device; `None` when the certificate was given.
    pub authority: Option<Authority>,
}

#[derive(Clone)]
pub struct Authority {
    pub pem: String,
    pub der: Vec<u8>,
    /// SHA-256 over the DER, to compare by eye.
    pub fingerprint: String,
}

/// Opens the certificates in `folder`, making what is not there, for a page reached by `names` (host names) and
/// `addresses`. A leaf that names other hosts or ends soon is made anew; the authority stays.
pub fn open(folder: &Path, names: &[String], addresses: &[IpAddr]) -> Result<Certificates, CertificateError> {
    fs::create_dir_all(folder)
        .map_err(|source| CertificateError::File { path: folder.to_owned(), source })?;
    let (ca_pem, issuer) = authority(folder)?;
    let (page_pem, page_key) = (folder.join("page.pem"), folder.join("page.key"));
    let wanted = wanted(names, addresses);
    let note = folder.join("page.names");
    let fresh = fs::read_to_string(&note).is_ok_and(|have| have == wanted)
        && fs::metadata(&page_pem)
            .and_then(|file| file.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age < LEAF - RENEW));
    if !(fresh && page_key.exists()) {
        let key = KeyPair::generate()?;
        let leaf = leaf_params(names, addresses)?.signed_by(&key, &issuer)?;
        write(&page_key, key.serialize_pem().as_bytes(), true)?;
        write(&page_pem, format!("{}{}", leaf.pem(), ca_pem).as_bytes(), false)?;
        write(&note, wanted.as_bytes(), false)?;
    }
    let der = CertificateDer::from_pem_slice(ca_pem.as_bytes())
        .map_err(|e| CertificateError::Pem { path: folder.join("ca.pem"), reason: e.to_string() })?;
    let authority = Authority { fingerprint: fingerprint(&der), der: der.to_vec(), pem: ca_pem };
    Ok(Certificates { config: given(&page_pem, &page_key)?, authority: Some(authority) })
}

/// A server configuration from a certificate chain and key that the household brought.
pub fn given(chain: &Path, key: &Path) -> Result<Arc<rustls::ServerConfig>, CertificateError> {
    let bad = |path: &Path, reason: String| CertificateError::Pem { path: path.to_owned(), reason };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(|all| all.collect::<Result<Vec<_>, _>>())
        .map_err(|e| bad(chain, e.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| bad(key, e.to_string()))?;
    let mut config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn authority(folder: &Path) -> Result<(String, Issuer<'static, KeyPair>), CertificateError> {
    let (pem_path, key_path) = (folder.join("ca.pem"), folder.join("ca.key"));
    if pem_path.exists() && key_path.exists() {
        let read = |path: &Path| {
            fs::read_to_string(path)
                .map_err(|source| CertificateError::File { path: path.to_owned(), source })
        };
        let (pem, key) = (read(&pem_path)?, read(&key_path)?);
        let key = KeyPair::from_pem(&key)
            .map_err(|e| CertificateError::Pem { path: key_path.clone(), reason: e.to_string() })?;
        // The parameters are rebuilt rather than parsed: all that a leaf takes from them is the name.
        return Ok((pem, Issuer::new(ca_params()?, key)));
    }
    let key = KeyPair::generate()?;
    let params = ca_params()?;
    let pem = params.self_signed(&key)?.pem();
    write(&key_path, key.serialize_pem().as_bytes(), true)?;
    write(&pem_path, pem.as_bytes(), false)?;
    Ok((pem, Issuer::new(params, key)))
}

fn ca_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Sotto, this house only");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: [
            GeneralSubtree::DnsName("local".into()),
            GeneralSubtree::DnsName("localhost".into()),
            GeneralSubtree::DnsName("home.arpa".into()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([172, 16, 0, 0], 12)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([192, 168, 0, 0], 16)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([169, 254, 0, 0], 16)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix([0; 16], 127)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(first(&[0xfc]), 7)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(first(&[0xfe, 0x80]), 10)),
        ]
        .into(),
        excluded_subtrees: Vec::new(),
    });
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + AUTHORITY).into();
    Ok(params)
}

fn leaf_params(names: &[String], addresses: &[IpAddr]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.subject_alt_names.extend(addresses.iter().map(|address| SanType::IpAddress(*address)));
    params.distinguished_name.push(DnType::CommonName, names.first().map_or("sotto.local", |n| n.as_str()));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + LEAF).into();
    Ok(params)
}

fn first(bytes: &[u8]) -> [u8; 16] {
    let mut all = [0; 16];
    all[..bytes.len()].copy_from_slice(bytes);
    all
}

fn wanted(names: &[String], addresses: &[IpAddr]) -> String {
    let addresses = addresses.iter().map(IpAddr::to_string);
    names.iter().cloned().chain(addresses).collect::<Vec<_>>().join("\n")
}

fn fingerprint(der: &CertificateDer<'_>) -> String {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(der.as_ref());
    hash.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// Written beside and renamed, so that a crash leaves the old file or the new one.
fn write(path: &Path, bytes: &[u8], private: bool) -> Result<(), CertificateError> {
    let aside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if private { 0o600 } else { 0o644 });
    options
        .open(&aside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&aside, path))
        .map_err(|source| CertificateError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["sotto.local".to_owned()];
        let first = open(folder.path(), &names, &[IpAddr::from([127, 0, 0, 1])]).unwrap();
        let leaf = fs::read(folder.path().join("page.pem")).unwrap();
        let again = open(folder.path(), &names, &[IpAddr::from([127, 0, 0, 1])]).unwrap();
        let (first, again) = (first.authority.unwrap(), again.authority.unwrap());
        assert_eq!(first.fingerprint, again.fingerprint);
        assert_eq!(leaf, fs::read(folder.path().join("page.pem")).unwrap());

        open(folder.path(), &names, &[IpAddr::from([192, 168, 1, 7])]).unwrap();
        assert_ne!(leaf, fs::read(folder.path().join("page.pem")).unwrap(), "a new address, a new leaf");
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), &["sotto.local".into()], &[]).unwrap();
        for key in ["ca.key", "page.key"] {
            let mode = fs::metadata(folder.path().join(key)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{key}");
        }
    }

    #[test]
    fn a_broken_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), &["sotto.local".into()], &[]).unwrap();
        fs::write(folder.path().join("ca.key"), "nonsense").unwrap();
        let error = open(folder.path(), &["sotto.local".into()], &[]).err().unwrap().to_string();
        assert!(error.contains("ca.key"), "{error}");
    }
}
