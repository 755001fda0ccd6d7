//! Reads and writes the archives of layers and functions, and lists what they declare.
//!
//! Besides errors it imports `compare`, `library`, `process` and `terminal`.

pub(crate) mod inventory;
pub(crate) mod read;
pub(crate) mod selection;
pub(crate) mod write;
