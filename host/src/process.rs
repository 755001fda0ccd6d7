//! The process itself: its log, its stdout, and the report if a plugin crashes it.

pub(crate) mod crash_handler;
pub mod log;
pub(crate) mod stdout_redirect;
