//! The git servers, asked by the real git.

use crate::Outcome;
use holdfast_testcluster::git::{Auth, Change, HttpServer, Repositories, SshServer};
use std::path::Path;
use tokio::process::Command;

/// A git without the machine's configuration that asks no questions.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_ASKPASS")
        .env_remove("SSH_ASKPASS")
        .env_remove("SSH_AUTH_SOCK");
    command
}

/// What git says when it fails; an error when it does not.
async fn refused(command: &mut Command) -> Result<String, Box<dyn std::error::Error>> {
    let output = command.output().await?;
    if output.status.success() {
        return Err("git succeeded".into());
    }
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

async fn accepted(command: &mut Command) -> Outcome {
    let output = command.output().await?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
}

#[test]
fn commits_build_on_each_other_and_are_reproducible() -> Outcome {
    let history = || -> Result<[String; 2], Box<dyn std::error::Error>> {
        let repositories = Repositories::new()?;
        let apps = repositories.create("team/apps")?;
        let first =
            apps.commit("main", "add two", &[Change::write("a.yaml", "a: 1\n"), Change::write("b/c", "c")])?;
        let second = apps.commit("main", "drop one", &[Change::remove("b")])?;
        assert_eq!(apps.git(&["ls-tree", "-r", "--name-only", "main"])?, "a.yaml");
        assert_eq!(apps.git(&["show", &format!("{first}:b/c")])?, "c");
        assert_eq!(apps.git(&["log", "--format=%s"])?, "drop one\nadd two");
        assert_eq!(apps.git(&["rev-parse", "main^"])?, first);
        Ok([first, second])
    };
    assert_eq!(history()?, history()?);
    Ok(())
}

#[tokio::test]
async fn https_asks_for_trust_and_a_password() -> Outcome {
    let repositories = Repositories::new()?;
    repositories.create("apps")?.commit("main", "hello", &[Change::write("hello.txt", "hello\n")])?;
    let Some(server) = HttpServer::start(&repositories, true, Auth::basic("me", "secret")).await? else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let ca = folder.path().join("ca.crt");
    std::fs::write(&ca, server.ca().ok_or("no certificate authority")?)?;
    let url = server.url("apps");
    let with_password = url.replace("https://", "https://me:secret@");
    let clone = |url: &str, options: &[&str]| {
        let mut command = git(folder.path());
        command.env("GIT_SSL_CAINFO", &ca).args(options).args(["clone", "--quiet", url, "clone"]);
        command
    };

    let untrusted = refused(clone(&with_password, &[]).env_remove("GIT_SSL_CAINFO")).await?;
    assert!(untrusted.contains("certificate"), "{untrusted}");
    let anonymous = refused(&mut clone(&url, &[])).await?;
    assert!(anonymous.contains("could not read Username"), "{anonymous}");
    let wrong = refused(&mut clone(&url.replace("https://", "https://me:guess@"), &[])).await?;
    assert!(wrong.contains("Authentication failed"), "{wrong}");

    accepted(&mut clone(&with_password, &[])).await?;
    assert_eq!(std::fs::read_to_string(folder.path().join("clone/hello.txt"))?, "hello\n");
    assert!(server.requests().contains(&"GET /apps.git/info/refs?service=git-upload-pack".to_owned()));

    // Who may read may push here.
    let clone = folder.path().join("clone");
    let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
    accepted(git(&clone).args(identity).args(["commit", "--quiet", "--allow-empty", "-m", "more"])).await?;
    accepted(git(&clone).env("GIT_SSL_CAINFO", &ca).args(["push", "--quiet", "origin", "main"])).await?;
    Ok(())
}

#[tokio::test]
async fn http_takes_bearer_tokens_and_the_public() -> Outcome {
    let repositories = Repositories::new()?;
    let revision = repositories.create("apps")?.commit("main", "hello", &[Change::write("a", "b")])?;
    let (Some(guarded), Some(open)) = (
        HttpServer::start(&repositories, false, Auth::bearer("t0ken")).await?,
        HttpServer::start(&repositories, false, Auth::none()).await?,
    ) else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let list = async |url: String, header: &str| {
        let mut command = git(folder.path());
        command.args(["-c", &format!("http.extraHeader={header}"), "ls-remote", &url, "main"]);
        command.output().await.map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let expected = format!("{revision}\trefs/heads/main\n");
    assert_eq!(list(open.url("apps"), "X-Nothing: 1").await?, expected);
    assert_eq!(list(guarded.url("apps"), "Authorization: Bearer t0ken").await?, expected);
    assert_eq!(list(guarded.url("apps"), "Authorization: Bearer guess").await?, "");
    assert_eq!(list(open.url("none"), "X-Nothing: 1").await?, "");
    Ok(())
}

#[tokio::test]
async fn ssh_lets_the_one_key_in() -> Outcome {
    let repositories = Repositories::new()?;
    let apps = repositories.create("apps")?;
    apps.commit("main", "hello", &[Change::write("hello.txt", "hello\n")])?;
    let Some(server) = SshServer::start(&repositories).await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let ssh = |key: &Path, hosts: &Path| {
        format!(
            "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -i {} -o UserKnownHostsFile={} \
             -o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes",
            key.display(),
            hosts.display()
        )
    };
    let url = server.url("apps")?;
    let clone = |ssh: String| {
        let mut command = git(folder.path());
        command.env("GIT_SSH_COMMAND", ssh).args(["clone", "--quiet", &url, "clone"]);
        command
    };
    let (key, hosts) = (server.client_key_path(), server.known_hosts_path());

    let stranger = refused(&mut clone(ssh(&folder.path().join("no_key"), &hosts))).await?;
    assert!(stranger.contains("Permission denied"), "{stranger}");
    let unknown = refused(&mut clone(ssh(&key, Path::new("/dev/null")))).await?;
    assert!(unknown.contains("Host key verification failed"), "{unknown}");

    accepted(&mut clone(ssh(&key, &hosts))).await.map_err(|error| format!("{error}{}", server.log()))?;
    assert_eq!(std::fs::read_to_string(folder.path().join("clone/hello.txt"))?, "hello\n");
    assert!(server.host_key().starts_with("ssh-ed25519 "));
    Ok(())
}
