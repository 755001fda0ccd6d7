//! A tool as `#[tool]` describes it, and what a plugin declares of it.

use serde_json::{Map, Value};

use crate::{
    icon::Icon,
    runtime::{
        call::Call,
        failure::Failure,
        wire::{Annotations, DeclaredTool, McpTool},
    },
    schema,
};

/// A tool as `#[tool]` describes it.
pub struct Tool {
    /// The Rust function's name.
    pub function: &'static str,
    /// The same in camelCase.
    pub camel_case: &'static str,
    /// The name the author gave, if any.
    pub name: Option<&'static str>,
    /// A name for people.
    pub title: Option<&'static str>,
    /// What the model reads.
    pub description: &'static str,
    /// MCP's hints.
    pub hints: Hints,
    /// Arguments are never coerced.
    pub strict: bool,
    /// The author wants arguments validated, whatever the schema is.
    pub validate: bool,
    /// The tool's own time limit. Unit: milliseconds.
    pub timeout_ms: Option<u64>,
    /// Client capabilities without which the tool cannot work.
    pub requires: &'static [&'static str],
    /// Pictures for people.
    pub icons: &'static [Icon],
    /// The author's own facts.
    pub meta: Option<fn() -> Map<String, Value>>,
    /// The schema of the arguments, and whether it says more than decoding enforces.
    pub input: fn() -> Result<(Value, bool), Failure>,
    /// The schema of the structured result, if it has one.
    pub output: fn() -> Result<Option<Value>, Failure>,
    /// A call in, result payload out.
    pub call: fn(&Call<'_>) -> Result<Vec<u8>, Failure>,
}

/// MCP's hints about a tool; `None` leaves MCP's default.
#[derive(Default)]
pub struct Hints {
    /// It changes nothing.
    pub read_only: Option<bool>,
    /// It may destroy.
    pub destructive: Option<bool>,
    /// Calling it again changes nothing more.
    pub idempotent: Option<bool>,
    /// It reaches beyond a closed set of things.
    pub open_world: Option<bool>,
}

/// Implemented by `#[tool]` on a type of the function's name.
#[diagnostic::on_unimplemented(
    message = "what `export_tools!` names is not a tool",
    label = "put `#[tool]` on this function"
)]
pub trait ToolFn {
    /// The `T` of the function's parameter `State<T>`, else [`NoState`](crate::state::NoState).
    type State: 'static;
    /// The tool.
    const TOOL: Tool;
}

/// What `export_tools!` finds in place of a function that is no tool.
pub struct NoTool {}

/// How tools are named.
#[derive(Clone, Copy)]
pub struct Names {
    /// What every name begins with.
    pub prefix: &'static str,
    /// Are functions' names kept, `word_count`, or written in camelCase, `wordCount`?
    pub as_written: bool,
}

impl Tool {
    /// What `#[tool]` makes of a function with mistakes, which it has reported.
    pub const INVALID: Self = Self {
        function: "",
        camel_case: "",
        name: None,
        title: None,
        description: "",
        hints: Hints {
            read_only: None,
            destructive: None,
            idempotent: None,
            open_world: None,
        },
        strict: false,
        validate: false,
        timeout_ms: None,
        requires: &[],
        icons: &[],
        meta: None,
        input: || Err(Failure::unavailable(String::new())),
        output: || Ok(None),
        call: |_| Err(Failure::unavailable(String::new())),
    };

    /// The name without the prefix.
    pub(crate) const fn own_name(&self, names: Names) -> &'static str {
        match self.name {
            Some(name) => name,
            None if names.as_written => self.function,
            None => self.camel_case,
        }
    }

    /// # Errors
    /// `unavailable`: a schema written by hand is not JSON.
    pub(crate) fn declare(&self, names: Names) -> Result<DeclaredTool, Failure> {
        let in_function = |failure: Failure| failure.in_function(self.function);
        let (input_schema, constrained) = (self.input)().map_err(in_function)?;
        let output_schema = (self.output)().map_err(in_function)?;
        let Hints {
            read_only,
            destructive,
            idempotent,
            open_world,
        } = self.hints;
        let hinted = [read_only, destructive, idempotent, open_world]
            .iter()
            .any(Option::is_some);
        let headers = schema::argument_headers(&input_schema);
        Ok(DeclaredTool {
            tool: McpTool {
                name: format!("{}{}", names.prefix, self.own_name(names)),
                title: self.title,
                description: self.description,
                input_schema,
                output_schema,
                annotations: hinted.then_some(Annotations {
                    read_only_hint: read_only,
                    destructive_hint: destructive,
                    idempotent_hint: idempotent,
                    open_world_hint: open_world,
                }),
                icons: self.icons,
                meta: self.meta.map(|meta| meta()),
            },
            function: self.function,
            validate: self.validate || constrained,
            strict: self.strict,
            timeout_ms: self.timeout_ms,
            requires: self.requires,
            headers,
        })
    }
}
