//! The rules for state that tools store between calls. They apply to every kind of store.
//!
//! A call reads each state once, sees its own pending writes, and writes a state only if no other call has written it
//! meanwhile. [`StateTransaction`] makes all of these decisions. The code that uses it reads and writes the records:
//! the host in DynamoDB or in memory, the SDK's module `testing` in memory.

mod failure;
mod transaction;

pub use failure::{StateErrorKind, StateFailure};
pub use transaction::{PutStep, Snapshot, StateRecord, StateTransaction};

/// The maximum size of a value. Unit: bytes of JSON. Source: an item in DynamoDB has at most 400 KB; the remaining 50
/// KB are enough for the other attributes of a state.
pub const MAX_VALUE: usize = 350 * 1024;

/// Checks the size of a value before it is written. `None` means that the value is deleted, which is always allowed.
///
/// # Errors
/// [`StateFailure::TooLarge`] for a value above [`MAX_VALUE`].
pub fn check_size(value: Option<&str>) -> Result<(), StateFailure> {
    match value.map_or(0, str::len) {
        bytes if bytes > MAX_VALUE => Err(StateFailure::TooLarge(bytes)),
        _ => Ok(()),
    }
}

/// Checks that a call may use the state that was read. Under a handle, a value must exist and belong to the caller. A
/// session must belong to the caller, but may have no value yet.
///
/// # Errors
/// [`StateFailure::UnknownHandle`] if the state does not exist or belongs to another caller: the caller must not learn
/// which of the two is the case. [`StateFailure::SessionEnded`] if the session belongs to another caller.
pub fn check_access(is_handle: bool, is_own: bool, has_value: bool) -> Result<(), StateFailure> {
    match is_handle {
        true if !(is_own && has_value) => Err(StateFailure::UnknownHandle),
        false if !is_own => Err(StateFailure::SessionEnded),
        _ => Ok(()),
    }
}
