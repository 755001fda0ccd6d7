//! Values of this crate's own types as JSON.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// Writes a value as JSON. Values of this crate's own types always have a form in JSON.
pub(crate) fn to_raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
