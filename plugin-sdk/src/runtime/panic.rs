//! Catches panics, which must not leave the plugin (ABI rule 3). A panic in a call makes that call fail. Any other
//! panic is written to the operator's log.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use super::{
    current::{self, CurrentCallGuard},
    failure::Failure,
    logger,
};

thread_local! {
    /// Whether this thread is inside [`catch_panic`]. Only then does the hook store a panic, instead of writing it to
    /// the log.
    static IS_CATCHING: Cell<bool> = const { Cell::new(false) };
    /// The last panic on this thread that has not been reported yet.
    static LAST_PANIC: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// The facts about a panic that the hook receives.
struct Panic {
    message: String,
    location: String,
    /// The number of the call that the thread worked for.
    call: u64,
}

impl Panic {
    /// Writes the panic to the operator's log, and reports whether the host accepted the line.
    fn report(&self) -> bool {
        let _current_call = CurrentCallGuard::enter(self.call);
        logger::write(log::Level::Error, "panic", &format!("a panic: {self}"))
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.message, self.location)
    }
}

/// Runs `work`. A panic becomes a [`Failure`] with its source location.
pub(crate) fn catch_panic<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    install_hook();
    let outer = IS_CATCHING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    IS_CATCHING.set(outer);
    let last = LAST_PANIC.take();
    match result {
        Ok(result) => {
            // A panic inside of `work` was caught there: by the author's code, or by tokio in a task.
            if let Some(last) = last {
                last.report();
            }
            result
        }
        Err(payload) => {
            let message = message(payload.as_ref()).to_owned();
            // If the payload has a type of the author's, dropping it may panic again, and nothing would catch that
            // panic.
            std::mem::forget(payload);
            Err(Failure::panic(match last {
                Some(last) if last.message == message => last.to_string(),
                // `resume_unwind` does not call the hook, so the last panic that the hook stored is a different one.
                Some(last) => {
                    last.report();
                    message
                }
                None => message,
            }))
        }
    }
}

/// Installs the plugin's panic hook. A plugin has its own copy of std, so the host's hook is not called for its panics.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let location = info
                .location()
                .map(|location| format!(" at {location}"))
                .unwrap_or_default();
            let panic_info = Panic {
                message: message(info.payload()).to_owned(),
                location,
                call: current::current(),
            };
            if IS_CATCHING.get() {
                if let Some(earlier) = LAST_PANIC.replace(Some(panic_info)) {
                    earlier.report();
                }
            } else if !panic_info.report() {
                default(info);
            }
        }));
    });
}

/// Returns the message of a panic.
fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a panic with a payload that is not a string"
    }
}
