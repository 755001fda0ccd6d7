//! The host's side of the ABI. Plugins are linked into this test binary, and pass the same header as a library.

use std::{
    collections::BTreeMap,
    marker::PhantomData,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use plugin_abi::{
    Answer, Host, PluginRef,
    abi_stable::{
        library::LibHeader,
        std_types::{RResult, RSlice},
    },
    host_op, op,
};
use plugin_sdk::{
    __private::{ExportedTool, Exports, Names, NoState, StateCell, Tool, ToolFn, header, no_state},
    serde_json::{self, Value, json},
};

/// A plugin with a root module that was read.
#[derive(Clone, Copy)]
pub(crate) struct Plugin(PluginRef);

impl Plugin {
    /// The plugin that `T` alone would be.
    pub(crate) fn of<T: ToolFn + 'static>() -> Self {
        Self::exporting::<Only<T>>()
    }

    /// The plugin that exports `E`.
    pub(crate) fn exporting<E: Exports>() -> Self {
        Self::from_header(&header::<E>())
    }

    /// The plugin behind a header.
    pub(crate) fn from_header(header: &LibHeader) -> Self {
        Self(header.init_root_module().expect("a plugin of this ABI"))
    }

    /// The plugin's declaration.
    pub(crate) fn declaration(self) -> Value {
        let facts =
            json!({"payloads": [1], "host": {"name": "tests", "version": "0.0.0"}, "log": "trace"});
        self.invoke(op::INIT, "", &facts.to_string())
            .expect("a declaration")
    }

    /// The result of a call, or the error payload.
    pub(crate) fn call(self, tool: &str, arguments: &str) -> Result<Value, Value> {
        Call::new().of(self, tool, arguments)
    }

    /// Any operation; what crosses the boundary is JSON, whichever way it ends.
    pub(crate) fn invoke(self, op: u32, target: &str, body: &str) -> Result<Value, Value> {
        let process = Host {
            call: 0,
            deadline_unix_ms: 0,
            request,
        };
        self.deliver(op, target, body.as_bytes(), process)
    }

    fn deliver(self, op: u32, target: &str, body: &[u8], host: Host) -> Result<Value, Value> {
        let invoke = self.0.invoke();
        let json = |bytes: &[u8]| serde_json::from_slice(bytes).expect("an answer in JSON");
        match invoke(op, target.into(), RSlice::from_slice(body), host) {
            RResult::ROk(bytes) => Ok(json(&bytes)),
            RResult::RErr(bytes) => Err(json(&bytes)),
        }
    }

    /// Cancel a call, as the host does from another thread.
    pub(crate) fn cancel(self, call: u64) {
        let body = json!({ "call": call }).to_string();
        assert_eq!(self.invoke(op::CANCEL, "", &body), Ok(json!({})));
    }
}

/// Call the function `f` that is a tool of this name.
pub(crate) fn call<T: ToolFn + 'static>(arguments: &str) -> Result<Value, Value> {
    Plugin::of::<T>().call(T::TOOL.function, arguments)
}

/// One call, and what the host has to say about it. It is over when this is dropped.
pub(crate) struct Call {
    pub(crate) id: u64,
    deadline_unix_ms: u64,
}

/// The host's record of a call.
#[derive(Default)]
struct Known {
    /// The answer to `context`; without it, the operation is unknown.
    context: Option<Vec<u8>>,
    cancelled: bool,
    asked: Vec<(u32, Value)>,
}

fn calls() -> MutexGuard<'static, BTreeMap<u64, Known>> {
    static CALLS: Mutex<BTreeMap<u64, Known>> = Mutex::new(BTreeMap::new());
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Call {
    /// A call about which the host says nothing, and which nothing limits.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        calls().insert(id, Known::default());
        Self {
            id,
            deadline_unix_ms: 0,
        }
    }

    /// The same, about which the host says this when it is asked for the context: JSON or not.
    pub(crate) fn with_context(self, context: impl ToString) -> Self {
        calls().entry(self.id).or_default().context = Some(context.to_string().into_bytes());
        self
    }

    /// The same, cancelled before the plugin hears of it.
    pub(crate) fn cancelled(self) -> Self {
        calls().entry(self.id).or_default().cancelled = true;
        self
    }

    /// The same, over in the eyes of the host before it begins.
    pub(crate) fn forgotten(self) -> Self {
        calls().remove(&self.id);
        self
    }

    /// The same, cancelled at this moment.
    pub(crate) fn until(mut self, deadline: SystemTime) -> Self {
        let since = deadline.duration_since(UNIX_EPOCH).expect("after 1970");
        self.deadline_unix_ms = since
            .as_millis()
            .try_into()
            .expect("before the year 292 million");
        self
    }

    /// The result of the call, or the error payload.
    pub(crate) fn of(&self, plugin: Plugin, tool: &str, arguments: &str) -> Result<Value, Value> {
        self.with_body(plugin, tool, arguments.as_bytes())
    }

    /// The same, of arguments that need not be text.
    pub(crate) fn with_body(
        &self,
        plugin: Plugin,
        tool: &str,
        body: &[u8],
    ) -> Result<Value, Value> {
        let host = Host {
            call: self.id,
            deadline_unix_ms: self.deadline_unix_ms,
            request,
        };
        plugin.deliver(op::CALL, tool, body, host)
    }

    /// The plugin's requests to the host by `op` on behalf of this call.
    pub(crate) fn host_requests(&self, op: u32) -> Vec<Value> {
        host_requests(self.id, op)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        calls().remove(&self.id);
    }
}

/// The lines that all plugins of this process sent to the operator's log outside of calls so far.
pub(crate) fn process_logs() -> Vec<Value> {
    host_requests(0, host_op::LOG)
}

fn host_requests(call: u64, op: u32) -> Vec<Value> {
    let calls = calls();
    let asked = calls.get(&call).map_or(&[][..], |known| &known.asked);
    let asked = asked.iter().filter(|(asked, _)| *asked == op);
    asked.map(|(_, payload)| payload.clone()).collect()
}

/// The host's one function. It asks nothing of a payload but that it is JSON.
extern "C" fn request(call: u64, op: u32, payload: RSlice<'_, u8>) -> Answer {
    let refuse = |kind| RResult::RErr(json!({ "kind": kind }).to_string().into_bytes().into());
    let payload = match payload.as_slice() {
        [] => Value::Null,
        payload => serde_json::from_slice(payload).unwrap_or_else(|_| json!("not JSON")),
    };
    let mut calls = calls();
    if call == 0 {
        if op != host_op::LOG {
            return refuse("call_ended");
        }
        calls.entry(0).or_default();
    }
    let Some(known) = calls.get_mut(&call) else {
        return refuse("call_ended");
    };
    // If refused, the default hook reports a panic of a test itself too.
    let of_a_test = call == 0 && payload["target"] == "panic";
    known.asked.push((op, payload));
    if of_a_test {
        return refuse("unknown_op");
    }
    match op {
        host_op::CONTEXT => match &known.context {
            Some(context) => RResult::ROk(context.as_slice().into()),
            None => refuse("unknown_op"),
        },
        host_op::CANCELLED => {
            let cancelled = json!({ "cancelled": known.cancelled }).to_string();
            RResult::ROk(cancelled.into_bytes().into())
        }
        host_op::LOG | host_op::PROGRESS | host_op::MESSAGE => {
            RResult::ROk(b"{}".as_slice().into())
        }
        _ => refuse("unknown_op"),
    }
}

/// A tool, exported by a plugin without state.
pub(crate) const fn stateless(tool: Tool) -> ExportedTool {
    ExportedTool {
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
    const TOOLS: &'static [ExportedTool] = &[stateless(T::TOOL)];

    fn state() -> &'static StateCell {
        static STATE: StateCell = StateCell::new();
        &STATE
    }
}
