//! The states that one call reads and writes for its tool.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{runtime::Handle, time::timeout};
use tool_rules::state::{
    PutStep, Snapshot, StateFailure, StateRecord, StateTransaction, check_access, check_size,
};
use uuid::Uuid;

use crate::{
    process::log::RateLimit,
    store::{
        session::{
            Session, SessionId, SessionLookup, StoreError,
            lookup::{MAX_TTL, Sessions},
        },
        timeouts::{self, EXTEND_TIMEOUT},
        tool_state::{Expected, Owner, StateStore, ToolState, WriteOutcome},
    },
};

/// The time limit for a store if the call itself has no deadline. Source: ours.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long before the deadline of the call its stores must time out, so that the tool can still reply. For short calls
/// it is a tenth of the remaining time. Source: ours.
const REPLY_RESERVE: Duration = Duration::from_millis(250);

/// The store of states, and the sessions to which some of them belong.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) states: Arc<dyn StateStore>,
    pub(crate) sessions: Arc<Sessions>,
}

/// The lifetime of a state, and the deadlines of the call that uses it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StateLimits {
    /// How long a state is kept after it was last written.
    pub(crate) ttl: Duration,
    /// The time at which the call is cancelled.
    pub(crate) deadline: Option<SystemTime>,
    /// The time at which the front door or the function stops waiting for the response. Values that a call has set can
    /// be written until then, even if the tool has used up its own time limit.
    pub(crate) commit_deadline: Option<SystemTime>,
}

/// What a state belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StateScope {
    /// The session of the call.
    Session,
    /// This handle. Every holder of it can use the state.
    Handle(String),
}

/// A tool-state error that makes a call fail. The host reports it to the client as a JSON-RPC error, not to the model
/// as a result with `isError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StoreFault {
    /// The session was ended, or belongs to another principal.
    Ended,
    /// A store could not be reached. The log has the reason.
    Unavailable,
}

impl StoreFault {
    /// Returns the error that the tool received.
    fn failure(self) -> StateFailure {
        match self {
            Self::Ended => StateFailure::SessionEnded,
            Self::Unavailable => StateFailure::Unavailable,
        }
    }
}

/// The session of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionRef {
    pub(crate) id: SessionId,
    /// Whether the session was already looked up for this call in the store that all execution environments share.
    pub(crate) is_checked: bool,
}

/// The outcome of a write that is executed immediately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PutOutcome {
    Done(u64),
    /// Another call has written the state before. This is what it contains now.
    Conflict(Snapshot<String>),
}

/// A state as it was read from the store; `None` if there is none.
#[derive(Clone, Debug)]
struct StoredRecord(Option<ToolState>);

impl StateRecord for StoredRecord {
    type Value = String;

    fn version(&self) -> u64 {
        self.0.as_ref().map_or(0, |state| state.version)
    }

    fn value(&self) -> Option<String> {
        let value = self.0.as_ref()?.value_at(SystemTime::now());
        value.map(str::to_owned)
    }
}

/// The states that one call uses. By default there are none.
#[derive(Default)]
pub(crate) struct CallState {
    /// The stores; `None` if no state can be stored.
    stores: Option<Stores>,
    /// The runtime in which the call waits for the stores.
    runtime: Option<Handle>,
    session: Option<SessionRef>,
    owner: Owner,
    limits: StateLimits,
    tool: String,
    request_id: String,
    inner: Mutex<TransactionState>,
}

#[derive(Default)]
struct TransactionState {
    /// Whether the session was looked up, and the call may use it.
    session_checked: bool,
    /// The faults that have occurred. Each may make the call fail.
    faults: BTreeSet<StoreFault>,
    /// The kind of the state error that makes the call fail, if the plugin names it.
    cause: Option<String>,
    states: StateTransaction<StoredRecord>,
    /// The sessions and states whose expiry must be extended.
    used: Vec<Used>,
}

/// A session or state whose expiry must be extended.
enum Used {
    Session(SessionId, Session),
    State(String),
}

impl CallState {
    pub(crate) fn new(
        stores: Option<Stores>,
        session: Option<SessionRef>,
        owner: Owner,
        limits: StateLimits,
        tool: &str,
        request_id: &str,
    ) -> Self {
        Self {
            stores,
            runtime: Handle::try_current().ok(),
            session,
            owner,
            limits,
            tool: tool.to_owned(),
            request_id: request_id.to_owned(),
            inner: Mutex::new(TransactionState {
                states: StateTransaction::new(tool),
                ..TransactionState::default()
            }),
        }
    }

    /// Records the kind of the state error that makes the call fail, as the plugin names it.
    pub(crate) fn set_failure_kind(&self, kind: String) {
        self.lock().cause = Some(kind);
    }

    /// Returns the fault that must be reported to the client of a failed call. It is the one whose kind the plugin
    /// names. If the plugin names no kind, it is the fault whose message the tool's own error contains
    /// (`plugin-abi/PAYLOADS.md`). A fault alone is not enough: a tool may continue without its state, and then fail
    /// for another reason.
    pub(crate) fn client_fault<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a str>,
    ) -> Option<StoreFault> {
        let inner = self.lock();
        let mut faults = inner.faults.iter().copied();
        if let Some(kind) = &inner.cause {
            return faults.find(|fault| fault.failure().kind().as_str() == kind);
        }
        if inner.faults.is_empty() {
            return None;
        }
        let messages: Vec<_> = messages.into_iter().collect();
        faults.find(|fault| {
            let passed_on = fault.failure().to_string();
            messages.iter().any(|message| message.contains(&passed_on))
        })
    }

    /// Reads a state. If this call has set a value, that value is returned.
    pub(crate) fn get(&self, scope: &StateScope) -> Result<Snapshot<String>, StateFailure> {
        self.wait(async {
            let key = self.key(scope).await?;
            self.read(&key, scope).await
        })
    }

    /// Writes a state immediately, if the stored one still has this version.
    pub(crate) fn put(
        &self,
        scope: &StateScope,
        value: Option<String>,
        version: u64,
    ) -> Result<PutOutcome, StateFailure> {
        check_size(value.as_deref())?;
        self.wait(async {
            let key = self.key(scope).await?;
            self.read(&key, scope).await?;
            // The record is copied here, so that the write is based on the record that was checked, even if another
            // thread of this call writes in between.
            let (step, before) = {
                let mut inner = self.lock();
                let before = inner.states.record(&key).cloned();
                (inner.states.begin_put(&key, version)?, before)
            };
            match step {
                PutStep::Conflict(seen) => return Ok(PutOutcome::Conflict(seen)),
                PutStep::ReadAgain => {}
                PutStep::Write => {
                    let written = self.write(&key, before, value).await?;
                    if let Some(version) = self.lock().states.end_put(&key, written)? {
                        return Ok(PutOutcome::Done(version));
                    }
                }
            }
            self.read(&key, scope).await.map(PutOutcome::Conflict)
        })
    }

    /// Sets a state. It is written to the store when the call has succeeded.
    pub(crate) fn set(
        &self,
        scope: &StateScope,
        value: Option<String>,
    ) -> Result<(), StateFailure> {
        check_size(value.as_deref())?;
        self.wait(async {
            let key = self.key(scope).await?;
            // Reads the state, because the version that is stored now is the one to replace.
            self.read(&key, scope).await?;
            self.lock().states.set(&key, value);
            Ok(())
        })
    }

    /// Creates a state, and returns its handle.
    pub(crate) fn create(
        &self,
        value: String,
        ttl: Option<Duration>,
    ) -> Result<String, StateFailure> {
        check_size(Some(&value))?;
        self.wait(async {
            let stores = self.stores()?;
            let handle = Uuid::new_v4().simple().to_string();
            let expires = expiry_after(ttl.unwrap_or(self.limits.ttl));
            let state = ToolState {
                is_fixed: ttl.is_some(),
                ..ToolState::next(None, self.owner.clone(), Some(value), expires)
            };
            let key = format!("state#{handle}");
            let written = stores
                .states
                .write(&key, &state, Expected::VersionOrNothing(0))
                .await;
            match self.or_unavailable(written)? {
                WriteOutcome::Done => Ok(handle),
                // The probability that two random handles are equal is 1 in 2^122.
                WriteOutcome::Conflict => Err(StateFailure::Unavailable),
            }
        })
    }

    /// Writes the values that this call has set, one state after the other. Stops at the first conflict with another
    /// call.
    pub(crate) async fn commit(&self) -> Result<(), StateFailure> {
        let pending = self.lock().states.take_pending()?;
        let work = async {
            for (key, value) in pending {
                let before = self.lock().states.record(&key).cloned();
                let written = self.write(&key, before, value).await?;
                self.lock().states.end_commit(&key, written)?;
            }
            Ok(())
        };
        self.with_timeout(time_until(self.limits.commit_deadline), work)
            .await
    }

    /// Reports whether the call has set values that were not written yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.lock().states.is_pending()
    }

    async fn key(&self, scope: &StateScope) -> Result<String, StateFailure> {
        match scope {
            // A handle that no host can have issued is rejected without reading the store.
            StateScope::Handle(handle) if !is_handle(handle) => Err(StateFailure::UnknownHandle),
            StateScope::Handle(handle) => Ok(format!("state#{handle}")),
            StateScope::Session => {
                let session = self.session.ok_or(StateFailure::NoSession)?;
                if !session.is_checked {
                    self.check_session(session.id).await?;
                }
                Ok(format!("state#{}#{}", session.id, self.owner.plugin))
            }
        }
    }

    /// Checks the session of the call. An unknown session may have state. A session that was ended, or that belongs to
    /// another principal, has no state for this call.
    async fn check_session(&self, session: SessionId) -> Result<(), StateFailure> {
        if self.lock().session_checked {
            return Ok(());
        }
        let found = self.or_unavailable(self.stores()?.sessions.find_consistent(session).await)?;
        let mut inner = match found {
            SessionLookup::Unknown => self.lock(),
            SessionLookup::Alive(found) if found.belongs_to(self.owner.principal.as_deref()) => {
                let mut inner = self.lock();
                inner.used.push(Used::Session(session, found));
                inner
            }
            SessionLookup::Alive(_) | SessionLookup::Ended => return Err(self.session_ended()),
        };
        inner.session_checked = true;
        Ok(())
    }

    /// Reads a state from the store. This happens only once in a call, unless another call has written the state in
    /// between.
    async fn read(&self, key: &str, scope: &StateScope) -> Result<Snapshot<String>, StateFailure> {
        if self.lock().states.record(key).is_some() {
            return Ok(self.lock().states.snapshot(key));
        }
        let stores = self.stores()?;
        let state = self.or_unavailable(stores.states.read(key).await)?;
        let is_own = state.as_ref().is_none_or(|state| state.owner == self.owner);
        let now = SystemTime::now();
        let living = state.as_ref().filter(|state| state.value_at(now).is_some());
        let is_handle = matches!(scope, StateScope::Handle(_));
        check_access(is_handle, is_own, living.is_some()).map_err(|failure| match failure {
            StateFailure::SessionEnded => self.session_ended(),
            other => other,
        })?;
        let mut inner = self.lock();
        if living.is_some_and(|state| self.is_due(state, now)) {
            inner.used.push(Used::State(key.to_owned()));
        }
        inner.states.insert(key, StoredRecord(state));
        Ok(inner.states.snapshot(key))
    }

    /// Reports whether the new expiry of a state must be stored. To save writes, that is so only after a tenth of the
    /// lifetime has passed.
    fn is_due(&self, state: &ToolState, now: SystemTime) -> bool {
        let left = state.expires.duration_since(now).unwrap_or_default();
        left < self.limits.ttl.min(MAX_TTL) / 10 * 9 && !state.is_fixed
    }

    /// Stores the new expiry of the sessions and states that were used. If that fails, the values that were read are
    /// used anyway: they have not expired yet, and later calls try again. So no call waits long or fails because of
    /// this.
    async fn extend_used(&self) {
        static LOG_RATE: RateLimit = RateLimit::new();
        let used = std::mem::take(&mut self.lock().used);
        let Some(stores) = &self.stores else {
            return;
        };
        for used in used {
            let left = EXTEND_TIMEOUT.min(time_until(self.limits.deadline) / 2);
            let key = match &used {
                Used::Session(id, session) => {
                    let _ = timeout(left, stores.sessions.touch(*id, session)).await;
                    continue;
                }
                Used::State(key) => key,
            };
            let extended = stores.states.extend(key, expiry_after(self.limits.ttl));
            if let Err(error) = timeouts::with_timeout(left, extended).await
                && LOG_RATE.is_due()
            {
                let request_id = &self.request_id;
                tracing::warn!(request_id, %error, "the expiry of tool state cannot be extended; it can be read until it expires");
            }
        }
    }

    /// Writes the next version of a record and returns it; `None` if another call has written the state before.
    async fn write(
        &self,
        key: &str,
        before: Option<StoredRecord>,
        value: Option<String>,
    ) -> Result<Option<StoredRecord>, StateFailure> {
        let stores = self.stores()?;
        let before = before.and_then(|StoredRecord(state)| state);
        let before = before.as_ref();
        let expected = ToolState::expected(before, SystemTime::now());
        let expires = match before {
            Some(before) if before.is_fixed => before.expires,
            _ => expiry_after(self.limits.ttl),
        };
        let state = ToolState::next(before, self.owner.clone(), value, expires);
        let written = stores.states.write(key, &state, expected).await;
        Ok(match self.or_unavailable(written)? {
            WriteOutcome::Done => Some(StoredRecord(Some(state))),
            WriteOutcome::Conflict => None,
        })
    }

    fn stores(&self) -> Result<&Stores, StateFailure> {
        static LOGGED: Once = Once::new();
        if self.stores.is_none() {
            LOGGED.call_once(|| {
                let (tool, request_id) = (&self.tool, &self.request_id);
                tracing::warn!(request_id, tool, "MCP_SESSION_TABLE is not set: tools cannot store state between calls, and those that try fail; set it to a DynamoDB table");
            });
        }
        self.stores.as_ref().ok_or(StateFailure::NotKept)
    }

    /// Logs a store's error for the operator. The model receives only that the store is unavailable.
    fn or_unavailable<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StateFailure> {
        outcome.map_err(|error| {
            let request_id = &self.request_id;
            tracing::error!(request_id, %error, "tool state cannot be read or written");
            self.lock().faults.insert(StoreFault::Unavailable);
            StateFailure::Unavailable
        })
    }

    fn session_ended(&self) -> StateFailure {
        self.lock().faults.insert(StoreFault::Ended);
        StateFailure::SessionEnded
    }

    /// Waits for a store on the plugin's thread, at most until the deadline of the call.
    fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, StateFailure>>,
    ) -> Result<T, StateFailure> {
        let runtime = self.runtime.as_ref().ok_or(StateFailure::NotKept)?;
        runtime.block_on(async {
            let left = time_until(self.limits.deadline);
            let left = left - REPLY_RESERVE.min(left / 10);
            let outcome = self.with_timeout(left, work).await;
            self.extend_used().await;
            outcome
        })
    }

    async fn with_timeout<T>(
        &self,
        left: Duration,
        work: impl Future<Output = Result<T, StateFailure>>,
    ) -> Result<T, StateFailure> {
        let outcome = timeouts::with_timeout(left, async { Ok(work.await) }).await;
        outcome.unwrap_or_else(|late| self.or_unavailable(Err(late)))
    }

    fn lock(&self) -> MutexGuard<'_, TransactionState> {
        // A panic while this lock is held cannot leave the data inconsistent.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows only which call this is. The state of tools must not appear in a log.
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

/// Returns the time that is left until a deadline. If there is none, returns the time limit for stores.
fn time_until(deadline: Option<SystemTime>) -> Duration {
    deadline.map_or(STORE_TIMEOUT, |deadline| {
        let left = deadline.duration_since(SystemTime::now());
        left.unwrap_or_default()
    })
}

fn expiry_after(ttl: Duration) -> SystemTime {
    SystemTime::now() + ttl.min(MAX_TTL)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use async_trait::async_trait;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::{
        config::SessionMode, process::log::captured_log::CapturedLog,
        store::tool_state::memory::MemoryStateStore,
    };

    const TTL: Duration = Duration::from_secs(60);

    /// The shared parts of concurrent calls.
    struct Calls {
        runtime: Runtime,
        stores: Stores,
    }

    impl Calls {
        fn new(states: impl StateStore + 'static) -> Self {
            Self {
                runtime: Runtime::new().expect("threads"),
                stores: Stores {
                    states: Arc::new(states),
                    sessions: Arc::new(Sessions::new(SessionMode::Lenient, TTL, None)),
                },
            }
        }

        fn begin(&self) -> CallState {
            self.begin_with(StateLimits {
                ttl: TTL,
                ..StateLimits::default()
            })
        }

        fn begin_with(&self, limits: StateLimits) -> CallState {
            let _entered = self.runtime.enter();
            let stores = Some(self.stores.clone());
            CallState::new(stores, None, Owner::default(), limits, "t", "r")
        }

        fn commit(&self, call: &CallState) -> Result<(), StateFailure> {
            self.runtime.block_on(call.commit())
        }

        /// Returns the stored value.
        fn seen(&self, scope: &StateScope) -> String {
            let read = self.begin().get(scope).expect("it is there");
            read.value.expect("a value")
        }

        /// Returns two handles, in the order in which a call writes them.
        fn two(&self) -> [StateScope; 2] {
            let mut handles = [(); 2].map(|()| {
                let created = self.begin().create("10".to_owned(), None);
                created.expect("a handle")
            });
            handles.sort();
            handles.map(StateScope::Handle)
        }
    }

    fn put(call: &CallState, scope: &StateScope, value: &str) -> Result<PutOutcome, StateFailure> {
        let version = call.get(scope).expect("it is there").version;
        call.put(scope, Some(value.to_owned()), version)
    }

    fn overtaken() -> StateFailure {
        StateFailure::Conflict("t".to_owned())
    }

    #[test]
    fn a_set_value_survives_the_conflict_of_an_update() {
        let calls = Calls::new(MemoryStateStore::default());
        let [one, other] = calls.two();
        for overtakes in [false, true] {
            let before = calls.seen(&one);
            let call = calls.begin();
            call.set(&one, Some("1000".to_owned())).expect("set");
            if overtakes {
                put(&calls.begin(), &one, "11").expect("written");
            }
            let version = call.get(&one).expect("there").version;
            let updated = call.put(&one, Some("1001".to_owned()), version);
            if !overtakes {
                assert!(matches!(updated, Ok(PutOutcome::Done(_))), "{updated:?}");
                assert_eq!(calls.commit(&call), Ok(()));
                assert_eq!((before.as_str(), calls.seen(&one).as_str()), ("10", "1001"));
                continue;
            }
            assert_eq!(updated, Err(overtaken()));
            // The conflict stays, whatever the tool does next.
            assert_eq!(put(&call, &one, "1001"), Err(overtaken()));
            call.set(&other, Some("lost".to_owned())).expect("set");
            assert_eq!(calls.commit(&call), Err(overtaken()));
            assert_eq!(calls.seen(&one), "11");
            assert_eq!(calls.seen(&other), "10");
        }
    }

    #[test]
    fn a_version_that_is_not_the_one_read_does_not_hide_what_was_set() {
        let calls = Calls::new(MemoryStateStore::default());
        let [one, _] = calls.two();
        let call = calls.begin();
        call.set(&one, Some("set".to_owned())).expect("set");
        let refused = call.put(&one, Some("1".to_owned()), 7);
        let seen = call.get(&one).expect("there");
        assert_eq!(seen.value.as_deref(), Some("set"));
        assert_eq!(refused, Ok(PutOutcome::Conflict(seen)));
        assert_eq!(calls.commit(&call), Ok(()));
        assert_eq!(calls.seen(&one), "set");
    }

    #[test]
    fn a_conflict_stops_the_commit_of_later_states() {
        let calls = Calls::new(MemoryStateStore::default());
        let part = || StateFailure::PartialConflict("t".to_owned());
        for (faster, told, left) in [(0, overtaken(), ["11", "10"]), (1, part(), ["9", "11"])] {
            let both = calls.two();
            let call = calls.begin();
            for scope in &both {
                call.set(scope, Some("9".to_owned())).expect("set");
            }
            put(&calls.begin(), &both[faster], "11").expect("written");
            assert_eq!(calls.commit(&call), Err(told));
            assert_eq!([calls.seen(&both[0]), calls.seen(&both[1])], left);
        }
        // The updated value was written, too.
        let [one, other] = calls.two();
        let call = calls.begin();
        put(&call, &one, "9").expect("written");
        call.set(&other, Some("9".to_owned())).expect("set");
        put(&calls.begin(), &other, "11").expect("written");
        assert_eq!(calls.commit(&call), Err(part()));
    }

    #[test]
    fn a_set_value_is_written_after_the_tools_whole_time() {
        let calls = Calls::new(MemoryStateStore::default());
        let [one, _] = calls.two();
        let soon = SystemTime::now() + Duration::from_millis(500);
        let call = calls.begin_with(StateLimits {
            ttl: TTL,
            deadline: Some(soon),
            commit_deadline: Some(soon + Duration::from_secs(3600)),
        });
        call.set(&one, Some("in time".to_owned())).expect("set");
        while SystemTime::now() < soon {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(call.get(&one), Err(StateFailure::Unavailable));
        assert_eq!(calls.commit(&call), Ok(()));
        assert_eq!(calls.seen(&one), "in time");
    }

    #[test]
    fn a_store_fault_reaches_the_client_only_if_the_failures_message_contains_it() {
        let calls = Calls::new(MemoryStateStore::default());
        let [one, _] = calls.two();
        let call = calls.begin_with(StateLimits {
            deadline: Some(SystemTime::now()),
            ..StateLimits::default()
        });
        let words = StateFailure::Unavailable.to_string();
        assert_eq!(
            call.client_fault([words.as_str()]),
            None,
            "it has not happened"
        );
        let told = call.get(&one).expect_err("no time is left").to_string();
        assert_eq!(told, words);
        for (said, fault) in [
            (words.clone(), Some(StoreFault::Unavailable)),
            (
                format!("the list cannot be read: {words}"),
                Some(StoreFault::Unavailable),
            ),
            ("no such city".to_owned(), None),
            (StateFailure::SessionEnded.to_string(), None),
        ] {
            assert_eq!(call.client_fault([said.as_str()]), fault, "{said}");
        }
    }

    /// A store with a state that is about to expire, and cannot be extended.
    struct Hanging;

    #[async_trait]
    impl StateStore for Hanging {
        async fn read(&self, _: &str) -> Result<Option<ToolState>, StoreError> {
            let expires = SystemTime::now() + TTL / 2;
            let value = Some("1".to_owned());
            Ok(Some(ToolState::next(
                None,
                Owner::default(),
                value,
                expires,
            )))
        }

        async fn write(
            &self,
            _: &str,
            _: &ToolState,
            _: Expected,
        ) -> Result<WriteOutcome, StoreError> {
            Ok(WriteOutcome::Done)
        }

        async fn extend(&self, _: &str, _: SystemTime) -> Result<(), StoreError> {
            pending().await
        }
    }

    #[test]
    fn a_failed_extension_delays_no_call_and_is_logged() {
        let operator = CapturedLog::new("WARN");
        let calls = Calls::new(Hanging);
        let scope = StateScope::Handle("0".repeat(32));
        for _ in 0..3 {
            let call = calls.begin_with(StateLimits {
                ttl: TTL,
                deadline: Some(SystemTime::now() + Duration::from_secs(3600)),
                commit_deadline: None,
            });
            let read = call.get(&scope).expect("it is served");
            assert_eq!(read.value.as_deref(), Some("1"));
        }
        let lines = operator.lines();
        let told = "the expiry of tool state cannot be extended; it can be read until it expires";
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["message"], told);
    }
}
