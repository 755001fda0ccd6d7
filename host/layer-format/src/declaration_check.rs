//! Checks whether MCP clients would accept what a plugin declares. The check runs when a layer is built. For plugins
//! without a manifest it runs at startup.

use std::collections::HashSet;

use mcp_protocol::capabilities::CAPABILITIES;
use serde_json::value::RawValue;
use tool_schema::{Schema, check_name, default_problems, header_problems};

use crate::declaration::{Declaration, DeclaredTool};

/// Returns the problems of a declaration; empty if there are none.
#[must_use]
pub fn declaration_problems(declaration: &Declaration) -> Vec<String> {
    let mut problems = Vec::new();
    if declaration.tools.is_empty() {
        problems.push("it declares no tools".to_owned());
    }
    let mut names = HashSet::new();
    for declared in &declaration.tools {
        let name = &declared.tool.name;
        if !names.insert(name) {
            problems.push(format!("it declares two tools named {name}"));
        }
        problems.extend(tool_problems(declared));
    }
    problems
}

fn tool_problems(declared: &DeclaredTool) -> Vec<String> {
    let mut problems = Vec::new();
    let name = &declared.tool.name;
    if let Err(problem) = check_name(name) {
        problems.push(format!("the name of tool {name:?} {problem}"));
    }
    if declared
        .tool
        .description
        .as_deref()
        .is_none_or(|description| description.trim().is_empty())
    {
        problems.push(format!("tool {name} has no description"));
    }
    if declared.timeout_ms == Some(0) {
        problems.push(format!(
            "tool {name} has a time limit of 0 ms, so that every call times out"
        ));
    }
    for required in &declared.requires {
        if !CAPABILITIES.contains(&required.as_str()) {
            let known = CAPABILITIES.join(", ");
            problems.push(format!(
                "tool {name} requires {required:?}, which is not a client capability; use one of {known}"
            ));
        }
    }
    problems.extend(input_problems(declared));
    let output = declared.tool.output_schema.as_deref().map(RawValue::get);
    if let Some(Err(error)) = output.map(Schema::compile) {
        problems.push(format!("the outputSchema of tool {name} is {error}"));
    }
    problems
}

fn input_problems(declared: &DeclaredTool) -> Vec<String> {
    let name = &declared.tool.name;
    let schema = match Schema::compile(declared.tool.input_schema.get()) {
        Ok(schema) => schema,
        Err(error) => return vec![format!("the inputSchema of tool {name} is {error}")],
    };
    let mut problems = Vec::new();
    let root = schema.value().get("type");
    if root.is_none_or(|root| root != "object") {
        problems.push(format!(
            "the inputSchema of tool {name} does not have \"type\": \"object\" at its root"
        ));
    }
    let headers = header_problems(schema.value(), &declared.headers);
    problems.extend(
        headers
            .into_iter()
            .chain(default_problems(schema.value()))
            .map(|problem| format!("tool {name}: {problem}")),
    );
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn problems(more: Value) -> Vec<String> {
        let mut tool = json!({
            "tool": { "name": "t", "description": "Does it.", "inputSchema": { "type": "object" } },
            "function": "t",
        });
        for (member, value) in more.as_object().expect("members") {
            tool[member] = value.clone();
        }
        let declaration = json!({
            "payload": 1,
            "crate": { "name": "c", "version": "0.1.0" },
            "sdk": "0.1.0",
            "panic": "unwind",
            "tools": [tool],
        });
        declaration_problems(&serde_json::from_value(declaration).expect("a declaration"))
    }

    #[test]
    fn the_declaration_of_a_tool_is_checked() {
        for (more, expected) in [
            (json!({}), vec![]),
            (
                json!({ "timeoutMs": 1, "requires": CAPABILITIES, "headers": {} }),
                vec![],
            ),
            (
                json!({ "timeoutMs": 0 }),
                vec!["tool t has a time limit of 0 ms, so that every call times out"],
            ),
            (
                json!({ "requires": ["roots", "elicitation.from"] }),
                vec![
                    "tool t requires \"elicitation.from\", which is not a client capability; use one of elicitation, elicitation.form, elicitation.url, roots, sampling, sampling.context, sampling.tools",
                ],
            ),
            (
                json!({ "headers": { "Region": "/region" } }),
                vec![
                    "tool t: `headers` has \"Region\" for \"/region\", but the inputSchema has no such x-mcp-header there",
                ],
            ),
            (
                json!({
                    "tool": {
                        "name": "t",
                        "description": "Does it.",
                        "inputSchema": { "type": "object", "properties": { "x": { "maximum": 6, "default": 10 } } },
                    },
                }),
                vec!["tool t: the default of /x must be a number of at most 6, not 10"],
            ),
        ] {
            assert_eq!(problems(more.clone()), expected, "{more}");
        }
    }
}
