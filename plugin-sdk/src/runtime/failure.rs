//! The error payload, with which a plugin tells the host why an operation failed. See `plugin-abi/PAYLOADS.md`.

use serde::Serialize;

/// The error payload, such as `{"kind": "panic", "detail": "index out of bounds at src/lib.rs:9:5"}`.
#[derive(Debug, Serialize)]
pub struct Failure {
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// The kind of the state error that caused the failure, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<&'static str>,
}

impl Failure {
    const fn new(kind: &'static str) -> Self {
        Self {
            kind,
            code: None,
            public: None,
            detail: None,
            cause: None,
        }
    }

    fn with_detail(kind: &'static str, detail: String) -> Self {
        Self {
            detail: Some(detail),
            ..Self::new(kind)
        }
    }

    fn with_public(kind: &'static str, public: String) -> Self {
        Self {
            public: Some(public),
            ..Self::new(kind)
        }
    }

    pub(crate) fn unknown_op(op: u32) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let detail = format!("plugin-sdk {version} does not support operation {op}");
        Self::with_detail("unknown_op", detail)
    }

    pub(crate) fn unavailable(detail: String) -> Self {
        Self::with_detail("unavailable", detail)
    }

    /// Prefixes the detail with the name of a function.
    pub(crate) fn in_function(self, function: &str) -> Self {
        let detail = self.detail.map(|detail| format!("{function}: {detail}"));
        Self { detail, ..self }
    }

    pub(crate) fn panic(detail: String) -> Self {
        Self::with_detail("panic", detail)
    }

    pub(crate) fn invalid_arguments(message: String) -> Self {
        Self::with_public("invalid_arguments", message)
    }

    pub(crate) fn cancelled() -> Self {
        Self::new("cancelled")
    }

    pub(crate) fn protocol(code: i32, message: String) -> Self {
        Self {
            code: Some(code),
            ..Self::with_public("protocol", message)
        }
    }
}
