//! What is going on, shown on a terminal alone, and gone once it is over.

use std::time::Duration;

use indicatif::ProgressBar;

/// How often the sign of life moves.
const TICK_INTERVAL: Duration = Duration::from_millis(120);

/// Shown until it is dropped.
pub(crate) struct Spinner(ProgressBar);

/// Say on stderr what is going on, if that is a terminal.
pub(crate) fn spinner(what: impl Into<String>) -> Spinner {
    let bar = ProgressBar::new_spinner().with_message(what.into());
    bar.enable_steady_tick(TICK_INTERVAL);
    Spinner(bar)
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
