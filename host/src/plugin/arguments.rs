//! How arguments reach a tool: as they are, and where it cannot take them so, once more with their spelling mended.

use std::sync::OnceLock;

use mcp_protocol::tools::CallResult;
use serde_json::Value;
use tool_schema::{Schema, SchemaError, coerce};

use super::{
    Call, CallFailure, CatalogTool, FailureKind,
    call::{self},
};

/// A tool's `inputSchema`, compiled when it is first needed: the first schema compiled in a process costs more than a
/// whole cold start of an empty function.
#[derive(Debug, Default)]
pub(crate) struct LazySchema(OnceLock<Result<Schema, SchemaError>>);

impl LazySchema {
    fn get(&self, text: &str) -> Result<&Schema, &SchemaError> {
        self.0.get_or_init(|| Schema::compile(text)).as_ref()
    }
}

impl CatalogTool {
    /// Call the tool with a JSON object of arguments. Blocks until it has answered.
    ///
    /// # Errors
    /// [`CallFailure`]; arguments that do not fit are no failure but a result with `isError`.
    pub fn call(&self, arguments: &str, call: &Call) -> Result<CallResult, CallFailure> {
        if self.validate {
            return self.call_validated(arguments, call);
        }
        match self.call_as_is(arguments, call) {
            Err(failure) if failure.kind == FailureKind::InvalidArguments => {
                let Some(mended) = self.mended(arguments)? else {
                    return self.refused(arguments, failure.public.as_deref());
                };
                match self.call_as_is(&mended, call) {
                    Err(failure) if failure.kind == FailureKind::InvalidArguments => {
                        self.refused(&mended, failure.public.as_deref())
                    }
                    outcome => outcome,
                }
            }
            outcome => outcome,
        }
    }

    /// For tools whose schema says more than decoding can see.
    fn call_validated(&self, arguments: &str, call: &Call) -> Result<CallResult, CallFailure> {
        let schema = self.schema()?;
        let accepts = |text: &str| {
            serde_json::from_str(text).is_ok_and(|value: Value| schema.accepts(&value))
        };
        let mended = if accepts(arguments) {
            None
        } else {
            self.mended(arguments)?
        };
        let arguments = mended.as_deref().unwrap_or(arguments);
        if !accepts(arguments) {
            return self.refused(arguments, None);
        }
        match self.call_as_is(arguments, call) {
            Err(failure) if failure.kind == FailureKind::InvalidArguments => {
                self.refused(arguments, failure.public.as_deref())
            }
            outcome => outcome,
        }
    }

    fn call_as_is(&self, arguments: &str, call: &Call) -> Result<CallResult, CallFailure> {
        call::call(&self.plugin, &self.mcp.name, arguments.as_bytes(), call)
    }

    /// The arguments coerced; `None` when coercion changes nothing, or the tool is strict.
    fn mended(&self, arguments: &str) -> Result<Option<String>, CallFailure> {
        if self.strict {
            return Ok(None);
        }
        let schema = self.schema()?;
        let Ok(mut value) = serde_json::from_str::<Value>(arguments) else {
            return Ok(None);
        };
        Ok(coerce(schema.value(), &mut value).then(|| value.to_string()))
    }

    /// The result that tells the model what to mend: the schema's words where it objects, and the decoder's where it does
    /// not, or says only that no alternative fits.
    fn refused(&self, arguments: &str, decoder: Option<&str>) -> Result<CallResult, CallFailure> {
        let schema = self.schema()?;
        let problems = match serde_json::from_str(arguments) {
            Ok(value) => schema.problems(&value),
            Err(error) => return Ok(self.invalid(&error.to_string())),
        };
        let mut words: Vec<_> = problems
            .iter()
            .map(|problem| match problem.pointer.as_str() {
                "" => problem.message.clone(),
                pointer => format!("{pointer}: {}", problem.message),
            })
            .collect();
        if problems.iter().all(|problem| problem.vague) {
            words.push(decoder.unwrap_or("they cannot be decoded").to_owned());
        }
        Ok(self.invalid(&words.join("; ")))
    }

    fn invalid(&self, words: &str) -> CallResult {
        CallResult::error(&format!(
            "Invalid arguments for tool {}: {words}",
            self.mcp.name
        ))
    }

    fn schema(&self) -> Result<&Schema, CallFailure> {
        self.schema
            .get(self.mcp.input_schema.get())
            .map_err(|error| CallFailure {
                kind: FailureKind::Unavailable,
                public: None,
                detail: Some(format!("the inputSchema of {}: {error}", self.mcp.name)),
            })
    }
}
