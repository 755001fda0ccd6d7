//! Prints data on stdout, messages on stderr, and progress on a terminal.
//!
//! This module imports nothing from this crate.

pub(crate) mod escape;
pub(crate) mod progress;
pub(crate) mod stderr;
pub(crate) mod stdout;

/// Prints a message on stderr like `eprintln`, with control characters escaped.
macro_rules! message {
    ($($arguments:tt)*) => {
        $crate::terminal::stderr::line(format_args!($($arguments)*))
    };
}
