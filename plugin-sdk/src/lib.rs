//! An SDK for MCP tools in Rust: `#[tool]` on a typed function with a doc comment makes it a tool that AI clients can
//! call.
//!
//! ```
//! use plugin_sdk::prelude::*;
//!
//! /// Multiply two numbers.
//! ///
//! /// # Arguments
//! /// * `x` - The first factor.
//! /// * `y` - The second factor.
//! #[tool]
//! fn multiply(x: i64, y: i64) -> i64 {
//!     x * y
//! }
//!
//! export_tools!(multiply);
//!
//! // It remains an ordinary function:
//! assert_eq!(multiply(6, 7), 42);
//! ```
//!
//! The crate is a `cdylib` with one dependency:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib", "rlib"]    # rlib: tests and docs can use the crate too
//!
//! [dependencies]
//! plugin-sdk = { git = "..." }
//! ```
//!
//! `cargo layer build` builds a Lambda layer from it, `cargo layer dev` serves it locally. [`from_python`] is for
//! authors who know `mcp-lambda-handler` (Python): it shows the same tools in both languages.
//!
//! # Parameters
//!
//! Every parameter becomes a property of the same name in the tool's `inputSchema` (JSON Schema 2020-12). Its type is a
//! number, `bool`, `String`, `Option` (the client may omit the argument or send null), `Vec`, a map, or a type of your
//! own with [`#[data]`](data). The description that the model reads is the doc comment above the parameter, or its
//! entry in the function's `# Arguments` list.
//!
//! ```
//! use plugin_sdk::prelude::*;
//!
//! /// A place on Earth.
//! #[data]
//! struct Place {
//!     /// Degrees north of the equator.
//!     #[schemars(range(min = -90, max = 90))]
//!     latitude: f64,
//!     /// Degrees east of Greenwich.
//!     longitude: f64,
//! }
//!
//! /// A unit of length.
//! #[data]
//! #[serde(rename_all = "lowercase")]
//! enum Unit {
//!     Kilometres,
//!     Miles,
//! }
//!
//! /// How far is it from one place to another?
//! #[tool(read_only)]
//! fn distance(
//!     from: Place,
//!     to: Place,
//!     /// What to measure in.
//!     #[arg(default = Unit::Kilometres)]
//!     unit: Unit,
//!     /// How many digits after the point.
//!     #[arg(default = 1)]
//!     #[schemars(range(max = 6))]
//!     digits: u8,
//! ) -> String {
//!     let (a, b) = (from.latitude.to_radians(), to.latitude.to_radians());
//!     let c = (to.longitude - from.longitude).to_radians();
//!     let angle = (a.sin() * b.sin() + a.cos() * b.cos() * c.cos()).clamp(-1.0, 1.0).acos();
//!     let radius = match unit {
//!         Unit::Kilometres => 6371.0,
//!         Unit::Miles => 3959.0,
//!     };
//!     format!("{:.*}", digits.into(), angle * radius)
//! }
//!
//! export_tools!(distance);
//! ```
//!
//! | written above a parameter | meaning |
//! |---|---|
//! | `/// ...` | its description, which the model reads |
//! | `#[arg(default = ...)]`, `#[arg(default)]` | the client may omit the argument; the parameter then gets this value, or the default of its type |
//! | `#[arg(header = "Region")]` | clients also send the argument in the HTTP header `Mcp-Param-Region` (MCP's `x-mcp-header`), so that gateways can route requests by it; only for strings, integers and booleans |
//! | `#[schemars(...)]` | constraints, written as for [schemars](https://graham.cool/schemars/deriving/attributes/): `range`, `length`, `regex`, `email`, `inner(...)`, `extend("..." = ...)` |
//!
//! [`#[data]`](data) derives `Deserialize`, `Serialize` and `JsonSchema` for a struct or enum, using the copies of
//! serde and schemars that this crate re-exports. Serde's attributes work as usual. A crate with its own dependencies
//! on `serde` and `schemars` can write these derives itself. A parameter is an argument unless its type is written
//! `Args<...>`, `Context` or `State<...>`. The features `chrono`, `jiff`, `uuid` and `url` let parameters and results
//! use the types of these crates.
//!
//! A tool with many arguments takes them as one struct instead: [`Args<T>`](Args).
//!
//! # Argument handling
//!
//! The host rejects unknown arguments, including unknown fields of [`#[data]`](data) types, and every argument that the
//! schema does not allow. The error tells the model what to correct. (Serde cannot detect unknown fields where several
//! types share one JSON object: with `flatten`, and in enums with a `tag`.)
//!
//! Clients often send `"5"` for 5, or an object as its JSON text. If an argument cannot be decoded, the host converts
//! (coerces) it to the type in the schema, provided that only one conversion is possible:
//!
//! | the schema wants | the value is | it becomes |
//! |---|---|---|
//! | integer | `"5"`, `5.0`, `"5.0"` | `5` |
//! | number | `"2.5"`, `"1e3"` | `2.5`, `1000.0` |
//! | boolean | `"true"`, `"false"` | `true`, `false` |
//! | array, object | a string whose text is a JSON array, object | that array, object |
//!
//! Nested values are coerced too. A string is not coerced if the schema also accepts strings, and a `strict` tool
//! coerces nothing. Constraints that decoding does not check (`range`, `length`, ...) are checked by the host before
//! the call.
//!
//! # Return types
//!
//! | return type | the client sees |
//! |---|---|
//! | `()` | an empty content list |
//! | `String`, `&str`, numbers, `bool`, `char` | one text |
//! | [`Json<T>`] | `structuredContent`, the same as text, and an `outputSchema` made from `T` |
//! | [`Content`], `Vec<Content>` | content blocks: texts, images, audio, links and embedded resources, with annotations |
//! | [`ResourceLink`], [`Resource`] | one content block of this kind |
//! | [`ToolResult`] | a result with any of the above, `_meta` and `isError` |
//! | `Option<T>` | `T`, or an empty content list |
//! | `Result<T, E>` | `T`; for `Err` a result with `isError`, which gives the model the error's message and its causes |
//!
//! `E` is any type that implements `Display`: a `String`, an error type of your own, `anyhow::Error`, or [`ToolError`].
//! In a function that returns `ToolError`, `?` converts all the others to it. [`ToolError::protocol`] makes the call
//! fail with a JSON-RPC error instead of a result.
//!
//! A panic makes only its own call fail. The client is told that the tool failed. The message and the source location
//! of the panic appear only in the operator's log.
//!
//! # The context of a call
//!
//! A parameter of type [`Context`] tells the tool who the caller and the client are, how much time remains, and whether
//! the call was cancelled. The tool also uses it to report [progress](Context::progress) and to send [log
//! messages](Context::log) to the client.
//!
//! To write to the operator's log, use the crate `log` (re-exported as [`log`]), or `tracing` with its feature `log`.
//! Each line of the log names the request, the tool and the plugin. A line from a thread or task that the tool started
//! names only the plugin, because the SDK does not know which call it belongs to.
//!
//! # Stored state
//!
//! [`Context::state`] stores a value between calls, even if they run in different environments. The value belongs to
//! the client's session, or to a [`Handle`] that the tool returns and receives as an argument in later calls. See
//! [`StoredState`]. A parameter of type [`State`] is different: it lives in memory and is shared only by the calls in
//! one process.
//!
//! # Input from the client
//!
//! Through its [`Context`] a tool can send input requests to the client while it runs: a form for the user, made from a
//! type ([`elicit`](Context::elicit)), a prompt for the client's model ([`sample`](Context::sample)), or a request for
//! the folders that the client works with ([`roots`](Context::roots)). [`ask`](Context::ask) sends several input
//! requests together.
//!
//! # Shared state
//!
//! `export_tools!(state = connect, ...)` names a function that builds a value once per environment. Tools receive that
//! value as a parameter of type [`State<T>`](State).
//!
//! # Async tools
//!
//! With the feature `async` of this crate, tools and the function that builds the state may be `async`. They run on a
//! tokio runtime that belongs to the plugin. The runtime is built at its first use, and concurrent calls share it. For
//! timers and sockets, depend on `tokio` with its features `time` and `net`. When a call is cancelled, its future is
//! dropped at its current `await`. A task that outlives its call pauses until the next call.
//!
//! A tool that blocks without `await` (`std::thread::sleep`, a long computation) delays the plugin's other async tools,
//! because one thread at a time serves the timers and sockets of all. Use `tokio::task::spawn_blocking` or a tool that
//! is not async for such work, and for [stored state](StoredState#in-async-tools).
//!
//! ```
//! use plugin_sdk::prelude::*;
//!
//! /// Wait a little.
//! #[tool(timeout = "5s")]
//! async fn wait(turns: u8) -> u8 {
//!     for _ in 0..turns {
//!         tokio::task::yield_now().await;
//!     }
//!     turns
//! }
//!
//! export_tools!(wait);
//! ```
//!
//! # Custom schemas
//!
//! ```
//! use plugin_sdk::{prelude::*, serde_json::{Value, json}};
//!
//! /// Query the catalogue.
//! #[tool(
//!     input_schema = r#"{"type": "object", "properties": {"where": {"type": "object"}}, "required": ["where"]}"#,
//!     output_schema = r#"{"type": "object", "properties": {"rows": {"type": "array"}}, "required": ["rows"]}"#
//! )]
//! fn query(arguments: Args<Value>) -> Json<Value> {
//!     Json(json!({ "rows": [arguments["where"]] }))
//! }
//!
//! export_tools!(query);
//! ```
//!
//! The host validates arguments against the custom schema before the call. With `Box<RawValue>` instead of `Value`, the
//! tool receives the JSON text unchanged.
//!
//! # Attributes
//!
//! | `#[tool(...)]` | meaning |
//! |---|---|
//! | `name = "..."` | the name that clients see; default: the function's name in camelCase |
//! | `title = "..."` | a display name |
//! | `description = "..."` | replaces the doc comment |
//! | `read_only`, `destructive`, `idempotent`, `open_world` | MCP's hints about the tool's behaviour; `read_only = false` sets a hint to false |
//! | `strict` | arguments are never coerced |
//! | `timeout = "10s"` | the time limit of a call (`ms`, `s`, `m`); the host's limit applies if it is shorter; a tool that is not async must check [`Context::cancelled`] |
//! | `requires("elicitation.form")` | clients without these capabilities cannot call the tool: `elicitation.form` (`elicitation` for short), `elicitation.url`, `roots`, `sampling`, `sampling.context`, `sampling.tools` |
//! | `icons("https://...")` | icons; details follow in parentheses: `"https://..."(mime_type = "image/png", sizes = "48x48", theme = "dark")` |
//! | `meta("example.com/team" = "weather")` | entries of your own in `_meta` |
//! | `input_schema = ...`, `output_schema = ...` | custom schemas, given as JSON text: a literal, `include_str!`, or a constant |
//! | `validate` | the host validates arguments against the schema before the call. It is set automatically if the schema has constraints that decoding does not check. Set it yourself for constraints that look like those of the type: `extend("enum" = ...)`, or `required` on an `Option` |
//!
//! | `export_tools!(...)` | meaning |
//! |---|---|
//! | `names = "as_written"` | tools have the names of their functions: `word_count`, not `wordCount` |
//! | `prefix = "text_"` | the prefix of all names |
//! | `state = function` | the function that builds the shared state |
//!
//! Options come before the tools. A tool's name has 1 to 64 characters of `[A-Za-z0-9_.-]`; this is checked when the
//! plugin is compiled.
//!
//! # Limitations
//!
//! - `#[tool]` adds a type with the name of the function, which `export_tools!` uses. The same module therefore cannot
//!   have another module or type of that name. Items of that name in other modules do not conflict
//!   (`export_tools!(weather::weather, crate::drop)`). For a tool with the name of its crate, write `self::`: in a
//!   crate `greet`, `export_tools!(self::greet)`. Without it, documentation tests of that crate do not compile, because
//!   the name is ambiguous there.
//! - A crate has one `export_tools!`, and a plugin cannot depend on another plugin. Put shared code into a crate that
//!   does not call `export_tools!`.
//! - If a tool has a `#[cfg(...)]`, write two `export_tools!`: one with the tool, under the same condition, and one
//!   without it, under the negated condition.
//! - A crate that renames the dependency `plugin-sdk` in Cargo.toml needs `extern crate sdk as plugin_sdk;` for the
//!   macros.
//! - clippy's `needless_pass_by_value` and similar lints do not know that a tool must own its arguments: suppress them
//!   with `#[allow]`.
//!
//! # Tests
//!
//! A tool is an ordinary function: unit tests can call it directly. To call it as the host does, with coercion and
//! validation, use the module `testing` (feature `testing`).

mod args;
mod content;
mod context;
mod error;
mod form;
mod icon;
mod input;
mod result;
mod runtime;
mod schema;
mod state;
mod state_error;
mod stored_state;
#[cfg(feature = "testing")]
pub mod testing;
mod tool;

#[doc = include_str!("../docs/from-python.md")]
pub mod from_python {}

pub use ::log;
pub use args::Args;
pub use content::{Content, Resource, ResourceLink, Role};
pub use context::{Client, Context, Trace};
pub use error::ToolError;
pub use input::{Elicit, ElicitUrl, InputError, Question, Root, Roots, Sample, SamplingResult};
/// Derives `Deserialize`, `Serialize` and `JsonSchema` for a struct or enum, for use in arguments and results.
///
/// The derives use the copies of serde and schemars that this crate re-exports. The attributes of both work as usual.
///
/// Unknown fields are rejected: a client that misspells a field gets an error. With `#[data(allow_unknown_fields)]`
/// they are ignored instead, which is right for types that decode the responses of other services.
///
/// ```
/// use plugin_sdk::prelude::*;
///
/// /// A city and its people.
/// #[data]
/// #[derive(Debug, Clone)]
/// #[serde(rename_all = "camelCase")]
/// struct City {
///     /// Its name.
///     name: String,
///     /// How many live there.
///     #[serde(default)]
///     head_count: u32,
/// }
/// ```
pub use plugin_sdk_macros::data;
/// Exports tools from a plugin, in the given order. [Options](crate#attributes) come before the tools.
pub use plugin_sdk_macros::export_tools;
/// Makes a function a tool. The documentation of the crate lists its [attributes](crate#attributes).
pub use plugin_sdk_macros::tool;
pub use result::{IntoToolResult, Json, ToolResult};
pub use schemars;
pub use serde;
pub use serde_json;
pub use state::State;
pub use state_error::{StateError, StateErrorKind};
pub use stored_state::{Handle, StoredState};
pub use tool_rules::LogLevel;

/// The items that most tools need: `use plugin_sdk::prelude::*;`
pub mod prelude {
    pub use crate::{
        Args, Content, Context, Json, State, ToolError, ToolResult, data, export_tools, tool,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
}

/// Items that the code generated by the macros uses. They can change in any release: do not use them directly.
#[doc(hidden)]
pub mod __private {
    pub use crate::{
        error::{AnyOutput, ErrorWithCauses, ReturnType},
        icon::Icon,
        result::IntoToolResult,
        runtime::{
            export::{ExportedTool, Exports, check_name, header},
            reply::reply,
        },
        schema::{args_schema, custom_input_schema, custom_output_schema, parameters_schema},
        state::{Build, NoState, StateCell, no_state},
        tool::{Hints, Names, NoTool, Tool, ToolFn},
    };
    pub use plugin_abi::abi_stable::library::LibHeader;
    pub use {schemars, serde, serde_json};

    #[cfg(feature = "async")]
    pub use crate::runtime::async_runtime::run_async;
}

/// Compiles and runs the Rust code in documents as documentation tests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/author/first-tool.md")]
    struct FirstTool;
    #[doc = include_str!("../../docs/author/arguments.md")]
    struct Arguments;
    #[doc = include_str!("../../docs/author/results.md")]
    struct Results;
    #[doc = include_str!("../../docs/author/context.md")]
    struct TheCall;
    #[doc = include_str!("../../docs/author/elicitation.md")]
    struct Questions;
    #[doc = include_str!("../../docs/author/state.md")]
    struct State;
    #[doc = include_str!("../../docs/author/testing.md")]
    struct Tests;
}
