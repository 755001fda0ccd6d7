//! Sends requests of the plugin to its host, across the ABI: encodes the payload, and decodes the answer.

use std::sync::OnceLock;

use plugin_abi::{
    Host,
    abi_stable::std_types::{RResult, RSlice},
};
use serde::{Serialize, de::DeserializeOwned};

/// The host interface for requests that belong to no call.
static PROCESS_HOST: OnceLock<Host> = OnceLock::new();

/// Sets the host that called `init`.
pub(crate) fn set_process_host(host: Host) {
    let _ = PROCESS_HOST.set(host);
}

/// Returns the host interface of a call, for code that has no [`Host`]; `None` before `init`.
pub(crate) fn for_call(call: u64) -> Option<Host> {
    PROCESS_HOST.get().map(|host| Host { call, ..*host })
}

/// Requests an operation that has no payload. `None` means that the host does not support it, the call has ended, or
/// the answer cannot be decoded.
pub(crate) fn request<T: DeserializeOwned>(host: Host, op: u32) -> Option<T> {
    match (host.request)(host.call, op, RSlice::EMPTY) {
        RResult::ROk(answer) => serde_json::from_slice(&answer).ok(),
        RResult::RErr(_) => None,
    }
}

/// Requests an operation that has a payload.
///
/// # Errors
/// The error payload of the host; empty if the answer of the host cannot be decoded.
pub(crate) fn request_with<T: DeserializeOwned>(
    host: Host,
    op: u32,
    payload: &impl Serialize,
) -> Result<T, Vec<u8>> {
    let payload = serde_json::to_vec(payload).map_err(|_| Vec::new())?;
    match (host.request)(host.call, op, RSlice::from_slice(&payload)) {
        RResult::ROk(answer) => serde_json::from_slice(&answer).map_err(|_| Vec::new()),
        RResult::RErr(error) => Err(error.into()),
    }
}

/// Requests an operation whose answer does not matter, and reports whether the host accepted it.
pub(crate) fn notify(host: Host, op: u32, payload: &impl Serialize) -> bool {
    let Ok(payload) = serde_json::to_vec(payload) else {
        return false;
    };
    (host.request)(host.call, op, RSlice::from_slice(&payload)).is_ok()
}
