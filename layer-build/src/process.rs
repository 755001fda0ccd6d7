//! Processes that this program starts, and what they need.

pub(crate) mod child;
pub(crate) mod env_file;
pub(crate) mod host;
pub(crate) mod temp_dir;
