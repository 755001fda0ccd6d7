//! What a tool can learn about its call, and tell about it while it works.

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

/// The call that a tool works on, as an optional parameter of it.
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
/// It may be cloned, moved to other threads, and kept; once the call is over, what it says stays as it was, and what it is
/// told goes nowhere.
#[derive(Clone)]
pub struct Context {
    host: Host,
    cancel_token: Arc<CancelToken>,
    facts: Arc<OnceLock<Facts>>,
}

/// What the host knows of the request, as `plugin-abi/PAYLOADS.md` has it.
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

/// A fact, or its default where it is of another form. A client says of itself what it likes: that must not hide who calls.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let fact = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(fact).unwrap_or_default())
}

/// What a client says of itself. It is not proved: good for words, not for decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Client {
    /// Its name, for programs.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its name, for people.
    pub title: Option<String>,
}

/// The W3C trace context of the request, as it came: each part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Trace {
    /// `traceparent`
    pub traceparent: Option<String>,
    /// `tracestate`
    pub tracestate: Option<String>,
    /// `baggage`
    pub baggage: Option<String>,
}

impl Context {
    pub(crate) fn new(host: Host, cancel_token: Arc<CancelToken>) -> Self {
        Self {
            host,
            cancel_token,
            facts: Arc::default(),
        }
    }

    /// Names the request in the operator's log: on Lambda the invocation's id. Empty if the host does not tell.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.facts().request_id
    }

    /// The revision of MCP in which the call is answered, such as `2026-07-28`. Empty if the host does not tell.
    #[must_use]
    pub fn protocol_version(&self) -> &str {
        &self.facts().protocol_version
    }

    /// What the client says of itself, if it says anything.
    #[must_use]
    pub fn client(&self) -> Option<&Client> {
        self.facts().client.as_ref()
    }

    /// The client's capabilities, as MCP's `ClientCapabilities`; `None` if they are not known.
    ///
    /// A tool that cannot work without one says so by `#[tool(requires(...))]`, and is not called without it.
    #[must_use]
    pub fn client_capabilities(&self) -> Option<&Map<String, Value>> {
        self.facts().capabilities.as_ref()
    }

    /// Who calls, as found out by whoever checked it before the host: `sub` of a token, an IAM ARN, the name of a key.
    /// `None` if nobody checked.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.facts().principal.as_deref()
    }

    /// What is known of the principal: the claims of a checked token, or what an authorizer added.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.facts().claims
    }

    /// A header of the request, whatever the case of its name, if the operator lets plugins see it.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = &self.facts().headers;
        headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// The W3C trace context, to be passed on to the services that the tool calls.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.facts().trace
    }

    /// How long until the call is given up; `None` if nothing limits it.
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

    /// Was the call given up? Nobody waits for its result any more. Cheap: for loops. It stays false after a call that
    /// ended by itself: a thread that outlives its call needs a sign of its own.
    ///
    /// An async tool need not ask: its future is dropped.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.cancel_token.is_cancelled()
    }

    /// Does the client want to hear of progress?
    #[must_use]
    pub fn wants_progress(&self) -> bool {
        self.facts().progress
    }

    /// Tell the client how far the work is, if it wants to know. `done` must grow from one time to the next; `total` is
    /// what it grows to, if that is known.
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

    /// Send a message to the client, if it wants messages of this importance and its revision of MCP has them.
    ///
    /// The people behind the client read it: no secrets. What only the operator should read goes through the crate `log`.
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

    pub(crate) fn host(&self) -> Host {
        self.host
    }

    /// Asked for once, when something is wanted of them.
    fn facts(&self) -> &Facts {
        self.facts
            .get_or_init(|| host_client::request(self.host, host_op::CONTEXT).unwrap_or_default())
    }
}

/// The context of no call, for tests that call a tool's function themselves: it knows nothing, nothing limits it, and what
/// it is told goes nowhere.
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

/// Which call, and no more: claims and headers do not belong into a log.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("call", &self.host.call)
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}
