//! The store for states in tests. It is in memory, and has the rules of the host.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use tool_rules::state::{
    MAX_VALUE, PutStep, Snapshot, StateFailure, StateRecord, StateTransaction, check_access,
    check_size,
};

use crate::StateErrorKind;

/// A state in memory.
#[derive(Clone, Debug, Default)]
struct MemoryRecord {
    value: Option<Value>,
    version: u64,
    /// The principal that created the session or the handle.
    owner: Option<String>,
}

impl MemoryRecord {
    fn put(&mut self, owner: Option<&String>, value: Option<Value>) {
        self.value = value;
        self.version += 1;
        self.owner = owner.cloned();
    }
}

impl StateRecord for MemoryRecord {
    type Value = Value;

    fn version(&self) -> u64 {
        self.version
    }

    fn value(&self) -> Option<Value> {
        self.value.clone()
    }
}

/// Returns a state in the form of the host's answers. Null is a value, so if nothing is stored, the member `value` is
/// missing.
fn answer(seen: Snapshot<Value>) -> Value {
    let mut answer = json!({ "version": seen.version });
    if let Some(value) = seen.value {
        answer["value"] = value;
    }
    answer
}

/// Stores the value of a session without checking its version.
pub(super) fn put(session: &str, owner: Option<String>, value: Value) {
    let mut all = states();
    let state = all.entry(session_key(session)).or_default();
    state.put(owner.as_ref(), Some(value));
}

/// Returns the key of a session's state.
fn session_key(name: &str) -> String {
    format!("session {name}")
}

/// Returns the states that all tests of this process share.
fn states() -> MutexGuard<'static, BTreeMap<String, MemoryRecord>> {
    static STATES: Mutex<BTreeMap<String, MemoryRecord>> = Mutex::new(BTreeMap::new());
    STATES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The states that one call reads and writes.
#[derive(Clone, Debug, Default)]
pub(super) struct CallState {
    /// The session of the call.
    session: Option<String>,
    principal: Option<String>,
    /// The failure with which every request is answered, if the test has set one.
    failing: Option<Refusal>,
    states: StateTransaction<MemoryRecord>,
}

/// The kind of a failure and its message, if it has one.
type Refusal = (StateErrorKind, Option<String>);

fn refusal(failure: &StateFailure) -> Refusal {
    (failure.kind(), Some(failure.to_string()))
}

/// Returns the failure that a test has set, with the host's message for it.
fn requested_failure(kind: StateErrorKind, tool: &str) -> Refusal {
    let failure = match kind {
        StateErrorKind::NoSession => StateFailure::NoSession,
        StateErrorKind::SessionEnded => StateFailure::SessionEnded,
        StateErrorKind::UnknownHandle => StateFailure::UnknownHandle,
        StateErrorKind::TooLarge => StateFailure::TooLarge(MAX_VALUE + 1),
        StateErrorKind::Conflict => StateFailure::Conflict(tool.to_owned()),
        StateErrorKind::CallEnded => return (kind, None),
        _ => StateFailure::Unavailable,
    };
    (kind, Some(failure.to_string()))
}

impl CallState {
    pub(super) fn new(
        tool: &str,
        session: Option<String>,
        principal: Option<String>,
        failing: Option<StateErrorKind>,
    ) -> Self {
        Self {
            session,
            principal,
            failing: failing.map(|kind| requested_failure(kind, tool)),
            states: StateTransaction::new(tool),
        }
    }

    /// Performs a state request of a tool.
    pub(super) fn answer(&mut self, request: &Value) -> Result<Value, Refusal> {
        match &self.failing {
            Some(refusal) => Err(refusal.clone()),
            None => self.perform(request).map_err(|failure| refusal(&failure)),
        }
    }

    fn perform(&mut self, request: &Value) -> Result<Value, StateFailure> {
        static HANDLES: AtomicU64 = AtomicU64::new(1);
        let value = request.get("value").cloned();
        check_size(value.as_ref().map(Value::to_string).as_deref())?;
        if request["do"] == "create" {
            let handle = format!("handle-{}", HANDLES.fetch_add(1, Ordering::Relaxed));
            let mut all = states();
            let created = all.entry(handle.clone()).or_default();
            created.put(self.principal.as_ref(), value);
            return Ok(json!({ "handle": handle }));
        }
        let handle = request["handle"].as_str();
        let is_handle = handle.is_some();
        let key = match (handle, &self.session) {
            (Some(handle), _) => handle.to_owned(),
            (None, Some(session)) => session_key(session),
            (None, None) => return Err(StateFailure::NoSession),
        };
        let seen = self.read(&key, is_handle)?;
        match request["do"].as_str() {
            Some("get") => Ok(answer(seen)),
            Some("set") => {
                self.states.set(&key, value);
                Ok(json!({}))
            }
            _ => self.put(&key, is_handle, value, &request["version"]),
        }
    }

    /// Reads a state from the store. It does so once in a call, and again only if another call wrote first.
    fn read(&mut self, key: &str, is_handle: bool) -> Result<Snapshot<Value>, StateFailure> {
        if self.states.record(key).is_none() {
            let found = states().get(key).cloned();
            let is_own = found
                .as_ref()
                .is_none_or(|found| found.owner == self.principal);
            let found = found.unwrap_or_default();
            check_access(is_handle, is_own, found.value.is_some())?;
            self.states.insert(key, found);
        }
        Ok(self.states.snapshot(key))
    }

    fn put(
        &mut self,
        key: &str,
        is_handle: bool,
        value: Option<Value>,
        version: &Value,
    ) -> Result<Value, StateFailure> {
        let version = version.as_u64().unwrap_or_default();
        let seen = match self.states.begin_put(key, version)? {
            PutStep::Conflict(seen) => seen,
            PutStep::ReadAgain => self.read(key, is_handle)?,
            PutStep::Write => {
                let written = self.write(key, value);
                match self.states.end_put(key, written)? {
                    Some(version) => return Ok(json!({ "version": version })),
                    None => self.read(key, is_handle)?,
                }
            }
        };
        let mut conflict = answer(seen);
        conflict["conflict"] = true.into();
        Ok(conflict)
    }

    /// Writes the next version of a state. `None` means that another call wrote first.
    fn write(&self, key: &str, value: Option<Value>) -> Option<MemoryRecord> {
        let seen = self.states.record(key).map_or(0, StateRecord::version);
        let mut all = states();
        let state = all.entry(key.to_owned()).or_default();
        if state.version != seen {
            return None;
        }
        state.put(self.principal.as_ref(), value);
        Some(state.clone())
    }

    /// Writes the states that the call has set, one by one. It stops at the first state that another call has changed.
    pub(super) fn commit(&mut self) -> Result<(), String> {
        let mut commit = || -> Result<(), StateFailure> {
            for (key, value) in self.states.take_pending()? {
                let written = self.write(&key, value);
                self.states.end_commit(&key, written)?;
            }
            Ok(())
        };
        commit().map_err(|failure| failure.to_string())
    }
}
