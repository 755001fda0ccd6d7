//! Passes arguments to a tool of the catalogue, by the rules of `tool_schema::ArgumentRules`.

use mcp_protocol::tools::CallResult;
use tool_schema::{ArgumentRules, ArgumentsError, Attempt};

use crate::plugin::{ActiveCall, CallFailure, CatalogTool, FailureKind, invocation};

impl CatalogTool {
    /// Calls the tool with its arguments, a JSON object. Blocks until the tool returns.
    ///
    /// # Errors
    /// [`CallFailure`], for example if the tool's result does not match the tool's declaration. Invalid arguments are
    /// not a failure: they lead to a result with `isError`.
    pub fn call(&self, arguments: &str, call: &ActiveCall) -> Result<CallResult, CallFailure> {
        let rules = ArgumentRules {
            tool: &self.mcp.name,
            schema_text: self.mcp.input_schema.get(),
            schema: &self.schema,
            validate: self.validate,
            strict: self.strict,
        };
        let outcome = rules.call_with(arguments, |text| {
            match invocation::call(&self.plugin, &self.mcp.name, text.as_bytes(), call) {
                Err(failure) if failure.kind == FailureKind::InvalidArguments => {
                    let message = failure.public.unwrap_or_default();
                    Attempt::DecodeFailed { message }
                }
                outcome => Attempt::Accepted(outcome),
            }
        });
        match outcome {
            Ok(outcome) => self.check_result(outcome?),
            Err(ArgumentsError::Invalid(message)) => Ok(CallResult::error(&message)),
            Err(refusal) => Err(CallFailure {
                kind: FailureKind::Unavailable,
                public: None,
                detail: Some(format!("tool {}: {refusal}", self.mcp.name)),
            }),
        }
    }
}
