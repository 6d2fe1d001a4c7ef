use super::cipher::{self, Plain};
use super::{SopsError, json};
use crate::{DataKey, WrappedKey};
use regex::Regex;
use serde_json::{Map, Value};

/// What is left in clear where the file says nothing else.
const UNENCRYPTED_SUFFIX: &str = "_unencrypted";
/// The most key groups that a file may have: more parts than a key can be divided into.
const MOST_GROUPS: usize = 255;

/// Someone a file is for, with the data key (or a part of it) wrapped for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// The holder of an age identity.
    Age {
        /// The public key.
        recipient: String,
        /// The armored age file.
        wrapped: String,
    },
    /// The holder of an OpenPGP key.
    Pgp {
        /// The key's fingerprint, as the file has it.
        fingerprint: String,
        /// The armored message.
        wrapped: String,
    },
    /// Whoever a remote service lets unwrap it.
    Remote(WrappedKey),
    /// Someone of a kind that is not supported; the text names them.
    Unsupported(String),
}

/// The metadata of an encrypted file.
#[derive(Debug, Clone)]
pub struct Metadata {
    groups: Vec<Vec<Recipient>>,
    threshold: usize,
    last_modified: String,
    mac: String,
    rule: Rule,
    mac_only_encrypted: bool,
}

/// Which values are encrypted, by the keys that lead to them.
#[derive(Debug, Clone)]
enum Rule {
    AllButSuffix(String),
    OnlySuffix(String),
    AllButMatching(Regex),
    OnlyMatching(Regex),
}

impl Metadata {
    /// Reads what stands under `sops`.
    pub(super) fn read(value: &Value) -> Result<Self, SopsError> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let groups = match value.get("key_groups").and_then(Value::as_array) {
            Some(groups) if !groups.is_empty() => groups.iter().map(group).collect(),
            _ => vec![group(value)],
        };
        if groups.len() > MOST_GROUPS {
            return Err(SopsError::Unsupported(format!("more than {MOST_GROUPS} key groups")));
        }
        let threshold = number(value.get("shamir_threshold")).unwrap_or_default();
        Ok(Self {
            threshold: if threshold == 0 { groups.len() } else { threshold },
            groups,
            last_modified: text("lastmodified"),
            mac: text("mac"),
            rule: Rule::read(value)?,
            mac_only_encrypted: is_true(value.get("mac_only_encrypted")),
        })
    }

    /// The recipients: of each group, any one opens its part of the key.
    pub fn groups(&self) -> &[Vec<Recipient>] {
        &self.groups
    }

    /// How many groups it takes.
    pub fn parts_needed(&self) -> usize {
        if self.groups.len() == 1 { 1 } else { self.threshold.max(2) }
    }

    pub(super) fn mac_only_encrypted(&self) -> bool {
        self.mac_only_encrypted
    }

    /// The MAC that was stored, in hex.
    pub(super) fn mac(&self, key: &DataKey) -> Option<String> {
        match cipher::open(&self.mac, key.bytes(), &self.last_modified).ok()? {
            Plain::Text(text) => String::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// Whether the value at the end of these keys is encrypted.
    pub(super) fn encrypts(&self, path: &[String]) -> bool {
        match &self.rule {
            Rule::AllButSuffix(suffix) => !path.iter().any(|key| key.ends_with(suffix)),
            Rule::OnlySuffix(suffix) => path.iter().any(|key| key.ends_with(suffix)),
            Rule::AllButMatching(regex) => !path.iter().any(|key| regex.is_match(key)),
            Rule::OnlyMatching(regex) => path.iter().any(|key| regex.is_match(key)),
        }
    }
}

impl Rule {
    fn read(value: &Value) -> Result<Self, SopsError> {
        let names = [
            "unencrypted_suffix",
            "encrypted_suffix",
            "unencrypted_regex",
            "encrypted_regex",
            "unencrypted_comment_regex",
            "encrypted_comment_regex",
        ];
        let given = |name: &&str| value.get(*name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let rules: Vec<(&str, &str)> =
            names.iter().filter_map(|name| given(name).map(|text| (*name, text))).collect();
        let regex = |name: &str, text: &str| {
            Regex::new(text).map_err(|_| SopsError::Unsupported(format!("{name} '{text}'")))
        };
        match rules.as_slice() {
            [] => Ok(Self::AllButSuffix(UNENCRYPTED_SUFFIX.into())),
            [("unencrypted_suffix", suffix)] => Ok(Self::AllButSuffix((*suffix).into())),
            [("encrypted_suffix", suffix)] => Ok(Self::OnlySuffix((*suffix).into())),
            [(name @ "unencrypted_regex", text)] => Ok(Self::AllButMatching(regex(name, text)?)),
            [(name @ "encrypted_regex", text)] => Ok(Self::OnlyMatching(regex(name, text)?)),
            // Comments are gone by the time an object is built; Flux cannot open such objects either.
            [(name, _)] => Err(SopsError::Unsupported((*name).to_owned())),
            _ => Err(SopsError::Unsupported("more than one rule of what is encrypted".into())),
        }
    }
}

fn group(value: &Value) -> Vec<Recipient> {
    let list = |name: &str| value.get(name).and_then(Value::as_array).into_iter().flatten();
    let text =
        |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let age = list("age")
        .map(|key| Recipient::Age { recipient: text(key, "recipient"), wrapped: text(key, "enc") });
    let pgp =
        list("pgp").map(|key| Recipient::Pgp { fingerprint: text(key, "fp"), wrapped: text(key, "enc") });
    let vault = list("hc_vault").map(|key| {
        Recipient::Remote(WrappedKey::Vault {
            address: text(key, "vault_address").trim_end_matches('/').to_owned(),
            engine: text(key, "engine_path"),
            key: text(key, "key_name"),
            ciphertext: text(key, "enc"),
        })
    });
    let clouds =
        [("kms", "AWS KMS", "arn"), ("gcp_kms", "GCP KMS", "resource_id"), ("hckms", "Huawei KMS", "key_id")];
    let clouds = clouds.into_iter().flat_map(|(name, label, id)| {
        list(name).map(move |key| Recipient::Unsupported(format!("{label} key {}", text(key, id))))
    });
    let azure = list("azure_kv").map(|key| {
        let (vault, name) = (text(key, "vault_url"), text(key, "name"));
        Recipient::Unsupported(format!("Azure Key Vault key {vault}/{name}"))
    });
    age.chain(pgp).chain(vault).chain(clouds).chain(azure).collect()
}

fn number(value: Option<&Value>) -> Option<usize> {
    match value? {
        Value::Number(number) => usize::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn is_true(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Bool(true))) || value.and_then(Value::as_str) == Some("true")
}

/// Metadata as formats without depth write it: `age__list_0__map_enc`.
pub(super) fn unflatten(pairs: &[(String, String)]) -> Result<Value, String> {
    let mut root = Value::Object(Map::new());
    for (flat, text) in pairs {
        let mut at = &mut root;
        for part in parts(flat) {
            at = match part {
                Part::Key(key) => match at {
                    Value::Null | Value::Object(_) => json::object_mut(at).entry(key).or_insert(Value::Null),
                    _ => return Err(format!("metadata {flat}: it does not fit the others")),
                },
                Part::Index(index) => {
                    if at.is_null() {
                        *at = Value::Array(Vec::new());
                    }
                    let list = at.as_array_mut().ok_or_else(|| format!("metadata {flat}: no list"))?;
                    // Written in order; a gap would let a small file ask for a huge list.
                    match index.cmp(&list.len()) {
                        std::cmp::Ordering::Greater => return Err(format!("metadata {flat}: a gap")),
                        std::cmp::Ordering::Equal => list.push(Value::Null),
                        std::cmp::Ordering::Less => {}
                    }
                    &mut list[index]
                }
            };
        }
        *at = Value::String(text.clone());
    }
    Ok(root)
}

enum Part {
    Key(String),
    Index(usize),
}

fn parts(flat: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for (number, map) in flat.split("__map_").enumerate() {
        let mut lists = map.split("__list_");
        let first = lists.next().unwrap_or_default();
        if number == 0 || !first.is_empty() {
            parts.push(Part::Key(first.to_owned()));
        }
        parts.extend(lists.map(|index| Part::Index(index.parse().unwrap_or(usize::MAX))));
    }
    parts
}
