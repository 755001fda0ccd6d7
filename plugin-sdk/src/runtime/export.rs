//! The functions that a plugin exports through `export_tools!`. They decode the requests of the host, run the tools,
//! encode the answers, and catch panics.

use std::io::{self, Write};

use plugin_abi::{
    Answer, Host, PAYLOAD_VERSION, Plugin, PluginRef,
    abi_stable::{
        library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult},
        prefix_type::PrefixTypeTrait,
        std_types::{RResult, RSlice, RStr},
    },
    op,
};
use serde::Deserialize;
use tool_rules::MAX_NAME_LENGTH;

use super::{
    call::Call,
    current::{self, ActiveCallGuard, CurrentCallGuard},
    failure::Failure,
    host_client, logger,
    panic::catch_panic,
    wire::{Cancel, Crate, Declaration, Init},
};
use crate::{
    state::{StateBuilder, StateCell},
    tool::{Names, Tool},
};

/// The exports of a plugin, which the code that `export_tools!` generates defines.
pub trait Exports: 'static {
    /// The name of the author's crate.
    const CRATE_NAME: &'static str;
    /// The version of the crate.
    const CRATE_VERSION: &'static str;
    /// The naming of the tools.
    const NAMES: Names;
    /// The tools, in the order of `export_tools!`.
    const TOOLS: &'static [ExportedTool];
    /// Returns the storage of the shared state.
    fn state() -> &'static StateCell;
}

/// A tool, and the function that builds its state.
pub struct ExportedTool {
    /// The tool.
    pub tool: Tool,
    /// The function that builds the state for the tool.
    pub state: StateBuilder,
}

/// The oldest release of the host that can serve plugins of this SDK.
const MIN_HOST: &str = "0.1.0";

/// Checks, at compile time, that the name of the tool at `position` is not too long with the prefix, and is used by no
/// other tool before it.
pub const fn check_name(tools: &[ExportedTool], names: Names, position: usize) {
    let name = tools[position].tool.own_name(names).as_bytes();
    // An empty name means that `#[tool]` has reported mistakes of this tool.
    if name.is_empty() {
        return;
    }
    assert!(
        names.prefix.len() + name.len() <= MAX_NAME_LENGTH,
        "with the prefix, the tool's name has more than 64 characters; shorten the prefix or write #[tool(name = ...)]"
    );
    let mut other = 0;
    while other < position {
        assert!(
            !is_equal(name, tools[other].tool.own_name(names).as_bytes()),
            "another tool of this plugin has the same name; rename one by #[tool(name = ...)]"
        );
        other += 1;
    }
}

const fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let mut position = 0;
    while position < a.len() && position < b.len() {
        if a[position] != b[position] {
            return false;
        }
        position += 1;
    }
    a.len() == b.len()
}

/// Creates the header through which abi_stable finds the plugin's root module.
#[must_use]
#[expect(unsafe_code, reason = "abi_stable's constructor")]
pub const fn header<E: Exports>() -> LibHeader {
    // SAFETY: `constructor::<E>` loads `root::<E>`, and its module is a `PluginRef`.
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
    host: Host,
) -> Answer {
    let answer = catch_panic(|| match op {
        op::INIT => init::<E>(body.as_slice(), host),
        op::CALL => call::<E>(target.as_str(), body.as_slice(), host),
        op::CANCEL => cancel(body.as_slice()),
        op::PREPARE => prepare::<E>(),
        op => Err(Failure::unknown_op(op)),
    });
    match answer {
        Ok(payload) => RResult::ROk(payload.into()),
        // An error payload has only strings and integers, which can always be written as JSON.
        Err(failure) => RResult::RErr(serde_json::to_vec(&failure).unwrap_or_default().into()),
    }
}

fn init<E: Exports>(body: &[u8], host: Host) -> Result<Vec<u8>, Failure> {
    let facts: Init = decode("the host's facts", body)?;
    if !facts.payloads.contains(&PAYLOAD_VERSION) {
        return Err(Failure::unavailable(format!(
            "the plugin speaks payload version {PAYLOAD_VERSION}, the host {:?}; rebuild the plugin with the host's plugin-sdk",
            facts.payloads
        )));
    }
    host_client::set_process_host(host);
    logger::install(E::CRATE_NAME, &facts.log);
    let requested = if facts.tools { E::TOOLS } else { &[] };
    let tools = requested.iter();
    let tools = tools.map(|exported| exported.tool.declare(E::NAMES));
    let declaration = Declaration {
        payload: PAYLOAD_VERSION,
        krate: Crate {
            name: E::CRATE_NAME,
            version: E::CRATE_VERSION,
        },
        sdk: env!("CARGO_PKG_VERSION"),
        min_host: MIN_HOST,
        panic: if cfg!(panic = "unwind") {
            "unwind"
        } else {
            "abort"
        },
        tools: tools.collect::<Result<_, _>>()?,
    };
    serde_json::to_vec(&declaration).map_err(|error| Failure::unavailable(error.to_string()))
}

fn call<E: Exports>(target: &str, body: &[u8], host: Host) -> Result<Vec<u8>, Failure> {
    let name = target.strip_prefix(E::NAMES.prefix);
    let exported = E::TOOLS
        .iter()
        .find(|exported| name == Some(exported.tool.own_name(E::NAMES)));
    let Some(exported) = exported else {
        return Err(Failure::unavailable(format!(
            "{} has no tool {target}",
            E::CRATE_NAME
        )));
    };
    let (_active_call, cancel_token) = ActiveCallGuard::register(host);
    let _current_call = CurrentCallGuard::enter(host.call);
    let answer = (exported.tool.call)(&Call {
        body,
        host,
        cancel_token,
        state: (E::state(), exported.state),
    });
    // This library has its own buffer for stdout. An unfinished last line in it would be lost when the process ends.
    let _ = io::stdout().flush();
    answer
}

fn cancel(body: &[u8]) -> Result<Vec<u8>, Failure> {
    let cancel: Cancel = decode("which call to cancel", body)?;
    current::cancel(cancel.call);
    Ok(b"{}".to_vec())
}

fn prepare<E: Exports>() -> Result<Vec<u8>, Failure> {
    E::state().prepare(E::TOOLS.iter().map(|exported| exported.state))?;
    Ok(b"{}".to_vec())
}

/// Decodes the body of an operation.
fn decode<'a, T: Deserialize<'a>>(what: &str, body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::unavailable(format!("{what} cannot be read: {error}")))
}
