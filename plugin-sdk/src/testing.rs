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
//! What is tested is what `export_tools!` exports, in the same crate as the test or in the one that an integration test
//! uses. (Without `export_tools!` there, the linker misses the symbol `_1as_0lib_1header_0root_bmodule_bloader`.)

#![expect(unsafe_code, reason = "the plugin's header, by its symbol")]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use plugin_abi::{
    Answer, Host, PAYLOAD_VERSION, PluginRef,
    abi_stable::{
        library::LibHeader,
        std_types::{RResult, RSlice},
    },
    host_op, op,
};
use serde_json::{Map, Value, json};
use tool_schema::{Arguments, Delivery, LazySchema, Schema, check_name};

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
    Plugin::behind(&_1as_0lib_1header_0root_bmodule_bloader)
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
    pub fn behind(header: &LibHeader) -> Self {
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
        Tool {
            plugin: self.clone(),
            position,
            facts: Map::new(),
            timeout: None,
        }
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
            Ok(kept) if kept == declared => {}
            Ok(kept) => {
                let line = kept
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
        if tool["inputSchema"]["type"] != "object" {
            problems.push(format!(
                "the inputSchema of tool {name} does not have \"type\": \"object\" at its root"
            ));
        }
    }
    problems
}

/// A tool, and the request by which it is to be called.
#[derive(Clone)]
pub struct Tool {
    plugin: Plugin,
    position: usize,
    facts: Map<String, Value>,
    timeout: Option<Duration>,
}

impl Tool {
    /// What the plugin declares of it; `tool` in it is the Tool of MCP.
    #[must_use]
    pub fn declaration(&self) -> &Value {
        &self.plugin.declaration["tools"][self.position]
    }

    /// The schema of its arguments.
    #[must_use]
    pub fn input_schema(&self) -> &Value {
        &self.declaration()["tool"]["inputSchema"]
    }

    /// The schema of its structured result.
    #[must_use]
    pub fn output_schema(&self) -> Option<&Value> {
        self.declaration()["tool"].get("outputSchema")
    }

    fn with(mut self, fact: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(fact.to_owned(), value.into());
        self
    }

    /// The same, called by this client.
    #[must_use]
    pub fn by_client(self, name: &str, version: &str) -> Self {
        self.with("client", json!({ "name": name, "version": version }))
    }

    /// The same, called by a client of these capabilities, such as `{"elicitation": {}}`.
    #[must_use]
    pub fn by_client_with(self, capabilities: Value) -> Self {
        self.with("capabilities", capabilities)
    }

    /// The same, called by this principal, of whom this is known.
    #[must_use]
    pub fn by_principal(self, name: &str, claims: Value) -> Self {
        self.with("principal", name).with("claims", claims)
    }

    /// The same, called in a request with this header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let headers = self.facts.entry("headers").or_insert_with(|| json!({}));
        headers[name.to_ascii_lowercase()] = value.into();
        self
    }

    /// The same, called in this trace context: `traceparent`, `tracestate`, `baggage`.
    #[must_use]
    pub fn with_trace(self, trace: Value) -> Self {
        self.with("trace", trace)
    }

    /// The same, given up after this time. Without it counts what the tool declares of itself.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Call it with a JSON object of arguments: mended, validated and refused as by the host. The client wants to hear of
    /// progress, and of every message.
    ///
    /// # Panics
    /// When the structured result is not what the tool's `outputSchema` says.
    pub fn call(&self, arguments: Value) -> Outcome {
        let declaration = self.declaration();
        let name = text(&declaration["tool"]["name"]);
        let recorded = Recorded::begin(self.facts.clone());
        let timeout = self
            .timeout
            .or_else(|| declaration["timeoutMs"].as_u64().map(Duration::from_millis));
        let deadline = timeout.map(|timeout| SystemTime::now() + timeout);
        let host = Host {
            call: recorded.0,
            deadline_unix_ms: deadline.map_or(0, unix_ms),
            request,
        };
        let module = self.plugin.module;
        let (ended, end) = mpsc::channel::<()>();
        let answer = thread::scope(|scope| {
            if let Some(timeout) = timeout {
                scope.spawn(move || {
                    if end.recv_timeout(timeout) == Err(mpsc::RecvTimeoutError::Timeout) {
                        // The call may not have begun yet, and asks when it does.
                        if let Some(record) = records().get_mut(&host.call) {
                            record.cancelled = true;
                        }
                        let body = json!({ "call": host.call }).to_string();
                        let _ = invoke(module, op::CANCEL, "", &body, host);
                    }
                });
            }
            let answer = self.deliver(&name, &arguments, |arguments| {
                apart(|| invoke(module, op::CALL, &name, arguments, host))
            });
            drop(ended);
            answer
        });
        let outcome = Outcome {
            answer,
            record: recorded.end(),
        };
        self.check(&outcome);
        outcome
    }

    /// By the rule that the host has, too. Arguments that the tool does not take are a result, as there.
    fn deliver(
        &self,
        name: &str,
        arguments: &Value,
        mut call: impl FnMut(&str) -> Result<Value, Value>,
    ) -> Result<Value, Value> {
        let flag = |name: &str| self.declaration()[name] == true;
        let rule = Arguments {
            tool: name,
            schema_text: &self.input_schema().to_string(),
            schema: &LazySchema::default(),
            validate: flag("validate"),
            strict: flag("strict"),
        };
        let delivered = rule.deliver(&arguments.to_string(), |text| match call(text) {
            Err(failure) if failure["kind"] == "invalid_arguments" => Delivery::Undecodable {
                words: self::text(&failure["public"]),
            },
            answer => Delivery::Taken(answer),
        });
        delivered.unwrap_or_else(|refusal| {
            let content = json!([{ "type": "text", "text": refusal.to_string() }]);
            Ok(json!({ "type": "complete", "content": content, "isError": true }))
        })
    }

    fn check(&self, outcome: &Outcome) {
        let Some(schema) = self.output_schema() else {
            return;
        };
        if outcome.answer.is_err() || outcome.is_error() {
            return;
        }
        let Some(structured) = outcome.structured() else {
            panic!("the tool declares an outputSchema, and gave no structured result");
        };
        let schema = match Schema::compile(&schema.to_string()) {
            Ok(schema) => schema,
            Err(error) => panic!("the outputSchema is {error}"),
        };
        let problems: Vec<_> = schema
            .problems(structured)
            .into_iter()
            .map(|problem| problem.to_string())
            .collect();
        assert!(
            problems.is_empty(),
            "the structured result is not what the outputSchema says: {}",
            problems.join("; ")
        );
    }
}

/// What came of a call, and what was told while it went on.
#[derive(Clone, Debug)]
pub struct Outcome {
    answer: Result<Value, Value>,
    record: Record,
}

impl Outcome {
    /// The text of a call that succeeded: its text blocks, one per line.
    ///
    /// # Panics
    /// When it failed.
    #[must_use]
    pub fn text(&self) -> String {
        assert!(!self.is_error(), "the call failed: {}", self.texts());
        self.texts()
    }

    /// The text of a result with `isError`.
    ///
    /// # Panics
    /// When it is not one.
    #[must_use]
    pub fn error_text(&self) -> String {
        assert!(self.is_error(), "the call succeeded: {}", self.texts());
        self.texts()
    }

    /// Is it a result with `isError`?
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.result()["isError"] == true
    }

    /// The content blocks, as MCP has them.
    #[must_use]
    pub fn content(&self) -> &[Value] {
        self.result()["content"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    /// The structured result.
    #[must_use]
    pub fn structured(&self) -> Option<&Value> {
        self.result().get("structuredContent")
    }

    /// The result's own `_meta`.
    #[must_use]
    pub fn meta(&self) -> Option<&Value> {
        self.result().get("_meta")
    }

    /// Why there is no result: `kind` (`panic`, `protocol`, `cancelled`, `unavailable`), `code`, `public`, `detail`.
    #[must_use]
    pub fn failure(&self) -> Option<&Value> {
        self.answer.as_ref().err()
    }

    /// What was told of progress: `progress`, `total`, `message`.
    #[must_use]
    pub fn progress(&self) -> &[Value] {
        &self.record.progress
    }

    /// The messages to the client: `level`, `logger`, `data`.
    #[must_use]
    pub fn messages(&self) -> &[Value] {
        &self.record.messages
    }

    /// The lines for the operator's log: `level`, `target`, `message`, `plugin`.
    #[must_use]
    pub fn logs(&self) -> &[Value] {
        &self.record.logs
    }

    fn result(&self) -> &Value {
        match &self.answer {
            Ok(result) => result,
            Err(failure) => panic!("the call has no result: {failure}"),
        }
    }

    fn texts(&self) -> String {
        let blocks = self.content().iter();
        let texts: Vec<_> = blocks.filter_map(|block| block["text"].as_str()).collect();
        texts.join("\n")
    }
}

/// What a call told its host.
#[derive(Clone, Debug, Default)]
struct Record {
    facts: Map<String, Value>,
    cancelled: bool,
    progress: Vec<Value>,
    messages: Vec<Value>,
    logs: Vec<Value>,
}

/// A call that tells.
struct Recorded(u64);

impl Recorded {
    fn begin(mut facts: Map<String, Value>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let call = NEXT.fetch_add(1, Ordering::Relaxed);
        for (fact, default) in [
            ("requestId", json!(format!("test-{call}"))),
            ("protocolVersion", json!("2026-07-28")),
            ("progress", json!(true)),
            ("logLevel", json!("debug")),
        ] {
            facts.entry(fact).or_insert(default);
        }
        let record = Record {
            facts,
            ..Record::default()
        };
        records().insert(call, record);
        Self(call)
    }

    fn end(self) -> Record {
        records().remove(&self.0).unwrap_or_default()
    }
}

fn records() -> MutexGuard<'static, BTreeMap<u64, Record>> {
    static RECORDS: Mutex<BTreeMap<u64, Record>> = Mutex::new(BTreeMap::new());
    RECORDS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What plugins ask of this host.
extern "C" fn request(call: u64, op: u32, payload: RSlice<'_, u8>) -> Answer {
    let refuse = |kind| RResult::RErr(json!({ "kind": kind }).to_string().into_bytes().into());
    let answer = |value: Value| RResult::ROk(value.to_string().into_bytes().into());
    let told: Value = serde_json::from_slice(&payload).unwrap_or_default();
    if call == 0 {
        if op != host_op::LOG {
            return refuse("call_ended");
        }
        // Perhaps of the test itself: unheard, it is told as every test's, backtrace and all.
        if told["target"] == "panic" {
            return refuse("unknown_op");
        }
        eprintln!("{told}");
        return answer(json!({}));
    }
    let mut records = records();
    let Some(record) = records.get_mut(&call) else {
        return refuse("call_ended");
    };
    match op {
        host_op::CONTEXT => return answer(record.facts.clone().into()),
        host_op::CANCELLED => return answer(json!({ "cancelled": record.cancelled })),
        host_op::LOG => record.logs.push(told),
        host_op::PROGRESS => record.progress.push(told),
        host_op::MESSAGE => record.messages.push(told),
        _ => return refuse("unknown_op"),
    }
    answer(json!({}))
}

fn invoke(
    module: PluginRef,
    op: u32,
    target: &str,
    body: &str,
    host: Host,
) -> Result<Value, Value> {
    let json = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or_default();
    let answer = (module.invoke())(op, target.into(), RSlice::from_slice(body.as_bytes()), host);
    match answer {
        RResult::ROk(bytes) => Ok(json(&bytes)),
        RResult::RErr(bytes) => Err(json(&bytes)),
    }
}

/// Do it where an async tool can block its thread: not in a test that runs on a runtime itself (`#[tokio::test]`).
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    #[cfg(feature = "async")]
    if tokio::runtime::Handle::try_current().is_ok() {
        return thread::scope(|scope| match scope.spawn(work).join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
    }
    work()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}
