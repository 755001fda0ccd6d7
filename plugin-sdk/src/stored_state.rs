//! State that a tool stores between calls: one value for the client's session, or one per handle.

use std::{fmt, str::FromStr, time::Duration};

use plugin_abi::{Host, host_op};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{
    Context, StateError, StateErrorKind,
    runtime::{host_client, non_finite},
};

/// The maximum number of attempts of [`StoredState::update`]. Source: ours. With a hundred concurrent calls each of
/// them succeeds.
const MAX_UPDATE_ATTEMPTS: u32 = 200;

/// A value that the tools of a plugin store between calls, wherever these run: one per session of a client
/// ([`Context::state`]), or one per [`Handle`] ([`StoredState::at`]).
///
/// A value is any JSON of up to 350 KB. It belongs to the plugin and to the caller: other plugins and other principals do
/// not see it. It is deleted with its session, or when it was not used for the lifetime of a session.
///
/// ```
/// use plugin_sdk::prelude::*;
///
/// /// What is to be bought.
/// #[data]
/// #[derive(Default)]
/// struct List {
///     items: Vec<String>,
/// }
///
/// /// Put something on the shopping list.
/// #[tool]
/// fn buy(item: String, context: Context) -> Result<usize, ToolError> {
///     let length = context.state().update(|list: &mut List| {
///         list.items.push(item.clone());
///         list.items.len()
///     })?;
///     Ok(length)
/// }
///
/// export_tools!(buy);
///
/// # fn main() {
/// # use plugin_sdk::{serde_json::json, testing::plugin};
/// let buy = plugin().tool("buy").in_session("anybody's");
/// assert_eq!(buy.call(json!({ "item": "bread" })).text(), "1");
/// assert_eq!(buy.call(json!({ "item": "milk" })).text(), "2");
/// # }
/// ```
///
/// Clients of MCP 2026-07-28 have no sessions. For them a tool creates a handle, returns it as an ordinary value, and takes
/// it as an argument of later calls:
///
/// ```
/// use plugin_sdk::{Handle, prelude::*};
///
/// /// Begin a count; later calls need the handle that comes back.
/// #[tool]
/// fn begin(context: Context) -> Result<String, ToolError> {
///     Ok(context.state().create(&0u32)?.to_string())
/// }
///
/// /// Count on.
/// #[tool]
/// fn count(handle: Handle, context: Context) -> Result<u32, ToolError> {
///     let kept = context.state().at(&handle);
///     Ok(kept.update(|count: &mut u32| { *count += 1; *count })?)
/// }
///
/// export_tools!(begin, count);
/// ```
///
/// | method | written | if another call wrote first |
/// |---|---|---|
/// | [`update`](Self::update), [`try_update`](Self::try_update) | at once | the value is read and changed again: nothing is lost |
/// | [`set`](Self::set), [`delete`](Self::delete) | after the call has succeeded; never if it fails, panics, times out or asks its client | the call fails with a message |
/// | [`create`](Self::create) | at once | not possible |
///
/// A call reads each state once. [`get`](Self::get) returns the value of that time, or the value that the call has written
/// since. If a call sets several states, they are written in order, up to the first one that another call has changed.
/// Then the call fails, and its message says whether a part was written. Store values that belong together as one value.
/// An `update` after a `set` in the same call is also refused ([`Conflict`](StateErrorKind::Conflict)) if another call wrote
/// first.
///
/// # If the store cannot be reached
///
/// The error has the kind [`Unavailable`](StateErrorKind::Unavailable). A tool that passes it on, with `?` or as the cause of
/// its own error, informs the client that it may retry. A write may or may not have been applied, because its response may
/// have been lost. Retrying a tool that counts can therefore count twice. Where that matters, store the id of the last
/// operation (an argument) with the value, and do nothing if it is there already.
///
/// # In async tools
///
/// All these methods block, and the async tools of a plugin share one thread: while one of them waits for its state, all
/// others wait too. Run them on another thread:
///
/// ```
/// use plugin_sdk::prelude::*;
///
/// /// Count on.
/// #[tool]
/// async fn count(context: Context) -> Result<u32, ToolError> {
///     let state = context.state();
///     let counting = tokio::task::spawn_blocking(move || {
///         state.update(|count: &mut u32| { *count += 1; *count })
///     });
///     Ok(counting.await??)
/// }
///
/// export_tools!(count);
///
/// # fn main() {
/// # use plugin_sdk::{serde_json::json, testing::plugin};
/// let count = plugin().tool("count").in_session("an async one");
/// assert_eq!(count.call(json!({})).text(), "1");
/// assert_eq!(count.call(json!({})).text(), "2");
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct StoredState {
    context: Context,
    handle: Option<Handle>,
}

/// The name of a state that a tool stores outside of sessions. Anyone who has it can use it, through the same plugin and
/// as the same caller. It cannot be guessed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Handle(String);

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Handle {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl Context {
    /// Returns the state that the tools of this plugin store for the client's session; see [`StoredState`].
    #[must_use]
    pub fn state(&self) -> StoredState {
        StoredState {
            context: self.clone(),
            handle: None,
        }
    }
}

/// The host's answer: `{"version": 3, "value": ...}`, with `"conflict": true` if another call wrote first;
/// `{"handle": "..."}` for a new state.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    version: u64,
    #[serde(default, deserialize_with = "some_value")]
    value: Option<Value>,
    #[serde(default)]
    conflict: bool,
    #[serde(default)]
    handle: Option<Handle>,
}

/// Decodes a value that is present. Null is a value.
fn some_value<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl StoredState {
    /// Returns the state with this handle.
    #[must_use]
    pub fn at(self, handle: &Handle) -> Self {
        Self {
            handle: Some(handle.clone()),
            ..self
        }
    }

    /// Returns the value; `None` if there is none. After [`set`](Self::set) it is the value that was set.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn get<T: DeserializeOwned>(&self) -> Result<Option<T>, StateError> {
        let answer = self.request("get", Map::new())?;
        answer.value.map(decode).transpose()
    }

    /// Stores a value, if the call succeeds.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn set<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), StateError> {
        self.request("set", member("value", encode(value)?))
            .map(drop)
    }

    /// Deletes the value, if the call succeeds.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn delete(&self) -> Result<(), StateError> {
        self.request("set", Map::new()).map(drop)
    }

    /// Changes the value, or the default if there is none, and stores it at once. If another call wrote first,
    /// `change` runs again on the new value: it must have no other effect.
    ///
    /// The change is stored whatever `change` returns, even an `Err`. Use [`try_update`](Self::try_update) for a
    /// change that may refuse.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn update<T, R>(&self, mut change: impl FnMut(&mut T) -> R) -> Result<R, StateError>
    where
        T: DeserializeOwned + Serialize + Default,
    {
        self.try_update(|value| Ok(change(value)))
    }

    /// Changes the value like [`update`](Self::update), with a `change` that may refuse: if it returns an `Err`, nothing is
    /// written, and this method returns that error. (If the compiler cannot infer its type, write
    /// `|balance: &mut u32| -> Result<_, ToolError>`.)
    ///
    /// ```
    /// use plugin_sdk::prelude::*;
    ///
    /// /// Spend something.
    /// #[tool]
    /// fn spend(amount: u32, context: Context) -> Result<u32, ToolError> {
    ///     context.state().try_update(|balance: &mut u32| {
    ///         *balance = balance.checked_sub(amount).ok_or("there is not that much")?;
    ///         Ok(*balance)
    ///     })
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// The error of `change`, or a [`StateError`].
    pub fn try_update<T, R, E>(
        &self,
        mut change: impl FnMut(&mut T) -> Result<R, E>,
    ) -> Result<R, E>
    where
        T: DeserializeOwned + Serialize + Default,
        E: From<StateError>,
    {
        let mut found = self.request("get", Map::new())?;
        for _ in 0..MAX_UPDATE_ATTEMPTS {
            let mut value: T = found.value.map(decode).transpose()?.unwrap_or_default();
            let result = change(&mut value)?;
            let mut put = member("value", encode(&value)?);
            put.insert("version".to_owned(), found.version.into());
            found = self.request("put", put)?;
            if !found.conflict {
                return Ok(result);
            }
            if self.context.cancelled() {
                break;
            }
        }
        let message = "other calls keep changing the stored state; try again later";
        Err(StateError::new(StateErrorKind::Unavailable, message).into())
    }

    /// Stores a new value, and returns its new handle.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn create<T: Serialize + ?Sized>(&self, value: &T) -> Result<Handle, StateError> {
        self.create_with(value, None)
    }

    /// Stores a new value for this time, however often it is used or changed, and returns its new handle. The time is
    /// rounded up to whole seconds.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn create_for<T: Serialize + ?Sized>(
        &self,
        ttl: Duration,
        value: &T,
    ) -> Result<Handle, StateError> {
        self.create_with(value, Some(ttl))
    }

    fn create_with<T: Serialize + ?Sized>(
        &self,
        value: &T,
        ttl: Option<Duration>,
    ) -> Result<Handle, StateError> {
        let mut create = member("value", encode(value)?);
        if let Some(ttl) = ttl {
            let started = u64::from(ttl.subsec_nanos() > 0);
            let seconds = ttl.as_secs().saturating_add(started);
            create.insert("ttlSeconds".to_owned(), seconds.into());
        }
        create.insert("do".to_owned(), "create".into());
        let answer = request(self.context.host(), &create)?;
        answer
            .handle
            .ok_or_else(|| StateError::new(StateErrorKind::Unavailable, "the host gave no handle"))
    }

    fn request(&self, what: &str, mut members: Map<String, Value>) -> Result<Answer, StateError> {
        members.insert("do".to_owned(), what.into());
        if let Some(handle) = &self.handle {
            members.insert("handle".to_owned(), json!(handle));
        }
        request(self.context.host(), &members)
    }
}

fn request(host: Host, payload: &Map<String, Value>) -> Result<Answer, StateError> {
    #[derive(Deserialize)]
    struct ErrorPayload {
        kind: String,
        public: Option<String>,
    }
    host_client::request_with(host, host_op::STATE, payload).map_err(|error| {
        let error = serde_json::from_slice::<ErrorPayload>(&error).ok();
        let name = error.as_ref().map(|error| error.kind.as_str());
        let kind = name.map_or(StateErrorKind::Unavailable, StateErrorKind::parse);
        let message = error.and_then(|error| error.public);
        let message = message.unwrap_or_else(|| {
            let message = match kind {
                StateErrorKind::CallEnded => "the call has ended: it can no longer store state",
                _ => "this host stores no state between calls",
            };
            message.to_owned()
        });
        StateError::new(kind, message)
    })
}

fn member(name: &str, value: Value) -> Map<String, Value> {
    [(name.to_owned(), value)].into_iter().collect()
}

fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Value, StateError> {
    // JSON has no infinite numbers. `serde_json` would write null for them, which reads as another type.
    let checked = non_finite::check(value).map_err(|error| error.to_string());
    let encoded =
        checked.and_then(|()| serde_json::to_value(value).map_err(|error| error.to_string()));
    encoded.map_err(|error| {
        let message = format!("the new state cannot be serialized as JSON: {error}");
        StateError::new(StateErrorKind::Unreadable, message)
    })
}

fn decode<T: DeserializeOwned>(value: Value) -> Result<T, StateError> {
    serde_json::from_value(value).map_err(|error| {
        let message = format!("the stored state does not have the requested type: {error}");
        StateError::new(StateErrorKind::Unreadable, message)
    })
}
