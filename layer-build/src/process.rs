//! Starts processes, and provides their folders and variables.
//!
//! Besides errors it imports nothing of this crate.

pub(crate) mod child;
pub(crate) mod env_file;
pub(crate) mod host;
pub(crate) mod temp_dir;
