//! Checks that a tool's result matches the tool's declaration before the result is sent. Clients reject a result that
//! violates the tool's `outputSchema`, and may rely on a result that satisfies it.

use mcp_protocol::tools::CallResult;
use serde_json::Value;

use crate::plugin::{CallFailure, CatalogTool, FailureKind};

impl CatalogTool {
    /// Checks a tool's result.
    ///
    /// # Errors
    /// [`CallFailure`]: the problem with the result, for the operator.
    pub(crate) fn check_result(&self, result: CallResult) -> Result<CallResult, CallFailure> {
        match self.result_problem(&result) {
            None => Ok(result),
            Some(problem) => Err(CallFailure {
                kind: FailureKind::Unavailable,
                public: None,
                detail: Some(format!(
                    "the result of tool {} {problem}; its author has to fix it",
                    self.mcp.name
                )),
            }),
        }
    }

    /// Returns the problem with a result, as the end of a sentence. Only results of tools with an `outputSchema` are
    /// parsed.
    fn result_problem(&self, result: &CallResult) -> Option<String> {
        if !result.content.get().starts_with('[') {
            return Some("has a `content` that is not an array".to_owned());
        }
        let schema = self.mcp.output_schema.as_deref()?;
        if result.is_error {
            // A result with `isError` need not have structured content.
            return None;
        }
        let Some(structured) = &result.structured_content else {
            return Some(
                "has no `structuredContent`, although it declares an outputSchema".to_owned(),
            );
        };
        let schema = match self.output.get(schema.get()) {
            Ok(schema) => schema,
            Err(error) => return Some(format!("cannot be checked: its outputSchema is {error}")),
        };
        let structured: Value = match serde_json::from_str(structured.get()) {
            Ok(structured) => structured,
            Err(error) => {
                return Some(format!(
                    "has a `structuredContent` that cannot be read: {error}"
                ));
            }
        };
        let problems = schema.problems(&structured);
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        (!problems.is_empty())
            .then(|| format!("does not satisfy its outputSchema: {}", problems.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        plugin::{ActiveCallGuard, CallContext, CallResources, Catalog},
        server::tests::plugin::module,
    };

    /// Returns the message to the operator if the result is refused, and the tools with an output schema that is
    /// compiled afterwards.
    fn check_reply(tool: &str, reply: &serde_json::Value) -> (Option<String>, Vec<String>) {
        let catalog = Catalog::linked(module()).expect("a catalogue");
        let found = catalog.get(tool).expect("the tool");
        let live = ActiveCallGuard::register(
            tool,
            "by-hand",
            CallContext::default(),
            None,
            CallResources::default(),
        );
        let outcome = found.call(&reply.to_string(), &live);
        let detail = outcome.err().map(|failure| {
            assert_eq!(failure.public, None);
            failure.detail.expect("a detail")
        });
        let tools = catalog.tools().iter();
        let compiled = tools.filter(|tool| tool.output.is_compiled());
        (detail, compiled.map(|tool| tool.mcp.name.clone()).collect())
    }

    #[test]
    fn an_output_schema_is_compiled_for_a_result_that_needs_it() {
        for (tool, reply, compiled) in [
            ("reply", json!({ "structuredContent": 1 }), &[][..]),
            ("typed", json!({ "isError": true }), &[]),
            ("typed", json!({}), &[]),
            (
                "typed",
                json!({ "structuredContent": { "celsius": 1 } }),
                &["typed"],
            ),
        ] {
            assert_eq!(check_reply(tool, &reply).1, compiled, "{tool} {reply}");
        }
    }

    #[test]
    fn a_start_error_says_what_is_wrong_and_where() {
        for (tool, reply, detail) in [
            (
                "typed",
                json!({ "structuredContent": { "celsius": "21" } }),
                r#"the result of tool typed does not satisfy its outputSchema: /celsius must be a number, not the string "21"; its author has to fix it"#,
            ),
            (
                "typed",
                json!({}),
                "the result of tool typed has no `structuredContent`, although it declares an outputSchema; its author has to fix it",
            ),
            (
                "reply",
                json!({ "content": "hello" }),
                "the result of tool reply has a `content` that is not an array; its author has to fix it",
            ),
        ] {
            assert_eq!(check_reply(tool, &reply).0.as_deref(), Some(detail));
        }
        let (detail, _) = check_reply("outward", &json!({ "structuredContent": {} }));
        let detail = detail.expect("a detail");
        assert!(
            detail.starts_with("the result of tool outward cannot be checked: its outputSchema is not a valid JSON Schema"),
            "{detail}"
        );
    }
}
