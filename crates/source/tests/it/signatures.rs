//! Signatures that Git, GnuPG and ssh-keygen made.

use crate::fixture::{Origin, fake_ssh, has_program, needs_git};
use holdfast_source::{
    Access, GitCache, GitRef, GitSignatures, GitUrl, Limits, PublicKeys, SignatureError, Signed,
};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A key of ssh-keygen's; gives the private key's file.
fn ssh_key(folder: &Path, kind: &str, bits: &str) -> PathBuf {
    let file = folder.join(format!("{kind}-{bits}"));
    run("ssh-keygen", &["-q", "-t", kind, "-b", bits, "-N", "", "-C", "me", "-f", file.to_str().unwrap()]);
    file
}

fn public(file: &Path) -> String {
    std::fs::read_to_string(file.with_extension("pub")).unwrap()
}

fn sign_with_ssh(origin: &Origin, key: &Path, arguments: &[&str]) {
    let key = format!("user.signingkey={}", key.display());
    origin.git(&[&["-c", "gpg.format=ssh", "-c", &key], arguments].concat());
}

/// What is signed at a reference, fetched from another place as over a network.
async fn fetch(origin: &Origin, wanted: &GitRef, with_tag: bool) -> GitSignatures {
    let folder = TempDir::new().unwrap();
    let cache = GitCache::with_ssh(folder.path(), Limits::default(), fake_ssh(folder.path(), "version=2"));
    let url = GitUrl::parse(&format!("ssh://git@host:2222{}", origin.path().display())).unwrap();
    let access = Access {
        credentials: holdfast_source::Credentials::Ssh {
            identity:
                "-----BEGIN OPENSSH PRIVATE KEY-----\nnot a real one\n-----END OPENSSH PRIVATE KEY-----"
                    .into(),
            known_hosts: "host ssh-ed25519 AAAA".into(),
            passphrase: None,
        },
        ..Access::default()
    };
    let artifact = cache.artifact(&url, &access, wanted, Duration::ZERO).await.unwrap();
    cache.signatures(&url, &access, wanted, &artifact.revision, with_tag).await.unwrap()
}

fn keys(values: &[(&str, &str)]) -> PublicKeys {
    PublicKeys::from_secret(values.iter().map(|(name, value)| (*name, value.as_bytes())))
}

fn now() -> i64 {
    run("date", &["+%s"]).trim().parse().unwrap()
}

fn main_branch() -> GitRef {
    GitRef::Branch("main".into())
}

#[tokio::test]
async fn commits_and_tags_signed_with_ssh_keys() {
    needs_git!();
    let folder = TempDir::new().unwrap();
    let (origin, stranger) = (Origin::new(), ssh_key(folder.path(), "ed25519", "256"));
    origin.commit("first");
    for (kind, bits) in
        [("ed25519", "255"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")]
    {
        let key = ssh_key(folder.path(), kind, bits);
        sign_with_ssh(&origin, &key, &["commit", "--quiet", "--allow-empty", "-S", "-m", "signed"]);
        let tag = format!("v{bits}");
        sign_with_ssh(&origin, &key, &["tag", "-s", &tag, "-m", "a tag"]);
        let found = fetch(&origin, &GitRef::Tag(tag.clone()), true).await;
        let both = format!("# two of them\n\n{}{}", public(&stranger), public(&key));
        let expected = run("ssh-keygen", &["-l", "-E", "sha256", "-f", key.to_str().unwrap()]);
        let expected = expected.split(' ').nth(1).unwrap();
        let good = keys(&[("author.sshpub", &both)]);
        assert_eq!(good.verify(&found.commit, 0).as_deref(), Ok(expected), "{kind} {bits}");
        let tagged = found.tag.unwrap();
        assert_eq!(tagged.name, tag);
        assert_eq!(good.verify(&tagged.signed, 0).as_deref(), Ok(expected), "{kind} {bits}");

        let others = keys(&[("author.sshpub", &public(&stranger))]);
        assert!(matches!(others.verify(&found.commit, 0), Err(SignatureError::NoMatch { .. })));
        let mut payload = found.commit.payload.clone();
        payload.push(b'\n');
        let forged = Signed { payload, ..found.commit.clone() };
        assert!(matches!(good.verify(&forged, 0), Err(SignatureError::NoMatch { .. })));
        // What is signed of a tag is not signed of a commit.
        let swapped = Signed { signature: tagged.signed.signature, ..found.commit };
        assert!(matches!(good.verify(&swapped, 0), Err(SignatureError::NoMatch { .. })));
    }
}

#[tokio::test]
async fn what_verifies_nothing() {
    needs_git!();
    let folder = TempDir::new().unwrap();
    let (origin, key) = (Origin::new(), ssh_key(folder.path(), "ed25519", "256"));
    origin.commit("unsigned");
    let good = keys(&[("a.sshpub", &public(&key))]);
    let unsigned = fetch(&origin, &main_branch(), true).await;
    assert_eq!(good.verify(&unsigned.commit, 0), Err(SignatureError::Unsupported("empty")));
    assert_eq!(unsigned.tag, None);
    origin.git(&["tag", "light"]);
    let light = fetch(&origin, &GitRef::Tag("light".into()), true).await.tag.unwrap();
    assert_eq!((light.name.as_str(), light.signed.signature.as_str()), ("light", ""));

    sign_with_ssh(&origin, &key, &["commit", "--quiet", "--allow-empty", "-S", "-m", "signed"]);
    let signed = fetch(&origin, &main_branch(), false).await.commit;
    let no_ssh = keys(&[("a.asc", "no key")]).verify(&signed, 0).unwrap_err();
    assert!(
        no_ssh.to_string().starts_with("SSH signature detected but no SSH public keys found"),
        "{no_ssh}"
    );
    let unreadable = keys(&[("a.sshpub", "ssh-ed25519 !!!")]).verify(&signed, 0).unwrap_err();
    assert!(matches!(unreadable, SignatureError::UnreadableKeys { .. }), "{unreadable}");
    let broken = Signed { signature: "-----BEGIN SSH SIGNATURE-----\n!\n".into(), ..signed.clone() };
    assert!(matches!(good.verify(&broken, 0), Err(SignatureError::Unreadable(_))));
    // The same key signed something else: a file.
    let file = folder.path().join("file");
    std::fs::write(&file, &signed.payload).unwrap();
    let file = file.to_str().unwrap();
    run("ssh-keygen", &["-q", "-Y", "sign", "-n", "file", "-f", key.to_str().unwrap(), file]);
    let signature = std::fs::read_to_string(format!("{file}.sig")).unwrap();
    let elsewhere = Signed { signature, ..signed };
    assert!(matches!(good.verify(&elsewhere, 0), Err(SignatureError::NoMatch { .. })));
}

/// GnuPG with a key ring of its own.
struct Gpg {
    home: TempDir,
}

impl Gpg {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let script =
            format!("#!/bin/sh\nexec gpg --homedir '{}' --batch --yes \"$@\"\n", home.path().display());
        std::fs::write(home.path().join("gpg"), script).unwrap();
        std::fs::set_permissions(home.path().join("gpg"), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { home }
    }

    fn run(&self, arguments: &[&str]) -> String {
        run(self.home.path().join("gpg").to_str().unwrap(), arguments)
    }

    /// A key for these purposes; gives its fingerprint.
    fn key(&self, name: &str, kind: &str, purpose: &str, expires: &str) -> String {
        self.run(&["--passphrase", "", "--quick-generate-key", name, kind, purpose, expires]);
        let listed = self.run(&["--with-colons", "--list-keys", name]);
        let line = listed.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    fn export(&self, name: &str) -> String {
        self.run(&["--armor", "--export", name])
    }

    fn sign(&self, origin: &Origin, key: &str, arguments: &[&str]) {
        let program = format!("gpg.program={}", self.home.path().join("gpg").display());
        let key = format!("user.signingkey={key}");
        origin.git(&[&["-c", &program, "-c", &key], arguments].concat());
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // Its agent ends with its folder, but later than the test.
        let home = self.home.path().to_str().unwrap_or_default();
        let _ = Command::new("gpgconf").args(["--homedir", home, "--kill", "all"]).status();
    }
}

#[tokio::test]
async fn commits_and_tags_signed_with_gnupg() {
    needs_git!();
    if !has_program("gpg") {
        eprintln!("SKIPPED: no gpg on this machine");
        return;
    }
    let (origin, gpg) = (Origin::new(), Gpg::new());
    origin.commit("first");
    let stranger = gpg.export(&gpg.key("Eve <eve@example.org>", "ed25519", "sign", "never"));
    for (name, kind) in [("ada", "ed25519"), ("bob", "rsa2048"), ("cid", "nistp256"), ("dan", "nistp384")] {
        let key = gpg.key(&format!("{name} <{name}@example.org>"), kind, "sign", "never");
        gpg.sign(&origin, &key, &["commit", "--quiet", "--allow-empty", "-S", "-m", "signed"]);
        gpg.sign(&origin, &key, &["tag", "-s", name, "-m", "a tag"]);
        let found = fetch(&origin, &GitRef::Tag(name.into()), true).await;
        let ring = gpg.export(&key);
        let good = keys(&[("stranger.asc", &stranger), ("author.asc", &ring)]);
        let expected = &key[key.len() - 16..];
        assert_eq!(good.verify(&found.commit, now()).as_deref(), Ok(expected), "{kind}");
        assert_eq!(good.verify(&found.tag.unwrap().signed, now()).as_deref(), Ok(expected), "{kind}");
        let others = keys(&[("stranger.asc", &stranger)]).verify(&found.commit, now());
        assert_eq!(others, Err(SignatureError::NoMatch { kind: "key rings", hint: None }));
        let mut payload = found.commit.payload.clone();
        payload.push(b'\n');
        let forged = Signed { payload, ..found.commit };
        assert!(good.verify(&forged, now()).is_err());
    }
}

#[tokio::test]
async fn keys_that_are_not_good_any_more() {
    needs_git!();
    if !has_program("gpg") {
        eprintln!("SKIPPED: no gpg on this machine");
        return;
    }
    let (origin, gpg) = (Origin::new(), Gpg::new());
    origin.commit("first");
    let key = gpg.key("Ada <ada@example.org>", "ed25519", "cert", "10d");
    gpg.run(&["--passphrase", "", "--quick-add-key", &key, "ed25519", "sign", "2d"]);
    gpg.sign(&origin, &key, &["commit", "--quiet", "--allow-empty", "-S", "-m", "signed"]);
    let signed = fetch(&origin, &main_branch(), false).await.commit;
    let check = |ring: &str, at: i64, expected: Result<(), &str>| {
        let found = keys(&[("author.asc", ring)]).verify(&signed, at);
        match expected {
            // A subkey signs in the name of its key.
            Ok(()) => assert_eq!(found.as_deref(), Ok(&key[key.len() - 16..])),
            Err(why) => {
                assert!(found.clone().unwrap_err().to_string().ends_with(&format!("({why})")), "{found:?}")
            }
        }
    };
    const DAY: i64 = 24 * 3600;
    let ring = gpg.export(&key);
    check(&ring, now(), Ok(()));
    check(&ring, now() + 3 * DAY, Err("the subkey has expired"));
    check(&ring, now() + 11 * DAY, Err("the key has expired"));
    let certificate = gpg.home.path().join(format!("openpgp-revocs.d/{key}.rev"));
    let text = std::fs::read_to_string(&certificate).unwrap().replace(":-----BEGIN", "-----BEGIN");
    std::fs::write(&certificate, text).unwrap();
    gpg.run(&["--import", certificate.to_str().unwrap()]);
    check(&gpg.export(&key), now(), Err("the key is revoked"));
}
