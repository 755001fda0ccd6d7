//! Prints data on stdout, and progress on a terminal.
//!
//! This module imports nothing from this crate.

pub(crate) mod progress;
pub(crate) mod stdout;
