//! `GET /health`: what is served, and what is left out.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

use super::{App, Incoming, response::empty};
use crate::plugin::LeftOut;

/// At `/health`, below any base path.
pub(super) fn is_asked_for(incoming: &Incoming<'_>) -> bool {
    incoming.method == Method::GET && incoming.path.trim_end_matches('/').ends_with("/health")
}

impl App {
    pub(super) fn health(&self) -> Response<Bytes> {
        let left_out: Vec<_> = self.catalog.left_out().map(told).collect();
        let layers = self.catalog.layers().iter();
        let layers: Vec<_> = layers
            .map(|layer| json!({ "name": layer.name, "version": layer.version }))
            .collect();
        let health = json!({
            "status": if left_out.is_empty() { "ok" } else { "degraded" },
            "host": env!("CARGO_PKG_VERSION"),
            "layers": layers,
            "tools": self.tool_names().collect::<Vec<_>>(),
            "leftOut": left_out,
        });
        let mut response = empty(StatusCode::OK);
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = health.to_string().into();
        response
    }
}

fn told(left: LeftOut) -> Value {
    // Why is in the operator's log: it may quote the plugin's own words.
    json!({ "file": left.file, "code": left.code.as_str() })
}
