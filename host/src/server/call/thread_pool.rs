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
const PATIENCE: Duration = Duration::from_secs(10);

/// Work, which tells by what it is given that its thread is free for the next.
type Work = Box<dyn FnOnce(&dyn Fn()) + Send>;

/// The threads; those that are idle, the one that came last on top.
#[derive(Clone, Default)]
pub(crate) struct Threads(Arc<Mutex<Vec<Arc<Seat>>>>);

/// Where a thread finds its work.
struct Seat {
    work: Mutex<Option<Work>>,
    thread: Mutex<Option<Thread>>,
}

/// A panic on a thread.
#[derive(Debug)]
pub(crate) struct Panicked;

impl Threads {
    /// Do this on a thread of its own. What comes back is lost if nobody waits for it.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<oneshot::Receiver<Result<T, Panicked>>> {
        let (came_back, receiver) = oneshot::channel();
        let work: Work = Box::new(move |is_free| {
            let outcome = catch_unwind(AssertUnwindSafe(work)).map_err(|_| Panicked);
            // Before whoever waits may have another call.
            is_free();
            let _ = came_back.send(outcome);
        });
        let idle = self.idle().pop();
        match idle {
            Some(seat) => seat.give(work),
            None => self.start(work)?,
        }
        Ok(receiver)
    }

    fn start(&self, work: Work) -> io::Result<()> {
        let seat = Arc::new(Seat {
            work: Mutex::new(Some(work)),
            thread: Mutex::new(None),
        });
        let threads = self.clone();
        let thread = Builder::new().name("call".to_owned());
        thread.spawn(move || threads.serve(&seat)).map(drop)
    }

    fn serve(&self, seat: &Arc<Seat>) {
        *lock(&seat.thread) = Some(thread::current());
        loop {
            let work = lock(&seat.work).take();
            let Some(work) = work.or_else(|| self.wait(seat)) else {
                return;
            };
            work(&|| self.idle().push(Arc::clone(seat)));
        }
    }

    /// Wait for work; not for ever.
    fn wait(&self, seat: &Arc<Seat>) -> Option<Work> {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            thread::park_timeout(left);
            if let Some(work) = lock(&seat.work).take() {
                return Some(work);
            }
            if left.is_zero() {
                let mut idle = self.idle();
                let place = idle.iter().position(|other| Arc::ptr_eq(other, seat));
                // Without one somebody has just taken it, and brings work.
                if let Some(place) = place {
                    idle.remove(place);
                    return None;
                }
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Seat>>> {
        lock(&self.0)
    }
}

impl Seat {
    fn give(&self, work: Work) {
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
        let threads = Threads::default();
        let mut served_by = HashSet::new();
        for number in 0..1000 {
            let work = move || (number, thread::current().id());
            let came_back = threads.run(work).expect("a thread").await;
            let (back, id) = came_back.expect("it comes back").expect("no panic");
            assert_eq!(back, number);
            served_by.insert(id);
        }
        assert_eq!(served_by.len(), 1);
    }

    #[tokio::test]
    async fn calls_at_the_same_time_have_a_thread_each_and_a_panic_costs_none() {
        let threads = Threads::default();
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
        for came_back in waiting {
            served_by.insert(came_back.await.expect("it comes back").expect("no panic"));
        }
        assert_eq!(served_by.len(), 4);

        let panicked = threads.run(|| panic!("on purpose")).expect("a thread");
        assert!(panicked.await.expect("it comes back").is_err());
        let next = threads.run(|| thread::current().id()).expect("a thread");
        let next = next.await.expect("it comes back").expect("no panic");
        assert!(served_by.contains(&next), "a thread that there was");
    }
}
