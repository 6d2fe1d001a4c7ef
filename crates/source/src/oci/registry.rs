//! The registry's own protocol: manifests, blobs, tags, and the tokens it asks for.

use super::OciUrl;
use crate::download::{Downloads, Get, Got, unexpected};
use crate::http::{authorization_value, status_error};
use crate::{Access, Credentials, Limits, SourceError};
use bytes::Bytes;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, LINK, WWW_AUTHENTICATE};
use reqwest::{StatusCode, Url};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A manifest, as far as it matters. Of an artifact for several platforms it is that of [`PLATFORM`], under the digest of
/// the index that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The digest that the reference stands for, `sha256:<hex>`.
    pub digest: String,
    /// The media type of its configuration, which says what kind of artifact this is.
    pub config_media_type: String,
    /// The layers, in order.
    pub layers: Vec<Descriptor>,
    /// The annotations, in order.
    pub annotations: Vec<(String, String)>,
}

/// What a manifest says about a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// The media type.
    pub media_type: String,
    /// The digest of the bytes, `sha256:<hex>`.
    pub digest: String,
    /// The number of bytes.
    pub size: u64,
    /// The annotations.
    pub annotations: Vec<(String, String)>,
}

impl Manifest {
    /// The first layer, or the first of a media type.
    pub fn select(&self, media_type: Option<&str>) -> Option<&Descriptor> {
        self.layers.iter().find(|layer| media_type.is_none_or(|kind| layer.media_type == kind))
    }

    fn read(document: &Document, url: &OciUrl) -> Result<Self, SourceError> {
        let Document { digest, value } = document;
        let layers = value["layers"]
            .as_array()
            .ok_or_else(|| unexpected(&url.to_string(), "the manifest has no layers"))?;
        Ok(Self {
            digest: digest.clone(),
            config_media_type: text(&value["config"], "mediaType"),
            layers: layers.iter().map(Descriptor::read).collect(),
            annotations: annotations(value),
        })
    }
}

/// What a registry sent for a tag or digest: a manifest, or an index of several.
struct Document {
    digest: String,
    value: Value,
}

impl Document {
    fn parse(body: &[u8], url: &OciUrl) -> Result<Self, SourceError> {
        let value = serde_json::from_slice(body)
            .map_err(|e| unexpected(&url.to_string(), &format!("the manifest is no JSON: {e}")))?;
        Ok(Self { digest: format!("sha256:{}", hex::encode(Sha256::digest(body))), value })
    }

    /// The digest of the manifest for [`PLATFORM`], when this is an index. One that names no platform is for it.
    fn for_platform(&self, url: &OciUrl) -> Result<Option<String>, SourceError> {
        let Some(manifests) = self.value.get("manifests") else { return Ok(None) };
        let is_ours = |manifest: &&Value| match manifest.get("platform") {
            None => true,
            Some(platform) => platform["os"] == PLATFORM.0 && platform["architecture"] == PLATFORM.1,
        };
        let found = manifests.as_array().into_iter().flatten().find(is_ours);
        let (os, architecture) = PLATFORM;
        let why = format!("the index has no artifact for the platform {os}/{architecture}");
        found.map(|manifest| Some(text(manifest, "digest"))).ok_or_else(|| unexpected(&url.to_string(), &why))
    }
}

impl Descriptor {
    fn read(value: &Value) -> Self {
        Self {
            media_type: text(value, "mediaType"),
            digest: text(value, "digest"),
            size: value["size"].as_u64().unwrap_or_default(),
            annotations: annotations(value),
        }
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

fn annotations(value: &Value) -> Vec<(String, String)> {
    let annotations = value["annotations"].as_object().into_iter().flatten();
    annotations.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
}

/// Asks registries; remembers the tokens they gave.
pub(super) struct Registry {
    downloads: Arc<Downloads>,
    tokens: Mutex<HashMap<TokenKey, (HeaderValue, Instant)>>,
}

type TokenKey = (OciUrl, [u8; 32]);

/// The largest manifest, page of tags or token; registries themselves refuse larger manifests.
const MAX_DOCUMENT_BYTES: u64 = 4 << 20;

/// The platform that is taken of an artifact for several, wherever we run ourselves: as Flux does.
const PLATFORM: (&str, &str) = ("linux", "amd64");

/// Indexes may name indexes, to this depth.
const MAX_INDEX_DEPTH: usize = 4;

/// Tags beyond this many are not looked at.
const MAX_TAGS: usize = 100_000;

/// Tokens that are remembered; beyond, they are asked for again.
const MAX_TOKENS: usize = 1024;

/// The kinds of manifest we understand.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

impl Registry {
    pub(super) fn new(downloads: Arc<Downloads>) -> Self {
        Self { downloads, tokens: Mutex::default() }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.downloads.limits
    }

    pub(super) fn downloads(&self) -> &Arc<Downloads> {
        &self.downloads
    }

    /// The manifest that a tag or digest stands for.
    pub(super) async fn manifest(
        &self,
        url: &OciUrl,
        access: &Access,
        name: &str,
    ) -> Result<Manifest, SourceError> {
        let mut document = self.document(url, access, name).await?;
        let digest = document.digest.clone();
        for _ in 0..=MAX_INDEX_DEPTH {
            match document.for_platform(url)? {
                None => return Ok(Manifest { digest, ..Manifest::read(&document, url)? }),
                Some(inner) => document = self.document(url, access, &inner).await?,
            }
        }
        let why = format!("indexes are nested deeper than {MAX_INDEX_DEPTH}");
        Err(unexpected(&url.to_string(), &why))
    }

    async fn document(&self, url: &OciUrl, access: &Access, name: &str) -> Result<Document, SourceError> {
        let shown = url.to_string();
        let not_found = || SourceError::RefNotFound { url: shown.clone(), reference: described(name) };
        if !is_reference(name) {
            return Err(not_found());
        }
        let at = format!("{}{}/manifests/{name}", url.api(), url.path());
        let limit = ("manifest size", MAX_DOCUMENT_BYTES);
        let got = self.get(url, access, &at, Some(MANIFESTS), "the manifest", limit).await?;
        if got.status == StatusCode::NOT_FOUND {
            return Err(not_found());
        }
        let body = self.checked(got, url, access)?;
        let document = Document::parse(&body, url)?;
        if name.starts_with("sha256:") && document.digest != name {
            let why = format!("the manifest sent for {name} has digest {}", document.digest);
            return Err(unexpected(&shown, &why));
        }
        Ok(document)
    }

    pub(super) async fn blob(
        &self,
        url: &OciUrl,
        access: &Access,
        layer: &Descriptor,
    ) -> Result<Bytes, SourceError> {
        let shown = url.to_string();
        let limit = ("layer_bytes", self.limits().layer_bytes);
        let what = format!("a layer of {shown}");
        if layer.size > limit.1 {
            return Err(SourceError::TooLarge {
                what,
                size: layer.size,
                limit_name: limit.0,
                limit: limit.1,
            });
        }
        if !is_reference(&layer.digest) {
            return Err(unexpected(&shown, "a layer has no SHA-256 digest"));
        }
        let at = format!("{}{}/blobs/{}", url.api(), url.path(), layer.digest);
        let got = self.get(url, access, &at, None, &what, limit).await?;
        let body = self.checked(got, url, access)?;
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&body)));
        if digest != layer.digest {
            return Err(unexpected(
                &shown,
                &format!("the layer sent for {} has digest {digest}", layer.digest),
            ));
        }
        Ok(body)
    }

    /// The manifests that refer to one, as OCI 1.1 lists them, or older registries at a tag of the digest's name.
    pub(super) async fn referrers(
        &self,
        url: &OciUrl,
        access: &Access,
        digest: &str,
    ) -> Result<Vec<Descriptor>, SourceError> {
        let shown = url.to_string();
        let tag = digest.replacen(':', "-", 1);
        for path in [format!("referrers/{digest}"), format!("manifests/{tag}")] {
            let at = format!("{}{}/{path}", url.api(), url.path());
            let limit = ("manifest size", MAX_DOCUMENT_BYTES);
            let got = self.get(url, access, &at, Some(MANIFESTS), "the list of referrers", limit).await?;
            if matches!(got.status.as_u16(), 400 | 404 | 405) {
                continue;
            }
            let body = self.checked(got, url, access)?;
            let index: Value = serde_json::from_slice(&body)
                .map_err(|e| unexpected(&shown, &format!("the list of referrers is no JSON: {e}")))?;
            let manifests = index["manifests"].as_array().into_iter().flatten();
            return Ok(manifests.map(Descriptor::read).collect());
        }
        Ok(Vec::new())
    }

    /// Whether a registry answers over an encrypted connection at all.
    pub(super) async fn is_encrypted(&self, url: &OciUrl, access: &Access) -> bool {
        let url = url.clone().plain_http(false);
        let Ok(at) = Url::parse(&url.api()) else { return true };
        let shown = url.to_string();
        let limit = ("registry answer", MAX_DOCUMENT_BYTES);
        let get = Get {
            url: at,
            access,
            authorization: None,
            headers: &[],
            what: "the answer",
            limit,
            shown: &shown,
        };
        match self.downloads.get(get).await {
            // Whoever answers encrypts; one that we do not trust is asked no further.
            Ok(_) | Err(SourceError::UntrustedCertificate { .. }) => true,
            Err(_) => false,
        }
    }

    pub(super) async fn tags(&self, url: &OciUrl, access: &Access) -> Result<Vec<String>, SourceError> {
        let shown = url.to_string();
        let mut tags = Vec::new();
        let mut next = Some(format!("{}{}/tags/list?n=1000", url.api(), url.path()));
        while let Some(at) = next.take() {
            let limit = ("tag list size", MAX_DOCUMENT_BYTES);
            let got = self.get(url, access, &at, None, "a page of tags", limit).await?;
            let headers = got.headers.clone();
            let body = self.checked(got, url, access)?;
            let page: Value = serde_json::from_slice(&body)
                .map_err(|e| unexpected(&shown, &format!("the list of tags is no JSON: {e}")))?;
            let listed = page["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let before = tags.len();
            tags.extend(listed.map(str::to_owned));
            if tags.len() > MAX_TAGS {
                let what = format!("tags in {shown}");
                return Err(SourceError::TooMany { what, limit_name: "tags", limit: MAX_TAGS as u64 });
            }
            // A page without tags that promises more would never end.
            next = if tags.len() > before { next_page(&headers, &at) } else { None };
        }
        Ok(tags)
    }

    fn checked(&self, got: Got, url: &OciUrl, access: &Access) -> Result<Bytes, SourceError> {
        let had_credentials = !matches!(access.credentials, Credentials::None);
        got.success(&url.to_string(), had_credentials)
    }

    /// Asks once as we are, and again with what the registry wants to see.
    async fn get(
        &self,
        url: &OciUrl,
        access: &Access,
        at: &str,
        accept: Option<&'static str>,
        what: &str,
        limit: (&'static str, u64),
    ) -> Result<Got, SourceError> {
        let shown = url.to_string();
        let parsed = Url::parse(at).map_err(|e| unexpected(&shown, &e.to_string()))?;
        let headers: Vec<(HeaderName, HeaderValue)> =
            accept.map(|a| (ACCEPT, HeaderValue::from_static(a))).into_iter().collect();
        let ask = async |authorization: Option<HeaderValue>| {
            let get = Get {
                url: parsed.clone(),
                access,
                authorization,
                headers: &headers,
                what,
                limit,
                shown: &shown,
            };
            self.downloads.get(get).await
        };
        let key = (url.clone(), access.fingerprint());
        let got = ask(self.token(&key)).await?;
        if got.status != StatusCode::UNAUTHORIZED {
            return Ok(got);
        }
        let Some((authorization, lifetime)) = self.answer_challenge(url, access, &got.headers).await? else {
            return Ok(got);
        };
        let got = ask(Some(authorization.clone())).await?;
        if got.status != StatusCode::UNAUTHORIZED {
            let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            if tokens.len() >= MAX_TOKENS {
                tokens.clear();
            }
            tokens.insert(key, (authorization, Instant::now() + lifetime));
        }
        Ok(got)
    }

    fn token(&self, key: &TokenKey) -> Option<HeaderValue> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(key).filter(|(_, until)| *until > Instant::now()).map(|(token, _)| token.clone())
    }

    /// What to show after "401 Unauthorized", and for how long it is good; `None` where we have nothing.
    async fn answer_challenge(
        &self,
        url: &OciUrl,
        access: &Access,
        headers: &HeaderMap,
    ) -> Result<Option<(HeaderValue, Duration)>, SourceError> {
        let shown = url.to_string();
        if url.is_plain_http()
            && !matches!(access.credentials, Credentials::None)
            && !access.allow_plain_http_credentials
        {
            return Err(SourceError::InsecureCredentials { url: shown });
        }
        let own = authorization_value(&access.credentials, &shown)?;
        let mut challenges = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|c| c.to_str().ok());
        let Some(bearer) = challenges.find_map(Challenge::bearer) else {
            // A registry without a token service takes the credentials themselves.
            return Ok(own.map(|own| (own, Duration::from_secs(3600))));
        };
        if matches!(access.credentials, Credentials::Bearer(_)) {
            return Ok(own.map(|own| (own, Duration::from_secs(3600))));
        }
        self.ask_for_token(url, access, &bearer, own).await.map(Some)
    }

    async fn ask_for_token(
        &self,
        url: &OciUrl,
        access: &Access,
        challenge: &Challenge,
        authorization: Option<HeaderValue>,
    ) -> Result<(HeaderValue, Duration), SourceError> {
        let shown = url.to_string();
        let mut realm = Url::parse(&challenge.realm)
            .map_err(|_| unexpected(&shown, "the registry names no token service"))?;
        if !url.is_plain_http() && realm.scheme() != "https" {
            return Err(unexpected(&shown, "the registry's token service is not encrypted"));
        }
        let scope = challenge.scope.clone().unwrap_or_else(|| format!("repository:{}:pull", url.path()));
        realm.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = &challenge.service {
            realm.query_pairs_mut().append_pair("service", service);
        }
        let had_credentials = authorization.is_some();
        let get = Get {
            url: realm,
            access,
            authorization,
            headers: &[],
            what: "the token",
            limit: ("token size", MAX_DOCUMENT_BYTES),
            shown: &shown,
        };
        let got = self.downloads.get(get).await?;
        if !got.status.is_success() {
            return Err(match got.status.as_u16() {
                // GitHub's answer to wrong credentials.
                400 | 404 if had_credentials => status_error(StatusCode::UNAUTHORIZED, &shown, true),
                _ => status_error(got.status, &shown, had_credentials),
            });
        }
        let answer: Value = serde_json::from_slice(&got.body)
            .map_err(|_| unexpected(&shown, "the token service sent no JSON"))?;
        let token = answer["token"].as_str().or_else(|| answer["access_token"].as_str());
        let token = token.ok_or_else(|| unexpected(&shown, "the token service sent no token"))?;
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| unexpected(&shown, "the token service sent a token that cannot be used"))?;
        header.set_sensitive(true);
        // The specification's default is a minute; a little is left for the way.
        let lifetime = answer["expires_in"].as_u64().unwrap_or(60).clamp(60, 24 * 3600) - 10;
        Ok((header, Duration::from_secs(lifetime)))
    }
}

/// `Bearer realm="…",service="…",scope="…"`.
struct Challenge {
    realm: String,
    service: Option<String>,
    scope: Option<String>,
}

impl Challenge {
    fn bearer(text: &str) -> Option<Self> {
        let (scheme, mut rest) = text.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut fields = HashMap::new();
        while let Some((name, after)) = rest.split_once('=') {
            let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => after.split_once(',').unwrap_or((after, "")),
            };
            fields.insert(name, value.trim().to_owned());
            rest = after;
        }
        let mut take = |name: &str| fields.remove(name).filter(|v: &String| !v.is_empty());
        Some(Self { realm: take("realm")?, service: take("service"), scope: take("scope") })
    }
}

/// The next page, where a `Link` header names one on the same server.
fn next_page(headers: &HeaderMap, at: &str) -> Option<String> {
    let links = headers.get_all(LINK).iter().filter_map(|l| l.to_str().ok());
    let link =
        links.flat_map(|l| l.split(',')).find(|l| l.contains("rel=\"next\"") || l.contains("rel=next"))?;
    let target = link.split_once('<')?.1.split_once('>')?.0;
    let (here, next) = (Url::parse(at).ok()?, Url::parse(at).ok()?.join(target).ok()?);
    (crate::download::origin(&here) == crate::download::origin(&next)).then(|| next.into())
}

/// A tag, or a SHA-256 digest.
fn is_reference(name: &str) -> bool {
    if let Some(hash) = name.strip_prefix("sha256:") {
        return hash.len() == 64 && crate::revision::is_hex(hash);
    }
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| first(c) || c == '.' || c == '-';
    name.len() <= 128 && name.starts_with(first) && name.chars().all(rest)
}

fn described(name: &str) -> String {
    if name.starts_with("sha256:") { format!("digest {name}") } else { format!("tag {name:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges() {
        let check = |text: &str, expected: Option<(&str, Option<&str>, Option<&str>)>| {
            let found = Challenge::bearer(text);
            let shown = found.as_ref().map(|c| (c.realm.as_str(), c.service.as_deref(), c.scope.as_deref()));
            assert_eq!(shown, expected, "{text}");
        };
        check(
            r#"Bearer realm="https://auth.io/token",service="registry.io",scope="repository:a/b:pull,push""#,
            Some(("https://auth.io/token", Some("registry.io"), Some("repository:a/b:pull,push"))),
        );
        check(r#"bearer realm="https://a/t", service="s""#, Some(("https://a/t", Some("s"), None)));
        check("Bearer realm=https://a/t,service=s", Some(("https://a/t", Some("s"), None)));
        check(r#"Basic realm="x""#, None);
        check("Bearer", None);
        check(r#"Bearer realm="unfinished"#, None);
    }

    #[test]
    fn references() {
        for good in ["latest", "1.0.0", "_x", "v1.0.0-rc.1_build", &format!("sha256:{}", "a".repeat(64))] {
            assert!(is_reference(good), "{good}");
        }
        for bad in ["", ".x", "a/b", "a b", "..", "sha256:abc", "sha512:aa", &"a".repeat(129)] {
            assert!(!is_reference(bad), "{bad}");
        }
    }
}
