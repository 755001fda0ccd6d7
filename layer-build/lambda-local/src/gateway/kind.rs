//! The kinds of front doors, with the sizes that each accepts and the time that each waits.

use std::time::Duration;

use super::http_api::DEFAULT_STAGE;
use crate::invocation::ResponseMode;

/// The largest body that a client may send through API Gateway. Unit: bytes.
/// Source: "Quotas for configuring and running a REST API" and the same for HTTP APIs, payload size: 10 MB.
pub const MAX_PAYLOAD: usize = 10 << 20;

/// The largest total size of the request line and headers that a client may send through API Gateway. Unit: bytes.
/// Source: "Quotas for configuring and running an HTTP API", total combined size of request line and header values, and
/// the same for REST APIs: 10,240. The status for larger ones, 431, is not documented.
pub const MAX_HEADERS_SIZE: usize = 10_240;

/// The largest body of a request to a Function URL. Unit: bytes. Source: "Lambda quotas", invocation payload: 6 MB.
pub const MAX_FUNCTION_URL_PAYLOAD: usize = 6 << 20;

/// The largest body that a load balancer forwards to a function, and the largest body of the response. Unit: bytes.
/// Source: "Use Lambda functions as targets of an Application Load Balancer", limits: 1 MB.
pub const MAX_LOAD_BALANCER_PAYLOAD: usize = 1 << 20;

/// The time that a load balancer waits for a function. Unit: seconds; default 60.
/// Source: "Edit attributes for your Application Load Balancer", connection idle timeout.
pub const LOAD_BALANCER_TIMEOUT: Duration = Duration::from_secs(60);

/// The time that a Function URL waits for the function, which is the maximum time that a function can run. Unit:
/// seconds. Source: "Lambda quotas", function timeout.
pub const FUNCTION_URL_TIMEOUT: Duration = Duration::from_secs(900);

/// The time that a REST API waits for the function. Unit: seconds; default 29, higher only with an increased quota.
/// Source: "Quotas for configuring and running a REST API", integration timeout.
pub const REST_API_TIMEOUT: Duration = Duration::from_secs(29);

/// The longest time that a streaming REST API can be configured to wait for the end of the stream. Unit: seconds;
/// default 29. Source: "Stream the integration response for your proxy integrations in API Gateway", considerations: 15
/// minutes.
pub const STREAMING_REST_API_TIMEOUT: Duration = Duration::from_secs(900);

/// The longest time without data in a stream through a REST API. Unit: seconds. Source: the same: 5 minutes for
/// regional and private endpoints, 30 seconds for edge-optimized ones.
pub const REST_API_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// The time that an HTTP API waits for the function. Unit: seconds; maximum 30. Source: "Quotas for configuring and
/// running an HTTP API", maximum integration timeout.
pub const HTTP_API_TIMEOUT: Duration = Duration::from_secs(30);

/// The kind of gateway in front of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrontDoor {
    /// An HTTP API, payload format 2.0.
    HttpApi {
        /// The stage; `$default` is not part of the URL.
        stage: String,
    },
    /// A REST API, payload format 1.0.
    RestApi {
        /// The stage, which is always the first segment of the path.
        stage: String,
        /// The response transfer mode of the integration: `BUFFERED` or `STREAM`.
        mode: ResponseMode,
        /// The media types whose bodies are encoded in base64; `*/*` means all. Other bodies are treated as text, even
        /// if that corrupts them.
        binary_media_types: Vec<String>,
    },
    /// A Function URL, payload format 2.0.
    FunctionUrl {
        /// The invoke mode: `BUFFERED` or `RESPONSE_STREAM`.
        mode: ResponseMode,
    },
    /// An Application Load Balancer.
    LoadBalancer {
        /// Whether events and responses contain a list of values for each header and query parameter
        /// (`lambda.multi_value_headers.enabled`).
        multi_value: bool,
    },
}

impl FrontDoor {
    /// Creates a REST API with this stage, which buffers responses and has no binary media types.
    pub fn rest_api(stage: impl Into<String>) -> Self {
        Self::RestApi {
            stage: stage.into(),
            mode: ResponseMode::Buffered,
            binary_media_types: Vec::new(),
        }
    }

    /// Creates a REST API with this stage, which streams responses and has no binary media types.
    pub fn streaming_rest_api(stage: impl Into<String>) -> Self {
        Self::RestApi {
            stage: stage.into(),
            mode: ResponseMode::Streaming,
            binary_media_types: Vec::new(),
        }
    }

    /// Creates a Function URL that buffers responses.
    pub fn function_url() -> Self {
        Self::FunctionUrl {
            mode: ResponseMode::Buffered,
        }
    }

    /// Creates a Function URL that streams responses.
    pub fn streaming_function_url() -> Self {
        Self::FunctionUrl {
            mode: ResponseMode::Streaming,
        }
    }

    /// Creates an HTTP API with this stage, usually `$default`.
    pub fn http_api(stage: impl Into<String>) -> Self {
        Self::HttpApi {
            stage: stage.into(),
        }
    }

    /// Returns the default time that it waits for the function.
    pub fn integration_timeout(&self) -> Duration {
        match self {
            Self::RestApi {
                mode: ResponseMode::Streaming,
                ..
            } => STREAMING_REST_API_TIMEOUT,
            Self::RestApi { .. } => REST_API_TIMEOUT,
            Self::HttpApi { .. } => HTTP_API_TIMEOUT,
            Self::FunctionUrl { .. } => FUNCTION_URL_TIMEOUT,
            Self::LoadBalancer { .. } => LOAD_BALANCER_TIMEOUT,
        }
    }

    /// Returns the size of the largest body that a client may send. Unit: bytes.
    pub fn max_payload(&self) -> usize {
        match self {
            Self::RestApi { .. } | Self::HttpApi { .. } => MAX_PAYLOAD,
            Self::FunctionUrl { .. } => MAX_FUNCTION_URL_PAYLOAD,
            Self::LoadBalancer { .. } => MAX_LOAD_BALANCER_PAYLOAD,
        }
    }

    /// Returns the largest total size of the request line and headers that a client may send, if that is documented.
    /// Unit: bytes.
    pub fn max_headers_size(&self) -> Option<usize> {
        match self {
            Self::RestApi { .. } | Self::HttpApi { .. } => Some(MAX_HEADERS_SIZE),
            Self::FunctionUrl { .. } | Self::LoadBalancer { .. } => None,
        }
    }

    /// Returns the stage as it appears in URLs: a slash and a name, or nothing.
    pub(super) fn stage_segment(&self) -> String {
        match self {
            Self::HttpApi { stage } if stage == DEFAULT_STAGE => String::new(),
            Self::HttpApi { stage } | Self::RestApi { stage, .. } => format!("/{stage}"),
            Self::FunctionUrl { .. } | Self::LoadBalancer { .. } => String::new(),
        }
    }

    /// Reports whether it forwards streams as they arrive.
    pub(super) fn streams(&self) -> bool {
        matches!(
            self,
            Self::RestApi {
                mode: ResponseMode::Streaming,
                ..
            } | Self::FunctionUrl {
                mode: ResponseMode::Streaming
            }
        )
    }

    /// Returns the longest time without data in a stream, if there is a limit.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        matches!(self, Self::RestApi { .. }).then_some(REST_API_IDLE_TIMEOUT)
    }
}
