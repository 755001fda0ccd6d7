//! The process itself: its log, its stdout, and its report of a crash in a plugin.

pub(crate) mod crash_handler;
pub mod log;
pub(crate) mod stdout_redirect;
