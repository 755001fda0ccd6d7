//! Support for tests of a plugin: they call its tools in the process of the test, but by the rules of the host.
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
//! let outcome = divide.call(json!({ "x": 7, "y": "2" })); // coerced as by the host
//! assert_eq!(outcome.text(), "3");
//! assert_eq!(outcome.progress()[0]["message"], "dividing");
//!
//! assert_eq!(divide.call(json!({ "x": 7, "y": 0 })).error_text(), "y must not be 0");
//! assert!(divide.call(json!({ "x": 7 })).error_text().contains("y"));
//! # }
//! ```
//!
//! The time limit of a tool, declared or set by [`Tool::with_timeout`], works as in the host: a call that exceeds it is
//! cancelled, and its [`failure`](Outcome::failure) has the kind `cancelled`. Without a time limit, a call is never
//! cancelled.
//!
//! [`plugin`] returns the plugin that `export_tools!` exports, in the crate of the test or, for an integration test, in
//! the crate that it uses. (If no crate calls `export_tools!`, the linker reports the missing symbol
//! `_1as_0lib_1header_0root_bmodule_bloader`.)

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

/// Returns the plugin that `export_tools!` exports.
///
/// # Panics
/// If a host would reject the plugin's declaration; the message has the reason.
#[inline]
#[must_use]
pub fn plugin() -> Plugin {
    // SAFETY: `export_tools!` defines this static, with this type.
    unsafe extern "Rust" {
        safe static _1as_0lib_1header_0root_bmodule_bloader: LibHeader;
    }
    Plugin::from_header(&_1as_0lib_1header_0root_bmodule_bloader)
}

/// Returns the form that [`Context::elicit`](crate::Context::elicit) makes from a type: the `requestedSchema`.
///
/// Call it in a test to find out whether clients can show the type as a form.
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
/// If the host would reject the form; the message has the reason.
#[must_use]
pub fn form<T: JsonSchema>() -> Value {
    let form = crate::form::form_of::<T>();
    if let Err(error) = Form::new(&form.shown, form.constraints.as_ref()) {
        panic!("{} is an invalid form: {error}", T::schema_name());
    }
    form.shown
}

/// A plugin, as the host sees it.
#[derive(Clone)]
pub struct Plugin {
    module: PluginRef,
    declaration: Arc<Value>,
}

impl Plugin {
    /// Initializes the plugin with this header, and reads its declaration.
    ///
    /// # Panics
    /// If a host would reject the plugin's declaration; the message has the reason.
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
            Err(failure) => panic!("the plugin's initialization failed: {failure}"),
        };
        let problems = problems(&declaration);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        Self {
            module,
            declaration: Arc::new(declaration),
        }
    }

    /// Returns the declaration of the plugin, in the form that `PAYLOADS.md` of plugin-abi defines. The member `tools`
    /// lists its tools in the order of `export_tools!`:
    ///
    /// ```json
    /// {"payload": 1, "crate": {"name": "custom-tools", "version": "1.0.0"}, "tools": [{"tool": {"name": "multiply"}, "function": "multiply"}]}
    /// ```
    #[must_use]
    pub fn declaration(&self) -> &Value {
        &self.declaration
    }

    /// Returns a tool by the name that clients see.
    ///
    /// # Panics
    /// If there is no such tool.
    #[must_use]
    pub fn tool(&self, name: &str) -> Tool {
        let tools = self.declaration["tools"].as_array();
        let mut tools = tools.into_iter().flatten();
        let Some(position) = tools.position(|tool| tool["tool"]["name"] == name) else {
            panic!(
                "no tool is named {name:?}; the tools are {}",
                self.names().join(", ")
            );
        };
        Tool::new(self.module, Arc::clone(&self.declaration), position)
    }

    /// Returns the names of the tools, in the order of `export_tools!`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let tools = self.declaration["tools"].as_array();
        let tools = tools.into_iter().flatten();
        tools.map(|tool| text(&tool["tool"]["name"])).collect()
    }

    /// Asserts that the declared tools, with their names, schemas, descriptions and hints, are the same as in a file.
    /// With that file in version control, reviewers see every change of the declaration.
    ///
    /// `path` is relative to the folder of the crate. If the environment variable `UPDATE_DECLARATION` is set, the file
    /// is written instead. It contains the array `tools` of the declaration as JSON.
    ///
    /// # Panics
    /// If the tools differ from the file, or the file cannot be read or written.
    pub fn assert_declared_as(&self, path: impl AsRef<Path>) {
        let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
        let path = Path::new(&folder).join(path);
        let declared = format!("{:#}\n", self.declaration["tools"]);
        let update = "run the test with UPDATE_DECLARATION=1 in the environment to write it, and review the difference";
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
                    "the declared tools differ from {} from line {} on; they are now:\n{declared}\n{update}",
                    path.display(),
                    line + 1
                );
            }
            Err(error) => panic!("{}: {error}; {update}", path.display()),
        }
    }
}

/// Returns the reasons why a host would reject a declaration.
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
