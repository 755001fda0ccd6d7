//! Is a declaration one that MCP clients accept? Asked when a layer is built, and of plugins without a manifest.

use tool_schema::{Schema, check_name};

use super::payload::Declaration;

/// What is wrong with a declaration; nothing, if it is empty.
#[must_use]
pub fn declaration_problems(declaration: &Declaration) -> Vec<String> {
    let mut problems = Vec::new();
    if declaration.tools.is_empty() {
        problems.push("it declares no tools".to_owned());
    }
    for declared in &declaration.tools {
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
        match Schema::compile(declared.tool.input_schema.get()) {
            Err(error) => problems.push(format!("the inputSchema of tool {name} is {error}")),
            Ok(schema)
                if schema
                    .value()
                    .get("type")
                    .is_none_or(|root| root != "object") =>
            {
                problems.push(format!(
                    "the inputSchema of tool {name} does not have \"type\": \"object\" at its root"
                ));
            }
            Ok(_) => {}
        }
        if let Some(Err(error)) = declared
            .tool
            .output_schema
            .as_ref()
            .map(|schema| Schema::compile(schema.get()))
        {
            problems.push(format!("the outputSchema of tool {name} is {error}"));
        }
    }
    problems
}
