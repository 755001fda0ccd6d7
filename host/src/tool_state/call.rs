//! The states that one call reads and writes, on behalf of its tool.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{runtime::Handle, time::timeout};
use uuid::Uuid;

use super::{Expected, MAX_VALUE, Owner, StateStore, ToolState, Written};
use crate::session::{
    Found, SessionId, StoreError,
    modes::{A_CENTURY, Sessions},
};

/// How long a store is waited for where nothing else limits a call. Source: ours.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long before a call is given up a store is, so that the tool can still say something; of short calls, a tenth of
/// what is left. Source: ours.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Where states are kept, and the sessions that some of them belong to.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) states: Arc<dyn StateStore>,
    pub(crate) sessions: Arc<Sessions>,
}

/// How long what.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// How long a state lives after it was last written.
    pub(crate) ttl: Duration,
    /// When the call is given up.
    pub(crate) deadline: Option<SystemTime>,
}

/// Whose a state is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The session's that the call is in.
    Session,
    /// Whoever has this handle.
    Handle(String),
}

/// Why a state cannot be read or written: in words for the model.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StateFailure {
    #[error(
        "this call is in no session, so that nothing can be kept for one; a tool keeps state for such clients under a handle"
    )]
    NoSession,
    #[error("the session has ended, and with it what was kept for it")]
    Ended,
    #[error("nothing is kept under this handle; it may have expired")]
    UnknownHandle,
    #[error("what is to be kept has {0} bytes of JSON, more than {MAX_VALUE}")]
    TooLarge(usize),
    #[error("what is kept cannot be reached at the moment; try again later")]
    Unavailable,
    #[error("this server keeps nothing between calls: its operator has to set SESSION_TABLE")]
    NotKept,
}

impl StateFailure {
    /// The kind of the error that the plugin gets. Source: `plugin-abi/PAYLOADS.md`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::NoSession => "no_session",
            Self::Ended => "session_ended",
            Self::UnknownHandle => "unknown_handle",
            Self::TooLarge(_) => "too_large",
            Self::Unavailable | Self::NotKept => "unavailable",
        }
    }
}

/// What is to be told the client, rather than its model, when a call has failed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The session has ended, or is another principal's.
    Ended,
    /// A store could not be reached. The operator was told why.
    Unavailable,
}

/// The session that a call is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfSession {
    pub(crate) id: SessionId,
    /// Was it looked up for this very call where all know of it?
    pub(crate) is_checked: bool,
}

/// What a tool reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    /// JSON.
    pub(crate) value: Option<String>,
    pub(crate) version: u64,
}

/// What became of a write that is done at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    Done(u64),
    /// Somebody else was faster: this is what is there now.
    Conflict(Read),
}

/// The states of one call. By default there are none.
#[derive(Default)]
pub(crate) struct CallState {
    /// `None`: nothing outlives this process here.
    stores: Option<Stores>,
    /// Where stores are waited for.
    runtime: Option<Handle>,
    session: Option<OfSession>,
    owner: Owner,
    limits: Limits,
    request_id: String,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The session was looked up, and may be used.
    session_checked: bool,
    /// Why the call may fail.
    trouble: Option<Trouble>,
    /// By their keys, as they were read.
    read: BTreeMap<String, Option<ToolState>>,
    /// What is to be written when the call has succeeded, by the same keys.
    pending: BTreeMap<String, Option<String>>,
}

impl CallState {
    pub(crate) fn new(
        stores: Option<Stores>,
        session: Option<OfSession>,
        owner: Owner,
        limits: Limits,
        request_id: &str,
    ) -> Self {
        Self {
            stores,
            runtime: Handle::try_current().ok(),
            session,
            owner,
            limits,
            request_id: request_id.to_owned(),
            known: Mutex::default(),
        }
    }

    /// What the client is to be told if the call has failed.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.known().trouble
    }

    /// Read a state; what this call has set comes first.
    pub(crate) fn get(&self, whose: &Whose) -> Result<Read, StateFailure> {
        self.wait(async {
            let key = self.key(whose).await?;
            let state = self.read(&key, whose).await?;
            let now = SystemTime::now();
            let known = self.known();
            let value = match known.pending.get(&key) {
                Some(pending) => pending.clone(),
                None => state
                    .as_ref()
                    .and_then(|state| state.value_at(now))
                    .map(str::to_owned),
            };
            Ok(Read {
                value,
                version: state.map_or(0, |state| state.version),
            })
        })
    }

    /// Write a state at once, if it is of this version still.
    pub(crate) fn put(
        &self,
        whose: &Whose,
        value: Option<String>,
        version: u64,
    ) -> Result<Put, StateFailure> {
        check_size(value.as_deref())?;
        self.wait(async {
            let key = self.key(whose).await?;
            let before = self.read(&key, whose).await?;
            if before.as_ref().map_or(0, |before| before.version) != version {
                return self.conflict(&key, whose).await;
            }
            match self.write(&key, before.as_ref(), value).await? {
                Some(version) => {
                    // What was set before was the base of this.
                    self.known().pending.remove(&key);
                    Ok(Put::Done(version))
                }
                None => self.conflict(&key, whose).await,
            }
        })
    }

    /// Write a state when the call has succeeded.
    pub(crate) fn set(&self, whose: &Whose, value: Option<String>) -> Result<(), StateFailure> {
        check_size(value.as_deref())?;
        self.wait(async {
            let key = self.key(whose).await?;
            // The version that is there now is the one that it replaces.
            self.read(&key, whose).await?;
            self.known().pending.insert(key, value);
            Ok(())
        })
    }

    /// A new state, and its handle.
    pub(crate) fn create(
        &self,
        value: String,
        ttl: Option<Duration>,
    ) -> Result<String, StateFailure> {
        check_size(Some(&value))?;
        self.wait(async {
            let stores = self.stores()?;
            let handle = Uuid::new_v4().simple().to_string();
            let expires = end(ttl.unwrap_or(self.limits.ttl));
            let state = ToolState {
                is_fixed: ttl.is_some(),
                ..ToolState::next(None, self.owner.clone(), Some(value), expires)
            };
            let key = format!("state#{handle}");
            let written = stores
                .states
                .write(&key, &state, Expected::VersionOrNothing(0))
                .await;
            match self.told(written)? {
                Written::Done => Ok(handle),
                // Of two to the power of 122.
                Written::Conflict => Err(StateFailure::Unavailable),
            }
        })
    }

    /// Write what was set, each state for itself. `false`: another call was faster with one of them, and that one was not
    /// written.
    pub(crate) async fn commit(&self) -> Result<bool, StateFailure> {
        let pending = std::mem::take(&mut self.known().pending);
        let work = async {
            let mut all = true;
            for (key, value) in pending {
                let before = self.known().read.get(&key).cloned().flatten();
                all &= self.write(&key, before.as_ref(), value).await?.is_some();
            }
            Ok(all)
        };
        self.in_time(work).await
    }

    /// Is there anything to commit?
    pub(crate) fn is_pending(&self) -> bool {
        !self.known().pending.is_empty()
    }

    async fn key(&self, whose: &Whose) -> Result<String, StateFailure> {
        match whose {
            // What no host has given out is nowhere, and need not be looked for.
            Whose::Handle(handle) if !is_handle(handle) => Err(StateFailure::UnknownHandle),
            Whose::Handle(handle) => Ok(format!("state#{handle}")),
            Whose::Session => {
                let session = self.session.ok_or(StateFailure::NoSession)?;
                if !session.is_checked {
                    self.check_session(session.id).await?;
                }
                Ok(format!("state#{}#{}", session.id, self.owner.plugin))
            }
        }
    }

    /// Sessions that nobody knows are served; one that was ended, or is somebody else's, has no state.
    async fn check_session(&self, session: SessionId) -> Result<(), StateFailure> {
        if self.known().session_checked {
            return Ok(());
        }
        let found = self.told(self.stores()?.sessions.find_truth(session).await)?;
        match found {
            Found::Unknown => {}
            Found::Alive(session) if session.is_of(self.owner.principal.as_deref()) => {}
            Found::Alive(_) | Found::Ended => return Err(self.ended()),
        }
        self.known().session_checked = true;
        Ok(())
    }

    /// What is there, read once in a call unless somebody else was faster.
    async fn read(&self, key: &str, whose: &Whose) -> Result<Option<ToolState>, StateFailure> {
        if let Some(known) = self.known().read.get(key) {
            return Ok(known.clone());
        }
        let stores = self.stores()?;
        let state = self.told(stores.states.read(key).await)?;
        let is_own = state.as_ref().is_none_or(|state| state.owner == self.owner);
        let now = SystemTime::now();
        match whose {
            // Whose it is, or whether there is one, is nobody else's business.
            Whose::Handle(_)
                if !is_own
                    || state
                        .as_ref()
                        .is_none_or(|state| state.value_at(now).is_none()) =>
            {
                return Err(StateFailure::UnknownHandle);
            }
            Whose::Session if !is_own => return Err(self.ended()),
            Whose::Handle(_) | Whose::Session => {}
        }
        if let Some(state) = state.as_ref().filter(|state| state.value_at(now).is_some()) {
            self.use_now(stores, key, state, now).await;
        }
        self.known().read.insert(key.to_owned(), state.clone());
        Ok(state)
    }

    /// What is used lives on; once in a tenth of its life that is written down. If it cannot be, it is read all the same, as
    /// it is not over yet; before it is, there are more tries.
    async fn use_now(&self, stores: &Stores, key: &str, state: &ToolState, now: SystemTime) {
        let left = state.expires.duration_since(now).unwrap_or_default();
        let is_due = left < self.limits.ttl.min(A_CENTURY) / 10 * 9 && !state.is_fixed;
        if is_due && let Err(error) = stores.states.extend(key, end(self.limits.ttl)).await {
            let request_id = &self.request_id;
            tracing::warn!(request_id, %error, "the life of what a tool keeps cannot be extended; it is read as long as it lives");
        }
    }

    /// The new version; `None`: somebody else was faster.
    async fn write(
        &self,
        key: &str,
        before: Option<&ToolState>,
        value: Option<String>,
    ) -> Result<Option<u64>, StateFailure> {
        let stores = self.stores()?;
        let now = SystemTime::now();
        let expected = ToolState::expected(before, now);
        let expires = match before {
            Some(before) if before.is_fixed => before.expires,
            _ => end(self.limits.ttl),
        };
        let state = ToolState::next(before, self.owner.clone(), value, expires);
        match self.told(stores.states.write(key, &state, expected).await)? {
            Written::Done => {
                let version = state.version;
                self.known().read.insert(key.to_owned(), Some(state));
                Ok(Some(version))
            }
            Written::Conflict => {
                self.known().read.remove(key);
                Ok(None)
            }
        }
    }

    async fn conflict(&self, key: &str, whose: &Whose) -> Result<Put, StateFailure> {
        self.known().read.remove(key);
        let state = self.read(key, whose).await?;
        let now = SystemTime::now();
        let value = state.as_ref().and_then(|state| state.value_at(now));
        Ok(Put::Conflict(Read {
            value: value.map(str::to_owned),
            version: state.as_ref().map_or(0, |state| state.version),
        }))
    }

    fn stores(&self) -> Result<&Stores, StateFailure> {
        self.stores.as_ref().ok_or(StateFailure::NotKept)
    }

    /// The operator is told why, the model only that.
    fn told<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StateFailure> {
        outcome.map_err(|error| {
            let request_id = &self.request_id;
            tracing::error!(request_id, %error, "what tools keep cannot be read or written");
            self.known().trouble = Some(Trouble::Unavailable);
            StateFailure::Unavailable
        })
    }

    fn ended(&self) -> StateFailure {
        self.known().trouble = Some(Trouble::Ended);
        StateFailure::Ended
    }

    /// Wait on the plugin's thread.
    fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, StateFailure>>,
    ) -> Result<T, StateFailure> {
        let runtime = self.runtime.as_ref().ok_or(StateFailure::NotKept)?;
        runtime.block_on(self.in_time(work))
    }

    /// Wait no longer than the call may take.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, StateFailure>>,
    ) -> Result<T, StateFailure> {
        let left = self.limits.deadline.map_or(PATIENCE, |deadline| {
            deadline
                .duration_since(SystemTime::now())
                .unwrap_or_default()
        });
        let left = left - LAST_WORDS.min(left / 10);
        let late = "no answer came before the call's time was over";
        // Whoever is late does not even begin.
        let outcome = match left.is_zero() {
            true => None,
            false => timeout(left, work).await.ok(),
        };
        outcome.unwrap_or_else(|| self.told(Err(StoreError(late.to_owned()))))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing is left half done under this lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which call, and no more: what tools keep does not belong into a log.
impl std::fmt::Debug for CallState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallState")
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

fn is_handle(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn check_size(value: Option<&str>) -> Result<(), StateFailure> {
    match value.map_or(0, str::len) {
        bytes if bytes > MAX_VALUE => Err(StateFailure::TooLarge(bytes)),
        _ => Ok(()),
    }
}

fn end(ttl: Duration) -> SystemTime {
    SystemTime::now() + ttl.min(A_CENTURY)
}
