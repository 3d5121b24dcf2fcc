//! Where the database is, and how the way there is protected.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use booking_core::store::StoreError;
use booking_core::{Invalid, Secret};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(20);
/// So many connections at most, unless told otherwise.
const CONNECTIONS: usize = 16;

/// `sslmode`: what the way to the database must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    /// In the clear.
    Disable,
    /// Encrypted if the server can, whoever it is.
    Prefer,
    /// Encrypted, whoever it is.
    Require,
    /// Encrypted, and the server is the one of the URL.
    VerifyFull,
}

/// Where a PostgreSQL database is: `postgres://user@host/name?sslmode=verify-full`.
///
/// Beside what PostgreSQL's own URLs have there is `sslmode` (`disable`, `prefer`, which is the default, `require`,
/// `verify-full`) and, with `verify-full`, `sslrootcert` (a file with the certificates to trust; otherwise those of the
/// system).
#[derive(Clone)]
pub struct PostgresUrl {
    config: Config,
    tls: Tls,
    roots: Option<PathBuf>,
    connections: usize,
    patience: Duration,
}

impl PostgresUrl {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for anything else. It quotes nothing of the URL, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = Invalid::new(
            "PostgreSQL URL",
            "postgres://user@host/name (an @ in a password percent-encoded), with sslmode=disable, prefer, require or verify-full (which alone takes \
             sslrootcert)",
        );
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut tls, mut roots, mut rest) = (Tls::Prefer, None, Vec::new());
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some(("sslmode", "disable")) => tls = Tls::Disable,
                Some(("sslmode", "prefer")) => tls = Tls::Prefer,
                Some(("sslmode", "require")) => tls = Tls::Require,
                Some(("sslmode", "verify-full")) => tls = Tls::VerifyFull,
                Some(("sslmode", _)) => return Err(wrong),
                Some(("sslrootcert", file)) => roots = Some(PathBuf::from(file)),
                _ => rest.push(part),
            }
        }
        if !(place.starts_with("postgres://") || place.starts_with("postgresql://"))
            || (roots.is_some() && tls != Tls::VerifyFull)
        {
            return Err(wrong);
        }
        let plain = format!("{place}?{}", rest.join("&"));
        let mut config = Config::from_str(&plain).map_err(|_| wrong.clone())?;
        let nowhere = config.get_hosts().is_empty() && config.get_hostaddrs().is_empty();
        if nowhere || !config.get_hosts().iter().all(may_be) {
            return Err(wrong);
        }
        config.ssl_mode(match tls {
            Tls::Disable => SslMode::Disable,
            Tls::Prefer => SslMode::Prefer,
            Tls::Require | Tls::VerifyFull => SslMode::Require,
        });
        config.connect_timeout(CONNECT).keepalives_idle(Duration::from_secs(30));
        // What was sent and is not acknowledged for so long has been sent to nobody.
        config.tcp_user_timeout(PATIENCE);
        if config.get_application_name().is_none() {
            config.application_name("staykey");
        }
        Ok(Self { config, tls, roots, connections: CONNECTIONS, patience: PATIENCE })
    }

    /// The same with a password that is kept elsewhere.
    #[must_use]
    pub fn with_password(mut self, password: &Secret) -> Self {
        self.config.password(password.expose());
        self
    }

    /// The same with at most so many connections at once, and at least one; 16 unless told otherwise.
    #[must_use]
    pub fn with_connections(mut self, most: usize) -> Self {
        self.connections = most.max(1);
        self
    }

    /// The same with a time in which a change, or a read, is to be answered; 20 s unless told otherwise. After half of it
    /// whoever waits for a connection, or for a new one, gives up.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self.config.tcp_user_timeout(patience);
        self
    }

    /// Whether it holds a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn connections(&self) -> usize {
        self.connections
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// What is asked of a server's certificate.
    pub(super) fn tls(&self) -> Result<ClientConfig, StoreError> {
        let wrong = |what: &str| StoreError::Unavailable(format!("TLS cannot be set up: {what}"));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|_| wrong("no version of TLS is left"))?;
        if self.tls != Tls::VerifyFull {
            let anyone = Arc::new(AnyServer(provider));
            return Ok(builder.dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth());
        }
        let Some(file) = &self.roots else {
            let verifier = rustls_platform_verifier::Verifier::new(provider)
                .map_err(|_| wrong("the system's certificates cannot be read"))?;
            return Ok(builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
                .with_no_client_auth());
        };
        let unread = || wrong("sslrootcert names no file with certificates");
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|_| unread())? {
            roots.add(certificate.map_err(|_| unread())?).map_err(|_| unread())?;
        }
        if roots.is_empty() {
            return Err(unread());
        }
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresUrl")
            .field("database", &self.config.get_dbname())
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// Takes any certificate: with `prefer` and `require` listeners are kept out, impostors are not.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether there may be such a host. Of a password with an `@` in it that is not percent-encoded, the rest stands here, and
/// would be looked up, and told of, as a name.
fn may_be(host: &Host) -> bool {
    let is_of_names = |letter: char| letter.is_alphanumeric() || "-._".contains(letter);
    let Host::Tcp(name) = host else { return true };
    name.chars().all(is_of_names) || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        for good in [
            "postgres://staykey@db.example/staykey",
            "postgresql://staykey:word@db.example:5433/staykey?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgres://u@/d?host=/var/run/postgresql&sslmode=disable",
            "postgres://u@[::1]:5433/d",
            "postgres://u@first.example,second_2.example/d",
            "postgres://u@h/d?sslmode=require&application_name=mine",
        ] {
            assert!(PostgresUrl::parse(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "mysql://planted@h/d",
            "postgres:///planted",
            "postgres://u:planted@h/d?sslmode=verify-ca",
            "postgres://u:planted@h/d?sslmode=require&sslrootcert=/etc/ca.pem",
            "postgres://u:planted@h/d?unheard_of=1",
            "postgres://u:pass@planted@h/d",
            "postgres://u@[::1:planted@2]/d",
            "postgres://u@pla\0nted/d",
        ] {
            let error = PostgresUrl::parse(wrong).unwrap_err().to_string();
            assert!(!error.contains("planted"), "{error}");
        }
    }

    #[test]
    fn passwords_are_known_of_and_not_shown() {
        let url = PostgresUrl::parse("postgres://u@h/d").unwrap();
        assert!(!url.has_password());
        let url = url.with_password(&Secret::new("planted"));
        assert!(url.has_password());
        assert!(!format!("{url:?}").contains("planted"));
    }
}
