//! A key that a Vault server unwraps.

use super::{file, ring};
use bytes::Bytes;
use holdfast_secrets::sops::{Format, Mac, Sealed};
use holdfast_secrets::{KeyRing, KeyService, UnwrapError, Vault, WrappedKey};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A transit engine with one key, whose "encryption" is the text itself behind `vault:v1:`.
async fn transit(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let answer = |status: u16, body: Value| {
        Ok(Response::builder().status(status).body(Full::from(body.to_string())).expect("a response"))
    };
    if request.uri().path() != "/v1/sops/decrypt/app" {
        return answer(404, json!({"errors": ["no handler for route"]}));
    }
    if request.headers().get("x-vault-token").is_none_or(|token| token != "s.token") {
        return answer(403, json!({"errors": ["permission denied"]}));
    }
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let plain = body["ciphertext"].as_str().unwrap_or_default().trim_start_matches("vault:v1:");
    answer(200, json!({"data": {"plaintext": plain}}))
}

async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move {
                connection.serve_connection(TokioIo::new(stream), service_fn(transit)).await.ok();
            });
        }
    });
    address
}

fn client() -> reqwest::Client {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn vault(token: &str) -> Vault {
    Vault::new(client(), Some(token.to_owned().into()))
}

#[tokio::test]
async fn a_vault_server_unwraps_what_no_key_at_hand_opens() {
    let address = serve().await;
    // The data key of a file that is for an age recipient, wrapped for Vault instead.
    let mut sealed: Value =
        holdfast_yaml::parse(&file("values.enc.yaml"), &holdfast_yaml::Options::v3()).unwrap();
    let key = {
        let sealed = Sealed::parse(&file("values.enc.yaml"), Format::Yaml).unwrap();
        let wrapped = sealed.metadata().clone();
        age_key(&wrapped)
    };
    let metadata = sealed["sops"].as_object_mut().unwrap();
    metadata.shift_remove("age");
    metadata.insert(
        "hc_vault".into(),
        json!([{"vault_address": address, "engine_path": "sops", "key_name": "app",
            "enc": format!("vault:v1:{key}")}]),
    );
    let sealed = Sealed::parse(sealed.to_string().as_bytes(), Format::Json).unwrap();

    let mut ring: KeyRing = ring();
    let error = ring.data_key(sealed.metadata()).unwrap_err();
    let [need] = error.needs.as_slice() else { panic!("{error:?}") };
    assert_eq!(need.to_string(), format!("{address}/v1/sops/keys/app"));
    let refused = vault("wrong").unwrap(need).await.unwrap_err();
    assert_eq!(refused.to_string(), "refused with status 403: permission denied");
    ring.add_unwrapped(need.clone(), Err(refused.to_string()));
    let error = ring.data_key(sealed.metadata()).unwrap_err();
    assert_eq!(error.needs, [], "a refusal is not asked for again");
    assert!(error.to_string().ends_with("refused with status 403: permission denied"), "{error}");

    let unwrapped = vault("s.token").unwrap(need).await.unwrap();
    ring.add_unwrapped(need.clone(), Ok(unwrapped));
    let key = ring.data_key(sealed.metadata()).unwrap();
    let opened = sealed.open(&key, Mac::Verify, Format::Json).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&opened).unwrap()["list"][1]["b"], 2);
}

/// What an age recipient's wrapped key holds, in base64.
fn age_key(metadata: &holdfast_secrets::sops::Metadata) -> String {
    use base64::Engine as _;
    use std::io::Read as _;
    let holdfast_secrets::sops::Recipient::Age { wrapped, .. } = &metadata.groups()[0][0] else {
        panic!("an age recipient")
    };
    let identity: age::x25519::Identity = super::text("age.key").lines().last().unwrap().parse().unwrap();
    let armored = age::armor::ArmoredReader::new(wrapped.as_bytes());
    let decryptor = age::Decryptor::new(armored).unwrap();
    let mut key = Vec::new();
    decryptor
        .decrypt(std::iter::once(&identity as &dyn age::Identity))
        .unwrap()
        .read_to_end(&mut key)
        .unwrap();
    base64::engine::general_purpose::STANDARD.encode(key)
}

#[tokio::test]
async fn what_does_not_answer_is_unreachable() {
    let nobody = WrappedKey::Vault {
        address: "http://127.0.0.1:9".into(),
        engine: "sops".into(),
        key: "app".into(),
        ciphertext: "vault:v1:x".into(),
    };
    assert!(matches!(vault("s.token").unwrap(&nobody).await, Err(UnwrapError::Unreachable(_))));
    let none = Vault::new(client(), None);
    let error = none.unwrap(&nobody).await.unwrap_err();
    assert_eq!(error.to_string(), "the decryption Secret has no sops.vault-token");
}
