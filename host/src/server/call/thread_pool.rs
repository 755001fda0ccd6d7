//! Threads for calls: each call has one of its own, which then waits for the next call.
//!
//! These are not tokio's threads for blocking work. Tokio wakes such a thread while it holds the lock that the thread
//! needs first. On one core, and most functions have no more, that would take four switches between threads for each
//! call instead of two.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, Builder, Thread},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

/// The time that an idle thread waits for another call. Source: ours; tokio's own wait as long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Work, with a function to call when its thread is free for the next.
type Work = Box<dyn FnOnce(&dyn Fn()) + Send>;

/// The idle threads, the latest on top.
#[derive(Clone, Default)]
pub(crate) struct ThreadPool(Arc<Mutex<Vec<Arc<Worker>>>>);

/// A thread's slot for work.
struct Worker {
    work: Mutex<Option<Work>>,
    thread: Mutex<Option<Thread>>,
}

/// A panic on a thread.
#[derive(Debug)]
pub(crate) struct Panicked;

impl ThreadPool {
    /// Runs work on a thread of its own. The result is lost if the receiver is dropped.
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
            // This comes before the waiting caller can have another call.
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

    /// Waits for work, but not forever.
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
                // A missing entry means that another caller has just taken this thread, and brings work.
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
        // The thread wakes when no lock is held.
        if let Some(thread) = thread {
            thread.unpark();
        }
    }
}

/// No panic can leave the data inconsistent under a lock.
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
