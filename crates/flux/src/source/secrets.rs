//! What sources read from Secrets: credentials, certificates, proxies, keys.

use base64::Engine as _;
use holdfast_cluster::{ApiErrorKind, ApiRequest, Cluster};
use holdfast_object::{GroupVersionKind, Value};
use holdfast_source::{ClientCertificate, Secret, TlsOptions};
use std::collections::BTreeMap;

/// A Secret's data, decoded. It has no `Debug`: nobody prints it by mistake.
pub(crate) struct SecretData {
    name: String,
    values: BTreeMap<String, Vec<u8>>,
}

impl SecretData {
    /// Reads a Secret; the error is fit for a condition.
    pub(crate) async fn read(cluster: &Cluster, namespace: &str, name: &str) -> Result<Self, String> {
        let shown = format!("{namespace}/{name}");
        let value = read_object(cluster, "Secret", namespace, name).await?;
        let data = value.get("data").and_then(Value::as_object).into_iter().flatten();
        let values = data.map(|(key, value)| {
            let decoded =
                base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap_or_default());
            decoded
                .map(|bytes| (key.clone(), bytes))
                .map_err(|_| format!("secret '{shown}': key '{key}' is no base64"))
        });
        Ok(Self { values: values.collect::<Result<_, _>>()?, name: shown })
    }

    #[cfg(test)]
    pub(crate) fn of(values: &[(&str, &str)]) -> Self {
        let values =
            values.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
        Self { name: "team/secret".into(), values }
    }

    /// `<namespace>/<name>`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Every key with its value.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// A value that is text, without line breaks at its end.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, String> {
        let Some(bytes) = self.values.get(key).filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
        std::str::from_utf8(bytes)
            .map(|text| Some(text.trim_end_matches(['\n', '\r']).to_owned()))
            .map_err(|_| format!("secret '{}': key '{key}' is no text", self.name))
    }

    fn either(&self, key: &str, legacy: &str) -> Result<Option<String>, String> {
        Ok(self.text(key)?.or(self.text(legacy)?))
    }

    /// Certificates, under their own names and those that older Flux used; all may be missing.
    pub(crate) fn tls(&self) -> Result<TlsOptions, String> {
        let client = match (self.either("tls.crt", "certFile")?, self.either("tls.key", "keyFile")?) {
            (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key: Secret::from(key) }),
            (None, None) => None,
            _ => return Err(format!("secret '{}': 'tls.crt' and 'tls.key' must stand together", self.name)),
        };
        Ok(TlsOptions { ca: self.either("ca.crt", "caFile")?, client, skip_verification: false })
    }

    /// The address of a proxy, with its user and password.
    pub(crate) fn proxy(&self) -> Result<String, String> {
        let bad = |what: &str| format!("secret '{}': {what}", self.name);
        let address = self.text("address")?.ok_or_else(|| bad("key 'address' not found"))?;
        let (username, password) = (self.text("username")?, self.text("password")?);
        holdfast_source::proxy_address(&address, username.as_deref(), password.as_deref()).map_err(bad)
    }
}

/// Reads an object of the core group; the error names it.
pub(crate) async fn read_object(
    cluster: &Cluster,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<Value, String> {
    let gvk = GroupVersionKind::new("", "v1", kind);
    let what = kind.to_lowercase();
    let failed = |reason: String| format!("failed to get {what} '{namespace}/{name}': {reason}");
    let resource = cluster.resource(&gvk).await.map_err(|e| failed(e.to_string()))?;
    let answer = cluster.request(ApiRequest::get_object(&resource, namespace, name)).await;
    let answer = answer.map_err(|error| match error.kind {
        ApiErrorKind::NotFound => format!("{what} '{namespace}/{name}' not found"),
        _ => failed(error.to_string()),
    })?;
    serde_json::from_slice(&answer.body).map_err(|e| failed(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_go_by_two_names() {
        let tls = SecretData::of(&[("caFile", "old\n")]).tls().unwrap();
        assert_eq!(tls.ca.as_deref(), Some("old"));
        let tls = SecretData::of(&[("caFile", "old"), ("ca.crt", "new"), ("tls.crt", "c"), ("tls.key", "k")]);
        let tls = tls.tls().unwrap();
        assert_eq!((tls.ca.as_deref(), tls.client.is_some()), (Some("new"), true));
        assert!(SecretData::of(&[("tls.crt", "c")]).tls().is_err());
    }

    #[test]
    fn a_proxy_is_an_address_with_credentials() {
        let check = |values: &[(&str, &str)], expected: Result<&str, &str>| {
            let found = SecretData::of(values).proxy();
            match expected {
                Ok(address) => assert_eq!(found.as_deref(), Ok(address)),
                Err(part) => assert!(found.clone().unwrap_err().contains(part), "{found:?}"),
            }
        };
        check(&[("address", "http://proxy:3128")], Ok("http://proxy:3128/"));
        check(
            &[("address", "http://proxy:3128"), ("username", "me"), ("password", "a@b")],
            Ok("http://me:a%40b@proxy:3128/"),
        );
        check(&[], Err("'address' not found"));
        check(&[("address", "ftp://proxy")], Err("must begin with"));
        check(&[("address", "proxy")], Err("cannot be read"));
    }
}
