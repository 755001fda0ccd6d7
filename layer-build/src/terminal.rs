//! Prints data on stdout, and progress on a terminal.
//!
//! It imports nothing of this crate.

pub(crate) mod progress;
pub(crate) mod stdout;
