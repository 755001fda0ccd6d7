//! Output: data on stdout, progress on a terminal.

pub(crate) mod progress;
pub(crate) mod stdout;
