//! What is going on, shown on a terminal alone, and gone once it is over.

use std::time::Duration;

use indicatif::ProgressBar;

/// How often the sign of life moves.
const TICK: Duration = Duration::from_millis(120);

/// Shown until it is dropped.
pub(crate) struct Doing(ProgressBar);

/// Say on stderr what is going on, if that is a terminal.
pub(crate) fn doing(what: impl Into<String>) -> Doing {
    let bar = ProgressBar::new_spinner().with_message(what.into());
    bar.enable_steady_tick(TICK);
    Doing(bar)
}

impl Drop for Doing {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
