//! From the custom resource to what the sources understand.

use base64::Engine;
use holdfast_cluster::Cluster;
use holdfast_object::{GroupVersionKind, Object, ObjectRef, Value};
use holdfast_semver::Constraint;
use holdfast_source::{
    Access, Artifact, ClientCertificate, Credentials, GitRef, Secret, SourceError, SourceIgnore, TlsOptions,
};
use holdfast_tree::FileTree;
use holdfast_types::flux::{GitReference, GitRepositorySpec};
use holdfast_types::parse_duration;
use std::sync::Arc;

/// What is to be fetched, and how.
pub(crate) struct GitRequest {
    pub(crate) wanted: GitRef,
    pub(crate) access: Access,
}

/// Reads the reference and the Secret.
pub(crate) async fn read(
    cluster: &Cluster,
    object: &Object,
    spec: &GitRepositorySpec,
) -> Result<GitRequest, SourceError> {
    let wanted = wanted(&spec.url, spec.reference.as_ref())?;
    let mut access = Access { timeout: parse_duration(&spec.timeout).ok(), ..Access::default() };
    if let Some(secret) = &spec.secret_ref {
        let data = secret_data(cluster, object.namespace(), &secret.name)
            .await
            .map_err(|reason| SourceError::InvalidCredentials { url: spec.url.clone(), reason })?;
        fill(&mut access, &spec.url, &data)?;
    }
    Ok(GitRequest { wanted, access })
}

/// The reference by Flux' precedence: commit, name, semver, tag, branch; nothing is `master`.
fn wanted(url: &str, reference: Option<&GitReference>) -> Result<GitRef, SourceError> {
    let empty = GitReference::default();
    let reference = reference.unwrap_or(&empty);
    let GitReference { branch, tag, semver, name, commit } = reference;
    Ok(match () {
        () if !commit.is_empty() && !branch.is_empty() => {
            GitRef::BranchCommit { branch: branch.clone(), commit: commit.clone() }
        }
        () if !commit.is_empty() => GitRef::Commit(commit.clone()),
        () if !name.is_empty() => GitRef::Name(name.clone()),
        () if !semver.is_empty() => {
            GitRef::Semver(Constraint::parse(semver).map_err(|error| SourceError::InvalidUrl {
                url: url.to_owned(),
                reason: format!("semver range '{semver}': {error}"),
            })?)
        }
        () if !tag.is_empty() => GitRef::Tag(tag.clone()),
        () if !branch.is_empty() => GitRef::Branch(branch.clone()),
        () => GitRef::Branch("master".into()),
    })
}

/// The files that the ignore rules leave: those of the spec, or Flux' default ones with the source's own file.
pub(crate) fn filter(
    artifact: &Artifact,
    spec: &GitRepositorySpec,
) -> Result<Arc<dyn FileTree>, SourceError> {
    let rules = SourceIgnore::load(&artifact.tree, spec.ignore.as_deref())
        .map_err(|error| SourceError::Storage { path: ".sourceignore".into(), message: error.to_string() })?;
    Ok(Arc::new(rules.filter(artifact.tree.clone())))
}

/// A Secret's data, decoded.
type SecretData = Vec<(String, Vec<u8>)>;

async fn secret_data(cluster: &Cluster, namespace: &str, name: &str) -> Result<SecretData, String> {
    let gvk = GroupVersionKind::new("", "v1", "Secret");
    let resource = cluster.resource(&gvk).await.map_err(|e| e.to_string())?;
    let request = holdfast_cluster::ApiRequest::get_object(&resource, namespace, name);
    let answer = cluster
        .request(request)
        .await
        .map_err(|e| format!("secret {}: {e}", ObjectRef::new(&gvk, namespace, name).key))?;
    let secret: Value = serde_json::from_slice(&answer.body).map_err(|e| e.to_string())?;
    let data = secret.get("data").and_then(Value::as_object).into_iter().flatten();
    data.map(|(key, value)| {
        let text = value.as_str().unwrap_or_default();
        let decoded = base64::engine::general_purpose::STANDARD.decode(text);
        decoded.map(|bytes| (key.clone(), bytes)).map_err(|_| format!("key '{key}' is no base64"))
    })
    .collect()
}

fn fill(access: &mut Access, url: &str, data: &SecretData) -> Result<(), SourceError> {
    let bad = |reason: String| SourceError::InvalidCredentials { url: url.to_owned(), reason };
    let text = |key: &str| -> Result<Option<String>, SourceError> {
        match data.iter().find(|(name, _)| name == key) {
            None => Ok(None),
            Some((_, bytes)) => String::from_utf8(bytes.clone())
                .map(|text| Some(text.trim_end_matches(['\n', '\r']).to_owned()))
                .map_err(|_| bad(format!("key '{key}' is no text"))),
        }
    };
    if let Some(identity) = text("identity")? {
        let known_hosts = text("known_hosts")?
            .ok_or_else(|| bad("the secret has 'identity' but no 'known_hosts'".into()))?;
        access.credentials = Credentials::Ssh {
            // A private key must end with a line break, or ssh does not read it.
            identity: Secret::from(format!("{identity}\n")),
            known_hosts: format!("{known_hosts}\n"),
            passphrase: text("password")?.map(Secret::from),
        };
        return Ok(());
    }
    if let Some(token) = text("bearerToken")? {
        access.credentials = Credentials::Bearer(Secret::from(token));
    } else if let Some(username) = text("username")? {
        let password = text("password")?.unwrap_or_default();
        access.credentials = Credentials::Basic { username, password: Secret::from(password) };
    }
    access.tls = TlsOptions {
        ca: text("ca.crt")?.or(text("caFile")?),
        client: match (text("tls.crt")?, text("tls.key")?) {
            (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key: Secret::from(key) }),
            (None, None) => None,
            _ => return Err(bad("'tls.crt' and 'tls.key' must stand together".into())),
        },
        skip_verification: false,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_fluxs_precedence() {
        let check = |reference: GitReference, expected: &str| {
            assert_eq!(wanted("u", Some(&reference)).unwrap().to_string(), expected);
        };
        let all = GitReference {
            branch: "b".into(),
            tag: "t".into(),
            semver: "1.x".into(),
            name: "refs/x".into(),
            commit: String::new(),
        };
        check(GitReference::default(), r#"branch "master""#);
        check(all.clone(), r#"reference "refs/x""#);
        check(GitReference { name: String::new(), ..all.clone() }, r#"a tag in the version range "1.x""#);
        check(GitReference { name: String::new(), semver: String::new(), ..all.clone() }, r#"tag "t""#);
        check(GitReference { commit: "c".into(), ..all }, r#"commit c on branch "b""#);
        assert!(
            wanted("u", Some(&GitReference { semver: "not a range".into(), ..GitReference::default() }))
                .is_err()
        );
    }

    #[test]
    fn secrets_become_credentials() {
        let fill_with = |data: &[(&str, &str)]| {
            let data = data.iter().map(|(k, v)| (k.to_string(), v.as_bytes().to_vec())).collect();
            let mut access = Access::default();
            fill(&mut access, "u", &data).map(|()| access)
        };
        assert!(matches!(fill_with(&[]).unwrap().credentials, Credentials::None));
        assert!(matches!(
            fill_with(&[("username", "a"), ("password", "b\n")]).unwrap().credentials,
            Credentials::Basic { .. }
        ));
        assert!(matches!(fill_with(&[("bearerToken", "t")]).unwrap().credentials, Credentials::Bearer(_)));
        let error = fill_with(&[("identity", "k")]).unwrap_err().to_string();
        assert!(error.contains("known_hosts"), "{error}");
        assert!(fill_with(&[("tls.crt", "c")]).is_err());
        assert_eq!(fill_with(&[("ca.crt", "c")]).unwrap().tls.ca.as_deref(), Some("c"));
    }
}
