//! From the custom resource to what the sources understand.

use crate::source::Failure;
use crate::source::secrets::SecretData;
use holdfast_cluster::Cluster;
use holdfast_object::Object;
use holdfast_semver::Constraint;
use holdfast_source::{Access, Credentials, GitRef, Secret};
use holdfast_types::flux::{GitReference, GitRepositorySpec};
use holdfast_types::parse_duration;

/// What is to be fetched, and how.
pub(crate) struct GitRequest {
    pub(crate) wanted: GitRef,
    pub(crate) access: Access,
}

/// Reads the reference and the Secrets.
pub(crate) async fn read(
    cluster: &Cluster,
    object: &Object,
    spec: &GitRepositorySpec,
) -> Result<GitRequest, Failure> {
    let refused = |what: &str, why: String| Failure::fetch("AuthenticationFailed", format!("{what}: {why}"));
    let wanted = wanted(spec.reference.as_ref()).map_err(|why| {
        Failure::fetch("GitOperationFailed", format!("failed to checkout and determine revision: {why}"))
    })?;
    let mut access = Access {
        timeout: parse_duration(&spec.timeout).ok(),
        // An address that says http is meant: Flux sends credentials there too.
        allow_plain_http_credentials: true,
        ..Access::default()
    };
    if let Some(secret) = &spec.proxy_secret_ref {
        let proxy =
            SecretData::read(cluster, object.namespace(), &secret.name).await.and_then(|data| data.proxy());
        access.proxy = Some(proxy.map_err(|why| refused("failed to configure proxy options", why))?);
    }
    if let Some(secret) = &spec.secret_ref {
        let data = SecretData::read(cluster, object.namespace(), &secret.name).await;
        let what = format!("failed to get secret '{}/{}'", object.namespace(), secret.name);
        let data = data.map_err(|why| refused(&what, why))?;
        fill(&mut access, &data).map_err(|why| refused("failed to configure authentication options", why))?;
    }
    Ok(GitRequest { wanted, access })
}

/// The reference by Flux' precedence: commit, name, semver, tag, branch; nothing is `master`.
fn wanted(reference: Option<&GitReference>) -> Result<GitRef, String> {
    let empty = GitReference::default();
    let reference = reference.unwrap_or(&empty);
    let GitReference { branch, tag, semver, name, commit } = reference;
    Ok(match () {
        () if !commit.is_empty() && !branch.is_empty() => {
            GitRef::BranchCommit { branch: branch.clone(), commit: commit.clone() }
        }
        () if !commit.is_empty() => GitRef::Commit(commit.clone()),
        () if !name.is_empty() => GitRef::Name(name.clone()),
        () if !semver.is_empty() => GitRef::Semver(
            Constraint::parse(semver).map_err(|error| format!("semver '{semver}' parse error: {error}"))?,
        ),
        () if !tag.is_empty() => GitRef::Tag(tag.clone()),
        () if !branch.is_empty() => GitRef::Branch(branch.clone()),
        () => GitRef::Branch("master".into()),
    })
}

fn fill(access: &mut Access, data: &SecretData) -> Result<(), String> {
    if data.text("githubAppID")?.is_some() {
        return Err(format!("secret '{}' has github app data, which is not supported", data.name()));
    }
    if let Some(identity) = data.text("identity")? {
        let known_hosts = data
            .text("known_hosts")?
            .ok_or_else(|| format!("secret '{}' has 'identity' but no 'known_hosts'", data.name()))?;
        access.credentials = Credentials::Ssh {
            // A private key must end with a line break, or ssh does not read it.
            identity: Secret::from(format!("{identity}\n")),
            known_hosts: format!("{known_hosts}\n"),
            passphrase: data.text("password")?.map(Secret::from),
        };
        return Ok(());
    }
    if let Some(token) = data.text("bearerToken")? {
        access.credentials = Credentials::Bearer(Secret::from(token));
    } else if let Some(username) = data.text("username")? {
        let password = data.text("password")?.unwrap_or_default();
        access.credentials = Credentials::Basic { username, password: Secret::from(password) };
    } else if data.text("password")?.is_some() {
        return Err(format!("secret '{}': 'password' requires 'username' to be set", data.name()));
    }
    access.tls = data.tls()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_fluxs_precedence() {
        let check = |reference: GitReference, expected: &str| {
            assert_eq!(wanted(Some(&reference)).unwrap().to_string(), expected);
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
            wanted(Some(&GitReference { semver: "not a range".into(), ..GitReference::default() })).is_err()
        );
    }

    #[test]
    fn secrets_become_credentials() {
        let fill_with = |data: &[(&str, &str)]| {
            let mut access = Access::default();
            fill(&mut access, &SecretData::of(data)).map(|()| access)
        };
        assert!(matches!(fill_with(&[]).unwrap().credentials, Credentials::None));
        assert!(matches!(
            fill_with(&[("username", "a"), ("password", "b\n")]).unwrap().credentials,
            Credentials::Basic { .. }
        ));
        assert!(matches!(fill_with(&[("bearerToken", "t")]).unwrap().credentials, Credentials::Bearer(_)));
        let error = fill_with(&[("identity", "k")]).unwrap_err();
        assert!(error.contains("known_hosts"), "{error}");
        assert!(fill_with(&[("tls.crt", "c")]).is_err());
        assert!(fill_with(&[("password", "p")]).is_err());
        assert!(fill_with(&[("githubAppID", "1")]).unwrap_err().contains("not supported"));
        assert_eq!(fill_with(&[("ca.crt", "c")]).unwrap().tls.ca.as_deref(), Some("c"));
    }
}
