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
        CallContext, Inputs,
        invocation::notification_buffer::{Collected, Pushed},
    },
    store::tool_state::CallState,
};

/// Hears of a call's notifications at once, on the tool's own thread.
pub(crate) type Listener = Box<dyn Fn(Notification) + Send + Sync>;

/// What a call has besides what its tool is told of the request. By default, nothing.
#[derive(Default)]
pub(crate) struct Means {
    /// What it may ask of its client.
    pub(crate) inputs: Inputs,
    /// What it may keep between calls.
    pub(crate) state: CallState,
    /// Who hears what it tells its client. Without, that is kept.
    pub(crate) listener: Option<Listener>,
}

/// A call.
pub struct Call {
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
    pub inputs: Inputs,
    /// What it keeps between calls.
    pub(crate) state: CallState,
    cancelled: AtomicBool,
    collected: Mutex<Collected>,
    listener: Option<Listener>,
}

/// A call that is under way; dropped, it is over.
pub struct LiveCall(Arc<Call>);

impl LiveCall {
    /// Register a call.
    #[must_use]
    pub(crate) fn begin(
        tool: &str,
        library: &str,
        context: CallContext,
        deadline: Option<SystemTime>,
        means: Means,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let call = Arc::new(Call {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            tool: tool.to_owned(),
            library: library.to_owned(),
            context,
            deadline,
            inputs: means.inputs,
            state: means.state,
            cancelled: AtomicBool::new(false),
            collected: Mutex::default(),
            listener: means.listener,
        });
        calls().insert(call.number, Arc::clone(&call));
        Self(call)
    }

    /// The call, to be looked at also when it is over.
    #[must_use]
    pub fn call(&self) -> Arc<Call> {
        Arc::clone(&self.0)
    }
}

impl Deref for LiveCall {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.0
    }
}

impl Drop for LiveCall {
    fn drop(&mut self) {
        calls().remove(&self.number);
    }
}

/// The call of this number, if it is under way.
pub(crate) fn find(number: u64) -> Option<Arc<Call>> {
    calls().get(&number).cloned()
}

impl Call {
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
    pub(crate) fn fails_for(&self, kind: Option<String>) {
        if let Some(kind) = kind {
            self.state.fails_for(kind);
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
            if self.collected().is_news(&notification) {
                listener(notification);
            }
            return;
        }
        if self.collected().push(notification) == Pushed::FirstLost {
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
        std::mem::take(&mut *self.collected()).into_notifications()
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        // Nothing is left half done under this lock.
        self.collected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn calls() -> MutexGuard<'static, BTreeMap<u64, Arc<Call>>> {
    static CALLS: Mutex<BTreeMap<u64, Arc<Call>>> = Mutex::new(BTreeMap::new());
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of the call for this request, if it is under way.
#[cfg(test)]
pub(crate) fn number_for(request_id: &str) -> Option<u64> {
    let calls = calls();
    let mut calls = calls.values();
    let call = calls.find(|call| call.context.request_id == request_id)?;
    Some(call.number)
}
