//! What a tool keeps between calls: one value for the client's session, or as many as it makes handles for.

use std::{fmt, str::FromStr, time::Duration};

use plugin_abi::{Host, host_op};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{
    Context, StateError, StateErrorKind,
    runtime::{host_client, non_finite},
};

/// How often [`StoredState::update`] tries to be the faster one. Source: ours. Of a hundred calls at once each has its turn.
const MAX_UPDATE_ATTEMPTS: u32 = 200;

/// What the tools of a plugin keep between calls, wherever these run: a value for the client's session
/// ([`Context::state`]), or one under a [`Handle`] ([`StoredState::at`]).
///
/// A value is anything that is JSON, up to 350 KB of it. It is the plugin's and the caller's own: other plugins and other
/// principals do not see it. It ends with its session, or when it was not used for as long as a session lives.
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
/// Clients of MCP 2026-07-28 have no sessions. For them a tool makes a handle, gives it back as an ordinary value, and
/// takes it as an argument of later calls:
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
/// | method | when it is written | when another call was faster |
/// |---|---|---|
/// | [`update`](Self::update), [`try_update`](Self::try_update) | at once | it reads and changes again: nothing is lost |
/// | [`set`](Self::set), [`delete`](Self::delete) | when the call has succeeded; of one that fails, panics, is given up or asks its client, nothing is | the call fails and says so |
/// | [`create`](Self::create) | at once | cannot be |
///
/// Within one call a state is read once: [`get`](Self::get) gives what was there then, or what the call itself has written
/// since. Several states that one call sets are written one after the other, up to the first that another call has changed
/// meanwhile; then the call fails, and says if a part was written. What belongs together is best kept as one value.
/// An `update` of what the same call has `set` before is refused as well ([`Conflict`](StateErrorKind::Conflict)) when
/// another call was faster.
///
/// # What cannot be reached
///
/// What cannot be reached at the moment is an error of kind [`Unavailable`](StateErrorKind::Unavailable): a tool that passes
/// it on (`?`, or in words that have it in them) lets its client know that it may try again. Of a change it says that
/// *nobody knows* whether it was written: the answer may have been lost on its way. So a client that tries a tool again that
/// counts may count twice; where that matters, keep with the value what was done last (an id that comes as an argument),
/// and do nothing when it is there already.
///
/// # In async tools
///
/// All these methods block, and the async tools of a plugin share one thread's worth of attention: while one waits for its
/// state, none goes on. So wrap them:
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

/// Names what a tool keeps outside of sessions. Whoever has it can use it, through the same plugin and as the same caller:
/// it cannot be guessed.
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
    /// What the tools of this plugin keep for the client's session; see [`StoredState`].
    #[must_use]
    pub fn state(&self) -> StoredState {
        StoredState {
            context: self.clone(),
            handle: None,
        }
    }
}

/// What the host answers.
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

/// Null is a value.
fn some_value<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl StoredState {
    /// What is kept under a handle.
    #[must_use]
    pub fn at(self, handle: &Handle) -> Self {
        Self {
            handle: Some(handle.clone()),
            ..self
        }
    }

    /// What is kept; `None` if nothing is. After [`set`](Self::set) it is what was set.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn get<T: DeserializeOwned>(&self) -> Result<Option<T>, StateError> {
        let answer = self.request("get", Map::new())?;
        answer.value.map(decode).transpose()
    }

    /// Keep this, if the call succeeds.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn set<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), StateError> {
        self.request("set", member("value", encode(value)?))
            .map(drop)
    }

    /// Keep nothing any more, if the call succeeds.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn delete(&self) -> Result<(), StateError> {
        self.request("set", Map::new()).map(drop)
    }

    /// Change what is kept, or the default where nothing is, and keep that at once. When another call is faster, `change`
    /// runs again on what that one has left: it should do nothing else.
    ///
    /// Whatever `change` gives back, its changes are kept, also where that is an `Err`: where it may refuse, use
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

    /// The same where `change` may refuse: when it gives back an `Err`, nothing is kept and nothing written, and that error
    /// comes back. (Where the compiler cannot know of which type it is, say so: `|balance: &mut u32| -> Result<_, ToolError>`.)
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
    /// That of `change`, or a [`StateError`].
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
        let message = "other calls change what is kept all the time; try again later";
        Err(StateError::new(StateErrorKind::Unavailable, message).into())
    }

    /// Keep a new value, under a new handle.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn create<T: Serialize + ?Sized>(&self, value: &T) -> Result<Handle, StateError> {
        self.create_with(value, None)
    }

    /// The same for this long, and no longer, however often it is used or written anew. Seconds count, and begun ones as
    /// whole.
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
                StateErrorKind::CallEnded => "the call is over: nothing is kept for it any more",
                _ => "this host keeps nothing between calls",
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
    // JSON has no infinite numbers, and `serde_json` would keep null for them, which is read as another type.
    let checked = non_finite::check(value).map_err(|error| error.to_string());
    let encoded =
        checked.and_then(|()| serde_json::to_value(value).map_err(|error| error.to_string()));
    encoded.map_err(|error| {
        let message = format!("what is to be kept has no form in JSON: {error}");
        StateError::new(StateErrorKind::Unreadable, message)
    })
}

fn decode<T: DeserializeOwned>(value: Value) -> Result<T, StateError> {
    serde_json::from_value(value).map_err(|error| {
        let message = format!("what is kept is not of the type that it is read as: {error}");
        StateError::new(StateErrorKind::Unreadable, message)
    })
}
