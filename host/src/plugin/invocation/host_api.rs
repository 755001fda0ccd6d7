//! The operations that the host offers to plugins: `plugin-abi/PAYLOADS.md`, "Operations of the host".

mod state;

use std::{borrow::Cow, collections::BTreeMap, panic::catch_unwind};

use mcp_protocol::Notification;
use plugin_abi::{
    Answer, Host,
    abi_stable::std_types::{RResult, RSlice},
    host_op,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::plugin::{
    invocation::{
        active_calls::{self, ActiveCall},
        input_requests::{CannotAsk, InputQuery, InputReplies, InputUnavailable, MAX_LOG_LINES},
    },
    wire::PluginFailure,
};

/// The maximum length of a message in a log line. Unit: bytes.
/// Source: ours. CloudWatch accepts lines of 256 KB, but people do not read such lines.
const MAX_MESSAGE: usize = 16 * 1024;

/// The maximum length of a text about an input request. Unit: bytes. Source: ours. The text quotes the key that the
/// tool gave to the input request.
const MAX_QUESTION_TEXT: usize = 2000;

/// The maximum length of a module's or crate's name in a log line. Unit: bytes. Source: ours.
const MAX_NAME: usize = 256;

/// The host's implementation of `Host::request`. Plugins may call it from any thread, at any time, with any bytes.
pub(crate) extern "C" fn request(call: u64, op: u32, payload: RSlice<'_, u8>) -> Answer {
    // A panic must not cross the boundary between host and plugin (ABI rule 3).
    let answer = catch_unwind(|| answer(call, op, payload.as_slice())).unwrap_or_else(|_| {
        Err(failure(
            "unavailable",
            format!("the host's own operation {op} panicked"),
        ))
    });
    // Serializing strings and JSON values cannot fail.
    match answer {
        Ok(payload) => RResult::ROk(payload.into()),
        Err(failure) => RResult::RErr(serde_json::to_vec(&failure).unwrap_or_default().into()),
    }
}

/// Returns the host's interface for operations that belong to no call.
pub(crate) fn process_host() -> Host {
    Host {
        call: 0,
        deadline_unix_ms: 0,
        request,
    }
}

fn answer(number: u64, op: u32, payload: &[u8]) -> Result<Vec<u8>, PluginFailure> {
    let bytes = |answer: Value| serde_json::to_vec(&answer).unwrap_or_default();
    if number == 0 {
        return match op {
            host_op::LOG => log(None, &parse(payload)?).map(bytes),
            _ => Err(failure(
                "unknown_op",
                format!("operation {op} is not available outside of calls; use only `log` there"),
            )),
        };
    }
    let call = active_calls::lookup(number);
    let call = call.ok_or_else(|| failure("call_ended", format!("call {number} is over")))?;
    let answer = match op {
        host_op::STATE => return state::answer(&call.state, parse(payload)?),
        host_op::CONTEXT => serde_json::to_value(&call.context)
            .map_err(|error| failure("unavailable", error.to_string())),
        host_op::LOG => log(Some(&call), &parse(payload)?),
        host_op::PROGRESS => notify(&call, Notification::Progress(parse(payload)?)),
        host_op::MESSAGE => notify(&call, Notification::Message(parse(payload)?)),
        host_op::INPUT => input(&call, parse(payload)?),
        host_op::CANCELLED => Ok(json!({ "cancelled": call.is_cancelled() })),
        _ => {
            let version = env!("CARGO_PKG_VERSION");
            let detail = format!("host {version} does not support operation {op}");
            Err(failure("unknown_op", detail))
        }
    };
    answer.map(bytes)
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, PluginFailure> {
    serde_json::from_slice(payload).map_err(|error| {
        let detail = format!("the payload cannot be read: {error}");
        failure("invalid_arguments", detail)
    })
}

fn failure(kind: &str, detail: String) -> PluginFailure {
    PluginFailure {
        kind: kind.to_owned(),
        detail: Some(detail),
        ..PluginFailure::default()
    }
}

fn notify(call: &ActiveCall, notification: Notification) -> Result<Value, PluginFailure> {
    call.notify(notification);
    Ok(json!({}))
}

/// The input requests that a tool wants to send, by their keys.
#[derive(Deserialize)]
struct InputPayload {
    requests: BTreeMap<String, InputQuery>,
}

fn input(call: &ActiveCall, questions: InputPayload) -> Result<Value, PluginFailure> {
    let declared = call.context.capabilities.as_deref();
    let public = match call.inputs.ask(questions.requests, declared) {
        Ok(InputReplies { answers, rejected }) => {
            for (key, why) in rejected {
                log_question(
                    call,
                    &PluginLogLevel::Info,
                    &format!("the client is asked for {key:?} again: {why}"),
                );
            }
            return Ok(json!({ "answers": answers }));
        }
        Err(CannotAsk::Unavailable(why)) => {
            if why == InputUnavailable::NoKey {
                let message = "the tool cannot ask its client: MCP_STATE_KEY is not set";
                log_question(call, &PluginLogLevel::Error, message);
            }
            why.message(&call.tool)
        }
        Err(CannotAsk::Client(message)) => truncate(&message, MAX_QUESTION_TEXT).into_owned(),
        Err(CannotAsk::Author(problem)) => {
            log_question(
                call,
                &PluginLogLevel::Error,
                &format!("the tool cannot ask this: {problem}"),
            );
            let request_id = &call.context.request_id;
            format!("the tool asks an invalid question (request id {request_id})")
        }
    };
    Err(PluginFailure {
        kind: "cannot_ask".to_owned(),
        public: Some(public),
        ..PluginFailure::default()
    })
}

/// Logs a message about a call's input requests. The number of messages is limited, because a tool may try again in a
/// loop.
fn log_question(call: &ActiveCall, level: &PluginLogLevel, message: &str) {
    let Some(earlier) = call.inputs.count_log_line() else {
        return;
    };
    let message = one_line(&truncate(message, MAX_QUESTION_TEXT)).into_owned();
    let last = match earlier + 1 {
        MAX_LOG_LINES => "(further messages about the questions of this call are left out)",
        _ => "",
    };
    let (request_id, tool, library) = (&call.context.request_id, &call.tool, &call.library);
    match level {
        PluginLogLevel::Error => tracing::error!(request_id, tool, library, "{message}{last}"),
        _ => tracing::info!(request_id, tool, library, "{message}{last}"),
    }
}

/// A line for the operator's log.
#[derive(Deserialize)]
struct LogLine {
    level: PluginLogLevel,
    #[serde(default)]
    target: Option<String>,
    message: String,
    #[serde(default)]
    plugin: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum PluginLogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

fn log(call: Option<&ActiveCall>, line: &LogLine) -> Result<Value, PluginFailure> {
    let request_id = call.map(|call| call.context.request_id.as_str());
    let tool = call.map(|call| call.tool.as_str());
    let plugin = line
        .plugin
        .as_deref()
        .map(|plugin| truncate(plugin, MAX_NAME));
    let plugin = plugin.as_deref().or(call.map(|call| call.library.as_str()));
    let target = line
        .target
        .as_deref()
        .map(|target| truncate(target, MAX_NAME));
    let target = target.as_deref();
    let message = one_line(&truncate(&line.message, MAX_MESSAGE)).into_owned();
    macro_rules! write {
        ($level:ident) => {
            tracing::$level!(request_id, tool, plugin, target = target, "{message}")
        };
    }
    match line.level {
        PluginLogLevel::Error => write!(error),
        PluginLogLevel::Warn => write!(warn),
        PluginLogLevel::Info => write!(info),
        PluginLogLevel::Debug => write!(debug),
        PluginLogLevel::Trace => write!(trace),
    }
    Ok(json!({}))
}

/// Escapes every character that would start a new line or hide a part of this one. Otherwise a plugin could make a line
/// look as if the host had logged it.
fn one_line(text: &str) -> Cow<'_, str> {
    // Control characters, and the Unicode characters that separate lines or change the writing direction.
    let harmful =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(harmful) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\t' => safe.push(c),
            c if harmful(c) => safe.extend(c.escape_default()),
            c => safe.push(c),
        }
    }
    safe.into()
}

/// Shortens a text to `length` bytes, and appends how many bytes are missing.
fn truncate(text: &str, length: usize) -> Cow<'_, str> {
    if text.len() <= length {
        return text.into();
    }
    let mut end = length;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}... ({} more bytes)", &text[..end], text.len() - end).into()
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::{
        plugin::{ActiveCallGuard, CallContext, CallResources, InputRequests, Question},
        process::log::captured_log::CapturedLog,
    };

    /// Returns the log lines that result from `say`, a message to the host.
    fn operator_sees(level: &str, say: impl FnOnce()) -> Vec<Value> {
        let operator = CapturedLog::new(level);
        say();
        operator.lines()
    }

    fn say(call: u64, op: u32, payload: &Value) {
        let payload = payload.to_string();
        let answer = request(call, op, RSlice::from_slice(payload.as_bytes()));
        assert!(matches!(answer, RResult::ROk(_)), "{payload}");
    }

    fn live(log_level: Option<mcp_protocol::LogLevel>) -> ActiveCallGuard {
        let context = CallContext {
            request_id: "r-1".to_owned(),
            log_level,
            ..CallContext::default()
        };
        ActiveCallGuard::register(
            "greet",
            "libtools.so",
            context,
            None,
            CallResources::default(),
        )
    }

    /// Returns a call that may ask a client with these capabilities.
    fn asking(inputs: InputRequests, capabilities: &str) -> ActiveCallGuard {
        let capabilities = RawValue::from_string(capabilities.to_owned());
        let context = CallContext {
            capabilities: Some(capabilities.expect("JSON")),
            ..CallContext::default()
        };
        let resources = CallResources {
            inputs,
            ..CallResources::default()
        };
        ActiveCallGuard::register("greet", "libtools.so", context, None, resources)
    }

    #[test]
    fn a_log_line_names_its_plugin_and_request() {
        let live = live(None);
        let said = json!({ "level": "warn", "target": "tools::greet", "message": "hello", "plugin": "tools" });
        let bare = json!({ "level": "error", "message": "bare" });
        let lines = operator_sees("INFO", || {
            say(live.number, host_op::LOG, &said);
            say(live.number, host_op::LOG, &bare);
            say(0, host_op::LOG, &said);
            say(0, host_op::LOG, &bare);
            say(
                0,
                host_op::LOG,
                &json!({ "level": "debug", "message": "not asked for" }),
            );
        });
        let members = ["level", "message", "request_id", "tool", "plugin", "target"];
        let seen: Vec<_> = lines
            .iter()
            .map(|line| {
                members
                    .map(|member| line[member].as_str().unwrap_or("-"))
                    .join(" ")
            })
            .collect();
        assert_eq!(
            seen,
            [
                "WARN hello r-1 greet tools tools::greet",
                "ERROR bare r-1 greet libtools.so -",
                "WARN hello - - tools tools::greet",
                "ERROR bare - - - -",
            ]
        );
    }

    #[test]
    fn a_log_line_stays_one_line_for_any_text() {
        for (message, logged) in [
            ("a\nb\r\n", "a\\nb\\r\\n"),
            ("\u{1b}[31mred\u{7}\0", "\\u{1b}[31mred\\u{7}\\u{0}"),
            ("\u{202e}desrever\u{2028}", "\\u{202e}desrever\\u{2028}"),
            ("tab\tand größe", "tab\tand größe"),
        ] {
            assert_eq!(one_line(message), logged, "message: {message:?}");
        }
        let said = json!({ "level": "info", "message": "x\n2026 ERROR forged" });
        let lines = operator_sees("INFO", || say(0, host_op::LOG, &said));
        assert_eq!(lines.len(), 1, "{lines:?}");
    }

    #[test]
    fn a_log_line_has_a_bounded_length() {
        let name = "n".repeat(1_000_000);
        let said = json!({ "level": "info", "target": name, "message": "ü".repeat(1_000_000), "plugin": name });
        let lines = operator_sees("INFO", || say(0, host_op::LOG, &said));
        for (member, length) in [
            ("message", MAX_MESSAGE),
            ("target", MAX_NAME),
            ("plugin", MAX_NAME),
        ] {
            let text = lines[0][member].as_str().expect("a text");
            assert!(text.len() < length + 50, "{member}: {} bytes", text.len());
            assert!(text.ends_with(" more bytes)"), "{member}");
        }
    }

    #[test]
    fn a_missing_key_is_logged_when_a_tool_asks() {
        let call = asking(InputRequests::unavailable(InputUnavailable::NoKey), "{}");
        let asked = json!({ "requests": { "a": { "method": "roots/list", "params": {} } } });
        let lines = operator_sees("INFO", || {
            let asked = asked.to_string();
            let asked = RSlice::from_slice(asked.as_bytes());
            assert!(request(call.number, host_op::INPUT, asked).is_err());
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["level"], "ERROR", "{lines:?}");
        assert_eq!(
            lines[0]["message"], "the tool cannot ask its client: MCP_STATE_KEY is not set",
            "{lines:?}"
        );
    }

    #[test]
    fn lines_about_wrong_questions_are_bounded() {
        let live = live(None);
        let key = "\u{1b}".repeat(50_000);
        let asked = json!({ "requests": { key: { "method": "roots/lost", "params": {} } } });
        let asked = asked.to_string();
        let lines = operator_sees("INFO", || {
            for _ in 0..100 {
                let asked = RSlice::from_slice(asked.as_bytes());
                assert!(request(live.number, host_op::INPUT, asked).is_err());
            }
        });
        assert_eq!(lines.len(), MAX_LOG_LINES as usize);
        for line in &lines {
            assert!(line.to_string().len() < 2 * MAX_QUESTION_TEXT, "{line}");
        }
        let message = lines[MAX_LOG_LINES as usize - 1]["message"].as_str();
        let message = message.expect("a text");
        assert!(message.ends_with("are left out)"), "{message}");
    }

    #[test]
    fn a_rejected_answer_is_reported() {
        let given = Question {
            answer: Some(json!({ "roots": "secret" })),
            ..Question::default()
        };
        let live = asking(
            InputRequests::resume([("a".to_owned(), given)].into()),
            r#"{"roots":{}}"#,
        );
        let asked = json!({ "requests": { "a": { "method": "roots/list", "params": {} } } });
        let lines = operator_sees("INFO", || say(live.number, host_op::INPUT, &asked));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["level"], "INFO", "{lines:?}");
        let message = r#"the client is asked for "a" again: it is not a result of roots/list"#;
        assert_eq!(lines[0]["message"], message, "{lines:?}");
    }

    #[test]
    fn lost_notifications_are_logged_once() {
        let live = live(Some(mcp_protocol::LogLevel::Debug));
        let large = json!({ "level": "info", "data": "x".repeat(100_000) });
        let lines = operator_sees("INFO", || {
            for _ in 0..5 {
                say(live.number, host_op::MESSAGE, &large);
            }
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["request_id"], "r-1");
        assert_eq!(live.take_notifications().len(), 2);
    }
}
