//! From the custom resource to what the registries understand.

use crate::source::Failure;
use crate::source::secrets::{SecretData, read_object};
use holdfast_cluster::Cluster;
use holdfast_object::Value;
use holdfast_semver::Constraint;
use holdfast_source::oci::{
    LayerOperation, LayerSelector, OciRef, OciRegistries, OciUrl, docker_config_credentials,
};
use holdfast_source::{Access, Credentials, SourceError};
use holdfast_types::flux::{OciReference, OciRepositorySpec};
use holdfast_types::parse_duration;

/// What is to be fetched, and how.
pub(super) struct OciRequest {
    pub(super) url: OciUrl,
    pub(super) wanted: OciRef,
    pub(super) access: Access,
    pub(super) select: LayerSelector,
}

/// The media type of Helm's charts, whose tags hold `_` in place of `+`.
const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Reads the reference and the Secrets.
pub(super) async fn read(
    cluster: &Cluster,
    registries: &OciRegistries,
    namespace: &str,
    spec: &OciRepositorySpec,
) -> Result<OciRequest, Failure> {
    let url = OciUrl::parse(&spec.url).map_err(|error| {
        let message = format!("URL validation failed for '{}': {error}", spec.url);
        Failure::fetch("URLInvalid", message).stalling()
    })?;
    let select = select(spec);
    let wanted = wanted(spec.reference.as_ref(), select.media_type.as_deref() == Some(CHART_LAYER)).map_err(
        |why| {
            let message = format!("failed to determine the artifact tag for '{}': {why}", spec.url);
            Failure::fetch("ReadOperationFailed", message)
        },
    )?;
    let access = access(cluster, namespace, spec, url.host()).await?;
    let url = match spec.insecure || is_on_this_machine(url.host()) {
        true => registries.reach(&url, &access).await,
        false => url,
    };
    Ok(OciRequest { url, wanted, access, select })
}

fn select(spec: &OciRepositorySpec) -> LayerSelector {
    let selector = spec.layer_selector.clone().unwrap_or_default();
    LayerSelector {
        media_type: Some(selector.media_type).filter(|kind| !kind.is_empty()),
        operation: match selector.operation.as_str() {
            "copy" => LayerOperation::Copy,
            _ => LayerOperation::Extract,
        },
    }
}

/// Flux' precedence: digest, semver, tag; nothing is `latest`.
fn wanted(reference: Option<&OciReference>, chart: bool) -> Result<OciRef, String> {
    let empty = OciReference::default();
    let OciReference { digest, semver, semver_filter, tag } = reference.unwrap_or(&empty);
    if !digest.is_empty() {
        return Ok(OciRef::Digest(digest.clone()));
    }
    if !semver.is_empty() {
        let range =
            Constraint::parse(semver).map_err(|error| format!("semver '{semver}' parse error: {error}"))?;
        let compile = |text: &str| regex::Regex::new(text).map_err(|error| format!("semverFilter: {error}"));
        let filter = Some(semver_filter).filter(|f| !f.is_empty()).map(|f| compile(f)).transpose()?;
        return Ok(OciRef::Semver { range, filter, chart });
    }
    Ok(OciRef::Tag(if tag.is_empty() { "latest" } else { tag }.to_owned()))
}

/// Such a registry may speak without encryption without being called insecure, as for Flux.
fn is_on_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name == "127.0.0.1" || name == "[::1]" || name.ends_with(".local")
}

async fn access(
    cluster: &Cluster,
    namespace: &str,
    spec: &OciRepositorySpec,
    host: &str,
) -> Result<Access, Failure> {
    let refused = |what: &str, why: String| Failure::fetch("AuthenticationFailed", format!("{what}: {why}"));
    let mut access = Access {
        timeout: parse_duration(&spec.timeout).ok(),
        allow_plain_http_credentials: spec.insecure,
        ..Access::default()
    };
    for secret in pull_secrets(cluster, namespace, spec)
        .await
        .map_err(|why| refused("failed to get credential", why))?
    {
        let found =
            registry_credentials(&secret, host).map_err(|why| refused("failed to get credential", why))?;
        if !matches!(found, Credentials::None) {
            access.credentials = found;
            break;
        }
    }
    if let Some(secret) = &spec.proxy_secret_ref {
        let proxy = SecretData::read(cluster, namespace, &secret.name).await.and_then(|data| data.proxy());
        access.proxy = Some(proxy.map_err(|why| refused("failed to get proxy address", why))?);
    }
    match &spec.cert_secret_ref {
        Some(secret) => {
            let tls = SecretData::read(cluster, namespace, &secret.name).await.and_then(|data| data.tls());
            let what = format!("failed to generate transport for '{}'", spec.url);
            access.tls = tls.map_err(|why| refused(&what, why))?;
        }
        None => access.tls.skip_verification = spec.insecure,
    }
    Ok(access)
}

/// The Secret of the spec, then those of its ServiceAccount.
async fn pull_secrets(
    cluster: &Cluster,
    namespace: &str,
    spec: &OciRepositorySpec,
) -> Result<Vec<SecretData>, String> {
    let mut names: Vec<String> = spec.secret_ref.iter().map(|secret| secret.name.clone()).collect();
    if let Some(account) = spec.service_account_name.as_deref().filter(|name| !name.is_empty()) {
        let account = read_object(cluster, "ServiceAccount", namespace, account).await?;
        let listed = account.get("imagePullSecrets").and_then(Value::as_array).into_iter().flatten();
        names.extend(listed.filter_map(|entry| entry["name"].as_str().map(str::to_owned)));
    }
    let mut secrets = Vec::with_capacity(names.len());
    for name in names {
        secrets.push(SecretData::read(cluster, namespace, &name).await?);
    }
    Ok(secrets)
}

fn registry_credentials(secret: &SecretData, host: &str) -> Result<Credentials, String> {
    match secret.text(".dockerconfigjson")? {
        Some(config) => docker_config_credentials(&config, host)
            .map_err(|error| format!("secret '{}': {error}", secret.name())),
        None => Err(format!("secret '{}': key '.dockerconfigjson' not found", secret.name())),
    }
}

impl OciRequest {
    /// The reason and message of a failure, with what to do about it.
    pub(super) fn explain(&self, error: &SourceError) -> Failure {
        let (reason, what) = match (&self.wanted, error) {
            (OciRef::Semver { .. }, _) => {
                ("ReadOperationFailed", format!("failed to determine the artifact tag for '{}'", self.url))
            }
            _ => ("OCIArtifactPullFailed", "failed to determine artifact digest".to_owned()),
        };
        Failure::fetch(reason, format!("{what}: {error} ({})", error.hint()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_fluxs_precedence() {
        let check = |reference: OciReference, expected: &str| {
            assert_eq!(wanted(Some(&reference), false).unwrap().to_string(), expected);
        };
        let all = OciReference {
            digest: "sha256:a".into(),
            semver: "1.x".into(),
            semver_filter: "rc".into(),
            tag: "t".into(),
        };
        check(OciReference::default(), "tag \"latest\"");
        check(all.clone(), "digest sha256:a");
        let all = OciReference { digest: String::new(), ..all };
        check(all.clone(), "a tag in the version range \"1.x\" that matches \"rc\"");
        check(OciReference { semver: String::new(), ..all.clone() }, "tag \"t\"");
        assert!(wanted(Some(&OciReference { semver: "no range".into(), ..all.clone() }), false).is_err());
        assert!(wanted(Some(&OciReference { semver_filter: "(".into(), ..all }), false).is_err());
    }

    #[test]
    fn credentials_are_those_of_the_registry() {
        let config = r#"{"auths": {"ghcr.io": {"username": "me", "password": "p"}}}"#;
        let secret = SecretData::of(&[(".dockerconfigjson", config)]);
        assert!(matches!(registry_credentials(&secret, "ghcr.io"), Ok(Credentials::Basic { .. })));
        assert!(matches!(registry_credentials(&secret, "quay.io"), Ok(Credentials::None)));
        let error = registry_credentials(&SecretData::of(&[]), "ghcr.io").unwrap_err();
        assert_eq!(error, "secret 'team/secret': key '.dockerconfigjson' not found");
    }
}
