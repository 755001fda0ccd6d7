//! Panics stay in the plugin (ABI rule 3): one in a call becomes its failure, any other a line in the operator's log.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use crate::{logger, payload::Failure};

thread_local! {
    /// Is this thread inside [`caught`]? Only then does the hook keep a panic for the answer.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    /// Message and place of the last panic on this thread.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
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
                report(&last);
            }
            result
        }
        Err(payload) => {
            let told = last.unwrap_or_else(|| message(payload.as_ref()).to_owned());
            // Dropping a payload of the author's own type may panic again, out here where nothing catches it.
            std::mem::forget(payload);
            Err(Failure::panic(told))
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
            let told = format!("{}{place}", message(info.payload()));
            if CATCHING.get() {
                if let Some(earlier) = LAST.replace(Some(told)) {
                    report(&earlier);
                }
            } else if !report(&told) {
                default(info);
            }
        }));
    });
}

fn report(told: &str) -> bool {
    logger::write(log::Level::Error, "panic", &format!("a panic: {told}"))
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
