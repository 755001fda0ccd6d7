//! The plugin folder: finds its files, and checks their content.

pub(crate) mod crash_image;
pub(crate) mod discover;
pub(crate) mod file_check;
pub(crate) mod integrity;
