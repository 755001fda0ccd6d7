//! Reads, splits and opens one shared library, for one platform.
//!
//! Besides the errors and findings, this module imports only `process` and `terminal`.

pub(crate) mod debug_info;
pub(crate) mod describe;
pub(crate) mod elf;
pub(crate) mod glibc;
pub(crate) mod platform;
