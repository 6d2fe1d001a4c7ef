//! Helm charts, from repositories with an `index.yaml` and from OCI registries.

mod index;
mod stream;

pub use index::{ChartVersion, HelmIndex, IndexError};

use crate::download::{Get, origin, unexpected, without_query};
use crate::flights::Flights;
use crate::http::authorization_value;
use crate::oci::{OciRef, OciRegistries, OciUrl, fresh_from};
use crate::{Access, Limits, SourceError};
use bytes::Bytes;
use futures::FutureExt;
use holdfast_semver::Constraint;
use reqwest::header::{ETAG, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{StatusCode, Url};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Charts, from wherever they are published. Clones share everything.
///
/// An index is read once for all who ask for it, asked for again only if it changed, and parsed once for each content;
/// an archive is downloaded once for each digest and kept on disk.
#[derive(Clone)]
pub struct HelmRepositories {
    inner: Arc<Inner>,
}

struct Inner {
    /// Where archives are kept, by digest.
    folder: PathBuf,
    registries: OciRegistries,
    indexes: Flights<RepositoryKey, Result<Index, SourceError>>,
    archives: Flights<(RepositoryKey, String), Result<Bytes, SourceError>>,
    /// The last index of each repository with what its server called that version of it.
    known: Mutex<HashMap<RepositoryKey, Known>>,
}

/// The repository's address and whose credentials were used.
type RepositoryKey = (String, [u8; 32]);

#[derive(Clone)]
struct Known {
    index: Index,
    condition: Option<(HeaderName, HeaderValue)>,
}

/// An index and its digest, `sha256:<hex>`, which is its revision.
#[derive(Debug, Clone)]
pub struct Index {
    /// What it lists.
    pub index: Arc<HelmIndex>,
    /// The digest of its text.
    pub digest: String,
}

/// A chart's archive.
#[derive(Debug, Clone)]
pub struct Chart {
    /// The chart's name.
    pub name: String,
    /// The version that was chosen, as its repository writes it.
    pub version: String,
    /// The archive's digest, `sha256:<hex>`.
    pub digest: String,
    /// The archive: tar, packed with gzip.
    pub archive: Bytes,
}

/// How a Helm repository is asked.
#[derive(Debug, Clone, Default)]
pub struct HelmAccess {
    /// Who we are and how servers are verified.
    pub access: Access,
    /// Show the credentials also to other servers that the index sends us to.
    pub pass_credentials: bool,
    /// Ask an OCI registry over unencrypted HTTP.
    pub plain_http: bool,
}

/// Indexes that are remembered; the largest are some tens of megabytes.
const MAX_KNOWN: usize = 64;

impl HelmRepositories {
    /// Keeps archives in a folder, which is created when the first one arrives.
    pub fn new(folder: impl Into<PathBuf>, limits: Limits) -> Self {
        Self::with_registries(folder, OciRegistries::new(limits))
    }

    /// The same with registries shared with others.
    pub fn with_registries(folder: impl Into<PathBuf>, registries: OciRegistries) -> Self {
        let inner = Inner {
            folder: folder.into(),
            registries,
            indexes: Flights::new(Result::is_ok),
            archives: Flights::new(Result::is_ok),
            known: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A repository's index; one that was asked for at most `max_age` ago will do.
    ///
    /// # Errors
    /// [`SourceError::TooLarge`] beyond `index_bytes`, [`SourceError::Protocol`] when it is no index, else whatever kept
    /// us from asking.
    pub async fn index(
        &self,
        url: &str,
        access: &HelmAccess,
        max_age: Duration,
    ) -> Result<Index, SourceError> {
        let repository = repository_url(url)?;
        let key = (repository.to_string(), access.access.fingerprint());
        let start = || {
            let (repositories, repository, access) = (self.clone(), repository.clone(), access.clone());
            async move { repositories.index_now(&repository, &access).await }.boxed()
        };
        self.inner.indexes.join(key, fresh_from(max_age), start).await
    }

    /// A chart of a repository (`https://…`) or registry (`oci://…`), the highest version in a range; an empty range
    /// is any release.
    ///
    /// # Errors
    /// [`SourceError::RefNotFound`] when there is no such chart or version, [`SourceError::TooLarge`] beyond
    /// `chart_bytes`, [`SourceError::Protocol`] when an archive does not have the digest it should have, else whatever
    /// kept us from downloading.
    pub async fn chart(
        &self,
        url: &str,
        name: &str,
        range: &str,
        access: &HelmAccess,
        max_age: Duration,
    ) -> Result<Chart, SourceError> {
        if url.starts_with("oci://") {
            return self.chart_from_registry(url, name, range, access, max_age).await;
        }
        let repository = repository_url(url)?;
        let index = self.index(url, access, max_age).await?;
        let not_found =
            || SourceError::RefNotFound { url: repository.to_string(), reference: described(name, range) };
        let version = index.index.find(name, range).ok_or_else(not_found)?.clone();
        if let Some(digest) = &version.digest
            && let Some(archive) = self.kept(digest).await
        {
            return Ok(chart(name, version.version, archive));
        }
        let Some(location) = version.urls.first() else {
            let message = format!("{name} {} has no address in the index", version.version);
            return Err(unexpected(repository.as_str(), &message));
        };
        let location = resolve(&repository, location)?;
        if location.scheme() == "oci" {
            return self.chart_at_registry(location.as_str(), name, &version.version, access).await;
        }
        let key =
            ((location.to_string(), access.access.fingerprint()), version.digest.clone().unwrap_or_default());
        let start = || {
            let (repositories, repository, location, access, digest) =
                (self.clone(), repository.clone(), location.clone(), access.clone(), version.digest.clone());
            async move { repositories.archive_now(&repository, location, &access, digest).await }.boxed()
        };
        let archive = self.inner.archives.share(key, start).await?;
        Ok(chart(name, version.version, archive))
    }

    async fn index_now(&self, repository: &Url, access: &HelmAccess) -> Result<Index, SourceError> {
        let shown = repository.to_string();
        let key = (shown.clone(), access.access.fingerprint());
        let known = self.inner.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let condition: Vec<_> = known.iter().filter_map(|k| k.condition.clone()).collect();
        let downloads = self.inner.registries.downloads();
        let mut url = repository.clone();
        url.set_path(&format!("{}/index.yaml", repository.path().trim_end_matches('/')));
        let authorization = self.authorization(repository, &url, access)?;
        let had_credentials = authorization.is_some();
        let get = Get {
            url,
            access: &access.access,
            authorization,
            headers: &condition,
            what: "the repository's index.yaml",
            limit: ("index_bytes", downloads.limits.index_bytes),
            shown: &shown,
        };
        let got = downloads.get(get).await?;
        if got.status == StatusCode::NOT_MODIFIED
            && let Some(known) = known
        {
            return Ok(known.index);
        }
        let condition = condition_of(&got.headers);
        let body = got.success(&shown, had_credentials)?;
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&body)));
        let index = match known.filter(|k| k.index.digest == digest) {
            Some(known) => known.index,
            None => {
                let parsed = tokio::task::spawn_blocking(move || HelmIndex::parse(&body)).await;
                let parsed = parsed.map_err(|_| SourceError::Cancelled)?;
                let index = parsed.map_err(|e| unexpected(&shown, &format!("index.yaml: {e}")))?;
                Index { index: Arc::new(index), digest }
            }
        };
        let mut all = self.inner.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_KNOWN && !all.contains_key(&key) {
            all.clear();
        }
        all.insert(key, Known { index: index.clone(), condition });
        Ok(index)
    }

    async fn archive_now(
        &self,
        repository: &Url,
        location: Url,
        access: &HelmAccess,
        digest: Option<String>,
    ) -> Result<Bytes, SourceError> {
        let shown = without_query(&location);
        let downloads = self.inner.registries.downloads();
        let authorization = self.authorization(repository, &location, access)?;
        let had_credentials = authorization.is_some();
        let get = Get {
            url: location,
            access: &access.access,
            authorization,
            headers: &[],
            what: &format!("the chart {shown}"),
            limit: ("chart_bytes", downloads.limits.chart_bytes),
            shown: &shown,
        };
        let body = downloads.get(get).await?.success(&shown, had_credentials)?;
        let found = hex::encode(Sha256::digest(&body));
        if let Some(digest) = digest.filter(|d| *d != found) {
            return Err(unexpected(
                &shown,
                &format!("the archive has digest {found}, the index says {digest}"),
            ));
        }
        self.keep(&found, body.clone()).await;
        Ok(body)
    }

    async fn chart_from_registry(
        &self,
        url: &str,
        name: &str,
        range: &str,
        access: &HelmAccess,
        max_age: Duration,
    ) -> Result<Chart, SourceError> {
        let repository = OciUrl::parse(url)?.plain_http(access.plain_http).join(name)?;
        let parsed = Constraint::parse(if range.is_empty() { "*" } else { range });
        let wanted = match parsed {
            // One version names its tag; tags cannot hold a plus sign.
            Ok(range) if range.exact().is_some() => {
                OciRef::Tag(range.to_string().trim_start_matches(['=', ' ']).replace('+', "_"))
            }
            Ok(range) => OciRef::Semver { range, filter: None, chart: true },
            Err(_) => {
                return Err(SourceError::RefNotFound {
                    url: repository.to_string(),
                    reference: described(name, range),
                });
            }
        };
        self.pull(&repository, name, &wanted, access, max_age).await
    }

    /// A chart whose index entry names its place in a registry, tag included.
    async fn chart_at_registry(
        &self,
        location: &str,
        name: &str,
        version: &str,
        access: &HelmAccess,
    ) -> Result<Chart, SourceError> {
        let rest = location.trim_start_matches("oci://");
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, tag.to_owned()),
            _ => (rest, version.replace('+', "_")),
        };
        let repository = OciUrl::parse(path)?.plain_http(access.plain_http);
        self.pull(&repository, name, &OciRef::Tag(tag), access, Duration::ZERO).await
    }

    async fn pull(
        &self,
        repository: &OciUrl,
        name: &str,
        wanted: &OciRef,
        access: &HelmAccess,
        max_age: Duration,
    ) -> Result<Chart, SourceError> {
        let registries = &self.inner.registries;
        let (revision, manifest) = registries.manifest(repository, &access.access, wanted, max_age).await?;
        let layer = manifest.select(Some(CHART_LAYER)).ok_or_else(|| {
            unexpected(
                &repository.to_string(),
                &format!("the artifact has no layer {CHART_LAYER}: it is no chart"),
            )
        })?;
        let limit = registries.downloads().limits.chart_bytes;
        if layer.size > limit {
            let what = format!("the chart {repository}");
            return Err(SourceError::TooLarge { what, size: layer.size, limit_name: "chart_bytes", limit });
        }
        let digest = layer.digest.trim_start_matches("sha256:").to_owned();
        let archive = match self.kept(&digest).await {
            Some(archive) => archive,
            None => {
                let archive = registries.layer(repository, &access.access, layer).await?;
                self.keep(&digest, archive.clone()).await;
                archive
            }
        };
        Ok(chart(name, revision.name().replace('_', "+"), archive))
    }

    /// The credentials for a request: those of the repository go to its own server only, unless told otherwise.
    fn authorization(
        &self,
        repository: &Url,
        url: &Url,
        access: &HelmAccess,
    ) -> Result<Option<HeaderValue>, SourceError> {
        let shown = without_query(url);
        let header = authorization_value(&access.access.credentials, &shown)?;
        let header = header.filter(|_| access.pass_credentials || origin(repository) == origin(url));
        if header.is_some() && url.scheme() == "http" && !access.access.allow_plain_http_credentials {
            return Err(SourceError::InsecureCredentials { url: shown });
        }
        Ok(header)
    }

    /// An archive that is here already; one that was damaged is not.
    async fn kept(&self, digest: &str) -> Option<Bytes> {
        let (path, digest) = (self.path_of(digest)?, digest.to_owned());
        let limit = self.inner.registries.downloads().limits.chart_bytes;
        let read = tokio::task::spawn_blocking(move || {
            if std::fs::metadata(&path).ok()?.len() > limit {
                return None;
            }
            let content = std::fs::read(&path).ok()?;
            (hex::encode(Sha256::digest(&content)) == digest).then(|| Bytes::from(content))
        });
        read.await.ok().flatten()
    }

    /// Keeps an archive; a cache that cannot be written costs downloads and nothing else.
    async fn keep(&self, digest: &str, archive: Bytes) {
        let Some(path) = self.path_of(digest) else { return };
        let written = tokio::task::spawn_blocking(move || write_whole(&path, &archive)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(folder = %self.inner.folder.display(), %error, "cannot keep a chart");
        }
    }

    fn path_of(&self, digest: &str) -> Option<PathBuf> {
        let plain = digest.len() == 64 && crate::revision::is_hex(digest);
        plain.then(|| self.inner.folder.join(format!("{digest}.tgz")))
    }
}

/// The layer of an artifact that is a chart's archive.
const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

fn chart(name: &str, version: String, archive: Bytes) -> Chart {
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&archive)));
    Chart { name: name.to_owned(), version, digest, archive }
}

fn described(name: &str, range: &str) -> String {
    if range.is_empty() {
        format!("chart {name:?}")
    } else {
        format!("chart {name:?} in the version range \"{range}\"")
    }
}

fn repository_url(text: &str) -> Result<Url, SourceError> {
    let invalid = |reason: &str| SourceError::InvalidUrl { url: text.to_owned(), reason: reason.to_owned() };
    let url = Url::parse(text).map_err(|e| invalid(&e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("a Helm repository is reached by https, http or oci"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SourceError::InvalidUrl {
            url: without_query(&url),
            reason: "credentials belong in a secret, not in the address".into(),
        });
    }
    Ok(url)
}

/// Where an archive lies: an address of its own, or one relative to the repository, whose query (a token, say) stays.
fn resolve(repository: &Url, location: &str) -> Result<Url, SourceError> {
    let bad = |e: &dyn std::fmt::Display| {
        unexpected(repository.as_str(), &format!("the chart's address {location:?} cannot be read: {e}"))
    };
    if location.contains("://") {
        let url = Url::parse(location).map_err(|e| bad(&e))?;
        return match url.scheme() {
            "https" | "http" | "oci" => Ok(url),
            other => Err(bad(&format!("the scheme {other:?} is not supported"))),
        };
    }
    let mut base = repository.clone();
    base.set_path(&format!("{}/", repository.path().trim_end_matches('/')));
    let mut url = base.join(location).map_err(|e| bad(&e))?;
    if url.query().is_none() {
        url.set_query(repository.query());
    }
    Ok(url)
}

/// How to ask for the same content only if it changed.
fn condition_of(headers: &reqwest::header::HeaderMap) -> Option<(HeaderName, HeaderValue)> {
    let tag = headers.get(ETAG).map(|tag| (IF_NONE_MATCH, tag.clone()));
    tag.or_else(|| headers.get(LAST_MODIFIED).map(|time| (IF_MODIFIED_SINCE, time.clone())))
}

/// All or nothing: a reader never sees half a file.
fn write_whole(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_archives() {
        let check = |repository: &str, location: &str, expected: &str| {
            let repository = Url::parse(repository).unwrap();
            assert_eq!(resolve(&repository, location).unwrap().as_str(), expected);
        };
        check("https://h/charts", "app-1.tgz", "https://h/charts/app-1.tgz");
        check("https://h/charts/", "sub/app-1.tgz", "https://h/charts/sub/app-1.tgz");
        check("https://h/charts?token=x", "app-1.tgz", "https://h/charts/app-1.tgz?token=x");
        check("https://h/charts", "/other/app-1.tgz", "https://h/other/app-1.tgz");
        check("https://h/charts", "https://cdn/app-1.tgz?sig=1", "https://cdn/app-1.tgz?sig=1");
        check("https://h/charts", "oci://r.io/app:1", "oci://r.io/app:1");
        assert!(resolve(&Url::parse("https://h/a").unwrap(), "file:///etc/passwd").is_err());
        assert!(repository_url("https://me:pw@h/a").is_err());
        assert!(repository_url("ftp://h/a").is_err());
    }

    #[test]
    fn queries_and_passwords_are_not_shown() {
        let url = Url::parse("https://me:geheim@h/a.tgz?signature=geheim").unwrap();
        assert_eq!(without_query(&url), "https://h/a.tgz");
    }
}
