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
//! The crate is a `cdylib` with one dependency of ours:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib", "rlib"]    # rlib: so that tests and docs can use the crate as well
//!
//! [dependencies]
//! plugin-sdk = { git = "..." }
//! ```
//!
//! `cargo layer build` makes it a Lambda layer, `cargo layer dev` serves it on this machine.
//!
//! # What a tool takes
//!
//! Every parameter is a member of the tool's `inputSchema`, under its own name. A parameter may have any type that
//! implements [`serde::de::DeserializeOwned`] and [`schemars::JsonSchema`]: numbers, `bool`, `String`, `Option` (then it
//! may be left out), `Vec`, maps, and your own structs and enums. For these, derive with the re-exported crates named:
//!
//! ```
//! use plugin_sdk::prelude::*;
//!
//! /// A place on Earth.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(crate = "plugin_sdk::serde")]
//! #[schemars(crate = "plugin_sdk::schemars")]
//! struct Place {
//!     /// Degrees north of the equator.
//!     latitude: f64,
//!     /// Degrees east of Greenwich.
//!     longitude: f64,
//! }
//!
//! /// How far is it from one place to another, in kilometres?
//! #[tool(read_only)]
//! fn distance(from: Place, to: Place) -> f64 {
//!     let (a, b) = (from.latitude.to_radians(), to.latitude.to_radians());
//!     let c = (to.longitude - from.longitude).to_radians();
//!     (a.sin() * b.sin() + a.cos() * b.cos() * c.cos()).clamp(-1.0, 1.0).acos() * 6371.0
//! }
//!
//! export_tools!(distance);
//! ```
//!
//! The two `crate` lines are only needed where `serde` and `schemars` are not dependencies of your own.
//!
//! # What a tool gives back
//!
//! | return type | the client sees |
//! |---|---|
//! | `()` | an empty content list |
//! | `String`, `&str`, numbers, `bool`, `char` | one text |
//! | [`Json<T>`] | `structuredContent`, the same as text, and an `outputSchema` |
//! | `Option<T>` | `T`, or an empty content list |
//! | `Result<T, E>` | `T`, or for `Err` a result with `isError` and the error's message, on which the model can act |
//!
//! A panic costs one call: the client sees that the tool failed, only the operator's log has the message.
//!
//! # Attributes
//!
//! | `#[tool(...)]` | meaning |
//! |---|---|
//! | `name = "..."` | the name clients see, as written; without it the function's name in camelCase |
//! | `title = "..."` | a name for people |
//! | `description = "..."` | instead of the doc comment |
//! | `read_only`, `destructive`, `idempotent`, `open_world` | MCP's hints; each also as `= false` |
//!
//! `export_tools!(names = "as_written", ...)` keeps the names of functions as they are.

mod arguments;
mod call;
mod content;
mod context;
mod error;
mod export;
mod host;
mod logger;
mod panic;
mod payload;
mod result;
#[cfg(feature = "async")]
mod runtime;
mod schema;
mod state;
#[cfg(feature = "testing")]
pub mod testing;
mod tool;

pub use ::log;
pub use arguments::Args;
pub use content::{Content, Resource, ResourceLink, Role};
pub use context::{Client, Context, Level, Trace};
pub use error::ToolError;
pub use plugin_sdk_macros::{data, export_tools, tool};
pub use result::{IntoToolResult, Json, ToolResult};
pub use schemars;
pub use serde;
pub use serde_json;
pub use state::State;

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
        error::{HasCauses, HasNoCauses, Outcome},
        export::{Exported, Exports, check_name, header},
        payload::reply,
        result::IntoToolResult,
        schema::{parameters, whole, written_input, written_output},
        state::{Build, NoState, StateCell, no_state},
        tool::{Hints, Icon, Names, NoTool, Tool, ToolFn},
    };
    pub use plugin_abi::abi_stable::library::LibHeader;
    pub use {schemars, serde, serde_json};

    #[cfg(feature = "async")]
    pub use crate::runtime::run;
}

/// The README's tool compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
