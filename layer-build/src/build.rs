//! Builds a layer from plugin crates.
//!
//! Besides the errors, this module imports only `archive`, `library` and `process`.

pub(crate) mod cargo;
pub(crate) mod compile;
pub(crate) mod layer;
pub(crate) mod packages;
pub(crate) mod sdk_source;
pub(crate) mod symbols;
