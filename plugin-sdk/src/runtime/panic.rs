//! Panics stay in the plugin (ABI rule 3): a panic in a call becomes its failure, any other a line in the operator's
//! log.

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
    /// Whether this thread is inside [`catch_panic`]. Only then the hook stores a panic for the answer.
    static IS_CATCHING: Cell<bool> = const { Cell::new(false) };
    /// The last panic on this thread that was not reported yet.
    static LAST_PANIC: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// A panic, as the hook sees it.
struct Panic {
    message: String,
    location: String,
    /// The call that the thread worked for.
    call: u64,
}

impl Panic {
    /// Writes the panic to the operator's log, and reports whether the host took it.
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
            // A panic was caught inside of `work`: by the author's own code, or by tokio in a task.
            if let Some(last) = last {
                last.report();
            }
            result
        }
        Err(payload) => {
            let message = message(payload.as_ref()).to_owned();
            // The drop of a payload of the author's own type may panic again, and nothing catches it here.
            std::mem::forget(payload);
            Err(Failure::panic(match last {
                Some(last) if last.message == message => last.to_string(),
                // `resume_unwind` skips the hook: the last panic is another one.
                Some(last) => {
                    last.report();
                    message
                }
                None => message,
            }))
        }
    }
}

/// Installs the plugin's hook. A plugin has its own copy of std: the host's hook never sees a panic of a plugin.
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
