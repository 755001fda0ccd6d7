//! Serialization of this crate's own types.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// Serializes a value as JSON. This cannot fail for this crate's own types.
pub(crate) fn to_raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
