//! Files that sops 3.13 made, and what sops made of them again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use holdfast_secrets::sops::{Format, Mac, Sealed, SopsError};
use holdfast_secrets::{DataKey, KeyRing};
use serde_json::{Value, json};

mod vault;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sops/data");

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{DATA}/{name}")).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn text(name: &str) -> String {
    String::from_utf8(file(name)).unwrap()
}

fn ring() -> KeyRing {
    let mut ring = KeyRing::new();
    ring.add_age(&text("age.key")).unwrap();
    ring.add_pgp(&file("ed25519.asc")).unwrap();
    ring.add_pgp(&file("rsa.asc")).unwrap();
    ring
}

fn open(data: &[u8], format: Format, mac: Mac, to: Format) -> Result<Vec<u8>, SopsError> {
    let sealed = Sealed::parse(data, format)?;
    let key = ring().data_key(sealed.metadata()).expect("a key opens it");
    sealed.open(&key, mac, to)
}

#[test]
fn files_come_out_as_from_sops() {
    let check = |sealed: &str, clear: &str| {
        let format = Format::of_path(sealed);
        let opened =
            open(&file(sealed), format, Mac::Verify, format).unwrap_or_else(|e| panic!("{sealed}: {e}"));
        let (opened, expected) = (String::from_utf8_lossy(&opened), file(clear));
        assert_eq!(opened, String::from_utf8_lossy(&expected), "{sealed}");
    };
    check("style.enc.yaml", "style.yaml");
    check("values.enc.yaml", "values.yaml");
    check("two.enc.yaml", "two.yaml");
    check("secret.enc.yaml", "secret.yaml");
    check("secret.mac-only.yaml", "secret.yaml");
    check("secret.pgp.yaml", "secret.yaml");
    check("secret.rsa.yaml", "secret.yaml");
    check("shamir.enc.yaml", "values.yaml");
    check("app.enc.env", "app.env");
    check("app.enc.ini", "app.ini");
    check("app.enc.json", "app.json");
    let blob = open(&file("blob.enc.bin"), Format::Binary, Mac::Verify, Format::Binary).unwrap();
    assert_eq!(blob, file("blob.bin"));
}

#[test]
fn formats_are_told_by_name_and_by_content() {
    let names = ["a.yaml", "b.yml", "c.json", ".dockerconfigjson", "d.env", "e.ini", "f.pem"];
    use Format::{Binary, Dotenv, Ini, Json, Yaml};
    assert_eq!(names.map(Format::of_path), [Yaml, Yaml, Json, Json, Dotenv, Ini, Binary]);
    let files =
        ["secret.enc.yaml", "app.enc.json", "app.enc.env", "app.enc.ini", "blob.enc.bin", "secret.yaml"];
    let told = files.map(|name| Format::detect(&file(name)));
    assert_eq!(told, [Some(Yaml), Some(Json), Some(Dotenv), Some(Ini), Some(Json), None]);
}

#[test]
fn one_format_becomes_another() {
    let opened = open(&file("app.enc.env"), Format::Dotenv, Mac::Verify, Format::Yaml).unwrap();
    assert_eq!(String::from_utf8(opened).unwrap(), "MULTI: |-\n  one\n  two\nPASSWORD: a=b c\nUSER: app\n");
    let opened = open(&file("two.enc.yaml"), Format::Yaml, Mac::Verify, Format::Json);
    assert!(matches!(opened, Err(SopsError::Emit { .. })), "{opened:?}");
    let opened = open(&file("app.enc.json"), Format::Json, Mac::Verify, Format::Binary);
    assert!(matches!(opened, Err(SopsError::Emit { .. })), "{opened:?}");
}

#[test]
fn an_object_is_opened_with_what_a_build_added_to_it() {
    let sealed: Value =
        holdfast_yaml::parse(&file("secret.enc.yaml"), &holdfast_yaml::Options::v3()).unwrap();
    let mut built = sealed;
    built["metadata"]["labels"] = json!({"added": "by the build"});
    let sealed = Sealed::of_object(&built).unwrap().unwrap();
    let key = ring().data_key(sealed.metadata()).unwrap();
    let opened = sealed.open_object(&key, Mac::Ignore).unwrap();
    assert_eq!(opened["stringData"]["password"], "p4ss: word");
    assert_eq!(opened["metadata"]["labels"]["added"], "by the build");
    assert_eq!(opened.get("sops"), None);
    assert_eq!(sealed.open_object(&key, Mac::Verify), Err(SopsError::Mac), "it is not what was encrypted");
    assert!(Sealed::of_object(&json!({"kind": "Secret", "sops": {}})).unwrap().is_none());
}

#[test]
fn a_changed_file_is_refused() {
    let original = text("secret.enc.yaml");
    let check = |changed: String, mac: Mac| open(changed.as_bytes(), Format::Yaml, mac, Format::Yaml);
    // A value in clear, an entry left out, an entry added: each value is authentic, the whole is not.
    let renamed = original.replace("name: db", "name: other");
    assert_eq!(check(renamed.clone(), Mac::Verify), Err(SopsError::Mac));
    assert!(check(renamed, Mac::Ignore).is_ok());
    let user = original.lines().find(|line| line.trim_start().starts_with("user:")).unwrap();
    assert_eq!(check(original.replace(&format!("{user}\n"), ""), Mac::Verify), Err(SopsError::Mac));
    // A value moved to another key is not authentic there, whatever the MAC.
    let moved = original.replace("    user: ", "    admin: ");
    let error = check(moved, Mac::Ignore).unwrap_err();
    assert!(matches!(&error, SopsError::Value { path, .. } if path == "stringData.admin"), "{error}");
    // Clear text where a value is to be encrypted: its text is not repeated.
    let clear = original.replace(user, "    user: plain-as-day");
    let error = check(clear, Mac::Ignore).unwrap_err().to_string();
    assert!(error.contains("stringData.user") && !error.contains("plain-as-day"), "{error}");
}

#[test]
fn a_file_for_others_says_for_whom() {
    let mut ring = KeyRing::new();
    ring.add_pgp(&file("rsa.asc")).unwrap();
    let sealed = Sealed::parse(&file("secret.enc.yaml"), Format::Yaml).unwrap();
    let error = ring.data_key(sealed.metadata()).unwrap_err();
    assert!(
        error.to_string().starts_with("cannot get sops data key: no identity at hand for age recipient age1")
    );
    assert_eq!(error.needs, []);
    // Two of three parts are needed, and one is at hand.
    let sealed = Sealed::parse(&file("shamir.enc.yaml"), Format::Yaml).unwrap();
    assert!(ring.data_key(sealed.metadata()).is_err());
    ring.add_age(&text("age.key")).unwrap();
    assert!(ring.data_key(sealed.metadata()).is_ok());
    assert!(ring.add_age("AGE-SECRET-KEY-NONSENSE").is_err());
    assert!(ring.add_pgp(b"nonsense").is_err());
}

#[test]
fn what_is_not_supported_is_named() {
    let of = |metadata: Value| {
        let file = json!({"a": "ENC[AES256_GCM,data:aa==,iv:aa==,tag:aa==,type:str]", "sops": metadata});
        Sealed::parse(file.to_string().as_bytes(), Format::Json)
    };
    let error = of(json!({"mac": "x", "encrypted_comment_regex": "x"})).unwrap_err();
    assert_eq!(error.to_string(), "encrypted_comment_regex is not supported");
    let sealed = of(json!({"mac": "x", "kms": [{"arn": "arn:aws:kms:key/1", "enc": "x"}]})).unwrap();
    let error = ring().data_key(sealed.metadata()).unwrap_err();
    assert_eq!(error.to_string(), "cannot get sops data key: AWS KMS key arn:aws:kms:key/1 is not supported");
    assert_eq!(Sealed::parse(b"{\"a\": 1}", Format::Json).unwrap_err(), SopsError::NotSealed);
    for hostile in ["[1]", "{", "- a\n", "a: [", "&a [*a]", "\u{0}"] {
        for format in [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini, Format::Binary] {
            assert!(Sealed::parse(hostile.as_bytes(), format).is_err(), "{hostile:?}");
        }
    }
    let gap = "sops_age__list_99999999__map_enc=x\nsops_mac=ENC[\n";
    assert!(Sealed::parse(gap.as_bytes(), Format::Dotenv).is_err());
}

#[test]
fn nothing_secret_is_shown() {
    let shown = format!("{:?} {:?}", ring(), DataKey::new(b"very secret".to_vec()));
    assert_eq!(shown, "KeyRing(1 age, 2 OpenPGP, 0 unwrapped) DataKey(..)");
    assert_ne!(ring().fingerprint(), KeyRing::new().fingerprint());
    assert_eq!(ring().fingerprint(), ring().fingerprint());
}
