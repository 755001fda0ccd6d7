//! The states that one call reads and writes, on behalf of its tool.

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
    process::log::OnceAMinute,
    store::{
        session::{
            Found, Session, SessionId, StoreError,
            lookup::{A_CENTURY, Sessions},
        },
        timeouts::{self, EXTENSION},
        tool_state::{Expected, Owner, StateStore, ToolState, Written},
    },
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
    /// When whoever waits for the answer does so no longer: what a call has set is written until then, also when its tool
    /// has taken all the time that is its own.
    pub(crate) commit_deadline: Option<SystemTime>,
}

/// Whose a state is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The session's that the call is in.
    Session,
    /// Whoever has this handle.
    Handle(String),
}

/// What is to be told the client, rather than its model, when a call has failed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// The session has ended, or is another principal's.
    Ended,
    /// A store could not be reached. The operator was told why.
    Unavailable,
}

impl Trouble {
    /// The error that the tool got.
    fn failure(self) -> StateFailure {
        match self {
            Self::Ended => StateFailure::SessionEnded,
            Self::Unavailable => StateFailure::Unavailable,
        }
    }
}

/// The session that a call is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfSession {
    pub(crate) id: SessionId,
    /// Was it looked up for this very call where all know of it?
    pub(crate) is_checked: bool,
}

/// What became of a write that is done at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    Done(u64),
    /// Somebody else was faster: this is what is there now.
    Conflict(Snapshot<String>),
}

/// A state as it was read; `None` where there is none.
#[derive(Clone, Debug)]
struct Stored(Option<ToolState>);

impl StateRecord for Stored {
    type Value = String;

    fn version(&self) -> u64 {
        self.0.as_ref().map_or(0, |state| state.version)
    }

    fn value(&self) -> Option<String> {
        let value = self.0.as_ref()?.value_at(SystemTime::now());
        value.map(str::to_owned)
    }
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
    tool: String,
    request_id: String,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The session was looked up, and may be used.
    session_checked: bool,
    /// Why the call may fail.
    troubles: BTreeSet<Trouble>,
    /// The kind of the error that it fails for, if its plugin has named it.
    cause: Option<String>,
    states: StateTransaction<Stored>,
    /// What was used, and is to live on.
    used: Vec<Used>,
}

/// Something whose life is to be extended, as it was used.
enum Used {
    Session(SessionId, Session),
    State(String),
}

impl CallState {
    pub(crate) fn new(
        stores: Option<Stores>,
        session: Option<OfSession>,
        owner: Owner,
        limits: Limits,
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
            known: Mutex::new(Known {
                states: StateTransaction::new(tool),
                ..Known::default()
            }),
        }
    }

    /// Takes note of the kind of the state error that the call fails for, as its plugin names it.
    pub(crate) fn fails_for(&self, kind: String) {
        self.known().cause = Some(kind);
    }

    /// Returns the trouble that the client of a failed call is answered for: the one that its plugin names by its kind. A plugin that
    /// names none passes on the message of the error instead (`plugin-abi/PAYLOADS.md`). A tool that can do without its state may
    /// fail for something else.
    pub(crate) fn trouble<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Option<Trouble> {
        let known = self.known();
        let mut troubles = known.troubles.iter().copied();
        if let Some(kind) = &known.cause {
            return troubles.find(|trouble| trouble.failure().kind().as_str() == kind);
        }
        if known.troubles.is_empty() {
            return None;
        }
        let words: Vec<_> = words.into_iter().collect();
        troubles.find(|trouble| {
            let passed_on = trouble.failure().to_string();
            words.iter().any(|words| words.contains(&passed_on))
        })
    }

    /// Read a state; what this call has set comes first.
    pub(crate) fn get(&self, whose: &Whose) -> Result<Snapshot<String>, StateFailure> {
        self.wait(async {
            let key = self.key(whose).await?;
            self.read(&key, whose).await
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
            self.read(&key, whose).await?;
            // The write builds on the record that was checked, also when another thread of this call writes meanwhile.
            let (step, before) = {
                let mut known = self.known();
                let before = known.states.record(&key).cloned();
                (known.states.begin_put(&key, version)?, before)
            };
            match step {
                PutStep::Conflict(seen) => return Ok(Put::Conflict(seen)),
                PutStep::ReadAgain => {}
                PutStep::Write => {
                    let written = self.write(&key, before, value).await?;
                    if let Some(version) = self.known().states.end_put(&key, written)? {
                        return Ok(Put::Done(version));
                    }
                }
            }
            self.read(&key, whose).await.map(Put::Conflict)
        })
    }

    /// Write a state when the call has succeeded.
    pub(crate) fn set(&self, whose: &Whose, value: Option<String>) -> Result<(), StateFailure> {
        check_size(value.as_deref())?;
        self.wait(async {
            let key = self.key(whose).await?;
            // The version that is there now is the one that it replaces.
            self.read(&key, whose).await?;
            self.known().states.set(&key, value);
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

    /// Write what was set, each state for itself, until another call was faster with one of them.
    pub(crate) async fn commit(&self) -> Result<(), StateFailure> {
        let pending = self.known().states.take_pending()?;
        let work = async {
            for (key, value) in pending {
                let before = self.known().states.record(&key).cloned();
                let written = self.write(&key, before, value).await?;
                self.known().states.end_commit(&key, written)?;
            }
            Ok(())
        };
        self.within(left_until(self.limits.commit_deadline), work)
            .await
    }

    /// Is there anything to commit?
    pub(crate) fn is_pending(&self) -> bool {
        self.known().states.is_pending()
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
        let mut known = match found {
            Found::Unknown => self.known(),
            Found::Alive(found) if found.is_of(self.owner.principal.as_deref()) => {
                let mut known = self.known();
                known.used.push(Used::Session(session, found));
                known
            }
            Found::Alive(_) | Found::Ended => return Err(self.ended()),
        };
        known.session_checked = true;
        Ok(())
    }

    /// What is there, read once in a call unless somebody else was faster.
    async fn read(&self, key: &str, whose: &Whose) -> Result<Snapshot<String>, StateFailure> {
        if self.known().states.record(key).is_some() {
            return Ok(self.known().states.snapshot(key));
        }
        let stores = self.stores()?;
        let state = self.told(stores.states.read(key).await)?;
        let is_own = state.as_ref().is_none_or(|state| state.owner == self.owner);
        let now = SystemTime::now();
        let living = state.as_ref().filter(|state| state.value_at(now).is_some());
        let is_handle = matches!(whose, Whose::Handle(_));
        check_access(is_handle, is_own, living.is_some()).map_err(|failure| match failure {
            StateFailure::SessionEnded => self.ended(),
            other => other,
        })?;
        let mut known = self.known();
        if living.is_some_and(|state| self.is_due(state, now)) {
            known.used.push(Used::State(key.to_owned()));
        }
        known.states.insert(key, Stored(state));
        Ok(known.states.snapshot(key))
    }

    /// What is used lives on; once in a tenth of its life that is written down.
    fn is_due(&self, state: &ToolState, now: SystemTime) -> bool {
        let left = state.expires.duration_since(now).unwrap_or_default();
        left < self.limits.ttl.min(A_CENTURY) / 10 * 9 && !state.is_fixed
    }

    /// Write down that what was used lives on. If that cannot be, it was read all the same, as it is not over yet; before it
    /// is, there are more tries. So no call waits long for it, or fails for it.
    async fn extend_used(&self) {
        static TOLD: OnceAMinute = OnceAMinute::new();
        let used = std::mem::take(&mut self.known().used);
        let Some(stores) = &self.stores else {
            return;
        };
        for used in used {
            let left = EXTENSION.min(left_until(self.limits.deadline) / 2);
            let key = match &used {
                Used::Session(id, session) => {
                    let _ = timeout(left, stores.sessions.use_now(*id, session)).await;
                    continue;
                }
                Used::State(key) => key,
            };
            let extended = stores.states.extend(key, end(self.limits.ttl));
            if let Err(error) = timeouts::within(left, extended).await
                && TOLD.is_due()
            {
                let request_id = &self.request_id;
                tracing::warn!(request_id, %error, "the life of what a tool keeps cannot be extended; it is read as long as it lives");
            }
        }
    }

    /// Writes the next version of a record. Returns it; `None`: somebody else was faster.
    async fn write(
        &self,
        key: &str,
        before: Option<Stored>,
        value: Option<String>,
    ) -> Result<Option<Stored>, StateFailure> {
        let stores = self.stores()?;
        let before = before.and_then(|Stored(state)| state);
        let before = before.as_ref();
        let expected = ToolState::expected(before, SystemTime::now());
        let expires = match before {
            Some(before) if before.is_fixed => before.expires,
            _ => end(self.limits.ttl),
        };
        let state = ToolState::next(before, self.owner.clone(), value, expires);
        let written = stores.states.write(key, &state, expected).await;
        Ok(match self.told(written)? {
            Written::Done => Some(Stored(Some(state))),
            Written::Conflict => None,
        })
    }

    fn stores(&self) -> Result<&Stores, StateFailure> {
        static TOLD: Once = Once::new();
        if self.stores.is_none() {
            TOLD.call_once(|| {
                let (tool, request_id) = (&self.tool, &self.request_id);
                tracing::warn!(request_id, tool, "SESSION_TABLE is not set: tools cannot keep anything between calls, and those that want to fail; set it to a DynamoDB table");
            });
        }
        self.stores.as_ref().ok_or(StateFailure::NotKept)
    }

    /// The operator is told why, the model only that.
    fn told<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StateFailure> {
        outcome.map_err(|error| {
            let request_id = &self.request_id;
            tracing::error!(request_id, %error, "what tools keep cannot be read or written");
            self.known().troubles.insert(Trouble::Unavailable);
            StateFailure::Unavailable
        })
    }

    fn ended(&self) -> StateFailure {
        self.known().troubles.insert(Trouble::Ended);
        StateFailure::SessionEnded
    }

    /// Wait on the plugin's thread, no longer than the call may take.
    fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, StateFailure>>,
    ) -> Result<T, StateFailure> {
        let runtime = self.runtime.as_ref().ok_or(StateFailure::NotKept)?;
        runtime.block_on(async {
            let left = left_until(self.limits.deadline);
            let left = left - LAST_WORDS.min(left / 10);
            let outcome = self.within(left, work).await;
            self.extend_used().await;
            outcome
        })
    }

    async fn within<T>(
        &self,
        left: Duration,
        work: impl Future<Output = Result<T, StateFailure>>,
    ) -> Result<T, StateFailure> {
        let outcome = timeouts::within(left, async { Ok(work.await) }).await;
        outcome.unwrap_or_else(|late| self.told(Err(late)))
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

/// How long something is away; where nothing is, as long as stores are waited for.
fn left_until(deadline: Option<SystemTime>) -> Duration {
    deadline.map_or(PATIENCE, |deadline| {
        let left = deadline.duration_since(SystemTime::now());
        left.unwrap_or_default()
    })
}

fn end(ttl: Duration) -> SystemTime {
    SystemTime::now() + ttl.min(A_CENTURY)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use async_trait::async_trait;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::{
        config::SessionMode, process::log::operator::Operator,
        store::tool_state::memory::MemoryStates,
    };

    const TTL: Duration = Duration::from_secs(60);

    /// Some calls at once, by what they share.
    struct Calls {
        runtime: Runtime,
        stores: Stores,
    }

    impl Calls {
        fn of(states: impl StateStore + 'static) -> Self {
            Self {
                runtime: Runtime::new().expect("threads"),
                stores: Stores {
                    states: Arc::new(states),
                    sessions: Arc::new(Sessions::new(SessionMode::Heal, TTL, None)),
                },
            }
        }

        fn begin(&self) -> CallState {
            self.begin_with(Limits {
                ttl: TTL,
                ..Limits::default()
            })
        }

        fn begin_with(&self, limits: Limits) -> CallState {
            let _entered = self.runtime.enter();
            let stores = Some(self.stores.clone());
            CallState::new(stores, None, Owner::default(), limits, "t", "r")
        }

        fn commit(&self, call: &CallState) -> Result<(), StateFailure> {
            self.runtime.block_on(call.commit())
        }

        /// What is there now.
        fn seen(&self, whose: &Whose) -> String {
            let read = self.begin().get(whose).expect("it is there");
            read.value.expect("a value")
        }

        /// Two handles, in the order in which a call writes them.
        fn two(&self) -> [Whose; 2] {
            let mut handles = [(); 2].map(|()| {
                let created = self.begin().create("10".to_owned(), None);
                created.expect("a handle")
            });
            handles.sort();
            handles.map(Whose::Handle)
        }
    }

    fn put(call: &CallState, whose: &Whose, value: &str) -> Result<Put, StateFailure> {
        let version = call.get(whose).expect("it is there").version;
        call.put(whose, Some(value.to_owned()), version)
    }

    fn overtaken() -> StateFailure {
        StateFailure::Conflict("t".to_owned())
    }

    #[test]
    fn what_was_set_is_not_lost_to_an_update_when_another_call_was_faster() {
        let calls = Calls::of(MemoryStates::default());
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
                assert!(matches!(updated, Ok(Put::Done(_))), "{updated:?}");
                assert_eq!(calls.commit(&call), Ok(()));
                assert_eq!((before.as_str(), calls.seen(&one).as_str()), ("10", "1001"));
                continue;
            }
            assert_eq!(updated, Err(overtaken()));
            // Whatever the tool makes of that.
            assert_eq!(put(&call, &one, "1001"), Err(overtaken()));
            call.set(&other, Some("lost".to_owned())).expect("set");
            assert_eq!(calls.commit(&call), Err(overtaken()));
            assert_eq!(calls.seen(&one), "11");
            assert_eq!(calls.seen(&other), "10");
        }
    }

    #[test]
    fn a_version_that_is_not_the_one_read_does_not_hide_what_was_set() {
        let calls = Calls::of(MemoryStates::default());
        let [one, _] = calls.two();
        let call = calls.begin();
        call.set(&one, Some("set".to_owned())).expect("set");
        let refused = call.put(&one, Some("1".to_owned()), 7);
        let seen = call.get(&one).expect("there");
        assert_eq!(seen.value.as_deref(), Some("set"));
        assert_eq!(refused, Ok(Put::Conflict(seen)));
        assert_eq!(calls.commit(&call), Ok(()));
        assert_eq!(calls.seen(&one), "set");
    }

    #[test]
    fn of_several_that_are_set_none_is_written_after_one_that_another_call_has_changed() {
        let calls = Calls::of(MemoryStates::default());
        let part = || StateFailure::PartialConflict("t".to_owned());
        for (faster, told, left) in [(0, overtaken(), ["11", "10"]), (1, part(), ["9", "11"])] {
            let both = calls.two();
            let call = calls.begin();
            for whose in &both {
                call.set(whose, Some("9".to_owned())).expect("set");
            }
            put(&calls.begin(), &both[faster], "11").expect("written");
            assert_eq!(calls.commit(&call), Err(told));
            assert_eq!([calls.seen(&both[0]), calls.seen(&both[1])], left);
        }
        // What was updated was written as well.
        let [one, other] = calls.two();
        let call = calls.begin();
        put(&call, &one, "9").expect("written");
        call.set(&other, Some("9".to_owned())).expect("set");
        put(&calls.begin(), &other, "11").expect("written");
        assert_eq!(calls.commit(&call), Err(part()));
    }

    #[test]
    fn what_was_set_is_written_also_when_the_tool_has_taken_all_its_time() {
        let calls = Calls::of(MemoryStates::default());
        let [one, _] = calls.two();
        let soon = SystemTime::now() + Duration::from_millis(500);
        let call = calls.begin_with(Limits {
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
    fn a_trouble_is_told_the_client_only_when_the_words_of_the_failure_pass_it_on() {
        let calls = Calls::of(MemoryStates::default());
        let [one, _] = calls.two();
        let call = calls.begin_with(Limits {
            deadline: Some(SystemTime::now()),
            ..Limits::default()
        });
        let words = StateFailure::Unavailable.to_string();
        assert_eq!(call.trouble([words.as_str()]), None, "it has not happened");
        let told = call.get(&one).expect_err("no time is left").to_string();
        assert_eq!(told, words);
        for (said, trouble) in [
            (words.clone(), Some(Trouble::Unavailable)),
            (
                format!("the list cannot be read: {words}"),
                Some(Trouble::Unavailable),
            ),
            ("no such city".to_owned(), None),
            (StateFailure::SessionEnded.to_string(), None),
        ] {
            assert_eq!(call.trouble([said.as_str()]), trouble, "{said}");
        }
    }

    /// What is there is about to end, and nothing lets it live on.
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

        async fn write(&self, _: &str, _: &ToolState, _: Expected) -> Result<Written, StoreError> {
            Ok(Written::Done)
        }

        async fn extend(&self, _: &str, _: SystemTime) -> Result<(), StoreError> {
            pending().await
        }
    }

    #[test]
    fn nobody_waits_for_a_life_that_cannot_be_extended_and_a_line_says_so() {
        let operator = Operator::at("WARN");
        let calls = Calls::of(Hanging);
        let whose = Whose::Handle("0".repeat(32));
        for _ in 0..3 {
            let call = calls.begin_with(Limits {
                ttl: TTL,
                deadline: Some(SystemTime::now() + Duration::from_secs(3600)),
                commit_deadline: None,
            });
            let read = call.get(&whose).expect("it is served");
            assert_eq!(read.value.as_deref(), Some("1"));
        }
        let lines = operator.lines();
        let told =
            "the life of what a tool keeps cannot be extended; it is read as long as it lives";
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["message"], told);
    }
}
