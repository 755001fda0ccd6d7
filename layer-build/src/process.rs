//! Starts processes, and provides their folders and environment variables.
//!
//! Besides the errors, this module imports nothing from this crate.

pub(crate) mod child;
pub(crate) mod env_file;
pub(crate) mod host;
pub(crate) mod temp_dir;
