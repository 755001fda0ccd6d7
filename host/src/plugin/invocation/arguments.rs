//! The delivery of arguments to a tool of the catalogue, by the rules of `tool_schema::ArgumentRules`.

use mcp_protocol::tools::CallResult;
use tool_schema::{ArgumentRules, ArgumentsError, Attempt};

use crate::plugin::{ActiveCall, CallFailure, CatalogTool, FailureKind, invocation};

impl CatalogTool {
    /// Calls the tool with a JSON object of arguments. Blocks until the tool has answered.
    ///
    /// # Errors
    /// [`CallFailure`]. Arguments that do not fit are no failure, but a result with `isError`. A result that is not
    /// what the tool declared is a failure.
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
