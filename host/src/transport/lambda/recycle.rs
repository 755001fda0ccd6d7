//! When an environment is worn out: a tool keeps a thread of it although its call was given up.
//!
//! Such an environment takes no more work, and its process ends as soon as nothing is in flight: after an answer was
//! accepted, so that its client has it. Lambda starts a fresh environment for what comes next. Where invocations come one
//! at a time that is at once. Where several do (`AWS_LAMBDA_MAX_CONCURRENCY`), an invocation that Lambda hands out at the
//! very moment of the end is lost to it, as at any end of a process.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use crate::server::McpServer;

/// The process, as Lambda knows it.
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

    /// An invocation has come.
    pub(super) fn on_start(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    /// Its answer was accepted. Whoever waits for this takes no other invocation before it returns.
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

    /// Wait until the process is to end.
    pub(super) async fn needs_recycling(&self) {
        self.end.notified().await;
    }
}
