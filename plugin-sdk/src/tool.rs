//! The description of a tool that `#[tool]` generates, and the declaration that the host gets.

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

/// The description of a tool that `#[tool]` generates.
pub struct Tool {
    /// The name of the Rust function.
    pub function: &'static str,
    /// The name of the function in camelCase.
    pub camel_case: &'static str,
    /// The name that the author set, if any.
    pub name: Option<&'static str>,
    /// The display name.
    pub title: Option<&'static str>,
    /// The description that the model reads.
    pub description: &'static str,
    /// MCP's hints.
    pub hints: Hints,
    /// Whether arguments are never coerced.
    pub strict: bool,
    /// Whether the author has set `validate`: the host validates arguments even if the schema has no constraints that
    /// require it.
    pub validate: bool,
    /// The tool's own time limit. Unit: milliseconds.
    pub timeout_ms: Option<u64>,
    /// The client capabilities that the tool requires.
    pub requires: &'static [&'static str],
    /// The icons.
    pub icons: &'static [Icon],
    /// The author's entries of `_meta`.
    pub meta: Option<fn() -> Map<String, Value>>,
    /// A function that returns the schema of the arguments, and whether it has constraints that decoding does not
    /// enforce.
    pub input: fn() -> Result<(Value, bool), Failure>,
    /// A function that returns the schema of the structured result, if there is one.
    pub output: fn() -> Result<Option<Value>, Failure>,
    /// A function that performs a call, and returns the payload of its result.
    pub call: fn(&Call<'_>) -> Result<Vec<u8>, Failure>,
}

/// MCP's hints about a tool; `None` means MCP's default.
#[derive(Default)]
pub struct Hints {
    /// The tool changes nothing.
    pub read_only: Option<bool>,
    /// The tool may destroy data.
    pub destructive: Option<bool>,
    /// A repeated call has no further effect.
    pub idempotent: Option<bool>,
    /// The tool interacts with an open set of external entities.
    pub open_world: Option<bool>,
}

/// The trait of the type that `#[tool]` declares, with the name of the function.
#[diagnostic::on_unimplemented(
    message = "`export_tools!` names something that is not a tool",
    label = "put `#[tool]` on this function"
)]
pub trait ToolFn {
    /// The type `T` of the function's parameter `State<T>`; [`NoState`](crate::state::NoState) if it has none.
    type State: 'static;
    /// The tool.
    const TOOL: Tool;
}

/// The type that `export_tools!` finds if a function has no `#[tool]`.
pub struct NoTool {}

/// The naming of tools.
#[derive(Clone, Copy)]
pub struct Names {
    /// The prefix of every name.
    pub prefix: &'static str,
    /// Whether tools have the names of their functions (`word_count`) instead of names in camelCase (`wordCount`).
    pub as_written: bool,
}

impl Tool {
    /// The placeholder for a function with mistakes, which `#[tool]` has reported as compile errors.
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

    /// Returns the name without the prefix.
    pub(crate) const fn own_name(&self, names: Names) -> &'static str {
        match self.name {
            Some(name) => name,
            None if names.as_written => self.function,
            None => self.camel_case,
        }
    }

    /// Returns the declaration.
    ///
    /// # Errors
    /// `unavailable` if a custom schema is not JSON.
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
