//! The shim under `#[tool]` and `export_tools!`: from the boundary's bytes to typed functions and back, panics caught.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use plugin_abi::{
    Answer, Host, PAYLOAD_VERSION, Plugin, PluginRef,
    abi_stable::{
        library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult},
        prefix_type::PrefixTypeTrait,
        std_types::{RResult, RSlice, RStr},
    },
    op,
};
use serde_json::Value;

use crate::payload::{Annotations, Crate, Declaration, DeclaredTool, Failure, Init, McpTool};

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
    /// The schema of the arguments, and whether the host has to validate them.
    pub input: fn() -> (Value, bool),
    /// The schema of the structured result.
    pub output: fn() -> Option<Value>,
    /// Arguments in, result payload out.
    pub call: fn(&[u8]) -> Result<Vec<u8>, Failure>,
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
    /// The tool.
    const TOOL: Tool;
}

/// What `export_tools!` finds in place of a function that is no tool.
pub struct NoTool {}

/// How tools without a name of their own are named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// `word_count` becomes `wordCount`.
    CamelCase,
    /// `word_count` stays.
    AsWritten,
}

/// What `export_tools!` exports.
pub trait Exports: 'static {
    /// The author's crate.
    const CRATE_NAME: &'static str;
    /// Its version.
    const CRATE_VERSION: &'static str;
    /// How tools are named.
    const NAMES: Names;
    /// The tools, in the order written.
    const TOOLS: &'static [Tool];
}

/// The header under which abi_stable finds the plugin's root module.
#[must_use]
#[expect(unsafe_code, reason = "abi_stable's constructor")]
pub const fn header<E: Exports>() -> LibHeader {
    // SAFETY: `constructor::<E>` loads `root::<E>`, whose module is a `PluginRef`.
    unsafe { LibHeader::from_constructor::<PluginRef>(constructor::<E>, CheckTypeLayout::Yes) }
}

extern "C" fn constructor<E: Exports>() -> RootModuleResult {
    __call_root_module_loader(root::<E>)
}

fn root<E: Exports>() -> PluginRef {
    Plugin {
        invoke: invoke::<E>,
    }
    .leak_into_prefix()
}

extern "C" fn invoke<E: Exports>(
    op: u32,
    target: RStr<'_>,
    body: RSlice<'_, u8>,
    _host: Host,
) -> Answer {
    let answer = caught(|| match op {
        op::INIT => init::<E>(body.as_slice()),
        op::CALL => call::<E>(target.as_str(), body.as_slice()),
        op => Err(Failure::unknown_op(op)),
    });
    match answer {
        Ok(payload) => RResult::ROk(payload.into()),
        // An error payload is strings only, which always have a form in JSON.
        Err(failure) => RResult::RErr(serde_json::to_vec(&failure).unwrap_or_default().into()),
    }
}

fn init<E: Exports>(body: &[u8]) -> Result<Vec<u8>, Failure> {
    let host: Init = serde_json::from_slice(body).map_err(|error| {
        Failure::unavailable(format!("the host's facts cannot be read: {error}"))
    })?;
    if !host.payloads.contains(&PAYLOAD_VERSION) {
        return Err(Failure::unavailable(format!(
            "the plugin speaks payload version {PAYLOAD_VERSION}, the host {:?}; rebuild the plugin with the host's plugin-sdk",
            host.payloads
        )));
    }
    let declaration = Declaration {
        payload: PAYLOAD_VERSION,
        krate: Crate {
            name: E::CRATE_NAME,
            version: E::CRATE_VERSION,
        },
        sdk: env!("CARGO_PKG_VERSION"),
        panic: if cfg!(panic = "unwind") {
            "unwind"
        } else {
            "abort"
        },
        tools: E::TOOLS.iter().map(|tool| tool.declare(E::NAMES)).collect(),
    };
    serde_json::to_vec(&declaration).map_err(|error| Failure::unavailable(error.to_string()))
}

fn call<E: Exports>(target: &str, body: &[u8]) -> Result<Vec<u8>, Failure> {
    match E::TOOLS
        .iter()
        .find(|tool| tool.exported_name(E::NAMES) == target)
    {
        Some(tool) => (tool.call)(body),
        None => Err(Failure::unavailable(format!(
            "{} has no tool {target}",
            E::CRATE_NAME
        ))),
    }
}

impl Tool {
    /// What `#[tool]` makes of a function with mistakes, which it has reported.
    pub const MISTAKEN: Self = Self {
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
        input: || (Value::Null, false),
        output: || None,
        call: |_| Err(Failure::unavailable(String::new())),
    };

    fn exported_name(&self, names: Names) -> &'static str {
        match (self.name, names) {
            (Some(name), _) => name,
            (None, Names::CamelCase) => self.camel_case,
            (None, Names::AsWritten) => self.function,
        }
    }

    fn declare(&self, names: Names) -> DeclaredTool {
        let (input_schema, validate) = (self.input)();
        let Hints {
            read_only,
            destructive,
            idempotent,
            open_world,
        } = self.hints;
        let hinted = [read_only, destructive, idempotent, open_world]
            .iter()
            .any(Option::is_some);
        DeclaredTool {
            tool: McpTool {
                name: self.exported_name(names),
                title: self.title,
                description: self.description,
                input_schema,
                output_schema: (self.output)(),
                annotations: hinted.then_some(Annotations {
                    read_only_hint: read_only,
                    destructive_hint: destructive,
                    idempotent_hint: idempotent,
                    open_world_hint: open_world,
                }),
            },
            function: self.function,
            validate,
        }
    }
}

thread_local! {
    /// Is this thread inside [`caught`]? Only then does the hook keep a panic for the answer.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    /// Message and place of the panic that is being caught on this thread.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Run `work`; a panic becomes a [`Failure`] that says where it happened (ABI rule 3).
fn caught(work: impl FnOnce() -> Result<Vec<u8>, Failure>) -> Result<Vec<u8>, Failure> {
    install_panic_hook();
    // Of a panic that the author's own code caught.
    PANIC.take();
    let outer = CATCHING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(outer);
    result.unwrap_or_else(|payload| {
        let told = PANIC
            .take()
            .unwrap_or_else(|| message(payload.as_ref()).to_owned());
        // Dropping a payload of the author's own type may panic again, out here where nothing catches it.
        std::mem::forget(payload);
        Err(Failure::panic(told))
    })
}

/// A plugin has its own copy of std, and so its own hook: the host's never hears of a plugin's panic.
fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CATCHING.get() {
                let place = info
                    .location()
                    .map(|place| format!(" at {place}"))
                    .unwrap_or_default();
                PANIC.set(Some(format!("{}{place}", message(info.payload()))));
            } else {
                default(info);
            }
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a panic whose payload is not a string"
    }
}
