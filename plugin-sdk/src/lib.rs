//! Write a typed Rust function with a doc comment, put `#[tool]` on it, and AI clients can call it over MCP.
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
//! // It is still an ordinary function:
//! assert_eq!(multiply(6, 7), 42);
//! ```
//!
//! The crate is a `cdylib` with one dependency:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib", "rlib"]    # rlib: so that tests and docs can use the crate as well
//!
//! [dependencies]
//! plugin-sdk = { git = "..." }
//! ```
//!
//! `cargo layer build` makes it a Lambda layer, `cargo layer dev` serves it on this machine. Who comes from Python's
//! `mcp-lambda-handler` finds both codes side by side in [`from_python`].
//!
//! # What a tool takes
//!
//! Every parameter is a member of the tool's `inputSchema` (JSON Schema 2020-12), under its own name: numbers, `bool`,
//! `String`, `Option` (may be left out, or null), `Vec`, maps, and your own types with [`#[data]`](data). What the model
//! should know of a parameter stands above it or in the `# Arguments` list.
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
//! | `/// ...` | what the model reads of it |
//! | `#[arg(default = ...)]`, `#[arg(default)]` | it may be left out, and is then this, or its type's default |
//! | `#[arg(header = "Region")]` | clients repeat it in the HTTP header `Mcp-Param-Region` (MCP's `x-mcp-header`), for gateways that route by it: a string, integer or boolean |
//! | `#[schemars(...)]` | constraints, by [schemars](https://graham.cool/schemars/deriving/attributes/): `range`, `length`, `regex`, `email`, `inner(...)`, `extend("..." = ...)` |
//!
//! [`#[data]`](data) makes a struct or enum one that goes in and out: it derives `Deserialize`, `Serialize` and
//! `JsonSchema` with the crates that come along with this one. Serde's attributes work as ever. (Who has `serde` and
//! `schemars` among the own dependencies can derive by hand.) A parameter is an argument unless its type is written
//! `Args<...>`, `Context` or `State<...>`. The features `chrono`, `jiff`, `uuid` and `url` give
//! schemas to the types of these crates.
//!
//! A tool of many arguments takes them as one struct instead: [`Args<T>`](Args).
//!
//! # How arguments are read
//!
//! Unknown arguments are refused, also within [`#[data]`](data), and so is what the schema does not allow, in words from
//! which the model learns what to mend. (Serde can tell no unknown fields where several types share one object: with
//! `flatten`, and in enums with a `tag`.) But clients misspell: they send `"5"` for 5, or an object as its JSON text. What cannot be decoded is mended
//! where the schema leaves no doubt:
//!
//! | the schema wants | the value is | it becomes |
//! |---|---|---|
//! | integer | `"5"`, `5.0`, `"5.0"` | `5` |
//! | number | `"2.5"`, `"1e3"` | `2.5`, `1000.0` |
//! | boolean | `"true"`, `"false"` | `true`, `false` |
//! | array, object | a string whose text is a JSON array, object | that array, object |
//!
//! At any depth, but never where a string is acceptable as well, and never in a tool that is `strict`. Constraints that
//! decoding does not see (`range`, `length`, ...) are checked by the host before the call.
//!
//! # What a tool gives back
//!
//! | return type | the client sees |
//! |---|---|
//! | `()` | an empty content list |
//! | `String`, `&str`, numbers, `bool`, `char` | one text |
//! | [`Json<T>`] | `structuredContent`, the same as text, and an `outputSchema` made from `T` |
//! | [`Content`], `Vec<Content>` | texts, images, sounds, links, embedded resources, with annotations |
//! | [`ResourceLink`], [`Resource`] | one of these |
//! | [`ToolResult`] | a result made by hand: all of the above, `_meta`, `isError` |
//! | `Option<T>` | `T`, or an empty content list |
//! | `Result<T, E>` | `T`, or for `Err` a result with `isError`: the error's message and its causes, on which the model can act |
//!
//! `E` is anything that implements `Display`: a `String`, an error of your own, `anyhow::Error`, or [`ToolError`], which `?`
//! makes of all of these. [`ToolError::protocol`] fails as a JSON-RPC error instead.
//!
//! A panic, wherever it happens, costs one call: the client sees that the tool failed, only the operator's log has the
//! message and the place.
//!
//! # What a tool knows of its call
//!
//! A parameter of type [`Context`] tells who calls, by what client, how much time is left, and whether the call was given
//! up; through it the tool tells the client of [progress](Context::progress) and sends it [messages](Context::log).
//!
//! What is for the operator goes through the crate `log` (here as [`log`]), or through `tracing` with its feature `log`: it
//! is in the host's log, with the request, the tool and the plugin. (In a thread or task that the tool started, with
//! the plugin only: nobody knows which call it works for.)
//!
//! # What a tool keeps
//!
//! [`Context::state`] keeps a value between calls, wherever these run: for the client's session, or under a [`Handle`] that
//! the tool gives out and takes back as an argument. See [`StoredState`]. (A parameter of type [`State`] is something else: what
//! the calls of one process share.)
//!
//! # What a tool asks its client
//!
//! Through its [`Context`] a tool asks while it works: the people behind the client by a form made from a type
//! ([`elicit`](Context::elicit)), the client's model ([`sample`](Context::sample)), which folders it works with
//! ([`roots`](Context::roots)), or several of these at once ([`ask`](Context::ask)).
//!
//! # What a tool keeps
//!
//! [`Context::state`] keeps a value for the client's session, or under a [`Handle`], wherever the next call runs; see
//! [`StoredState`].
//!
//! # What tools share
//!
//! `export_tools!(state = connect, ...)` names a function; what it builds, once in an environment, tools take as
//! [`State<T>`](State).
//!
//! # Async tools
//!
//! With the feature `async` of this crate, tools and the state's function may be `async`. They run on tokio (with `tokio`
//! among the own dependencies, timers and sockets are there as its features `time` and `net` bring them), on a runtime of
//! the plugin's own, built at the first use and shared by calls at the same time. When a call is given up, its future
//! is dropped where it waits. Tasks that outlive their call rest until the next one.
//!
//! A tool that blocks without `await` (`std::thread::sleep`, a long computation) holds up the others: they share one
//! driver of timers and sockets. `tokio::task::spawn_blocking`, or a tool that is not async, is for that, and for what a tool
//! [keeps](StoredState#in-async-tools).
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
//! # A schema written by hand
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
//! The host validates arguments by it before the call. With `Box<RawValue>` in the place of `Value` the JSON comes and goes
//! as it is.
//!
//! # Attributes
//!
//! | `#[tool(...)]` | meaning |
//! |---|---|
//! | `name = "..."` | the name clients see, as written; without it the function's name in camelCase |
//! | `title = "..."` | a name for people |
//! | `description = "..."` | instead of the doc comment |
//! | `read_only`, `destructive`, `idempotent`, `open_world` | MCP's hints; each also as `= false` |
//! | `strict` | arguments are never mended |
//! | `timeout = "10s"` | the call is given up after this time, at the latest (`ms`, `s`, `m`); a sync tool asks [`Context::cancelled`] |
//! | `requires("elicitation.form")` | only for clients with these capabilities: `elicitation.form` (`elicitation` for short), `elicitation.url`, `roots`, `sampling`, `sampling.context`, `sampling.tools` |
//! | `icons("https://...")` | pictures; with details `"https://..."(mime_type = "image/png", sizes = "48x48", theme = "dark")` |
//! | `meta("example.com/team" = "weather")` | facts of your own in `_meta` |
//! | `input_schema = ...`, `output_schema = ...` | schemas written by hand, as text: a literal, `include_str!`, a constant |
//! | `validate` | the host validates arguments before the call. Found out by itself, except for constraints that look like the type's own: an `extend("enum" = ...)`, a `required` on an `Option` |
//!
//! | `export_tools!(...)` | meaning |
//! |---|---|
//! | `names = "as_written"` | functions' names stay as they are: `word_count`, not `wordCount` |
//! | `prefix = "text_"` | what all names begin with |
//! | `state = function` | builds what tools share |
//!
//! Options come first. Names have 1 to 64 characters of `[A-Za-z0-9_.-]`, and are checked when the plugin is compiled.
//!
//! # Where Rust gets in the way
//!
//! - Beside the function `#[tool]` makes a type of its name, by which `export_tools!` knows it. So a module or type of that
//!   name in the same place clashes; a path does not (`export_tools!(weather::weather, crate::drop)`).
//!   Nor does the name of the crate itself, written so: in a crate `greet`, `export_tools!(self::greet)`. Without `self::`
//!   documentation tests of that crate do not compile, as there the name has two meanings.
//! - One crate has one `export_tools!`, and a plugin cannot depend on another one: share code by a crate without it.
//! - A tool behind `#[cfg(...)]` needs two `export_tools!` behind the same condition and its opposite.
//! - Whoever renames this crate in Cargo.toml writes `extern crate sdk as plugin_sdk;`, so that the macros find it.
//! - clippy's `needless_pass_by_value` and the like do not know that a tool owns its arguments: `#[allow]` them.
//!
//! # Tests
//!
//! A tool is a function, and is tested like one. The feature `testing` calls it as the host does: see the module
//! `testing`, in the documentation with this feature.

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
/// Makes a struct or enum one that arguments and results may be made of: derives `Deserialize`, `Serialize` and
/// `JsonSchema`, with the crates that come along with this one. Serde's and schemars' attributes work as ever.
///
/// Unknown fields are refused, so that nothing a client says is lost unseen: `#[data(allow_unknown_fields)]` ignores them,
/// as is right for answers of other services.
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
/// Exports tools from a plugin, in this order. See [what its options mean](crate#attributes).
pub use plugin_sdk_macros::export_tools;
/// Makes a function a tool. See [what its attributes mean](crate#attributes).
pub use plugin_sdk_macros::tool;
pub use result::{IntoToolResult, Json, ToolResult};
pub use schemars;
pub use serde;
pub use serde_json;
pub use state::State;
pub use state_error::{StateError, StateErrorKind};
pub use stored_state::{Handle, StoredState};
pub use tool_rules::LogLevel;

/// What most tools need: `use plugin_sdk::prelude::*;`
pub mod prelude {
    pub use crate::{
        Args, Content, Context, Json, State, ToolError, ToolResult, data, export_tools, tool,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
}

/// What the macros expand to. Not for use by hand: it changes without notice.
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

/// The README's tool compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
