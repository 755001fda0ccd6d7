//! What a plugin asks of its host, across the boundary: bytes out, bytes in.

use std::sync::OnceLock;

use plugin_abi::{
    Host,
    abi_stable::std_types::{RResult, RSlice},
};
use serde::{Serialize, de::DeserializeOwned};

/// The host's side of what happens outside of calls.
static PROCESS_HOST: OnceLock<Host> = OnceLock::new();

/// Remember the host that called `init`.
pub(crate) fn set_process_host(host: Host) {
    let _ = PROCESS_HOST.set(host);
}

/// The host, on behalf of a call, from code that was not handed it; `None` before `init`.
pub(crate) fn for_call(call: u64) -> Option<Host> {
    PROCESS_HOST.get().map(|host| Host { call, ..*host })
}

/// Ask the host. `None`: it does not offer the operation, the call is over, or the answer cannot be read.
pub(crate) fn request<T: DeserializeOwned>(host: Host, op: u32) -> Option<T> {
    match (host.request)(host.call, op, RSlice::EMPTY) {
        RResult::ROk(answer) => serde_json::from_slice(&answer).ok(),
        RResult::RErr(_) => None,
    }
}

/// Ask the host something that takes more than an operation.
///
/// # Errors
/// The host's error; empty if its answer cannot be read.
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

/// Tell the host. `false`: it does not listen.
pub(crate) fn notify(host: Host, op: u32, payload: &impl Serialize) -> bool {
    let Ok(payload) = serde_json::to_vec(payload) else {
        return false;
    };
    (host.request)(host.call, op, RSlice::from_slice(&payload)).is_ok()
}
