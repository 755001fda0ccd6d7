//! Ends an execution environment in which a tool still occupies a thread after its call timed out.
//!
//! Such an environment fetches no more invocations. Its process ends as soon as no invocation is in progress, and after
//! Lambda has accepted the last response, so that the client receives it. Lambda starts a new environment for the next
//! invocation. If the environment handles one invocation at a time, the process ends immediately. If it handles several
//! (`AWS_LAMBDA_MAX_CONCURRENCY`), an invocation that Lambda sends at the moment at which the process ends is lost, as
//! whenever a process ends.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use crate::server::McpServer;

/// Decides when the environment must end.
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

    /// Counts an invocation that has started.
    pub(super) fn on_start(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts an invocation whose response Lambda has accepted. The caller must not fetch another invocation before
    /// this returns.
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

    /// Waits until the process must end.
    pub(super) async fn needs_recycling(&self) {
        self.end.notified().await;
    }
}
