//! A plugin written by hand, without the SDK: the arguments of its tools say what to do.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use plugin_abi::{
    Answer, Host, Plugin, PluginRef,
    abi_stable::{
        prefix_type::PrefixTypeTrait,
        std_types::{RResult, RSlice, RStr},
    },
    host_op, op,
};
use serde_json::{Value, json};

/// Returns the root module.
pub(crate) fn module() -> PluginRef {
    Plugin { invoke }.leak_into_prefix()
}

fn declaration() -> Value {
    let tool = |name: &str, more: Value| {
        let mut declared = json!({
            "tool": { "name": name, "description": "Does it.", "inputSchema": { "type": "object" } },
            "function": name,
        });
        for (member, value) in more.as_object().expect("members") {
            declared[member] = value.clone();
        }
        declared
    };
    let returning = |name: &str, schema: Value| {
        let described = json!({ "name": name, "description": "Does it.", "inputSchema": { "type": "object" }, "outputSchema": schema });
        tool(name, json!({ "tool": described }))
    };
    json!({
        "payload": 1,
        "crate": { "name": "by-hand", "version": "0.1.0" },
        "sdk": "0.1.0",
        "panic": "unwind",
        "tools": [
            tool("ask", json!({})),
            tool("fail", json!({})),
            tool("reply", json!({})),
            returning("typed", json!({ "type": "object", "properties": { "celsius": { "type": "number" } }, "required": ["celsius"] })),
            returning("counted", json!({ "type": "array", "items": { "type": "integer" } })),
            returning("outward", json!({ "$ref": "https://example.com/schema.json" })),
            tool("linger", json!({})),
            tool("hurried", json!({ "timeoutMs": 50 })),
            tool("needy", json!({ "requires": ["elicitation.url", "roots"] })),
            tool("formal", json!({ "requires": ["elicitation.form"] })),
        ],
    })
}

/// The number of calls that have begun to linger.
pub(super) static LINGERED: AtomicUsize = AtomicUsize::new(0);

/// The calls that the host cancelled by the operation.
static CANCELLED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

pub(super) fn was_cancelled(call: u64) -> bool {
    let cancelled = CANCELLED.lock().unwrap_or_else(PoisonError::into_inner);
    cancelled.contains(&call)
}

extern "C" fn invoke(op: u32, target: RStr<'_>, body: RSlice<'_, u8>, host: Host) -> Answer {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let outcome = match op {
        op::INIT => Ok(declaration()),
        op::CALL => match target.as_str() {
            // After asking, fails with this message, if there is one, and for this kind of error, if it is named.
            "ask" | "needy" | "formal" => {
                let asked = ask(host, &body);
                Ok(match body.get("says") {
                    Some(words) => {
                        let content = json!([{ "type": "text", "text": words }]);
                        let mut failed =
                            json!({ "type": "complete", "isError": true, "content": content });
                        if let Some(kind) = body.get("cause") {
                            failed["cause"] = kind.clone();
                        }
                        failed
                    }
                    None => complete(&asked),
                })
            }
            // Asks its client first, if the arguments say so.
            "fail" => {
                if let Some(requests) = body.get("asks") {
                    request(host, host_op::INPUT, &json!({ "requests": requests }));
                }
                Err(body)
            }
            // The arguments are the result, with these members by default. (`{"text": "x", "times": 9}`: nine of them
            // are the content.)
            "reply" | "typed" | "counted" | "outward" => {
                let mut reply = json!({ "type": "complete", "content": [] });
                if let (Some(text), Some(times)) = (body["text"].as_str(), body["times"].as_u64()) {
                    let text = text.repeat(times.try_into().unwrap_or_default());
                    reply["content"] = json!([{ "type": "text", "text": text }]);
                }
                for (member, value) in body.as_object().into_iter().flatten() {
                    reply[member] = value.clone();
                }
                Ok(reply)
            }
            _ => linger(host, &body),
        },
        op::CANCEL => {
            let call = body["call"].as_u64().unwrap_or_default();
            let mut cancelled = CANCELLED.lock().unwrap_or_else(PoisonError::into_inner);
            cancelled.insert(call);
            Ok(json!({}))
        }
        _ => Err(json!({ "kind": "unknown_op" })),
    };
    match outcome {
        Ok(payload) => RResult::ROk(payload.to_string().into_bytes().into()),
        Err(payload) => RResult::RErr(payload.to_string().into_bytes().into()),
    }
}

fn complete(result: &Value) -> Value {
    json!({ "type": "complete", "content": [{ "type": "text", "text": result.to_string() }] })
}

/// `{"ops": [[2, {"progress": 1}], ...]}`: returns the host's reply to each operation. A payload that is a string is
/// sent unchanged.
fn ask(host: Host, body: &Value) -> Value {
    let ops = body["ops"].as_array().cloned().unwrap_or_default();
    let outcomes = ops.iter().map(|asked| {
        let op = asked[0].as_u64().unwrap_or_default();
        request(host, op.try_into().unwrap_or_default(), &asked[1])
    });
    json!({
        "call": host.call,
        "deadline": host.deadline_unix_ms,
        "outcomes": outcomes.collect::<Vec<_>>(),
    })
}

pub(super) fn request(host: Host, op: u32, payload: &Value) -> Value {
    let payload = match payload {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match (host.request)(host.call, op, RSlice::from_slice(payload.as_bytes())) {
        RResult::ROk(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        RResult::RErr(bytes) => {
            let failure: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let mut told = json!({ "kind": failure["kind"], "detail": failure["detail"] });
            if let Some(public) = failure.get("public") {
                told["public"] = public.clone();
            }
            told
        }
    }
}

/// `{"ms": 60000, "heeds": "cancelled" | "cancel", "ends": "ok" | "cancelled"}`: runs for this time, or until the call
/// is cancelled, by the host's reply or by the operation. Without `heeds` it ignores a cancellation.
fn linger(host: Host, body: &Value) -> Result<Value, Value> {
    LINGERED.fetch_add(1, Ordering::AcqRel);
    let until = Instant::now() + Duration::from_millis(body["ms"].as_u64().unwrap_or_default());
    while Instant::now() < until {
        let cancelled = match body["heeds"].as_str() {
            Some("cancelled") => {
                request(host, host_op::CANCELLED, &Value::Null)["cancelled"] == true
            }
            Some(_) => was_cancelled(host.call),
            None => false,
        };
        if cancelled {
            return match body["ends"].as_str() {
                Some("ok") => Ok(complete(&json!("as far as it came"))),
                _ => Err(json!({ "kind": "cancelled" })),
            };
        }
        thread::sleep(Duration::from_millis(1));
    }
    // Its listener is gone.
    request(host, host_op::PROGRESS, &json!({ "progress": 1 }));
    Ok(complete(&json!("done")))
}
