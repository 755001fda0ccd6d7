//! Reads, splits and opens one shared library, for one platform.
//!
//! Besides errors and findings it imports `process` and `terminal`.

pub(crate) mod debug_info;
pub(crate) mod describe;
pub(crate) mod elf;
pub(crate) mod glibc;
pub(crate) mod platform;
