//! What plugins ask of the host: the operations of `plugin-abi/PAYLOADS.md`, "Operations of the host".

use std::{borrow::Cow, panic::catch_unwind};

use mcp_protocol::Notification;
use plugin_abi::{
    Answer,
    abi_stable::std_types::{RResult, RSlice},
    host_op,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    live::{self, Call},
    payload::Failure,
};

/// The longest message of a line. Unit: bytes.
/// Source: ours. CloudWatch takes lines of 256 KB, but people do not read them.
const MAX_MESSAGE: usize = 16 * 1024;

/// The longest name of a module or crate in a line. Unit: bytes. Source: ours.
const MAX_NAME: usize = 256;

/// The host's function behind `Host::request`: from any thread, at any time, with whatever bytes.
pub(super) extern "C" fn request(call: u64, op: u32, payload: RSlice<'_, u8>) -> Answer {
    // A panic must not cross (ABI rule 3).
    let answer = catch_unwind(|| answer(call, op, payload.as_slice())).unwrap_or_else(|_| {
        Err(failure(
            "unavailable",
            format!("the host's own operation {op} panicked"),
        ))
    });
    // Strings and values always have a form in JSON.
    match answer {
        Ok(payload) => RResult::ROk(serde_json::to_vec(&payload).unwrap_or_default().into()),
        Err(failure) => RResult::RErr(serde_json::to_vec(&failure).unwrap_or_default().into()),
    }
}

fn answer(number: u64, op: u32, payload: &[u8]) -> Result<Value, Failure> {
    if number == 0 {
        return match op {
            host_op::LOG => log(None, &parse(payload)?),
            _ => Err(failure(
                "unknown_op",
                format!("outside of calls the host does not offer operation {op}, only `log`"),
            )),
        };
    }
    let call = live::find(number);
    let call = call.ok_or_else(|| failure("call_ended", format!("call {number} is over")))?;
    match op {
        host_op::CONTEXT => serde_json::to_value(&call.context)
            .map_err(|error| failure("unavailable", error.to_string())),
        host_op::LOG => log(Some(&call), &parse(payload)?),
        host_op::PROGRESS => notify(&call, Notification::Progress(parse(payload)?)),
        host_op::MESSAGE => notify(&call, Notification::Message(parse(payload)?)),
        host_op::CANCELLED => Ok(json!({ "cancelled": call.is_cancelled() })),
        _ => {
            let version = env!("CARGO_PKG_VERSION");
            let detail = format!("host {version} does not offer operation {op}");
            Err(failure("unknown_op", detail))
        }
    }
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(payload).map_err(|error| {
        let detail = format!("the payload cannot be read: {error}");
        failure("invalid_arguments", detail)
    })
}

fn failure(kind: &str, detail: String) -> Failure {
    Failure {
        kind: kind.to_owned(),
        code: None,
        public: None,
        detail: Some(detail),
    }
}

fn notify(call: &Call, notification: Notification) -> Result<Value, Failure> {
    call.notify(notification);
    Ok(json!({}))
}

/// A line for the operator's log.
#[derive(Deserialize)]
struct Line {
    level: Level,
    #[serde(default)]
    target: Option<String>,
    message: String,
    #[serde(default)]
    plugin: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

fn log(call: Option<&Call>, line: &Line) -> Result<Value, Failure> {
    let request_id = call.map(|call| call.context.request_id.as_str());
    let tool = call.map(|call| call.tool.as_str());
    let plugin = line.plugin.as_deref().map(|plugin| cut(plugin, MAX_NAME));
    let plugin = plugin.as_deref().or(call.map(|call| call.library.as_str()));
    let target = line.target.as_deref().map(|target| cut(target, MAX_NAME));
    let target = target.as_deref();
    let message = cut(&line.message, MAX_MESSAGE);
    macro_rules! write {
        ($level:ident) => {
            tracing::$level!(request_id, tool, plugin, target = target, "{message}")
        };
    }
    match line.level {
        Level::Error => write!(error),
        Level::Warn => write!(warn),
        Level::Info => write!(info),
        Level::Debug => write!(debug),
        Level::Trace => write!(trace),
    }
    Ok(json!({}))
}

/// The text, or as much of it as `length` bytes hold.
fn cut(text: &str, length: usize) -> Cow<'_, str> {
    if text.len() <= length {
        return text.into();
    }
    let mut end = length;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}... ({} more bytes)", &text[..end], text.len() - end).into()
}
