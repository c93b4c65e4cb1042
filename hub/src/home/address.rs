//! Where the broker is, who we are there, and how we know that it is the right one.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use rumqttc::TlsConfiguration;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::mdns;
use crate::config;

/// A broker, and who we are there.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Address {
    pub host: String,
    pub port: u16,
    /// Host and port are those that advertise themselves by mDNS, looked for at each connection: a broker may come
    /// later than the hub, and move.
    pub advertised: bool,
    /// Empty: none is given.
    pub user: String,
    pub password: String,
    /// `None`: in the clear.
    pub tls: Option<Tls>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.is_empty() && self.advertised {
            true => write!(f, "mdns")?,
            false => write!(f, "{}:{}", self.host, self.port)?,
        }
        f.write_str(if self.tls.is_some() { " (TLS)" } else { "" })
    }
}

impl Address {
    /// The port when none is named: in the clear, or with TLS.
    pub const PORTS: [u16; 2] = [1883, 8883];

    /// Reads `host`, `host:port` or `[v6]:port`; the port defaults to 1883.
    pub fn parse(text: &str) -> Option<(String, u16)> {
        Address::parse_with(text, Address::PORTS[0])
    }

    /// The household's broker as `[mqtt]` names it; `None` when it names none.
    pub fn of(config: &config::Mqtt) -> anyhow::Result<Option<Address>> {
        if config.address.trim().is_empty() {
            return Ok(None);
        }
        let default = Address::PORTS[usize::from(config.tls)];
        let (host, port) = match config.address.trim() {
            "mdns" => (String::new(), 0),
            text => Address::parse_with(text, default)
                .with_context(|| format!("address {text:?} in [mqtt] is not host:port"))?,
        };
        let set = |file: &PathBuf| (!file.as_os_str().is_empty()).then(|| file.clone());
        let tls = match (config.tls, set(&config.ca_file)) {
            (false, None) => None,
            (false, Some(_)) => {
                bail!("[mqtt] has a ca_file but not tls = true; set it, or leave ca_file out")
            }
            (true, None) => bail!("[mqtt] says tls = true; name the broker's CA certificate as ca_file"),
            (true, Some(ca)) => {
                let own = match (set(&config.certificate_file), set(&config.key_file)) {
                    (None, None) => None,
                    (Some(certificate), Some(key)) => Some((certificate, key)),
                    _ => bail!("[mqtt] needs both certificate_file and key_file, or neither"),
                };
                let own = own.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
                Some(Tls::load(&ca, own).context("[mqtt]")?)
            }
        };
        let password = match set(&config.password_file) {
            None => String::new(),
            Some(file) => std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read password_file {} of [mqtt]", file.display()))?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        };
        let advertised = host.is_empty();
        Ok(Some(Address { host, port, advertised, user: config.user.clone(), password, tls }))
    }

    /// Where the broker is now.
    pub(super) async fn found(&self) -> anyhow::Result<Address> {
        match self.advertised {
            false => Ok(self.clone()),
            true => {
                let (host, port) = mdns::find(self.tls.is_some()).await?;
                Ok(Address { host, port, ..self.clone() })
            }
        }
    }

    pub fn parse_with(text: &str, default: u16) -> Option<(String, u16)> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                let port = if port.is_empty() { None } else { Some(port.strip_prefix(':')?) };
                (host, port)
            }
            None => text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Some(default), |port| port.parse().ok().filter(|port| *port != 0))?;
        (!host.is_empty() && !host.contains(char::is_whitespace)).then(|| (host.to_owned(), port))
    }
}

/// What proves the broker to us, and perhaps us to the broker.
#[derive(Clone)]
pub struct Tls(Arc<rustls::ClientConfig>);

impl Tls {
    /// `ca`: PEM file of the certificates that are trusted; `own`: PEM files of our certificate and its key.
    pub fn load(ca: &Path, own: Option<(&Path, &Path)>) -> anyhow::Result<Tls> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in certificates(ca)? {
            roots
                .add(certificate)
                .with_context(|| format!("{} holds something that is no CA certificate", ca.display()))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let private = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| anyhow::anyhow!("{} holds no usable key: {error}", key.display()))?;
                builder.with_client_auth_cert(certificates(certificate)?, private).with_context(|| {
                    format!("{} and {} do not belong together", certificate.display(), key.display())
                })?
            }
        };
        Ok(Tls(Arc::new(config)))
    }

    pub(super) fn configuration(&self) -> TlsConfiguration {
        TlsConfiguration::Rustls(self.0.clone())
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Tls {}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(|error| anyhow::anyhow!("cannot read certificates from {}: {error}", file.display()))?;
    if read.is_empty() {
        bail!("{} holds no certificate in PEM form", file.display());
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port() {
        let check = |text: &str, expect: Option<(&str, u16)>| {
            assert_eq!(Address::parse(text), expect.map(|(h, p)| (h.to_owned(), p)), "{text}");
        };
        check("broker", Some(("broker", 1883)));
        check("broker.lan:8883", Some(("broker.lan", 8883)));
        check("[fe80::1]:1884", Some(("fe80::1", 1884)));
        check("[::1]", Some(("::1", 1883)));
        check("broker:", None);
        check(":1883", None);
        check("broker:99999", None);
        check("broker:0", None);
        check("[::1]1883", None);
        check("", None);
        assert_eq!(Address::parse_with("broker", 8883), Some(("broker".into(), 8883)));
    }

    #[test]
    fn a_broker_is_read_from_the_configuration() {
        let check = |text: &str, expect: Result<Option<&str>, &str>| {
            let config = config::Config::parse(text, "hub.toml").unwrap();
            match (Address::of(&config.mqtt), expect) {
                (Ok(address), Ok(expect)) => assert_eq!(address.map(|a| format!("{a:?}")).as_deref(), expect),
                (Err(error), Err(part)) => assert!(format!("{error:#}").contains(part), "{error:#}"),
                (got, expect) => panic!("{text}: {got:?}, not {expect:?}"),
            }
        };
        check("", Ok(None));
        check("[mqtt]\naddress = \"broker\"", Ok(Some("broker:1883")));
        check("[mqtt]\naddress = \"mdns\"", Ok(Some("mdns")));
        check("[mqtt]\naddress = \"broker:\"", Err("not host:port"));
        check("[mqtt]\naddress = \"b\"\ntls = true", Err("ca_file"));
        check("[mqtt]\naddress = \"b\"\nca_file = \"x\"", Err("tls = true"));
        check("[mqtt]\naddress = \"b\"\ntls = true\nca_file = \"x\"\nkey_file = \"y\"", Err("both"));
        check("[mqtt]\naddress = \"b\"\ntls = true\nca_file = \"/no/ca\"", Err("/no/ca"));
        check("[mqtt]\naddress = \"b\"\npassword_file = \"/no/pw\"", Err("/no/pw"));
    }

    #[test]
    fn what_is_no_certificate_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        let check = |text: &str, expect: &str| {
            std::fs::write(&file, text).unwrap();
            let error = Tls::load(&file, None).err().expect("refused");
            let error = format!("{error:#}");
            assert!(error.contains("ca.pem") && error.contains(expect), "{error}");
        };
        check("", "no certificate");
        check("hello", "no certificate");
        check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no CA certificate");
        std::fs::remove_file(&file).unwrap();
        assert!(format!("{:#}", Tls::load(&file, None).err().unwrap()).contains("ca.pem"));
    }
}
