//! The active calls, each under the number by which its plugin refers to it.
//!
//! A call is registered until its tool returns. That may be long after the client received a response: a tool that
//! keeps running after its call timed out can still ask whether the call was cancelled.

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::SystemTime,
};

use mcp_protocol::Notification;

use crate::{
    plugin::{
        CallContext, InputRequests,
        invocation::notification_buffer::{NotificationBuffer, PushOutcome},
    },
    store::tool_state::CallState,
};

/// A function that receives each notification of a call immediately, on the tool's thread.
pub(crate) type Listener = Box<dyn Fn(Notification) + Send + Sync>;

/// The resources of a call: its input requests, its state and a listener for its notifications. By default there are
/// none.
#[derive(Default)]
pub(crate) struct CallResources {
    /// The input requests of the call.
    pub(crate) inputs: InputRequests,
    /// The state that the call can store for later calls.
    pub(crate) state: CallState,
    /// The listener for notifications. Without one, notifications are kept until the end of the call.
    pub(crate) listener: Option<Listener>,
}

/// A call, from its registration until its tool returns.
pub struct ActiveCall {
    /// The number by which plugins refer to the call. It is never 0, which refers to the whole process.
    pub number: u64,
    /// The tool's name.
    pub tool: String,
    /// The file name of the plugin's library.
    pub library: String,
    /// The facts about the request that the plugin is allowed to know.
    pub context: CallContext,
    /// The time at which the call is cancelled.
    pub deadline: Option<SystemTime>,
    /// The call's input requests to its client.
    pub inputs: InputRequests,
    /// The state that the call can store for later calls.
    pub(crate) state: CallState,
    cancelled: AtomicBool,
    buffer: Mutex<NotificationBuffer>,
    listener: Option<Listener>,
}

/// A registered call. When this guard is dropped, the call is no longer registered.
pub struct ActiveCallGuard(Arc<ActiveCall>);

impl ActiveCallGuard {
    /// Registers a call.
    #[must_use]
    pub(crate) fn register(
        tool: &str,
        library: &str,
        context: CallContext,
        deadline: Option<SystemTime>,
        resources: CallResources,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let call = Arc::new(ActiveCall {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            tool: tool.to_owned(),
            library: library.to_owned(),
            context,
            deadline,
            inputs: resources.inputs,
            state: resources.state,
            cancelled: AtomicBool::new(false),
            buffer: Mutex::default(),
            listener: resources.listener,
        });
        calls().insert(call.number, Arc::clone(&call));
        Self(call)
    }

    /// Returns the call. It can still be read when it is no longer registered.
    #[must_use]
    pub fn call(&self) -> Arc<ActiveCall> {
        Arc::clone(&self.0)
    }
}

impl Deref for ActiveCallGuard {
    type Target = ActiveCall;

    fn deref(&self) -> &ActiveCall {
        &self.0
    }
}

impl Drop for ActiveCallGuard {
    fn drop(&mut self) {
        calls().remove(&self.number);
    }
}

/// Returns the active call with this number.
pub(crate) fn lookup(number: u64) -> Option<Arc<ActiveCall>> {
    calls().get(&number).cloned()
}

impl ActiveCall {
    /// Marks the call as cancelled: nobody needs its result any more.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Reports whether the call was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Records the kind of the state error that makes the call fail, if the plugin names such a kind.
    pub(crate) fn set_failure_kind(&self, kind: Option<String>) {
        if let Some(kind) = kind {
            self.state.set_failure_kind(kind);
        }
    }

    /// Sends a notification to the listener, or keeps it if there is no listener. Ignores a notification that the
    /// client does not want.
    pub(crate) fn notify(&self, notification: Notification) {
        let wanted = match &notification {
            Notification::Progress(_) => self.context.progress,
            Notification::Message(message) => {
                let least = self.context.log_level;
                least.is_some_and(|least| message.level >= least)
            }
        };
        if !wanted || self.is_cancelled() {
            return;
        }
        if let Some(listener) = &self.listener {
            if self.buffer().should_send(&notification) {
                listener(notification);
            }
            return;
        }
        if self.buffer().push(notification) == PushOutcome::FirstDropped {
            tracing::warn!(
                request_id = self.context.request_id,
                tool = self.tool,
                library = self.library,
                "the tool sends the client more notifications than the host keeps: the rest is dropped"
            );
        }
    }

    /// Returns the notifications that were kept, in order.
    #[must_use]
    pub fn take_notifications(&self) -> Vec<Notification> {
        std::mem::take(&mut *self.buffer()).into_notifications()
    }

    fn buffer(&self) -> MutexGuard<'_, NotificationBuffer> {
        // A panic while this lock is held cannot leave the data inconsistent.
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn calls() -> MutexGuard<'static, BTreeMap<u64, Arc<ActiveCall>>> {
    static CALLS: Mutex<BTreeMap<u64, Arc<ActiveCall>>> = Mutex::new(BTreeMap::new());
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the number of the active call in the request with this id.
#[cfg(test)]
pub(crate) fn number_of_request(request_id: &str) -> Option<u64> {
    let calls = calls();
    let mut calls = calls.values();
    let call = calls.find(|call| call.context.request_id == request_id)?;
    Some(call.number)
}
