//! The plugin folder: which files matter, and whether they are what they seem to be.

pub(crate) mod crash_image;
pub(crate) mod discover;
pub(crate) mod file_check;
pub(crate) mod integrity;
