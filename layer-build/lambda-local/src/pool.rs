//! Which execution environments exist, and who may use them.
//!
//! Every environment holds a [`Slot`], and there are only so many. An invocation takes an idle environment, else a
//! free slot to start one in, else it waits. Between a function's answer and its question for the next event its
//! environment is settling: neither busy nor idle. A caller that invokes again at once would otherwise get a cold start
//! where it expects the environment it just used, so for a moment settling environments are waited for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{self, Instant},
};

use crate::environment::Environment;

/// How long an invocation prefers waiting for a settling environment over starting another. Source: ours; a runtime
/// asks for its next event within a millisecond or so, unless the machine is very busy.
const SETTLING: Duration = Duration::from_secs(1);

/// The environments of one function.
pub(crate) struct Pool {
    tally: Arc<Tally>,
    idle: Mutex<Idle>,
}

/// An environment and the slot it lives in.
pub(crate) struct Held {
    pub(crate) environment: Environment,
    pub(crate) slot: Slot,
}

/// What an invocation gets.
#[expect(clippy::large_enum_variant, reason = "moved once per invocation")]
pub(crate) enum Claim {
    /// An idle environment.
    Warm(Held),
    /// Room to start one.
    Cold(Slot),
}

/// The right to one environment's existence, given back on drop.
pub(crate) struct Slot {
    tally: Arc<Tally>,
    /// A number no other environment of this function has had.
    pub(crate) number: u64,
    /// Environments started before the last [`Pool::retire`] are not to be used again.
    generation: u64,
}

/// While it exists, one more environment is expected to become idle soon.
pub(crate) struct Settling(Arc<Tally>);

#[derive(Default)]
struct Idle {
    environments: Vec<Held>,
    generation: u64,
}

struct Tally {
    max: usize,
    counts: Mutex<Counts>,
    changed: Notify,
}

#[derive(Default)]
struct Counts {
    /// The process of each environment that exists, once it has one.
    processes: BTreeMap<u64, Option<u32>>,
    settling: usize,
    last_number: u64,
}

impl Pool {
    /// No environments yet, and never more than `max`.
    pub(crate) fn new(max: usize) -> Self {
        let tally = Tally {
            max: max.max(1),
            counts: Mutex::default(),
            changed: Notify::new(),
        };
        Self {
            tally: Arc::new(tally),
            idle: Mutex::default(),
        }
    }

    /// Waits for an environment or for room to start one.
    pub(crate) async fn claim(&self) -> Claim {
        let patience = Instant::now() + SETTLING;
        loop {
            // Made before looking, so that no change after the look is missed.
            let changed = self.tally.changed.notified();
            if let Some(held) = self.take_idle() {
                return Claim::Warm(held);
            }
            let settling = self.tally.counts().settling > 0 && Instant::now() < patience;
            if settling {
                let _ = time::timeout_at(patience, changed).await;
            } else if let Some(slot) = self.free_slot() {
                return Claim::Cold(slot);
            } else {
                changed.await;
            }
        }
    }

    /// Room to start one more environment, if there is any.
    pub(crate) fn free_slot(&self) -> Option<Slot> {
        let generation = self.idle().generation;
        let mut counts = self.tally.counts();
        if counts.processes.len() >= self.tally.max {
            return None;
        }
        counts.last_number += 1;
        let number = counts.last_number;
        counts.processes.insert(number, None);
        Some(Slot {
            tally: Arc::clone(&self.tally),
            number,
            generation,
        })
    }

    /// Announces that an environment will become idle soon.
    pub(crate) fn settling(&self) -> Settling {
        self.tally.counts().settling += 1;
        Settling(Arc::clone(&self.tally))
    }

    /// Waits until none is on its way to being idle.
    pub(crate) async fn settled(&self) {
        loop {
            let changed = self.tally.changed.notified();
            if self.tally.counts().settling == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Takes an environment back for the next invocation, or returns it when it was retired meanwhile.
    pub(crate) fn put_back(&self, held: Held) -> Option<Held> {
        let mut idle = self.idle();
        if held.slot.generation != idle.generation {
            return Some(held);
        }
        idle.environments.push(held);
        drop(idle);
        self.tally.changed.notify_waiters();
        None
    }

    /// Takes all idle environments out; those in use will not come back.
    pub(crate) fn retire(&self) -> Vec<Held> {
        let mut idle = self.idle();
        idle.generation += 1;
        std::mem::take(&mut idle.environments)
    }

    /// Waits until no environment exists.
    pub(crate) async fn empty(&self) {
        loop {
            let changed = self.tally.changed.notified();
            if self.tally.counts().processes.is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// The processes of all environments, oldest first.
    pub(crate) fn process_ids(&self) -> Vec<u32> {
        self.tally
            .counts()
            .processes
            .values()
            .filter_map(|id| *id)
            .collect()
    }

    fn take_idle(&self) -> Option<Held> {
        loop {
            // The one used last, as Lambda tends to: the others get a chance to be forgotten.
            let mut held = self.idle().environments.pop()?;
            if held.environment.is_alive() {
                return Some(held);
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Notes the process that lives here.
    pub(crate) fn occupied_by(&self, process_id: Option<u32>) {
        self.tally
            .counts()
            .processes
            .insert(self.number, process_id);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.tally.counts().processes.remove(&self.number);
        self.tally.changed.notify_waiters();
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        self.0.counts().settling -= 1;
        self.0.changed.notify_waiters();
    }
}

impl Tally {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
