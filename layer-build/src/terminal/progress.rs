//! Shows the current activity, only on terminals. The text is removed when the activity ends.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::terminal::escape::escaped;

/// The interval at which the spinner moves.
const TICK_INTERVAL: Duration = Duration::from_millis(120);

/// A spinner, shown until it is dropped.
pub(crate) struct Spinner(ProgressBar);

/// Shows the current activity on stderr, if that is a terminal.
pub(crate) fn spinner(what: impl Into<String>) -> Spinner {
    let bar = ProgressBar::new_spinner().with_message(escaped(&what.into()).into_owned());
    bar.enable_steady_tick(TICK_INTERVAL);
    Spinner(bar)
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
