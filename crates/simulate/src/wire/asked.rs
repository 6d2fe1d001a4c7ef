use crate::fleet::{App, Item};
use bytes::Bytes;
use http::{Method, Request, request::Parts};
use http_body_util::Full;
use percent_encoding::percent_decode_str;

/// A request, with what of it matters to faults and laws.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    parts: Parts,
    pub(crate) body: Bytes,
    /// Where its objects are kept: `plural` or `plural.group`.
    pub(crate) bucket: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Asked {
    pub(crate) fn new(parts: Parts, body: Bytes) -> Self {
        let path = parts.uri.path().to_owned();
        let segments: Vec<String> = path
            .split('/')
            .filter(|s| !s.is_empty())
            .map(|s| percent_decode_str(s).decode_utf8_lossy().into_owned())
            .collect();
        let texts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (group, rest) = match texts.as_slice() {
            ["api", _, rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => ("", &[][..]),
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            rest => ("", rest),
        };
        let at = |index: usize| rest.get(index).copied().unwrap_or_default();
        let bucket = if group.is_empty() { at(0).to_owned() } else { format!("{}.{group}", at(0)) };
        let mut name = at(1).to_owned();
        if parts.method == Method::POST && name.is_empty() {
            // A creation names its object in the body only.
            let named = serde_json::from_slice::<holdfast_object::Value>(&body).unwrap_or_default();
            let found = named.pointer("/metadata/name").and_then(holdfast_object::Value::as_str);
            name = found.unwrap_or_default().to_owned();
        }
        let namespace = namespace.to_owned();
        Self { parts, body, bucket, namespace, name }
    }

    pub(crate) fn of(method: Method, path: &str, media: &str, body: String) -> Result<Self, http::Error> {
        let request = Request::builder().method(method).uri(path).header("content-type", media).body(())?;
        Ok(Self::new(request.into_parts().0, body.into()))
    }

    pub(crate) fn request(&self) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = self.parts.uri.clone();
        *request.headers_mut() = self.parts.headers.clone();
        Ok(request)
    }

    pub(crate) fn is_watch(&self) -> bool {
        self.parts.method == Method::GET && self.query().contains("watch=true")
    }

    fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    /// Whether it changes anything.
    pub(crate) fn is_write(&self) -> bool {
        self.parts.method != Method::GET && !self.query().contains("dryRun=All") && !self.is_review()
    }

    fn is_review(&self) -> bool {
        self.bucket.ends_with("authorization.k8s.io")
    }

    pub(crate) fn is_delete(&self) -> bool {
        self.parts.method == Method::DELETE
    }

    /// Whether it reports an event, which nobody relies on.
    pub(crate) fn is_event(&self) -> bool {
        self.bucket == "events"
    }

    /// The object of the fleet that it is about.
    pub(crate) fn item(&self) -> Option<Item> {
        (self.namespace == crate::fleet::NAMESPACE).then(|| Item::of(&self.bucket, &self.name))?
    }

    /// The app whose custom resource it is about.
    pub(crate) fn app(&self) -> Option<App> {
        App::named(&self.name).filter(|app| app.bucket() == self.bucket && app.namespace() == self.namespace)
    }

    /// The method and the path, with the part of the query that tells requests apart.
    pub(crate) fn line(&self) -> String {
        let method = if self.is_watch() { "WATCH" } else { self.parts.method.as_str() };
        let mut line = format!("{method} {}", self.parts.uri.path());
        if self.query().contains("dryRun=All") {
            line.push_str(" (dry run)");
        }
        line
    }
}
