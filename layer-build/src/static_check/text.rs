//! Checks the texts in manifests that clients and users see: names, titles, descriptions and schemas.

use serde_json::Value;

use crate::{
    finding::{Finding, FindingCode},
    static_check::subject::Subject,
    terminal::escape,
};

/// Finds control characters in the declarations of these layers. If they are printed on a terminal, for example by a
/// client that shows a description, the terminal executes them.
pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    for layer in &subject.layers {
        for entry in layer
            .manifests
            .iter()
            .flat_map(|manifest| &manifest.plugins)
        {
            // Skip a declaration that cannot be decoded: the host's own checks report it.
            let Ok(declaration) = entry.declaration() else {
                continue;
            };
            for tool in &declaration.tools {
                let Ok(value) = serde_json::to_value(&tool.tool) else {
                    continue;
                };
                if let Some(place) = unsafe_text(&value) {
                    let location = layer.location(&format!("lib/{}", entry.file));
                    let name = escape::escaped(&tool.tool.name);
                    findings.push(Finding::new(
                        FindingCode::ControlCharacter,
                        format!("{location}: the tool {name} has a control character in {place}"),
                        "remove it from the tool's name, its doc comments or its schema",
                    ));
                }
            }
        }
    }
}

/// Returns the JSON pointer to the first text with a control character, in a form that can be printed.
fn unsafe_text(value: &Value) -> Option<String> {
    let shown = |name: &str| format!("/{}", escape::escaped(name));
    match value {
        Value::String(text) => text.contains(escape::is_unsafe).then(String::new),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let rest = unsafe_text(item)?;
            Some(format!("/{index}{rest}"))
        }),
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            if name.contains(escape::is_unsafe) {
                return Some(shown(name));
            }
            let rest = unsafe_text(member)?;
            Some(format!("{}{rest}", shown(name)))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_place_of_a_control_character_is_found() {
        for (value, place) in [
            (json!({ "description": "a\n\tb größe" }), None),
            (json!({ "description": "\u{1b}[31m" }), Some("/description")),
            (
                json!({ "inputSchema": { "enum": ["a", "b\u{202e}"] } }),
                Some("/inputSchema/enum/1"),
            ),
            (json!({ "a\u{7}": 1 }), Some("/a\\u0007")),
        ] {
            assert_eq!(unsafe_text(&value).as_deref(), place, "{value}");
        }
    }
}
