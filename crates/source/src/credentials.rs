use crate::GitUrl;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What proves who we are. Secrets are masked in `Debug` and wiped from memory on drop.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Nothing, or what the address itself carries (`https://user:password@host/…`).
    #[default]
    None,
    /// A user name and a password or token.
    Basic {
        /// The user name; many providers take any text beside a token.
        username: String,
        /// The password or token.
        password: SecretString,
    },
    /// A token for the `Authorization: Bearer` header.
    Bearer(SecretString),
    /// An SSH key.
    Ssh {
        /// The private key, PEM or OpenSSH format.
        identity: SecretString,
        /// The keys of the hosts that may answer, in `known_hosts` format. There is no trust on first use.
        known_hosts: String,
        /// The passphrase of the private key.
        passphrase: Option<SecretString>,
    },
}

/// How a TLS server is verified, and how we identify ourselves to it.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// Certificates in PEM to trust beside the system's authorities. A server that presents exactly one of these is
    /// trusted too, even a self-signed authority certificate, as with Go's TLS.
    pub ca: Option<String>,
    /// Our certificate chain and private key, in PEM.
    pub client: Option<ClientCertificate>,
    /// Accept any certificate (Argo CD's `insecure`). The connection is then open to anyone in the middle.
    pub skip_verification: bool,
}

/// A certificate that identifies us to a server.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The certificate chain in PEM.
    pub certificate: String,
    /// The private key in PEM.
    pub key: SecretString,
}

/// Everything about how a server is reached, apart from its address.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Who we are.
    pub credentials: Credentials,
    /// How the server is verified.
    pub tls: TlsOptions,
    /// An `http://`, `https://` or `socks5://` proxy.
    pub proxy: Option<String>,
    /// Send credentials over plain `http://` too. Off unless the user asks for it.
    pub allow_plain_http_credentials: bool,
    /// How long one operation may take; `None` is the limit's default.
    pub timeout: Option<Duration>,
}

impl Access {
    /// The credentials to use with an address: those given, else those in the address.
    pub(crate) fn credentials_for(&self, url: &GitUrl) -> Credentials {
        match (&self.credentials, url.password()) {
            (Credentials::None, Some(password)) => Credentials::Basic {
                username: url.user().unwrap_or_default().to_owned(),
                password: password.clone(),
            },
            (given, _) => given.clone(),
        }
    }

    /// A name for these credentials that tells nothing about them: users of one repository share results only when
    /// they came with the same ones.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        match &self.credentials {
            Credentials::None => add("none"),
            Credentials::Basic { username, password } => {
                ["basic", username, password.expose_secret()].into_iter().for_each(&mut add);
            }
            Credentials::Bearer(token) => ["bearer", token.expose_secret()].into_iter().for_each(&mut add),
            Credentials::Ssh { identity, known_hosts, passphrase } => {
                let passphrase = passphrase.as_ref().map_or("", ExposeSecret::expose_secret);
                ["ssh", identity.expose_secret(), known_hosts, passphrase].into_iter().for_each(&mut add);
            }
        }
        add(if self.allow_plain_http_credentials { "plain" } else { "" });
        hash.update(self.connection_fingerprint());
        hash.finalize().into()
    }

    /// The same for what makes a connection: servers are verified and reached alike.
    pub(crate) fn connection_fingerprint(&self) -> [u8; 32] {
        let client = self.tls.client.as_ref();
        let parts = [
            self.tls.ca.as_deref().unwrap_or_default(),
            client.map_or("", |c| &c.certificate),
            client.map_or("", |c| c.key.expose_secret()),
            self.proxy.as_deref().unwrap_or_default(),
            if self.tls.skip_verification { "unverified" } else { "" },
        ];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked() {
        let access = Access {
            credentials: Credentials::Basic { username: "me".into(), password: "geheim".into() },
            tls: TlsOptions {
                client: Some(ClientCertificate { certificate: String::new(), key: "geheim".into() }),
                ..TlsOptions::default()
            },
            ..Access::default()
        };
        assert!(!format!("{access:?}").contains("geheim"));
    }

    #[test]
    fn different_secrets_have_different_fingerprints() {
        let basic = |username: &str, password: &str| {
            Access {
                credentials: Credentials::Basic { username: username.into(), password: password.into() },
                ..Access::default()
            }
            .fingerprint()
        };
        assert_eq!(basic("a", "bc"), basic("a", "bc"));
        assert_ne!(basic("a", "bc"), basic("ab", "c"));
        assert_ne!(basic("a", "bc"), Access::default().fingerprint());
    }

    #[test]
    fn an_address_may_carry_credentials() {
        let url = GitUrl::parse("https://me:geheim@h.io/a").unwrap();
        let found = Access::default().credentials_for(&url);
        assert!(matches!(found, Credentials::Basic { username, .. } if username == "me"));
        let given = Access { credentials: Credentials::Bearer("x".into()), ..Access::default() };
        assert!(matches!(given.credentials_for(&url), Credentials::Bearer(_)));
    }
}
