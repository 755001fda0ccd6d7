//! Panics stay in the plugin (ABI rule 3): one in a call becomes its failure, any other a line in the operator's log.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use super::{
    current::{self, Working},
    failure::Failure,
    logger,
};

thread_local! {
    /// Is this thread inside [`caught`]? Only then does the hook keep a panic for the answer.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    /// The last panic on this thread, which nobody was told of yet.
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// A panic, as the hook hears of it.
struct Panic {
    message: String,
    place: String,
    /// The call that the thread worked for.
    call: u64,
}

impl Panic {
    fn report(&self) -> bool {
        let _working = Working::on(self.call);
        logger::write(log::Level::Error, "panic", &format!("a panic: {self}"))
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.message, self.place)
    }
}

/// Run `work`; a panic becomes a [`Failure`] that says where it happened.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    install_hook();
    let outer = CATCHING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(outer);
    let last = LAST.take();
    match result {
        Ok(result) => {
            // Of a panic that was caught on the way: by the author's own code, or by tokio in a task.
            if let Some(last) = last {
                last.report();
            }
            result
        }
        Err(payload) => {
            let message = message(payload.as_ref()).to_owned();
            // Dropping a payload of the author's own type may panic again, out here where nothing catches it.
            std::mem::forget(payload);
            Err(Failure::panic(match last {
                Some(last) if last.message == message => last.to_string(),
                // `resume_unwind` does not pass through the hook: the last panic is another one.
                Some(last) => {
                    last.report();
                    message
                }
                None => message,
            }))
        }
    }
}

/// A plugin has its own copy of std, and so its own hook: the host's never hears of a plugin's panic.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info
                .location()
                .map(|place| format!(" at {place}"))
                .unwrap_or_default();
            let told = Panic {
                message: message(info.payload()).to_owned(),
                place,
                call: current::current(),
            };
            if CATCHING.get() {
                if let Some(earlier) = LAST.replace(Some(told)) {
                    earlier.report();
                }
            } else if !told.report() {
                default(info);
            }
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a panic whose payload is not a string"
    }
}
