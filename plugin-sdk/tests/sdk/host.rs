//! A host's half of the boundary. Plugins are linked into this test binary, and pass the same header as a library.

use std::marker::PhantomData;

use plugin_abi::{
    Answer, Host, PluginRef,
    abi_stable::{
        library::LibHeader,
        std_types::{RResult, RSlice},
    },
    op,
};
use plugin_sdk::{
    __private::{Exported, Exports, Names, NoState, StateCell, Tool, ToolFn, header, no_state},
    serde_json::{self, Value, json},
};

/// A plugin whose root module has been read.
#[derive(Clone, Copy)]
pub(crate) struct Plugin(PluginRef);

impl Plugin {
    /// The plugin that `T` alone would be.
    pub(crate) fn of<T: ToolFn + 'static>() -> Self {
        Self::exporting::<Only<T>>()
    }

    /// The plugin that exports `E`.
    pub(crate) fn exporting<E: Exports>() -> Self {
        Self::behind(&header::<E>())
    }

    /// The plugin behind a header.
    pub(crate) fn behind(header: &LibHeader) -> Self {
        Self(header.init_root_module().expect("a plugin of this ABI"))
    }

    /// What the plugin declares.
    pub(crate) fn declaration(self) -> Value {
        let facts = json!({"payloads": [1], "host": {"name": "tests", "version": "0.0.0"}});
        self.invoke(op::INIT, "", &facts.to_string())
            .expect("a declaration")
    }

    /// The result of a call, or the error payload.
    pub(crate) fn call(self, tool: &str, arguments: &str) -> Result<Value, Value> {
        self.invoke(op::CALL, tool, arguments)
    }

    /// Any operation; what crosses the boundary is JSON, whichever way it ends.
    pub(crate) fn invoke(self, op: u32, target: &str, body: &str) -> Result<Value, Value> {
        let host = Host {
            call: 1,
            deadline_unix_ms: 0,
            request,
        };
        let invoke = self.0.invoke();
        let json = |bytes: &[u8]| serde_json::from_slice(bytes).expect("an answer in JSON");
        match invoke(op, target.into(), RSlice::from_slice(body.as_bytes()), host) {
            RResult::ROk(bytes) => Ok(json(&bytes)),
            RResult::RErr(bytes) => Err(json(&bytes)),
        }
    }
}

/// Call the function `f` that is a tool of this name.
pub(crate) fn call<T: ToolFn + 'static>(arguments: &str) -> Result<Value, Value> {
    Plugin::of::<T>().call(T::TOOL.function, arguments)
}

/// This host offers nothing to plugins.
extern "C" fn request(_call: u64, _op: u32, _payload: RSlice<'_, u8>) -> Answer {
    RResult::RErr(br#"{"kind":"unknown_op"}"#.as_slice().into())
}

/// A tool, exported by a plugin without state.
pub(crate) const fn stateless(tool: Tool) -> Exported {
    Exported {
        tool,
        state: no_state::<NoState>,
    }
}

/// `export_tools!(names = "as_written", T)`
struct Only<T>(PhantomData<T>);

impl<T: ToolFn + 'static> Exports for Only<T> {
    const CRATE_NAME: &'static str = "only";
    const CRATE_VERSION: &'static str = "1.2.3";
    const NAMES: Names = Names {
        prefix: "",
        as_written: true,
    };
    const TOOLS: &'static [Exported] = &[stateless(T::TOOL)];

    fn state() -> &'static StateCell {
        static STATE: StateCell = StateCell::new();
        &STATE
    }
}
