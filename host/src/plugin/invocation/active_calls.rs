//! Calls under way: what the host knows of each, by the number that its plugin was given.
//!
//! A call is registered until its tool has come back, which may be long after its client was answered: a tool that was
//! given up still learns that it was.

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

/// Hears of a call's notifications at once, on the tool's own thread.
pub(crate) type Listener = Box<dyn Fn(Notification) + Send + Sync>;

/// What a call has besides what its tool is told of the request. By default, nothing.
#[derive(Default)]
pub(crate) struct CallResources {
    /// What it may ask of its client.
    pub(crate) inputs: InputRequests,
    /// What it may keep between calls.
    pub(crate) state: CallState,
    /// Who hears what it tells its client. Without, that is kept.
    pub(crate) listener: Option<Listener>,
}

/// A call.
pub struct ActiveCall {
    /// Its number, as plugins know it. Never 0, which is the process.
    pub number: u64,
    /// The tool's name.
    pub tool: String,
    /// The file name of the plugin's library.
    pub library: String,
    /// What the plugin may know of the request.
    pub context: CallContext,
    /// When it is given up.
    pub deadline: Option<SystemTime>,
    /// What it asks of its client.
    pub inputs: InputRequests,
    /// What it keeps between calls.
    pub(crate) state: CallState,
    cancelled: AtomicBool,
    buffer: Mutex<NotificationBuffer>,
    listener: Option<Listener>,
}

/// A call that is under way; dropped, it is over.
pub struct ActiveCallGuard(Arc<ActiveCall>);

impl ActiveCallGuard {
    /// Register a call.
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

    /// The call, to be looked at also when it is over.
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

/// The call of this number, if it is under way.
pub(crate) fn lookup(number: u64) -> Option<Arc<ActiveCall>> {
    calls().get(&number).cloned()
}

impl ActiveCall {
    /// Nobody waits for this call any more.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Was it cancelled?
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Takes note of the kind of the state error that it fails for, if its plugin names one.
    pub(crate) fn set_failure_kind(&self, kind: Option<String>) {
        if let Some(kind) = kind {
            self.state.set_failure_kind(kind);
        }
    }

    /// Tell or keep a notification for the client, if it wants to hear of it.
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

    /// What the client is to hear, in its order.
    #[must_use]
    pub fn take_notifications(&self) -> Vec<Notification> {
        std::mem::take(&mut *self.buffer()).into_notifications()
    }

    fn buffer(&self) -> MutexGuard<'_, NotificationBuffer> {
        // Nothing is left half done under this lock.
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn calls() -> MutexGuard<'static, BTreeMap<u64, Arc<ActiveCall>>> {
    static CALLS: Mutex<BTreeMap<u64, Arc<ActiveCall>>> = Mutex::new(BTreeMap::new());
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of the call for this request, if it is under way.
#[cfg(test)]
pub(crate) fn number_of_request(request_id: &str) -> Option<u64> {
    let calls = calls();
    let mut calls = calls.values();
    let call = calls.find(|call| call.context.request_id == request_id)?;
    Some(call.number)
}
