//! The quarantine of plugins with tools that still run although their calls have timed out. Such a plugin serves no
//! other calls until its tools come back.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The number of stuck calls of a plugin.
#[derive(Debug, Default)]
pub(crate) struct Quarantine(Arc<AtomicUsize>);

/// A stuck call; dropped, its tool has come back.
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
