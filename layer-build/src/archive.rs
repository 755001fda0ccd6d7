//! Reads and writes the archives of layers and functions, and lists the plugins and tools in them.
//!
//! Besides the errors, this module imports only `compare`, `library`, `process` and `terminal`.

pub(crate) mod inventory;
pub(crate) mod read;
pub(crate) mod selection;
pub(crate) mod write;
