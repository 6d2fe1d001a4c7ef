use crate::Shared;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use holdfast_source::GitUrl;
use holdfast_source::oci::OciUrl;
use holdfast_source::webhook::{Event, Request, WebhookError};
use secrecy::ExposeSecret;

/// A Git provider or a registry tells of a push: every source of the repository looks at once.
pub(crate) async fn answer(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let Some(secret) = &shared.secret else {
        return (StatusCode::FORBIDDEN, "webhooks are refused: no secret is set".into());
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let request = Request { header: &header, body: &body };
    let event = request.provider().and_then(|provider| {
        request.authenticate(provider, secret.expose_secret())?;
        request.event(provider)
    });
    match event {
        Ok(Event::Pushes(pushes)) => {
            let urls: Vec<GitUrl> = (pushes.iter())
                .flat_map(|push| &push.repositories)
                .filter_map(|url| GitUrl::parse(url).ok())
                .collect();
            urls.iter().for_each(|url| shared.sources.changed(url));
            (StatusCode::ACCEPTED, format!("{} pushes", pushes.len()))
        }
        Ok(Event::Images(images)) => {
            let urls = images.iter().filter_map(|image| OciUrl::parse(&format!("oci://{image}")).ok());
            urls.for_each(|url| shared.sources.pushed(&url));
            (StatusCode::ACCEPTED, format!("{} images", images.len()))
        }
        Ok(Event::Other(what)) => (StatusCode::OK, format!("nothing to do for {what}")),
        Err(error @ WebhookError::Unauthorized) => (StatusCode::UNAUTHORIZED, error.to_string()),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
    }
}
