//! Threads for calls: each call has one of its own, which then waits for the next.
//!
//! They are not those that tokio has for what blocks: it wakes one while it holds the lock that this one needs first. On one core, and
//! most functions have no more, each call would then be handed over by four switches between threads instead of two.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, Builder, Thread},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

/// How long a thread waits for another call. Source: ours; as long as tokio's own do.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Work, which tells by what it is given that its thread is free for the next.
type Work = Box<dyn FnOnce(&dyn Fn()) + Send>;

/// The threads; those that are idle, the one that came last on top.
#[derive(Clone, Default)]
pub(crate) struct ThreadPool(Arc<Mutex<Vec<Arc<Worker>>>>);

/// Where a thread finds its work.
struct Worker {
    work: Mutex<Option<Work>>,
    thread: Mutex<Option<Thread>>,
}

/// A panic on a thread.
#[derive(Debug)]
pub(crate) struct Panicked;

impl ThreadPool {
    /// Do this on a thread of its own. What comes back is lost if nobody waits for it.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<oneshot::Receiver<Result<T, Panicked>>> {
        let (sender, receiver) = oneshot::channel();
        let work: Work = Box::new(move |release| {
            let outcome = catch_unwind(AssertUnwindSafe(work)).map_err(|_| Panicked);
            // Before whoever waits may have another call.
            release();
            let _ = sender.send(outcome);
        });
        let idle = self.idle().pop();
        match idle {
            Some(worker) => worker.assign(work),
            None => self.start(work)?,
        }
        Ok(receiver)
    }

    fn start(&self, work: Work) -> io::Result<()> {
        let worker = Arc::new(Worker {
            work: Mutex::new(Some(work)),
            thread: Mutex::new(None),
        });
        let threads = self.clone();
        let thread = Builder::new().name("call".to_owned());
        thread.spawn(move || threads.serve(&worker)).map(drop)
    }

    fn serve(&self, worker: &Arc<Worker>) {
        *lock(&worker.thread) = Some(thread::current());
        loop {
            let work = lock(&worker.work).take();
            let Some(work) = work.or_else(|| self.wait(worker)) else {
                return;
            };
            work(&|| self.idle().push(Arc::clone(worker)));
        }
    }

    /// Wait for work; not for ever.
    fn wait(&self, worker: &Arc<Worker>) -> Option<Work> {
        let until = Instant::now() + IDLE_TIMEOUT;
        loop {
            let remaining = until.saturating_duration_since(Instant::now());
            thread::park_timeout(remaining);
            if let Some(work) = lock(&worker.work).take() {
                return Some(work);
            }
            if remaining.is_zero() {
                let mut idle = self.idle();
                let position = idle.iter().position(|other| Arc::ptr_eq(other, worker));
                // Without one somebody has just taken it, and brings work.
                if let Some(position) = position {
                    idle.remove(position);
                    return None;
                }
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Worker>>> {
        lock(&self.0)
    }
}

impl Worker {
    fn assign(&self, work: Work) {
        *lock(&self.work) = Some(work);
        let thread = lock(&self.thread).clone();
        // No lock is held when it wakes.
        if let Some(thread) = thread {
            thread.unpark();
        }
    }
}

/// What is locked is whole at all times.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::mpsc};

    use super::*;

    #[tokio::test]
    async fn one_thread_serves_calls_that_follow_each_other() {
        let threads = ThreadPool::default();
        let mut served_by = HashSet::new();
        for number in 0..1000 {
            let work = move || (number, thread::current().id());
            let sender = threads.run(work).expect("a thread").await;
            let (back, id) = sender.expect("it comes back").expect("no panic");
            assert_eq!(back, number);
            served_by.insert(id);
        }
        assert_eq!(served_by.len(), 1);
    }

    #[tokio::test]
    async fn calls_at_the_same_time_have_a_thread_each_and_a_panic_costs_none() {
        let threads = ThreadPool::default();
        let (mut doors, mut waiting) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            let (door, opened) = mpsc::channel::<()>();
            doors.push(door);
            let work = move || {
                opened.recv().expect("it is opened");
                thread::current().id()
            };
            waiting.push(threads.run(work).expect("a thread"));
        }
        for door in doors {
            door.send(()).expect("somebody waits");
        }
        let mut served_by = HashSet::new();
        for sender in waiting {
            served_by.insert(sender.await.expect("it comes back").expect("no panic"));
        }
        assert_eq!(served_by.len(), 4);

        let panicked = threads.run(|| panic!("on purpose")).expect("a thread");
        assert!(panicked.await.expect("it comes back").is_err());
        let next = threads.run(|| thread::current().id()).expect("a thread");
        let next = next.await.expect("it comes back").expect("no panic");
        assert!(served_by.contains(&next), "a thread that there was");
    }
}
