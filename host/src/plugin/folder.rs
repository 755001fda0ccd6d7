//! The plugin folder: its files, and the checks of their content.

pub(crate) mod crash_image;
pub(crate) mod discover;
pub(crate) mod file_check;
pub(crate) mod integrity;
