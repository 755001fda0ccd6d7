//! Lookups in the tools and results that a server returns.

use serde_json::Value;

use crate::error::CliError;

/// Returns the tool of this name.
pub(crate) fn find<'a>(tools: &'a [Value], name: &str) -> Result<&'a Value, CliError> {
    let found = tools.iter().find(|tool| tool["name"] == name);
    found.ok_or_else(|| {
        let names = tools.iter().filter_map(|tool| tool["name"].as_str());
        CliError::UnknownTool {
            name: name.to_owned(),
            known: names.map(str::to_owned).collect(),
        }
    })
}

/// Returns the text of a result, for output.
pub(crate) fn result_text(result: &Value) -> String {
    let blocks = result["content"].as_array();
    let texts = blocks
        .into_iter()
        .flatten()
        .map(|block| match &block["text"] {
            Value::String(text) => text.clone(),
            _ => block.to_string(),
        });
    let texts: Vec<_> = texts.collect();
    match &result["structuredContent"] {
        structured if texts.is_empty() && !structured.is_null() => structured.to_string(),
        _ => texts.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_prints_its_texts_or_its_structured_content() {
        for (result, expected) in [
            (
                json!({ "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] }),
                "a\nb",
            ),
            (
                json!({ "content": [], "structuredContent": { "x": 1 } }),
                r#"{"x":1}"#,
            ),
            (
                json!({ "content": [{ "type": "image", "data": "" }] }),
                r#"{"type":"image","data":""}"#,
            ),
            (json!({ "content": [] }), ""),
        ] {
            assert_eq!(result_text(&result), expected, "{result}");
        }
    }
}
