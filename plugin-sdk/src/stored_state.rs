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

/// The maximum number of attempts of [`StoredState::update`]. Source: ours; with a hundred concurrent calls, every call
/// succeeds.
const MAX_UPDATE_ATTEMPTS: u32 = 200;

/// A value that the tools of a plugin store between calls, even if the calls run in different environments. There is
/// one value for each session of a client ([`Context::state`]) and one for each [`Handle`] ([`StoredState::at`]).
///
/// A value is any JSON of up to 350 KB. It belongs to the plugin and to the caller: other plugins and other callers
/// cannot read it. It is deleted when its session ends, or when it has not been used for as long as an unused session
/// is kept.
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
/// In MCP 2026-07-28 there are no sessions. There, a tool creates a handle, returns it as an ordinary value, and
/// receives it as an argument of later calls:
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
/// | method | when the value is written | what happens if another call wrote first |
/// |---|---|---|
/// | [`update`](Self::update), [`try_update`](Self::try_update) | immediately | the value is read and changed again, so that neither change is lost |
/// | [`set`](Self::set), [`delete`](Self::delete) | when the call has succeeded; not if it fails, panics, times out or ends with an input request | the call fails with a message |
/// | [`create`](Self::create) | immediately | cannot happen: the handle is new |
///
/// A call reads each state from the store only once. Later, [`get`](Self::get) returns the value that was read then, or
/// the value that the call has written since. If a call sets several states, they are written one by one, until one of
/// them turns out to have been changed by another call. Then the call fails, and its message says whether a part was
/// written. Store values that belong together as one value. If a call uses `update` after `set` on the same state, and
/// another call wrote first, the `update` fails ([`Conflict`](StateErrorKind::Conflict)).
///
/// # If the store cannot be reached
///
/// The error has the kind [`Unavailable`](StateErrorKind::Unavailable). If the tool returns this error, with `?` or as
/// the cause of its own error, the client is told that it may retry the call. The failed write may have been applied
/// nevertheless, because only its response may have been lost. So if a call that increments a counter is retried, it
/// may increment it twice. To prevent that, let the client pass an id of the operation as an argument, store it with
/// the value, and do nothing if the stored id is the same.
///
/// # In async tools
///
/// All these methods block the thread. While an async tool blocks in one of them, the plugin's other async tools may
/// have to wait too. Call these methods on another thread:
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

/// The name of a state that a tool stores outside of sessions. It cannot be guessed, and works only for the plugin and
/// the caller that created it.
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

/// The host's answer: `{"version": 3, "value": ...}`, together with `"conflict": true` if another call wrote first;
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

/// Decodes a member that is present. Null is a stored value too, different from a missing member.
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

    /// Returns the value; `None` if nothing is stored. After a [`set`](Self::set) in the same call, it is the value
    /// that was set.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn get<T: DeserializeOwned>(&self) -> Result<Option<T>, StateError> {
        let answer = self.request("get", Map::new())?;
        answer.value.map(decode).transpose()
    }

    /// Sets the value. It is written when the call has succeeded.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn set<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), StateError> {
        self.request("set", member("value", encode(value)?))
            .map(drop)
    }

    /// Deletes the value. It is deleted when the call has succeeded.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn delete(&self) -> Result<(), StateError> {
        self.request("set", Map::new()).map(drop)
    }

    /// Changes the value, and writes it immediately. If nothing is stored, `change` starts with the default of `T`. If
    /// another call wrote first, `change` runs again on the new value: it must have no side effects.
    ///
    /// The value is written even if `change` returns an `Err`. If `change` can fail, use
    /// [`try_update`](Self::try_update).
    ///
    /// # Errors
    /// [`StateError`]
    pub fn update<T, R>(&self, mut change: impl FnMut(&mut T) -> R) -> Result<R, StateError>
    where
        T: DeserializeOwned + Serialize + Default,
    {
        self.try_update(|value| Ok(change(value)))
    }

    /// Changes the value like [`update`](Self::update), with a `change` that can fail: if it returns an `Err`, nothing
    /// is written, and this method returns that error. (If the compiler cannot infer its type, write
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

    /// Writes a new value immediately, and returns a new handle to it.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn create<T: Serialize + ?Sized>(&self, value: &T) -> Result<Handle, StateError> {
        self.create_with(value, None)
    }

    /// Writes a new value immediately, and returns a new handle to it. The value expires after `ttl`, regardless of how
    /// often it is used or changed. `ttl` is rounded up to whole seconds.
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
    // JSON has no infinite numbers. `serde_json` would write null in their place, which cannot be decoded as a number
    // later.
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
