//! The host's operations on the state that plugins store between calls. Values are passed on unchanged, byte by byte.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tool_rules::state::Snapshot;

use crate::{
    plugin::wire::{PluginFailure, present},
    store::tool_state::{CallState, PutOutcome, StateScope},
};

/// An operation on the state. (It is a struct because serde cannot read raw JSON within a tagged enum.)
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StateOp {
    r#do: StateAction,
    #[serde(default)]
    handle: Option<String>,
    /// `Some("null")` if the value is null, which is a value like any other.
    #[serde(default, deserialize_with = "present")]
    value: Option<Box<RawValue>>,
    #[serde(default)]
    version: u64,
    #[serde(default)]
    ttl_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum StateAction {
    Get,
    Set,
    Put,
    Create,
}

/// The reply to an operation. Members that are `None` are left out. (A null value is not left out.)
#[derive(Default, Serialize)]
struct StateReply {
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    conflict: bool,
}

pub(crate) fn answer(state: &CallState, op: StateOp) -> Result<Vec<u8>, PluginFailure> {
    let scope = op.handle.map_or(StateScope::Session, StateScope::Handle);
    let value = op.value.map(|value| value.get().to_owned());
    let done = match op.r#do {
        StateAction::Get => state.get(&scope).map(snapshot_reply),
        StateAction::Set => state.set(&scope, value).map(|()| StateReply::default()),
        StateAction::Put => {
            let put = state.put(&scope, value, op.version);
            put.map(|put| match put {
                PutOutcome::Done(version) => StateReply {
                    version: Some(version),
                    ..StateReply::default()
                },
                PutOutcome::Conflict(found) => StateReply {
                    conflict: true,
                    ..snapshot_reply(found)
                },
            })
        }
        StateAction::Create => {
            let ttl = op.ttl_seconds.map(Duration::from_secs);
            let value = value.unwrap_or_else(|| "null".to_owned());
            state.create(value, ttl).map(|handle| StateReply {
                handle: Some(handle),
                ..StateReply::default()
            })
        }
    };
    let answer = done.map_err(|failure| PluginFailure {
        kind: failure.kind().as_str().to_owned(),
        public: Some(failure.to_string()),
        ..PluginFailure::default()
    })?;
    Ok(serde_json::to_vec(&answer).unwrap_or_default())
}

fn snapshot_reply(read: Snapshot<String>) -> StateReply {
    StateReply {
        version: Some(read.version),
        // This cannot fail: the value was valid JSON when it was stored.
        value: read.value.and_then(|json| RawValue::from_string(json).ok()),
        ..StateReply::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        config::SessionMode,
        store::{
            session::lookup::Sessions,
            tool_state::{Owner, StateLimits, Stores, memory::MemoryStateStore},
        },
    };

    #[tokio::test]
    async fn values_come_back_byte_by_byte() {
        let ttl = Duration::from_secs(60);
        let stores = Stores {
            states: Arc::<MemoryStateStore>::default(),
            sessions: Arc::new(Sessions::new(SessionMode::Lenient, ttl, None)),
        };
        let limits = StateLimits {
            ttl,
            ..StateLimits::default()
        };
        let state = CallState::new(Some(stores), None, Owner::default(), limits, "t", "r");
        let asked = tokio::task::spawn_blocking(move || {
            let ask = |op: &str| {
                let op = serde_json::from_str(op).expect("an operation");
                let answered = answer(&state, op).map_err(|failure| failure.kind);
                String::from_utf8(answered.expect("no failure")).expect("UTF-8")
            };
            // Numbers that no parser of this project can hold, ordered and duplicate members, spaces.
            for value in [
                "1e400",
                "0.30000000000000004000000001",
                "123456789012345678901234567890",
                r#"{"b": 1, "a":2,"a":3}"#,
                r#""\u00fc \/""#,
                "null",
            ] {
                let made = ask(&format!(r#"{{"do":"create","value":{value}}}"#));
                let handle = made.trim_end_matches('}').to_owned();
                let get = format!(r#"{handle},"do":"get"}}"#);
                let expected = format!(r#"{{"version":1,"value":{value}}}"#);
                assert_eq!(ask(&get), expected);
            }
        });
        asked.await.expect("no panic");
    }
}
