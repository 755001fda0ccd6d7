//! What the tools of a test keep between calls: in memory, and otherwise as by the host.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};

use crate::StateErrorKind;

/// The largest value that is kept, as by the host. Unit: bytes of JSON.
const MAX_VALUE: usize = 350 * 1024;

/// What is kept under a key.
#[derive(Clone, Debug, Default)]
struct Kept {
    value: Option<Value>,
    version: u64,
    /// The principal whose it is.
    owner: Option<String>,
}

impl Kept {
    fn put(&mut self, owner: Option<&String>, value: Option<Value>) {
        self.value = value;
        self.version += 1;
        self.owner = owner.cloned();
    }

    /// What is there, as the host answers; what the call itself has set comes first.
    fn told(&self, pending: Option<&Option<Value>>) -> Value {
        let mut told = json!({ "version": self.version });
        if let Some(value) = pending.unwrap_or(&self.value) {
            told["value"] = value.clone();
        }
        told
    }
}

/// Keep this for a session, whatever was there.
pub(super) fn put(session: &str, owner: Option<String>, value: Value) {
    let mut all = kept();
    let kept = all.entry(of_session(session)).or_default();
    kept.put(owner.as_ref(), Some(value));
}

/// The key of what is kept for a session.
fn of_session(name: &str) -> String {
    format!("session {name}")
}

/// What all tools of these tests keep.
fn kept() -> MutexGuard<'static, BTreeMap<String, Kept>> {
    static KEPT: Mutex<BTreeMap<String, Kept>> = Mutex::new(BTreeMap::new());
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one call reads and writes.
#[derive(Clone, Debug, Default)]
pub(super) struct CallState {
    tool: String,
    /// The session that it is in.
    session: Option<String>,
    /// Who calls.
    principal: Option<String>,
    /// How everything fails that it asks for.
    failing: Option<StateErrorKind>,
    /// By their keys, as they were read.
    read: BTreeMap<String, Kept>,
    /// What it has set, by the same keys.
    pending: BTreeMap<String, Option<Value>>,
    is_overtaken: bool,
    has_written: bool,
}

type Refusal = (&'static str, String);

impl CallState {
    pub(super) fn of(
        tool: String,
        session: Option<String>,
        principal: Option<String>,
        failing: Option<StateErrorKind>,
    ) -> Self {
        Self {
            tool,
            session,
            principal,
            failing,
            ..Self::default()
        }
    }

    /// Do what a tool asks for.
    pub(super) fn answer(&mut self, asked: &Value) -> Result<Value, Refusal> {
        static HANDLES: AtomicU64 = AtomicU64::new(1);
        if let Some(kind) = self.failing {
            return Err(self.refusal(kind));
        }
        let value = asked.get("value").cloned();
        if value.as_ref().map_or(0, |value| value.to_string().len()) > MAX_VALUE {
            return Err(self.refusal(StateErrorKind::TooLarge));
        }
        if asked["do"] == "create" {
            let handle = format!("handle-{}", HANDLES.fetch_add(1, Ordering::Relaxed));
            let mut all = kept();
            let created = all.entry(handle.clone()).or_default();
            created.put(self.principal.as_ref(), value);
            return Ok(json!({ "handle": handle }));
        }
        let handle = asked["handle"].as_str();
        let key = match (handle, &self.session) {
            (Some(handle), _) => handle.to_owned(),
            (None, Some(session)) => of_session(session),
            (None, None) => return Err(self.refusal(StateErrorKind::NoSession)),
        };
        let seen = self.read(&key, handle.is_some())?;
        match asked["do"].as_str() {
            Some("get") => Ok(seen.told(self.pending.get(&key))),
            Some("set") => {
                self.pending.insert(key, value);
                Ok(json!({}))
            }
            _ => self.put(&key, handle.is_some(), &seen, (value, &asked["version"])),
        }
    }

    /// What is there, read once in a call unless another one was faster.
    fn read(&mut self, key: &str, is_handle: bool) -> Result<Kept, Refusal> {
        if let Some(seen) = self.read.get(key) {
            return Ok(seen.clone());
        }
        let found = kept().get(key).cloned();
        let is_own = found
            .as_ref()
            .is_none_or(|found| found.owner == self.principal);
        let has_value = found.as_ref().is_some_and(|found| found.value.is_some());
        match is_handle {
            true if !(is_own && has_value) => Err(self.refusal(StateErrorKind::UnknownHandle)),
            false if !is_own => Err(self.refusal(StateErrorKind::SessionEnded)),
            _ => {
                let found = found.unwrap_or_default();
                self.read.insert(key.to_owned(), found.clone());
                Ok(found)
            }
        }
    }

    fn put(
        &mut self,
        key: &str,
        is_handle: bool,
        seen: &Kept,
        (value, version): (Option<Value>, &Value),
    ) -> Result<Value, Refusal> {
        let pending = self.pending.get(key).cloned();
        let conflict = |mut told: Value| {
            told["conflict"] = true.into();
            Ok(told)
        };
        if *version != seen.version && pending.is_some() {
            return conflict(seen.told(pending.as_ref()));
        }
        if pending.is_some() && self.is_overtaken {
            return Err(self.overtaken());
        }
        if *version == seen.version && self.write(key, seen, value) {
            self.pending.remove(key);
            return Ok(json!({ "version": seen.version + 1 }));
        }
        if pending.is_some() {
            return Err(self.overtaken());
        }
        self.read.remove(key);
        conflict(self.read(key, is_handle)?.told(None))
    }

    /// `false`: another call was faster.
    fn write(&mut self, key: &str, seen: &Kept, value: Option<Value>) -> bool {
        let mut all = kept();
        let kept = all.entry(key.to_owned()).or_default();
        if kept.version != seen.version {
            self.read.remove(key);
            return false;
        }
        kept.put(self.principal.as_ref(), value);
        self.read.insert(key.to_owned(), kept.clone());
        self.has_written = true;
        true
    }

    /// Keep what was set, each value for itself, until another call was faster with one.
    pub(super) fn commit(&mut self) -> Result<(), String> {
        if self.is_overtaken {
            return Err(self.overtaken().1);
        }
        for (key, value) in std::mem::take(&mut self.pending) {
            let seen = self.read.get(&key).cloned().unwrap_or_default();
            if !self.write(&key, &seen, value) {
                return Err(self.overtaken().1);
            }
        }
        Ok(())
    }

    fn overtaken(&mut self) -> Refusal {
        self.is_overtaken = true;
        self.refusal(StateErrorKind::Overtaken)
    }

    /// In the host's words.
    fn refusal(&self, kind: StateErrorKind) -> Refusal {
        let tool = &self.tool;
        let words = match kind {
            StateErrorKind::NoSession => "this call is in no session, so that nothing can be kept for one; a tool keeps state for such clients under a handle".to_owned(),
            StateErrorKind::SessionEnded => "the session has ended, and with it what was kept for it".to_owned(),
            StateErrorKind::UnknownHandle => "nothing is kept under this handle; it may have expired".to_owned(),
            StateErrorKind::TooLarge => format!("what is to be kept has more than {MAX_VALUE} bytes of JSON"),
            StateErrorKind::Overtaken if self.has_written => format!("another call has changed meanwhile what tool {tool} keeps: part of what this one keeps was written, the rest is lost; look at it before you call it again"),
            StateErrorKind::Overtaken => format!("another call has changed meanwhile what tool {tool} keeps, so that this one's changes are lost; call it again"),
            StateErrorKind::CallEnded => "the call is over: nothing is kept for it any more".to_owned(),
            StateErrorKind::Unavailable | StateErrorKind::Unreadable => "what is kept cannot be reached at the moment; try again later".to_owned(),
        };
        (kind.name(), words)
    }
}
