//! The one seam between the host and a running tool: bytes in, a reply out.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use mcp_protocol::tools::CallResult;
use plugin_abi::{
    Answer, Host,
    abi_stable::std_types::{RResult, RSlice},
    op,
};

use super::{
    Plugin,
    payload::{Failure, Reply},
};

/// Why a call gave no result.
#[derive(Debug)]
pub struct CallFailure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// Text that may reach the model.
    pub public: Option<String>,
    /// Text for the operator only.
    pub detail: Option<String>,
}

/// The kinds of failures. Source: `plugin-abi/PAYLOADS.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The arguments could not be decoded; the tool's body has not run.
    InvalidArguments,
    /// The tool panicked.
    Panic,
    /// The call is to fail as a JSON-RPC error.
    Protocol,
    /// The plugin cannot serve.
    Unavailable,
}

/// Call a tool of a plugin.
pub(crate) fn call(
    plugin: &Plugin,
    tool: &str,
    arguments: &[u8],
    deadline: Option<SystemTime>,
) -> Result<CallResult, CallFailure> {
    let live = LiveCall::begin();
    let host = Host {
        call: live.0,
        deadline_unix_ms: unix_ms(deadline),
        request,
    };
    let reply = plugin.invoke(op::CALL, tool, arguments, host)?;
    let unreadable = |what: String| CallFailure {
        kind: FailureKind::Unavailable,
        public: None,
        detail: Some(format!("the plugin's result cannot be read: {what}")),
    };
    let reply: Reply =
        serde_json::from_slice(&reply).map_err(|error| unreadable(error.to_string()))?;
    if reply.r#type != "complete" {
        return Err(unreadable(format!("its type is {:?}", reply.r#type)));
    }
    Ok(CallResult {
        content: reply.content,
        structured_content: reply.structured_content,
        is_error: reply.is_error,
        meta: reply.meta,
    })
}

/// The host's side of what happens outside of calls.
pub(crate) fn outside_of_calls() -> Host {
    Host {
        call: 0,
        deadline_unix_ms: 0,
        request,
    }
}

fn unix_ms(time: Option<SystemTime>) -> u64 {
    let since_epoch = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since_epoch.map_or(0, |duration| {
        duration.as_millis().try_into().unwrap_or(u64::MAX)
    })
}

impl From<Failure> for CallFailure {
    fn from(failure: Failure) -> Self {
        let kind = match failure.kind.as_str() {
            "invalid_arguments" => FailureKind::InvalidArguments,
            "panic" => FailureKind::Panic,
            "protocol" => FailureKind::Protocol,
            _ => FailureKind::Unavailable,
        };
        Self {
            kind,
            public: failure.public,
            detail: failure.detail,
        }
    }
}

/// What plugins ask of the host. This version offers no operation.
extern "C" fn request(call: u64, op: u32, _payload: RSlice<'_, u8>) -> Answer {
    let failure = if call != 0 && !live_calls().contains(&call) {
        Failure {
            kind: "call_ended".to_owned(),
            public: None,
            detail: Some(format!("call {call} is over")),
        }
    } else {
        let detail = format!(
            "host {} does not offer operation {op}",
            env!("CARGO_PKG_VERSION")
        );
        Failure {
            kind: "unknown_op".to_owned(),
            public: None,
            detail: Some(detail),
        }
    };
    // Strings always have a form in JSON.
    RResult::RErr(serde_json::to_vec(&failure).unwrap_or_default().into())
}

/// A call that is under way; dropped, it is over.
struct LiveCall(u64);

impl LiveCall {
    fn begin() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let call = NEXT.fetch_add(1, Ordering::Relaxed);
        live_calls().insert(call);
        Self(call)
    }
}

impl Drop for LiveCall {
    fn drop(&mut self) {
        live_calls().remove(&self.0);
    }
}

fn live_calls() -> MutexGuard<'static, BTreeSet<u64>> {
    static LIVE: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}
