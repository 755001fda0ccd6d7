//! The quarantine of plugins: while a tool is still running after its call timed out, its plugin serves no other calls.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The number of a plugin's stuck calls.
#[derive(Debug, Default)]
pub(crate) struct Quarantine(Arc<AtomicUsize>);

/// A stuck call. Dropping this guard means that its tool has returned.
#[derive(Debug)]
pub(crate) struct QuarantineGuard(Arc<AtomicUsize>);

impl Quarantine {
    pub(crate) fn enter(&self) -> QuarantineGuard {
        self.0.fetch_add(1, Ordering::AcqRel);
        QuarantineGuard(Arc::clone(&self.0))
    }

    pub(crate) fn is_active(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Drop for QuarantineGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
