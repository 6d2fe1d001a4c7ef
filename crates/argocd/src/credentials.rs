//! The Secrets that say how repositories are reached (`argocd.argoproj.io/secret-type`), and the ConfigMaps with settings
//! for all of them.

use holdfast_cluster::{ApiRequest, Cluster};
use holdfast_object::{GroupVersionKind, Object, Value};
use holdfast_source::{
    Access, ClientCertificate, Credentials, GitUrl, Grants, HelmAccess, Secret, TlsOptions,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long the Secrets that were read last are used.
const MAX_AGE: Duration = Duration::from_secs(15);
/// The label that tells what a Secret is.
const SECRET_TYPE: &str = "argocd.argoproj.io/secret-type";

/// The repositories and credential templates of the control namespace.
pub(crate) struct Repositories {
    cluster: Cluster,
    namespace: String,
    read: Mutex<Option<(Instant, Arc<Settings>)>>,
}

#[derive(Debug, Default)]
struct Settings {
    repositories: Vec<Entry>,
    templates: Vec<Entry>,
    /// `ssh_known_hosts` of `argocd-ssh-known-hosts-cm`.
    known_hosts: String,
    /// Certificates to trust, by host: `argocd-tls-certs-cm`.
    certificates: BTreeMap<String, String>,
    /// `kustomize.buildOptions` of `argocd-cm`.
    build_options: String,
}

/// One Secret's fields. Never printed as they are: they hold credentials.
struct Entry {
    name: String,
    fields: BTreeMap<String, String>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Entry {
    fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn is_on(&self, field: &str) -> bool {
        self.get(field) == Some("true")
    }
}

/// Fields that say how to authenticate.
const CREDENTIALS: &[&str] = &["username", "password", "bearerToken", "sshPrivateKey", "tlsClientCertData"];
/// Ways to authenticate that are not supported yet.
const REFUSED: &[&str] = &[
    "githubAppID",
    "githubAppPrivateKey",
    "gcpServiceAccountKey",
    "useAzureWorkloadIdentity",
    "azureServicePrincipalClientSecret",
];

impl Repositories {
    pub(crate) fn new(cluster: Cluster, namespace: &str) -> Self {
        Self { cluster, namespace: namespace.to_owned(), read: Mutex::default() }
    }

    /// How a repository is reached: by its own Secret, with the credentials of the template whose address is the
    /// longest prefix of its own where the Secret has none.
    ///
    /// # Errors
    /// What is wrong with the Secrets, or that they cannot be read.
    pub(crate) async fn access(&self, url: &str) -> Result<Access, String> {
        let settings = self.settings().await?;
        access(&settings, url)
    }

    /// How a Helm repository or registry is reached, and its address with its scheme: one without is a registry.
    /// `pass_credentials` is the source's: the credentials go also to other servers that the index names.
    ///
    /// # Errors
    /// What is wrong with the Secrets, or that they cannot be read.
    pub(crate) async fn charts(
        &self,
        url: &str,
        pass_credentials: bool,
    ) -> Result<(String, HelmAccess), String> {
        let settings = self.settings().await?;
        charts(&settings, url, pass_credentials)
    }

    /// How every Helm repository and registry that a Secret names is reached: for the charts that a chart depends on.
    ///
    /// # Errors
    /// That the Secrets cannot be read. One that is wrong grants nothing.
    pub(crate) async fn grants(&self, pass_credentials: bool) -> Result<Grants, String> {
        let settings = self.settings().await?;
        let entries = settings.repositories.iter().chain(&settings.templates);
        let addresses =
            entries.filter(|entry| entry.get("type") == Some("helm")).filter_map(|e| e.get("url"));
        let granted = addresses.filter_map(|url| charts(&settings, url, pass_credentials).ok());
        Ok(granted.fold(Grants::default(), |grants, (url, access)| grants.with(&url, access)))
    }

    /// The flags for `kustomize build` that `argocd-cm` has for every kustomization.
    ///
    /// # Errors
    /// That the settings cannot be read.
    pub(crate) async fn build_options(&self) -> Result<String, String> {
        Ok(self.settings().await?.build_options.clone())
    }

    async fn settings(&self) -> Result<Arc<Settings>, String> {
        let known = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, settings)) = known.filter(|(at, _)| at.elapsed() < MAX_AGE) {
            return Ok(settings);
        }
        let settings = Arc::new(Settings {
            repositories: self.secrets("repository").await?,
            templates: self.secrets("repo-creds").await?,
            known_hosts: self
                .config("argocd-ssh-known-hosts-cm")
                .await
                .remove("ssh_known_hosts")
                .unwrap_or_default(),
            certificates: self.config("argocd-tls-certs-cm").await,
            build_options: self
                .config("argocd-cm")
                .await
                .remove("kustomize.buildOptions")
                .unwrap_or_default(),
        });
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), settings.clone()));
        Ok(settings)
    }

    async fn secrets(&self, kind: &str) -> Result<Vec<Entry>, String> {
        let failed =
            |e: &dyn std::fmt::Display| format!("cannot read repository secrets in {}: {e}", self.namespace);
        let resource = self.cluster.resource(&GroupVersionKind::new("", "v1", "Secret")).await;
        let resource = resource.map_err(|e| failed(&e))?;
        let request = ApiRequest::get(resource.path(&self.namespace))
            .query("labelSelector", format!("{SECRET_TYPE}={kind}"));
        let answer = self.cluster.request(request).await.map_err(|e| failed(&e))?;
        let list: Value = serde_json::from_slice(&answer.body).map_err(|e| failed(&e))?;
        let items = list.get("items").and_then(Value::as_array).into_iter().flatten();
        Ok(items.filter_map(entry).collect())
    }

    /// What a ConfigMap says. Without it there is nothing: no host key is known and no certificate trusted.
    async fn config(&self, name: &str) -> BTreeMap<String, String> {
        let gvk = GroupVersionKind::new("", "v1", "ConfigMap");
        let Ok(resource) = self.cluster.resource(&gvk).await else { return BTreeMap::new() };
        let request = ApiRequest::get_object(&resource, &self.namespace, name);
        let Ok(answer) = self.cluster.request(request).await else { return BTreeMap::new() };
        let object = serde_json::from_slice::<Value>(&answer.body).ok().and_then(|v| Object::new(v).ok());
        let data = object.as_ref().and_then(|o| o.get(&["data"])?.as_object());
        let texts = data
            .into_iter()
            .flatten()
            .filter_map(|(key, text)| Some((key.clone(), text.as_str()?.to_owned())));
        texts.collect()
    }
}

fn entry(value: &Value) -> Option<Entry> {
    use base64::Engine as _;
    let name = value.pointer("/metadata/name")?.as_str()?.to_owned();
    let mut fields = BTreeMap::new();
    for (key, text) in value.get("data")?.as_object()? {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_str()?).ok()?;
        fields.insert(key.clone(), String::from_utf8(bytes).ok()?);
    }
    Some(Entry { name, fields })
}

fn access(settings: &Settings, url: &str) -> Result<Access, String> {
    let wanted = GitUrl::parse(url).map_err(|e| e.to_string())?;
    let is_same = |entry: &&Entry| {
        entry.get("url").and_then(|url| GitUrl::parse(url).ok()).is_some_and(|own| own.key() == wanted.key())
    };
    let own = settings.repositories.iter().find(is_same);
    if let Some(entry) = own.filter(|entry| entry.get("type").is_some_and(|kind| kind != "git")) {
        return Err(format!("secret {}: its type is not git", entry.name));
    }
    Ok(Choice::of(settings, url, own)?.access(settings, url))
}

fn charts(settings: &Settings, url: &str, pass_credentials: bool) -> Result<(String, HelmAccess), String> {
    let bare = |url: &str| url.trim_start_matches("oci://").trim_end_matches('/').to_ascii_lowercase();
    let is_same = |entry: &&Entry| {
        entry.get("type").is_none_or(|kind| kind != "git")
            && entry.get("url").is_some_and(|own| bare(own) == bare(url))
    };
    let own = settings.repositories.iter().find(is_same);
    let choice = Choice::of(settings, url, own)?;
    // Whoever says that a registry is spoken to without encryption says it of its credentials too.
    let plain_http = choice.is_on("insecureOCIForceHttp");
    let access = Access { allow_plain_http_credentials: plain_http, ..choice.access(settings, url) };
    let access = HelmAccess { access, pass_credentials, plain_http };
    let address = if url.contains("://") { url.to_owned() } else { format!("oci://{url}") };
    Ok((address, access))
}

/// The Secrets that count for an address.
struct Choice<'a> {
    own: Option<&'a Entry>,
    /// The own one, or the template with the longest prefix of the address.
    credentials: Option<&'a Entry>,
}

impl<'a> Choice<'a> {
    /// # Errors
    /// A way to authenticate that is not supported.
    fn of(settings: &'a Settings, url: &str, own: Option<&'a Entry>) -> Result<Self, String> {
        let has_credentials = |entry: &&Entry| CREDENTIALS.iter().any(|field| entry.get(field).is_some());
        let prefix =
            |entry: &Entry| entry.get("url").filter(|prefix| url.starts_with(prefix)).map_or(0, str::len);
        let template = || settings.templates.iter().filter(|t| prefix(t) > 0).max_by_key(|t| prefix(t));
        let credentials = own.filter(has_credentials).or_else(template);
        for entry in [own, credentials].into_iter().flatten() {
            if let Some(field) = REFUSED.iter().find(|field| entry.get(field).is_some()) {
                return Err(format!("secret {}: {field} is not supported yet", entry.name));
            }
        }
        Ok(Self { own, credentials })
    }

    fn is_on(&self, field: &str) -> bool {
        [self.own, self.credentials].into_iter().flatten().any(|entry| entry.is_on(field))
    }

    fn access(&self, settings: &Settings, url: &str) -> Access {
        let entries = || [self.own, self.credentials].into_iter().flatten();
        let client = self.credentials.and_then(|entry| {
            let (certificate, key) = (entry.get("tlsClientCertData")?, entry.get("tlsClientCertKey")?);
            Some(ClientCertificate { certificate: certificate.to_owned(), key: Secret::from(key.to_owned()) })
        });
        let ca = host(url).and_then(|host| settings.certificates.get(host)).cloned();
        Access {
            credentials: self
                .credentials
                .map_or(Credentials::None, |entry| of_entry(entry, &settings.known_hosts)),
            tls: TlsOptions { ca, client, skip_verification: self.is_on("insecure") },
            proxy: entries().find_map(|entry| entry.get("proxy")).map(str::to_owned),
            allow_plain_http_credentials: false,
            timeout: None,
        }
    }
}

/// The host that an address leads to, without its port.
fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split(':').next().filter(|host| !host.is_empty())
}

fn of_entry(entry: &Entry, known_hosts: &str) -> Credentials {
    let secret = |text: &str| Secret::from(text.to_owned());
    if let Some(key) = entry.get("sshPrivateKey") {
        let known_hosts = known_hosts.to_owned();
        return Credentials::Ssh { identity: secret(key), known_hosts, passphrase: None };
    }
    if let Some(token) = entry.get("bearerToken") {
        return Credentials::Bearer(secret(token));
    }
    match (entry.get("username"), entry.get("password")) {
        (None, None) => Credentials::None,
        (username, password) => Credentials::Basic {
            username: username.unwrap_or_default().to_owned(),
            password: secret(password.unwrap_or_default()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, fields: &[(&str, &str)]) -> Entry {
        let fields = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Entry { name: name.into(), fields }
    }

    fn user(settings: &Settings, url: &str) -> Result<String, String> {
        access(settings, url).map(|access| match access.credentials {
            Credentials::Basic { username, .. } => username,
            Credentials::None => "none".into(),
            Credentials::Bearer(_) => "token".into(),
            Credentials::Ssh { .. } => "ssh".into(),
        })
    }

    #[test]
    fn the_own_secret_counts_before_the_longest_template() {
        let settings = Settings {
            repositories: vec![
                of("own", &[("url", "https://git/team/own.git"), ("username", "own")]),
                of("bare", &[("url", "https://git/team/bare")]),
                of("app", &[("url", "https://git/team/app"), ("githubAppID", "1")]),
            ],
            templates: vec![
                of("all", &[("url", "https://git"), ("username", "all")]),
                of("team", &[("url", "https://git/team"), ("bearerToken", "t")]),
                of("ssh", &[("url", "git@git:team"), ("sshPrivateKey", "k")]),
            ],
            ..Settings::default()
        };
        assert_eq!(user(&settings, "https://git/team/own").unwrap(), "own");
        assert_eq!(user(&settings, "https://git/team/bare").unwrap(), "token");
        assert_eq!(user(&settings, "https://git/other/x").unwrap(), "all");
        assert_eq!(user(&settings, "git@git:team/x.git").unwrap(), "ssh");
        assert_eq!(user(&settings, "https://elsewhere/x").unwrap(), "none");
        assert_eq!(
            user(&settings, "https://git/team/app").unwrap_err(),
            "secret app: githubAppID is not supported yet"
        );
        assert!(!format!("{settings:?}").contains("\"t\""), "no secret is printed");
    }

    #[test]
    fn helm_repositories_and_registries() {
        let settings = Settings {
            repositories: vec![
                of("charts", &[("url", "https://charts.io/stable"), ("type", "helm"), ("username", "helm")]),
                of("git", &[("url", "https://charts.io/code"), ("type", "git"), ("username", "git")]),
                of(
                    "registry",
                    &[
                        ("url", "registry.io/charts"),
                        ("type", "helm"),
                        ("enableOCI", "true"),
                        ("username", "oci"),
                        ("insecureOCIForceHttp", "true"),
                    ],
                ),
            ],
            templates: vec![of(
                "all",
                &[("url", "https://charts.io"), ("type", "helm"), ("username", "all")],
            )],
            certificates: BTreeMap::from([("charts.io".to_owned(), "PEM".to_owned())]),
            ..Settings::default()
        };
        let check = |url: &str, address: &str, expected: &str| {
            let (found, access) = charts(&settings, url, true).unwrap();
            let user = match access.access.credentials {
                Credentials::Basic { username, .. } => username,
                _ => "none".to_owned(),
            };
            assert_eq!((found.as_str(), user.as_str()), (address, expected), "{url}");
            assert!(access.pass_credentials);
            (access.access.tls.ca, access.plain_http)
        };
        let trusted = Some("PEM".to_owned());
        assert_eq!(
            check("https://charts.io/stable/", "https://charts.io/stable/", "helm"),
            (trusted.clone(), false)
        );
        assert_eq!(check("https://charts.io/other", "https://charts.io/other", "all"), (trusted, false));
        assert_eq!(check("registry.io/charts", "oci://registry.io/charts", "oci"), (None, true));
        assert_eq!(check("oci://registry.io/charts", "oci://registry.io/charts", "oci"), (None, true));
        assert_eq!(check("https://elsewhere.io", "https://elsewhere.io", "none"), (None, false));
        assert_eq!(
            access(&settings, "https://charts.io/stable").unwrap_err(),
            "secret charts: its type is not git"
        );
    }
}
