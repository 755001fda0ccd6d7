//! `GET /health` and `HEAD /health`: report the served tools and the skipped plugins.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header::CONTENT_TYPE};
use layer_format::SkippedPlugin;
use serde_json::{Value, json};

use crate::{
    plugin::Catalog,
    process::log::output,
    server::{http::response::empty, request::IncomingRequest},
};

/// Reports whether a path is `/health`, possibly below a base path.
pub(crate) fn is_health_path(path: &str) -> bool {
    path.trim_end_matches('/').ends_with("/health")
}

pub(crate) fn is_health_request(incoming: &IncomingRequest<'_>) -> bool {
    let reads = [Method::GET, Method::HEAD].contains(&incoming.method);
    reads && is_health_path(incoming.path)
}

/// Returns the response, with `{"status": "ok"}` or `{"status": "degraded"}`. For trusted callers it also contains
/// `host`, `layers`, `tools` and `leftOut`, and if log lines were dropped also `log`: `{"dropped": 3, "fault": "nobody
/// reads the log"}`.
pub(crate) fn health(catalog: &Catalog, is_trusted: bool) -> Response<Bytes> {
    let skipped: Vec<_> = catalog.skipped().map(describe).collect();
    let layers = catalog.layers().iter();
    let layers: Vec<_> = layers
        .map(|layer| json!({ "name": layer.name, "version": layer.version }))
        .collect();
    let log = output::status();
    let is_ok = skipped.is_empty() && log.fault.is_none();
    let mut health = json!({ "status": if is_ok { "ok" } else { "degraded" } });
    if is_trusted {
        health["host"] = env!("CARGO_PKG_VERSION").into();
        health["layers"] = layers.into();
        health["tools"] = catalog.names().collect();
        health["leftOut"] = skipped.into();
        if log.dropped > 0 {
            health["log"] = json!({ "dropped": log.dropped, "fault": log.fault });
        }
    }
    let mut response = empty(StatusCode::OK);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.body_mut() = health.to_string().into();
    response
}

fn describe(left: SkippedPlugin) -> Value {
    // The reason is only in the log, because it may quote text from the plugin.
    json!({ "file": left.file, "code": left.code.as_str() })
}
