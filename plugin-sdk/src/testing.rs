//! Tests of a plugin, by its author: its tools called in-process, as the host calls them.
//!
//! ```toml
//! [dev-dependencies]
//! plugin-sdk = { path = "...", features = ["testing"] }
//! ```
//!
//! ```
//! use plugin_sdk::{prelude::*, serde_json::json, testing::plugin};
//!
//! /// Divide a whole number by another, without a remainder.
//! #[tool(read_only)]
//! fn divide(x: i64, y: i64, context: Context) -> Result<i64, ToolError> {
//!     context.progress(1.0, Some(1.0), Some("dividing"));
//!     x.checked_div(y).ok_or_else(|| ToolError::new("y must not be 0"))
//! }
//!
//! export_tools!(divide);
//!
//! # fn main() {
//! // In `mod tests`, under `#[test]`:
//! let divide = plugin().tool("divide");
//! assert_eq!(divide.input_schema()["required"], json!(["x", "y"]));
//!
//! let outcome = divide.call(json!({ "x": 7, "y": "2" })); // mended as by the host
//! assert_eq!(outcome.text(), "3");
//! assert_eq!(outcome.progress()[0]["message"], "dividing");
//!
//! assert_eq!(divide.call(json!({ "x": 7, "y": 0 })).error_text(), "y must not be 0");
//! assert!(divide.call(json!({ "x": 7 })).error_text().contains("y"));
//! # }
//! ```
//!
//! A tool's time limit, declared or by [`Tool::with_timeout`], holds as in the host: a call that is not back in time is
//! given up, and its [`failure`](Outcome::failure) is of the kind `cancelled`. Without a limit a call may take forever.
//!
//! What is tested is what `export_tools!` exports, in the same crate as the test or in the one that an integration test
//! uses. (Without `export_tools!` there, the linker misses the symbol `_1as_0lib_1header_0root_bmodule_bloader`.)

#![expect(unsafe_code, reason = "the plugin's header, by its symbol")]

mod host;
mod outcome;
mod state_store;
mod tool;

use std::{path::Path, sync::Arc};

use plugin_abi::{Host, PAYLOAD_VERSION, PluginRef, abi_stable::library::LibHeader, op};
use schemars::JsonSchema;
use serde_json::{Value, json};
use tool_schema::{Form, Schema, check_name, default_problems, header_problems};

use self::host::{invoke, request, text};
pub use self::{outcome::Outcome, tool::Tool};

/// The plugin that `export_tools!` exports.
///
/// # Panics
/// When its declaration is one that no host takes; the message says why.
#[inline]
#[must_use]
pub fn plugin() -> Plugin {
    // SAFETY: `export_tools!` defines this static, with this type.
    unsafe extern "Rust" {
        safe static _1as_0lib_1header_0root_bmodule_bloader: LibHeader;
    }
    Plugin::from_header(&_1as_0lib_1header_0root_bmodule_bloader)
}

/// The form for a type, as clients are asked to show it by [`Context::elicit`](crate::Context::elicit): a test that makes it
/// finds what no client can show before a call gets there.
///
/// ```
/// use plugin_sdk::{prelude::*, testing::form};
///
/// #[data]
/// struct Confirmation {
///     /// Delete it?
///     sure: bool,
/// }
///
/// assert_eq!(form::<Confirmation>()["properties"]["sure"]["description"], "Delete it?");
/// ```
///
/// # Panics
/// When it is none that the host lets a tool ask; the message says why.
#[must_use]
pub fn form<T: JsonSchema>() -> Value {
    let form = crate::form::form_of::<T>();
    if let Err(error) = Form::new(&form.shown, form.constraints.as_ref()) {
        panic!("{} is a form {error}", T::schema_name());
    }
    form.shown
}

/// A plugin, as the host knows it.
#[derive(Clone)]
pub struct Plugin {
    module: PluginRef,
    declaration: Arc<Value>,
}

impl Plugin {
    /// The plugin behind a header.
    ///
    /// # Panics
    /// When its declaration is one that no host takes; the message says why.
    #[must_use]
    pub fn from_header(header: &LibHeader) -> Self {
        let module: PluginRef = match header.init_root_module() {
            Ok(module) => module,
            Err(error) => panic!("not a plugin of this version of plugin-sdk: {error}"),
        };
        let facts = json!({
            "payloads": [PAYLOAD_VERSION],
            "host": { "name": "plugin-sdk testing", "version": env!("CARGO_PKG_VERSION") },
            "log": "trace",
        });
        let host = Host {
            call: 0,
            deadline_unix_ms: 0,
            request,
        };
        let declaration = match invoke(module, op::INIT, "", &facts.to_string(), host) {
            Ok(declaration) => declaration,
            Err(failure) => panic!("the plugin does not start: {failure}"),
        };
        let problems = problems(&declaration);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        Self {
            module,
            declaration: Arc::new(declaration),
        }
    }

    /// What the plugin declares: `tools` are its tools in their order, see `PAYLOADS.md` of plugin-abi.
    #[must_use]
    pub fn declaration(&self) -> &Value {
        &self.declaration
    }

    /// A tool, by the name that clients see.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn tool(&self, name: &str) -> Tool {
        let tools = self.declaration["tools"].as_array();
        let mut tools = tools.into_iter().flatten();
        let Some(position) = tools.position(|tool| tool["tool"]["name"] == name) else {
            panic!(
                "no tool is named {name:?}; there are {}",
                self.names().join(", ")
            );
        };
        Tool::new(self.module, Arc::clone(&self.declaration), position)
    }

    /// The names of the tools, in their order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let tools = self.declaration["tools"].as_array();
        let tools = tools.into_iter().flatten();
        tools.map(|tool| text(&tool["tool"]["name"])).collect()
    }

    /// The declared tools are those in a file, which reviewers see change: names, schemas, descriptions, hints.
    ///
    /// `path` is seen from the crate's folder. With `UPDATE_DECLARATION=1` in the environment the file is written instead.
    ///
    /// # Panics
    /// When they differ, or the file cannot be read or written.
    pub fn assert_declared_as(&self, path: impl AsRef<Path>) {
        let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
        let path = Path::new(&folder).join(path);
        let declared = format!("{:#}\n", self.declaration["tools"]);
        let update = "run the test with UPDATE_DECLARATION=1 in the environment to write it, and look at the difference";
        if std::env::var_os("UPDATE_DECLARATION").is_some() {
            if let Err(error) = std::fs::write(&path, declared) {
                panic!("{}: {error}", path.display());
            }
            return;
        }
        match std::fs::read_to_string(&path) {
            Ok(saved) if saved == declared => {}
            Ok(saved) => {
                let line = saved
                    .lines()
                    .zip(declared.lines())
                    .take_while(|(a, b)| a == b)
                    .count();
                panic!(
                    "the tools are declared otherwise than in {} from line {} on, now:\n{declared}\n{update}",
                    path.display(),
                    line + 1
                );
            }
            Err(error) => panic!("{}: {error}; {update}", path.display()),
        }
    }
}

/// Why no host would take a declaration.
fn problems(declaration: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for tool in declaration["tools"].as_array().into_iter().flatten() {
        let headers = tool["headers"].as_object().into_iter().flatten();
        let headers = headers.map(|(name, pointer)| (name.clone(), text(pointer)));
        let headers = headers.collect();
        let tool = &tool["tool"];
        let name = text(&tool["name"]);
        if let Err(problem) = check_name(&name) {
            problems.push(format!("the name of tool {name:?} {problem}"));
        }
        for schema in ["inputSchema", "outputSchema"] {
            if let Some(declared) = tool.get(schema)
                && let Err(error) = Schema::compile(&declared.to_string())
            {
                problems.push(format!("the {schema} of tool {name} is {error}"));
            }
        }
        problems.extend(
            header_problems(&tool["inputSchema"], &headers)
                .into_iter()
                .chain(default_problems(&tool["inputSchema"]))
                .map(|problem| format!("tool {name}: {problem}")),
        );
        if tool["inputSchema"]["type"] != "object" {
            problems.push(format!(
                "the inputSchema of tool {name} does not have \"type\": \"object\" at its root"
            ));
        }
    }
    problems
}
