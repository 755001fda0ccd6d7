//! The rules of state that tools store between calls, apart from the store.
//!
//! A call reads each state once, sees its own pending writes first, and writes a state only if no other call has
//! written it meanwhile. [`StateTransaction`] makes all of these decisions. Its user reads and writes the records:
//! the host in DynamoDB or in memory, the SDK's `testing` module in memory.

mod failure;
mod transaction;

pub use failure::{StateErrorKind, StateFailure};
pub use transaction::{PutStep, Snapshot, StateRecord, StateTransaction};

/// The maximum size of a value. Unit: bytes of JSON. Source: an item of DynamoDB has at most 400 KB, and the other
/// attributes of a state fit into the rest.
pub const MAX_VALUE: usize = 350 * 1024;

/// Checks the size of a value before it is written. `None` deletes what is there.
///
/// # Errors
/// [`StateFailure::TooLarge`] for a value above [`MAX_VALUE`].
pub fn check_size(value: Option<&str>) -> Result<(), StateFailure> {
    match value.map_or(0, str::len) {
        bytes if bytes > MAX_VALUE => Err(StateFailure::TooLarge(bytes)),
        _ => Ok(()),
    }
}

/// Checks that a call may use the state that was read: for a handle its own state with a value, for a session its own or none.
///
/// # Errors
/// [`StateFailure::UnknownHandle`] if the state does not exist or belongs to another caller: a caller must not learn which.
/// [`StateFailure::SessionEnded`] for another caller's session.
pub fn check_access(is_handle: bool, is_own: bool, has_value: bool) -> Result<(), StateFailure> {
    match is_handle {
        true if !(is_own && has_value) => Err(StateFailure::UnknownHandle),
        false if !is_own => Err(StateFailure::SessionEnded),
        _ => Ok(()),
    }
}
