//! Digests of JSON values.

use layer_format::hex;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Returns the first half of a SHA-256, in hexadecimal. Values that differ only in the order of their members have the
/// same digest.
pub(crate) fn digest(value: &Value) -> String {
    hex(&Sha256::digest(sorted(value).to_string())[..16])
}

/// Returns the value with the members of all objects sorted by name.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members = members
                .into_iter()
                .map(|(name, value)| (name.clone(), sorted(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_members_does_not_matter_and_all_else_does() {
        let of = |text: &str| digest(&serde_json::from_str(text).expect("JSON"));
        let one = of(r#"{"a": [1, {"b": 2, "c": 3}], "d": null}"#);
        assert_eq!(one, of(r#"{"d":null,"a":[1,{"c":3,"b":2}]}"#));
        assert_eq!(one.len(), 32);
        for other in [
            r#"{"a": [{"b": 2, "c": 3}, 1], "d": null}"#,
            r#"{"a": [1, {"b": 2, "c": 3}]}"#,
            r#"{"a": [1, {"b": "2", "c": 3}], "d": null}"#,
        ] {
            assert_ne!(one, of(other), "{other}");
        }
    }
}
