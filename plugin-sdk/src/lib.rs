//! Tools for AI clients: a typed Rust function with a doc comment and `#[tool]` can be called over MCP.
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
//! `cargo layer build` builds a Lambda layer from it, `cargo layer dev` serves it locally. [`from_python`] compares tools of
//! Python's `mcp-lambda-handler` with tools of this crate.
//!
//! # Parameters
//!
//! Every parameter is a member of the tool's `inputSchema` (JSON Schema 2020-12), under its own name. Its type is a number,
//! `bool`, `String`, `Option` (may be left out, or null), `Vec`, a map, or a type of your own with [`#[data]`](data). A doc
//! comment above the parameter, or its entry in the `# Arguments` list, is its description for the model.
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
//! | above a parameter | meaning |
//! |---|---|
//! | `/// ...` | its description, for the model |
//! | `#[arg(default = ...)]`, `#[arg(default)]` | the argument may be left out; the parameter then has this value, or the default of its type |
//! | `#[arg(header = "Region")]` | clients repeat the argument in the HTTP header `Mcp-Param-Region` (MCP's `x-mcp-header`), for gateways that route by it: a string, integer or boolean |
//! | `#[schemars(...)]` | constraints, by [schemars](https://graham.cool/schemars/deriving/attributes/): `range`, `length`, `regex`, `email`, `inner(...)`, `extend("..." = ...)` |
//!
//! [`#[data]`](data) derives `Deserialize`, `Serialize` and `JsonSchema` for a struct or enum, with the crates that this
//! one re-exports. Serde's attributes work as usual. A crate with its own dependencies on `serde` and `schemars` can derive
//! them by hand. A parameter is an argument unless its type is written `Args<...>`, `Context` or `State<...>`. The features
//! `chrono`, `jiff`, `uuid` and `url` add schemas for the types of these crates.
//!
//! A tool with many arguments takes them as one struct instead: [`Args<T>`](Args).
//!
//! # Argument handling
//!
//! The host refuses unknown arguments, also inside [`#[data]`](data) types, and every argument that the schema does not
//! allow. The error tells the model what to correct. (Serde cannot find unknown fields where several types share one
//! object: with `flatten`, and in enums with a `tag`.)
//!
//! Clients often send `"5"` for 5, or an object as its JSON text. An argument that cannot be decoded is coerced where the
//! schema leaves no doubt:
//!
//! | the schema wants | the value is | it becomes |
//! |---|---|---|
//! | integer | `"5"`, `5.0`, `"5.0"` | `5` |
//! | number | `"2.5"`, `"1e3"` | `2.5`, `1000.0` |
//! | boolean | `"true"`, `"false"` | `true`, `false` |
//! | array, object | a string whose text is a JSON array, object | that array, object |
//!
//! This works at any depth, but never where a string is acceptable too, and never in a tool that is `strict`. The host
//! checks constraints that decoding does not see (`range`, `length`, ...) before the call.
//!
//! # Return types
//!
//! | return type | the client sees |
//! |---|---|
//! | `()` | an empty content list |
//! | `String`, `&str`, numbers, `bool`, `char` | one text |
//! | [`Json<T>`] | `structuredContent`, the same as text, and an `outputSchema` made from `T` |
//! | [`Content`], `Vec<Content>` | texts, images, sounds, links, embedded resources, with annotations |
//! | [`ResourceLink`], [`Resource`] | one content block of this kind |
//! | [`ToolResult`] | a result built by hand: all of the above, `_meta`, `isError` |
//! | `Option<T>` | `T`, or an empty content list |
//! | `Result<T, E>` | `T`, or for `Err` a result with `isError`: the error's message and its causes, for the model to act on |
//!
//! `E` is any type that implements `Display`: a `String`, an error of your own, `anyhow::Error`, or [`ToolError`], to which
//! `?` converts all of these. [`ToolError::protocol`] fails as a JSON-RPC error instead.
//!
//! A panic fails one call, wherever it happens. The client sees that the tool failed. Only the operator's log has the
//! message and the source location.
//!
//! # The context of a call
//!
//! A parameter of type [`Context`] has the caller, the client, the remaining time, and whether the call was cancelled. The
//! tool also uses it to report [progress](Context::progress) and to send [messages](Context::log) to the client.
//!
//! Lines for the operator go through the crate `log` (re-exported as [`log`]), or through `tracing` with its feature `log`.
//! They appear in the host's log with the request, the tool and the plugin. A line from a thread or task that the tool
//! started has the plugin only, because its call is not known.
//!
//! # Stored state
//!
//! [`Context::state`] stores a value between calls, wherever these run: for the client's session, or under a [`Handle`]
//! that the tool returns and takes back as an argument. See [`StoredState`]. A parameter of type [`State`] is different:
//! the calls of one process share it.
//!
//! # Input from the client
//!
//! Through its [`Context`] a tool can ask for input while it runs: from the user by a form made from a type
//! ([`elicit`](Context::elicit)), from the client's model ([`sample`](Context::sample)), for the folders that the client
//! works with ([`roots`](Context::roots)), or for several of these at once ([`ask`](Context::ask)).
//!
//! # Shared state
//!
//! `export_tools!(state = connect, ...)` names a function that runs once per environment. Tools take its result as
//! [`State<T>`](State).
//!
//! # Async tools
//!
//! With the feature `async` of this crate, tools and the state's function may be `async`. They run on tokio, on a runtime
//! that belongs to the plugin. It is built at the first use and shared by concurrent calls. For timers and sockets, depend
//! on `tokio` with its features `time` and `net`. When a call is cancelled, its future is dropped at its current `await`.
//! Tasks that outlive their call pause until the next one.
//!
//! A tool that blocks without `await` (`std::thread::sleep`, a long computation) delays the others, because they share one
//! driver of timers and sockets. Use `tokio::task::spawn_blocking` or a tool that is not async for such work, and for
//! [stored state](StoredState#in-async-tools).
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
//! The host validates arguments against the custom schema before the call. With `Box<RawValue>` in place of `Value` the
//! JSON is passed through unchanged.
//!
//! # Attributes
//!
//! | `#[tool(...)]` | meaning |
//! |---|---|
//! | `name = "..."` | the name that clients see; default: the function's name in camelCase |
//! | `title = "..."` | a display name |
//! | `description = "..."` | replaces the doc comment |
//! | `read_only`, `destructive`, `idempotent`, `open_world` | MCP's hints; each also as `= false` |
//! | `strict` | arguments are never coerced |
//! | `timeout = "10s"` | the time limit of a call (`ms`, `s`, `m`), if the host's is not shorter; a sync tool checks [`Context::cancelled`] |
//! | `requires("elicitation.form")` | only for clients with these capabilities: `elicitation.form` (`elicitation` for short), `elicitation.url`, `roots`, `sampling`, `sampling.context`, `sampling.tools` |
//! | `icons("https://...")` | icons; with details `"https://..."(mime_type = "image/png", sizes = "48x48", theme = "dark")` |
//! | `meta("example.com/team" = "weather")` | entries of your own in `_meta` |
//! | `input_schema = ...`, `output_schema = ...` | custom schemas, as text: a literal, `include_str!`, a constant |
//! | `validate` | the host validates arguments before the call. It is set automatically, except for constraints that look like the type's own: an `extend("enum" = ...)`, a `required` on an `Option` |
//!
//! | `export_tools!(...)` | meaning |
//! |---|---|
//! | `names = "as_written"` | functions keep their names: `word_count`, not `wordCount` |
//! | `prefix = "text_"` | the prefix of all names |
//! | `state = function` | the function that builds the shared state |
//!
//! Options come first. Names have 1 to 64 characters of `[A-Za-z0-9_.-]`, and are checked when the plugin is compiled.
//!
//! # Limitations
//!
//! - `#[tool]` adds a type with the name of the function, which `export_tools!` uses. A module or type of that name in the
//!   same module clashes with it. A function elsewhere does not (`export_tools!(weather::weather, crate::drop)`).
//!   A tool with the name of its crate needs `self::`: in a crate `greet`, `export_tools!(self::greet)`. Otherwise
//!   documentation tests of that crate do not compile, because there the name has two meanings.
//! - A crate has one `export_tools!`, and a plugin cannot depend on another plugin. Share code through a crate without it.
//! - A tool behind `#[cfg(...)]` needs two `export_tools!`, one behind the same condition and one behind its opposite.
//! - A crate that renames this one in Cargo.toml needs `extern crate sdk as plugin_sdk;` for the macros.
//! - clippy's `needless_pass_by_value` and similar lints do not know that a tool owns its arguments: `#[allow]` them.
//!
//! # Tests
//!
//! A tool is a function, and can be tested like any function. The feature `testing` adds the module `testing`, which calls
//! tools as the host does.

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
/// The derives use the crates that this one re-exports. The attributes of serde and schemars work as usual.
///
/// Unknown fields are refused: a client that misspells a field gets an error. `#[data(allow_unknown_fields)]` ignores them,
/// which is right for responses of other services.
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
/// Exports tools from a plugin, in the order given. The [options](crate#attributes) come first.
pub use plugin_sdk_macros::export_tools;
/// Makes a function a tool. Its [attributes](crate#attributes) are listed at the crate.
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

/// Items that the macros expand to. They change without notice: do not use them directly.
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

/// The Rust code of documents compiles, and their assertions hold.
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
