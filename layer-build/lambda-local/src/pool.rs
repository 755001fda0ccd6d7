//! The execution environments that exist, and the right to use them.
//!
//! Every environment holds a [`Slot`], and the number of slots is limited. An invocation takes a free seat in an
//! environment, else a free slot to start one in, else it waits. An environment has one seat, or as many as the
//! function's maximum of concurrent invocations. Between a function's answer and its request for the next event its
//! environment is settling: neither busy nor idle. A caller that invokes again at once would otherwise get a cold start
//! where it expects the environment it just used, so for a moment settling environments are waited for.

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

/// The time that an invocation prefers waiting for a settling environment over starting another. Source: ours; a
/// runtime asks for its next event within a millisecond or so, unless the machine is very busy.
const SETTLING_TIMEOUT: Duration = Duration::from_secs(1);

/// The environments of one function.
pub(crate) struct Pool {
    state: Arc<PoolState>,
    idle: Mutex<Idle>,
}

/// A seat: the right to one invocation at a time in an environment.
pub(crate) struct PooledEnvironment(Arc<SlottedEnvironment>);

/// An environment and its slot, which is free again only after the environment has ended.
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

/// The right to one environment's existence, given back on drop.
pub(crate) struct Slot {
    state: Arc<PoolState>,
    /// A number that no other environment of this function has had.
    pub(crate) number: u64,
    /// The generation. Environments started before the last [`Pool::retire`] are not used again.
    generation: u64,
}

/// A guard: while it exists, one more environment is expected to become idle soon.
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
    /// The process of each environment, once it has one, and a receiver of its exit status.
    processes: BTreeMap<u64, Option<(u32, ExitReceiver)>>,
    settling: usize,
    last_number: u64,
}

impl Pool {
    /// Creates a pool without environments, which never has more than `max`.
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
            // Made before looking, so that no change after the look is missed.
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

    /// Returns a slot for one more environment, if there is any.
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

    /// Announces that an environment will become idle soon.
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

    /// Takes an environment back for the next invocation, or returns it when it was retired meanwhile.
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

    /// Removes all idle environments; those in use do not come back.
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

    /// Returns the processes of all environments, oldest first.
    pub(crate) fn process_ids(&self) -> Vec<u32> {
        self.state
            .counts()
            .processes
            .values()
            .filter_map(|process| process.as_ref().map(|(id, _)| *id))
            .collect()
    }

    /// Returns a receiver of the exit status of a process, if it belongs to an environment.
    pub(crate) fn exit_status(&self, process_id: u32) -> Option<ExitReceiver> {
        let counts = self.state.counts();
        let mut processes = counts.processes.values().flatten();
        let (_, exited) = processes.find(|(id, _)| *id == process_id)?;
        Some(exited.clone())
    }

    fn take_idle(&self) -> Option<PooledEnvironment> {
        loop {
            // The one used last, as Lambda tends to: the others get a chance to expire.
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

    /// Leaves the environment, and ends it unless it has other seats in use.
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
