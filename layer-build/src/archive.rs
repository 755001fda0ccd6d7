//! Archives of layers and functions: reading, writing, and what a host would serve of them.

pub(crate) mod inventory;
pub(crate) mod read;
pub(crate) mod selection;
pub(crate) mod write;
