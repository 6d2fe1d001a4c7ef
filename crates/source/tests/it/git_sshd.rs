//! SSH against OpenSSH's own server, where it is installed.

use holdfast_source::{Access, Credentials, GitCache, GitRef, GitUrl, Limits, SourceError};
use holdfast_testcluster::git::{Change, Repositories, SshServer};
use holdfast_tree::FileTree as _;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

fn key(identity: &str, known_hosts: &str, passphrase: Option<&str>) -> Access {
    let credentials = Credentials::Ssh {
        identity: identity.into(),
        known_hosts: known_hosts.to_owned(),
        passphrase: passphrase.map(Into::into),
    };
    Access { credentials, ..Access::default() }
}

#[tokio::test]
async fn keys_hosts_and_passphrases() {
    let repositories = Repositories::new().unwrap();
    let repository = repositories.create("apps").unwrap();
    let commit = repository.commit("main", "first", &[Change::write("app.yaml", "one")]).unwrap();
    let Some(server) = SshServer::start(&repositories).await.unwrap() else { return };
    let url = GitUrl::parse(&server.url("apps").unwrap()).unwrap();
    let identity = std::fs::read_to_string(server.client_key_path()).unwrap();
    let known_hosts = std::fs::read_to_string(server.known_hosts_path()).unwrap();
    let folder = TempDir::new().unwrap();
    let cache = GitCache::new(folder.path().join("cache"), Limits::default());
    let main = async |access: Access, url: &GitUrl| {
        cache.artifact(url, &access, &GitRef::Branch("main".into()), Duration::ZERO).await
    };

    // Secrets often lose the last line break.
    let artifact = main(key(identity.trim(), &known_hosts, None), &url).await.unwrap();
    assert_eq!(artifact.revision.commit(), commit);
    assert_eq!(artifact.tree.read("app.yaml").unwrap(), "one");

    let other_key = folder.path().join("other");
    ssh_keygen(&["-q", "-t", "ed25519", "-N", "", "-f", other_key.to_str().unwrap()]);
    let other = std::fs::read_to_string(&other_key).unwrap();
    let error = main(key(&other, &known_hosts, None), &url).await.unwrap_err();
    assert!(matches!(error, SourceError::AuthenticationFailed { .. }), "{error}");

    let public = std::fs::read_to_string(other_key.with_extension("pub")).unwrap();
    let (host, _) = known_hosts.split_once(' ').unwrap();
    let error = main(key(&identity, &format!("{host} {public}"), None), &url).await.unwrap_err();
    assert!(matches!(error, SourceError::HostKeyMismatch { .. }), "{error}");
    let error = main(key(&identity, &format!("elsewhere {public}"), None), &url).await.unwrap_err();
    assert!(matches!(error, SourceError::HostKeyMismatch { .. }), "{error}");

    let locked = folder.path().join("locked");
    std::fs::copy(server.client_key_path(), &locked).unwrap();
    std::fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    ssh_keygen(&["-q", "-p", "-P", "", "-N", "open sesame", "-f", locked.to_str().unwrap()]);
    let locked = std::fs::read_to_string(&locked).unwrap();
    main(key(&locked, &known_hosts, Some("open sesame")), &url).await.unwrap();
    for wrong in [None, Some("guess")] {
        let error = main(key(&locked, &known_hosts, wrong), &url).await.unwrap_err();
        let told = matches!(
            error,
            SourceError::AuthenticationFailed { .. } | SourceError::InvalidCredentials { .. }
        );
        assert!(told, "{wrong:?}: {error}");
    }

    let nothing = GitUrl::parse(&server.url("nothing").unwrap()).unwrap();
    let error = main(key(&identity, &known_hosts, None), &nothing).await.unwrap_err();
    assert_eq!(error, SourceError::RepositoryNotFound { url: nothing.to_string() });
    let nobody = GitUrl::parse("ssh://me@127.0.0.1:1/apps.git").unwrap();
    let error = main(key(&identity, &known_hosts, None), &nobody).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
}

fn ssh_keygen(arguments: &[&str]) {
    let output = Command::new("ssh-keygen").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
