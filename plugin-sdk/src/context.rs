//! The context of a call: facts about its request, and a way to send progress and log messages to the client.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use plugin_abi::{Host, host_op};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tool_rules::LogLevel;

use crate::runtime::{current::CancelToken, host_client, logger};

/// The context of the current call. A tool that needs it takes it as a parameter.
///
/// ```
/// use plugin_sdk::prelude::*;
///
/// /// Add up numbers, one by one.
/// #[tool(read_only)]
/// fn sum(numbers: Vec<i64>, context: Context) -> Result<i64, ToolError> {
///     let mut sum = 0i64;
///     for (done, number) in numbers.iter().enumerate() {
///         if context.cancelled() {
///             return Err(ToolError::new("cancelled"));
///         }
///         sum = sum.checked_add(*number).ok_or("the sum does not fit into 64 bits")?;
///         context.progress(done as f64 + 1.0, Some(numbers.len() as f64), None);
///     }
///     Ok(sum)
/// }
///
/// export_tools!(sum);
/// ```
///
/// A context may be cloned, moved to other threads, and stored. After the end of the call its values can still be read,
/// but everything that is sent through it is discarded.
#[derive(Clone)]
pub struct Context {
    host: Host,
    cancel_token: Arc<CancelToken>,
    facts: Arc<OnceLock<Facts>>,
}

/// Facts about the request, in the form that `plugin-abi/PAYLOADS.md` defines.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Facts {
    #[serde(deserialize_with = "or_default")]
    request_id: String,
    #[serde(deserialize_with = "or_default")]
    protocol_version: String,
    #[serde(deserialize_with = "or_default")]
    client: Option<Client>,
    #[serde(deserialize_with = "or_default")]
    capabilities: Option<Map<String, Value>>,
    #[serde(deserialize_with = "or_default")]
    principal: Option<String>,
    #[serde(deserialize_with = "or_default")]
    claims: Map<String, Value>,
    #[serde(deserialize_with = "or_default")]
    headers: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    trace: Trace,
    #[serde(deserialize_with = "or_default")]
    progress: bool,
    #[serde(deserialize_with = "or_default")]
    log_level: Option<LogLevel>,
}

/// Decodes a fact, or returns its default if the fact is malformed. A client may report malformed facts about itself;
/// they must not prevent the tool from seeing the others, such as the caller.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let fact = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(fact).unwrap_or_default())
}

/// Facts that a client reports about itself. They are not verified: use them in messages, not to decide what the caller
/// may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Client {
    /// The name that programs use.
    pub name: String,
    /// The version.
    pub version: String,
    /// The name that is displayed.
    pub title: Option<String>,
}

/// The W3C trace context of the request, unchanged. Each part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Trace {
    /// The header `traceparent`.
    pub traceparent: Option<String>,
    /// The header `tracestate`.
    pub tracestate: Option<String>,
    /// The header `baggage`.
    pub baggage: Option<String>,
}

impl Context {
    /// Creates the context of a call.
    pub(crate) fn new(host: Host, cancel_token: Arc<CancelToken>) -> Self {
        Self {
            host,
            cancel_token,
            facts: Arc::default(),
        }
    }

    /// Returns the id by which the operator's log names the request: on Lambda the id of the invocation. It is empty if
    /// the host does not provide it.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.facts().request_id
    }

    /// Returns the revision of MCP that the client uses, such as `2026-07-28`. It is empty if the host does not
    /// provide it.
    #[must_use]
    pub fn protocol_version(&self) -> &str {
        &self.facts().protocol_version
    }

    /// Returns the name and the version that the client reports about itself, if it does.
    #[must_use]
    pub fn client(&self) -> Option<&Client> {
        self.facts().client.as_ref()
    }

    /// Returns the client's capabilities as MCP's `ClientCapabilities`, such as `{"elicitation": {"form": {}}}`;
    /// `None` if they are not known.
    ///
    /// A tool that needs a capability declares it by `#[tool(requires(...))]`. Clients without the capability then
    /// cannot call the tool.
    #[must_use]
    pub fn client_capabilities(&self) -> Option<&Map<String, Value>> {
        self.facts().capabilities.as_ref()
    }

    /// Returns the authenticated caller as reported by the gateway or the host: `sub` of a token, an IAM ARN, the
    /// name of a key. `None` if the caller was not authenticated.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.facts().principal.as_deref()
    }

    /// Returns the claims about the caller: those in the verified token, or the values that an authorizer added.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.facts().claims
    }

    /// Returns a header of the request, if the operator has allowed plugins to read it. `name` may be in upper or lower
    /// case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = &self.facts().headers;
        headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// Returns the W3C trace context. The tool can pass it on to the services that it calls.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.facts().trace
    }

    /// Returns the time that remains until the call times out; `None` if it has no time limit.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let deadline = match self.host.deadline_unix_ms {
            0 => return None,
            millis => UNIX_EPOCH + Duration::from_millis(millis),
        };
        Some(
            deadline
                .duration_since(SystemTime::now())
                .unwrap_or_default(),
        )
    }

    /// Reports whether the call was cancelled or timed out: its result is no longer needed. The check is cheap
    /// enough for loops.
    ///
    /// After a call that ended by itself, it stays false: a thread that outlives the call needs another signal to stop.
    /// An async tool need not check it, because the future of a cancelled call is dropped.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.cancel_token.is_cancelled()
    }

    /// Reports whether the client requested progress reports.
    #[must_use]
    pub fn wants_progress(&self) -> bool {
        self.facts().progress
    }

    /// Reports progress to the client, if the client requested that. `done` must increase with each report. `total` is
    /// the final value of `done`, if that is known.
    ///
    /// The client receives `{"progress": 3, "total": 10, "message": "..."}` as the parameters of a
    /// `notifications/progress`.
    pub fn progress(&self, done: f64, total: Option<f64>, message: Option<&str>) {
        #[derive(Serialize)]
        struct Progress<'a> {
            progress: f64,
            #[serde(skip_serializing_if = "Option::is_none")]
            total: Option<f64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            message: Option<&'a str>,
        }
        if done.is_finite() && self.wants_progress() {
            let total = total.filter(|total| total.is_finite());
            let progress = Progress {
                progress: done,
                total,
                message,
            };
            host_client::notify(self.host, host_op::PROGRESS, &progress);
        }
    }

    /// Sends a log message to the client, if the client requested messages of this level and its revision of MCP
    /// supports them.
    ///
    /// The user can read the message: it must not contain secrets. To write to the operator's log instead, use the
    /// crate `log`. The client receives `{"level": "warning", "logger": "PLUGIN", "data": MESSAGE}` as the parameters
    /// of a `notifications/message`.
    pub fn log(&self, level: LogLevel, message: impl Into<Value>) {
        #[derive(Serialize)]
        struct Message {
            level: LogLevel,
            #[serde(skip_serializing_if = "Option::is_none")]
            logger: Option<&'static str>,
            data: Value,
        }
        if self.facts().log_level.is_some_and(|least| level >= least) {
            let message = Message {
                level,
                logger: logger::plugin_name(),
                data: message.into(),
            };
            host_client::notify(self.host, host_op::MESSAGE, &message);
        }
    }

    /// Returns the host interface of this call.
    pub(crate) fn host(&self) -> Host {
        self.host
    }

    /// Returns the facts about the request. The first use requests them from the host.
    fn facts(&self) -> &Facts {
        self.facts
            .get_or_init(|| host_client::request(self.host, host_op::CONTEXT).unwrap_or_default())
    }
}

/// Creates a context that belongs to no call, for tests that call a tool's function directly: all its facts are empty,
/// it has no time limit, and everything that is sent through it is discarded.
impl Default for Context {
    fn default() -> Self {
        extern "C" fn nothing(
            _: u64,
            _: u32,
            _: plugin_abi::abi_stable::std_types::RSlice<'_, u8>,
        ) -> plugin_abi::Answer {
            plugin_abi::abi_stable::std_types::RResult::RErr(Default::default())
        }
        let host = Host {
            call: 0,
            deadline_unix_ms: 0,
            request: nothing,
        };
        Self::new(host, Arc::default())
    }
}

/// Prints only the number of the call and the id of the request: claims and headers must not appear in a log.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("call", &self.host.call)
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}
