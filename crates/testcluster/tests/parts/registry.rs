//! The registry, asked over plain HTTP requests.

use crate::Outcome;
use holdfast_testcluster::registry::{Auth, PASSWORD, Registry, USER};
use reqwest::{Certificate, Client, Method, RequestBuilder, StatusCode};
use sha2::{Digest as _, Sha256};

type Failure = Box<dyn std::error::Error>;

const CONTENT: &[u8] = b"a layer";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    format!("sha256:{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// A client that trusts the registry, and shows what `authorize` adds.
struct Api<'a> {
    client: Client,
    registry: &'a Registry,
    authorize: Box<dyn Fn(RequestBuilder) -> RequestBuilder>,
}

impl<'a> Api<'a> {
    fn new(
        registry: &'a Registry,
        authorize: impl Fn(RequestBuilder) -> RequestBuilder + 'static,
    ) -> Result<Self, Failure> {
        // Fails only where the process has a provider already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut client = Client::builder();
        if let Some(ca) = registry.ca() {
            client = client.tls_certs_only([Certificate::from_pem(ca.as_bytes())?]);
        }
        Ok(Self { client: client.build()?, registry, authorize: Box::new(authorize) })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        (self.authorize)(self.client.request(method, format!("{}/v2/{path}", self.registry.url())))
    }

    /// Pushes an artifact of one layer as `team/app:1.0` and pulls it by digest.
    async fn push_and_pull(&self) -> Outcome {
        let blob = digest(CONTENT);
        let upload = self.request(Method::POST, &format!("team/app/blobs/uploads/?digest={blob}"));
        assert_eq!(upload.body(CONTENT).send().await?.status(), StatusCode::CREATED);
        let descriptor = format!(
            r#"{{"mediaType":"application/octet-stream","digest":"{blob}","size":{}}}"#,
            CONTENT.len()
        );
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{descriptor},"layers":[{descriptor}]}}"#
        );
        let push = self.request(Method::PUT, "team/app/manifests/1.0").header("content-type", MANIFEST);
        assert_eq!(push.body(manifest.clone()).send().await?.status(), StatusCode::CREATED);

        let by_digest = format!("team/app/manifests/{}", digest(manifest.as_bytes()));
        let pulled = self.request(Method::GET, &by_digest).send().await?.error_for_status()?;
        assert_eq!(pulled.text().await?, manifest);
        let layer = self.request(Method::GET, &format!("team/app/blobs/{blob}")).send().await?;
        assert_eq!(layer.error_for_status()?.bytes().await?, CONTENT);
        let tags = self.request(Method::GET, "team/app/tags/list").send().await?.text().await?;
        assert!(tags.contains(r#""1.0""#), "{tags}");
        Ok(())
    }
}

#[tokio::test]
async fn keeps_what_it_is_given() -> Outcome {
    let Some(registry) = Registry::start(Auth::None, false).await? else { return Ok(()) };
    Api::new(&registry, |request| request)?.push_and_pull().await
}

#[tokio::test]
async fn asks_for_a_password() -> Outcome {
    let Some(registry) = Registry::start(Auth::Basic, true).await? else { return Ok(()) };
    let refused = Api::new(&registry, |request| request)?.request(Method::GET, "").send().await?;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers()["www-authenticate"], "Basic realm=\"testcluster\"");
    Api::new(&registry, |request| request.basic_auth(USER, Some(PASSWORD)))?.push_and_pull().await
}

#[tokio::test]
async fn gives_tokens_for_a_password() -> Outcome {
    let Some(registry) = Registry::start(Auth::Token, true).await? else { return Ok(()) };
    let stranger = Api::new(&registry, |request| request)?;
    let refused = stranger.request(Method::GET, "team/app/manifests/1.0").send().await?;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let challenge = refused.headers()["www-authenticate"].to_str()?;
    let realm = format!("{}/token", registry.url());
    let expected =
        format!(r#"Bearer realm="{realm}",service="testcluster",scope="repository:team/app:pull""#);
    assert_eq!(challenge, expected);

    let wrong = stranger.client.get(&realm).basic_auth(USER, Some("guess")).send().await?;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    let given = stranger.client.get(&realm).basic_auth(USER, Some(PASSWORD)).send().await?.text().await?;
    let given: serde_json::Value = serde_json::from_str(&given)?;
    let token = given["token"].as_str().ok_or("no token")?.to_owned();
    Api::new(&registry, move |request| request.bearer_auth(&token))?.push_and_pull().await
}
