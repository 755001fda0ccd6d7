//! Threads for calls. Each call has its own thread, which is used again for later calls.
//!
//! These are not tokio's threads for blocking work. When tokio wakes such a thread, it still holds the lock that the
//! thread needs first. On one core, and most functions have no more, that causes four thread switches for each call
//! instead of two.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, Builder, Thread},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

/// How long an idle thread waits for the next call. Source: ours; tokio's threads wait for the same time.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Work for a thread. It calls its argument to mark the thread as free for the next work.
type Work = Box<dyn FnOnce(&dyn Fn()) + Send>;

/// The idle threads. The one that became idle last is used first.
#[derive(Clone, Default)]
pub(crate) struct ThreadPool(Arc<Mutex<Vec<Arc<Worker>>>>);

/// A thread, and the work that was assigned to it.
struct Worker {
    work: Mutex<Option<Work>>,
    thread: Mutex<Option<Thread>>,
}

/// The work on a thread panicked.
#[derive(Debug)]
pub(crate) struct Panicked;

impl ThreadPool {
    /// Runs work on its own thread. The result is lost if the receiver is dropped.
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
            // The thread must be free before the caller receives the result, because the caller's next call can then
            // use it again.
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

    /// Waits for work until the idle timeout.
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
                // If this thread is not in the list, another thread has just taken it from there to assign work to it.
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
        // Both locks are released before the thread wakes, so that it never waits for them.
        if let Some(thread) = thread {
            thread.unpark();
        }
    }
}

/// Locks a mutex, even if a thread panicked while it held the lock. A panic cannot leave the data inconsistent here.
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
