//! Plugins whose tools go on although their calls were given up: they serve no other calls until these come back.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// How many calls of a plugin are stuck.
#[derive(Debug, Default)]
pub(crate) struct Quarantine(Arc<AtomicUsize>);

/// A call that is stuck; dropped, its tool has come back.
#[derive(Debug)]
pub(crate) struct Stuck(Arc<AtomicUsize>);

impl Quarantine {
    pub(crate) fn begin(&self) -> Stuck {
        self.0.fetch_add(1, Ordering::AcqRel);
        Stuck(Arc::clone(&self.0))
    }

    pub(crate) fn holds(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
