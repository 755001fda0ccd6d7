//! `GET /health`: what is served, and what is left out.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header::CONTENT_TYPE};
use layer_format::SkippedPlugin;
use serde_json::{Value, json};

use crate::{
    plugin::Catalog,
    server::{http::response::empty, request::IncomingRequest},
};

/// At `/health`, below any base path.
pub(crate) fn is_health_path(path: &str) -> bool {
    path.trim_end_matches('/').ends_with("/health")
}

pub(crate) fn is_health_request(incoming: &IncomingRequest<'_>) -> bool {
    incoming.method == Method::GET && is_health_path(incoming.path)
}

/// Whether all is well, and to those who may know it what is served.
pub(crate) fn health(catalog: &Catalog, is_trusted: bool) -> Response<Bytes> {
    let skipped: Vec<_> = catalog.skipped().map(describe).collect();
    let layers = catalog.layers().iter();
    let layers: Vec<_> = layers
        .map(|layer| json!({ "name": layer.name, "version": layer.version }))
        .collect();
    let mut health = json!({ "status": if skipped.is_empty() { "ok" } else { "degraded" } });
    if is_trusted {
        health["host"] = env!("CARGO_PKG_VERSION").into();
        health["layers"] = layers.into();
        health["tools"] = catalog.names().collect();
        health["leftOut"] = skipped.into();
    }
    let mut response = empty(StatusCode::OK);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.body_mut() = health.to_string().into();
    response
}

fn describe(left: SkippedPlugin) -> Value {
    // Why is in the operator's log: it may quote the plugin's own words.
    json!({ "file": left.file, "code": left.code.as_str() })
}
