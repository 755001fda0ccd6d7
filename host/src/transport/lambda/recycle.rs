//! The end of worn-out environments: a tool still occupies a thread although its call has timed out.
//!
//! Such an environment takes no more work. Its process ends as soon as nothing is in flight, after the answer was
//! accepted, so that its client has it. Lambda starts a fresh environment for the next invocation. If invocations come
//! one at a time, the process ends at once. If there are several (`AWS_LAMBDA_MAX_CONCURRENCY`), an invocation that
//! Lambda sends at the very moment of the end is lost, as at any end of a process.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use crate::server::McpServer;

/// The state of the environment.
pub(super) struct Recycler {
    server: Arc<McpServer>,
    in_flight: AtomicUsize,
    is_worn_out: AtomicBool,
    end: Notify,
}

impl Recycler {
    pub(super) fn new(server: &Arc<McpServer>) -> Self {
        Self {
            server: Arc::clone(server),
            in_flight: AtomicUsize::new(0),
            is_worn_out: AtomicBool::new(false),
            end: Notify::new(),
        }
    }

    /// Counts an invocation that has come.
    pub(super) fn on_start(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts an invocation with an accepted answer. The caller takes no other invocation before this returns.
    pub(super) async fn on_end(&self) {
        if self.server.has_stuck_tools() {
            self.is_worn_out.store(true, Ordering::Release);
        }
        let left = self.in_flight.fetch_sub(1, Ordering::AcqRel) - 1;
        if self.is_worn_out.load(Ordering::Acquire) {
            if left == 0 {
                self.end.notify_one();
            }
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the process shall end.
    pub(super) async fn needs_recycling(&self) {
        self.end.notified().await;
    }
}
