//! The execution environments that exist, and the right to use them.
//!
//! Every environment holds a [`Slot`], and the number of slots is limited. An invocation takes a free seat in an
//! environment. If there is none, it takes a free slot and starts an environment; if there is no slot either, it waits.
//! An environment has one seat, or as many as the maximum of concurrent invocations in one environment. Between the
//! function's response and its request for the next event, an environment is settling: neither busy nor idle. New
//! invocations wait for settling environments for a short time. Otherwise, a caller that invokes again immediately
//! would get a cold start instead of the environment that it has just used.

use std::{
    collections::BTreeMap,
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{self, Instant},
};

use crate::environment::Environment;

/// The time that an invocation waits for a settling environment before it starts another. Source: ours; a runtime
/// requests its next event within about a millisecond, unless the machine is very busy.
const SETTLING_TIMEOUT: Duration = Duration::from_secs(1);

/// The environments of one function.
pub(crate) struct Pool {
    state: Arc<PoolState>,
    idle: Mutex<Idle>,
}

/// A seat: the right to run one invocation at a time in an environment.
pub(crate) struct PooledEnvironment(Arc<SlottedEnvironment>);

/// An environment and its slot. The slot is released only after the environment has ended.
struct SlottedEnvironment {
    environment: Environment,
    slot: Slot,
}

/// The result of [`Pool::acquire`].
pub(crate) enum Acquired {
    /// A free seat.
    Warm(PooledEnvironment),
    /// A slot to start an environment in.
    Cold(Slot),
}

/// The right to run one environment. Dropping it gives the right back.
pub(crate) struct Slot {
    state: Arc<PoolState>,
    /// The number of the environment, which no other environment of this function has had.
    pub(crate) number: u64,
    /// The number of calls of [`Pool::retire`] before the environment started. After another such call, the environment
    /// is not used again.
    generation: u64,
}

/// A guard: while it exists, one more environment is settling.
pub(crate) struct SettlingGuard(Arc<PoolState>);

#[derive(Default)]
struct Idle {
    environments: Vec<PooledEnvironment>,
    generation: u64,
}

type ExitReceiver = watch::Receiver<Option<ExitStatus>>;

struct PoolState {
    max: usize,
    counts: Mutex<Counts>,
    changed: Notify,
}

#[derive(Default)]
struct Counts {
    /// The id of each environment's process and a receiver of its exit status; `None` until the process exists.
    processes: BTreeMap<u64, Option<(u32, ExitReceiver)>>,
    settling: usize,
    last_number: u64,
}

impl Pool {
    /// Creates an empty pool, which can have up to `max` environments.
    pub(crate) fn new(max: usize) -> Self {
        let state = PoolState {
            max: max.max(1),
            counts: Mutex::default(),
            changed: Notify::new(),
        };
        Self {
            state: Arc::new(state),
            idle: Mutex::default(),
        }
    }

    /// Waits for an environment or for a slot to start one.
    pub(crate) async fn acquire(&self) -> Acquired {
        let settling_deadline = Instant::now() + SETTLING_TIMEOUT;
        loop {
            // Create this before the check, so that a change after the check is not missed.
            let changed = self.state.changed.notified();
            if let Some(pooled) = self.take_idle() {
                return Acquired::Warm(pooled);
            }
            let settling = self.state.counts().settling > 0 && Instant::now() < settling_deadline;
            if settling {
                let _ = time::timeout_at(settling_deadline, changed).await;
            } else if let Some(slot) = self.free_slot() {
                return Acquired::Cold(slot);
            } else {
                changed.await;
            }
        }
    }

    /// Returns a slot for one more environment, if one is free.
    pub(crate) fn free_slot(&self) -> Option<Slot> {
        let generation = self.idle().generation;
        let mut counts = self.state.counts();
        if counts.processes.len() >= self.state.max {
            return None;
        }
        counts.last_number += 1;
        let number = counts.last_number;
        counts.processes.insert(number, None);
        Some(Slot {
            state: Arc::clone(&self.state),
            number,
            generation,
        })
    }

    /// Announces that an environment is settling, and will become idle soon.
    pub(crate) fn settling(&self) -> SettlingGuard {
        self.state.counts().settling += 1;
        SettlingGuard(Arc::clone(&self.state))
    }

    /// Waits until no environment is settling.
    pub(crate) async fn wait_until_settled(&self) {
        loop {
            let changed = self.state.changed.notified();
            if self.state.counts().settling == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Puts an environment back for the next invocation, or returns it to the caller if it was retired meanwhile.
    pub(crate) fn put_back(&self, pooled: PooledEnvironment) -> Option<PooledEnvironment> {
        let mut idle = self.idle();
        if pooled.0.slot.generation != idle.generation {
            return Some(pooled);
        }
        idle.environments.push(pooled);
        drop(idle);
        self.state.changed.notify_waiters();
        None
    }

    /// Removes the free seats of an environment that has ended.
    pub(crate) fn remove_seats(&self, ended: &PooledEnvironment) {
        let mut idle = self.idle();
        idle.environments
            .retain(|pooled| !Arc::ptr_eq(&pooled.0, &ended.0));
    }

    /// Removes and returns all idle environments. Those in use will not be put back.
    pub(crate) fn retire(&self) -> Vec<PooledEnvironment> {
        let mut idle = self.idle();
        idle.generation += 1;
        std::mem::take(&mut idle.environments)
    }

    /// Waits until no environment exists.
    pub(crate) async fn wait_until_empty(&self) {
        loop {
            let changed = self.state.changed.notified();
            if self.state.counts().processes.is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// Returns the process ids of all environments, the oldest first.
    pub(crate) fn process_ids(&self) -> Vec<u32> {
        self.state
            .counts()
            .processes
            .values()
            .filter_map(|process| process.as_ref().map(|(id, _)| *id))
            .collect()
    }

    /// Returns a receiver of the exit status of a process, if the process belongs to an environment.
    pub(crate) fn exit_status(&self, process_id: u32) -> Option<ExitReceiver> {
        let counts = self.state.counts();
        let mut processes = counts.processes.values().flatten();
        let (_, exited) = processes.find(|(id, _)| *id == process_id)?;
        Some(exited.clone())
    }

    fn take_idle(&self) -> Option<PooledEnvironment> {
        loop {
            // Take the one that was used last, as Lambda usually does, so that the others can expire.
            let pooled = self.idle().environments.pop()?;
            if pooled.environment().is_alive() {
                return Some(pooled);
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PooledEnvironment {
    /// Creates the first seat of an environment in this slot.
    pub(crate) fn new(environment: Environment, slot: Slot) -> Self {
        let process = environment
            .process_id()
            .map(|id| (id, environment.exited()));
        slot.state.counts().processes.insert(slot.number, process);
        Self(Arc::new(SlottedEnvironment { environment, slot }))
    }

    /// Returns one more seat of the same environment.
    pub(crate) fn another_seat(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.0.environment
    }

    /// Gives up this seat. If no other seat of the environment is in use, the environment ends.
    pub(crate) async fn leave(self) {
        if let Some(slotted) = Arc::into_inner(self.0) {
            slotted.environment.kill().await;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.state.counts().processes.remove(&self.number);
        self.state.changed.notify_waiters();
    }
}

impl Drop for SettlingGuard {
    fn drop(&mut self) {
        self.0.counts().settling -= 1;
        self.0.changed.notify_waiters();
    }
}

impl PoolState {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
