//! The way from plugin crates to a layer: packages, cargo, and the layer itself.

pub(crate) mod cargo;
pub(crate) mod compile;
pub(crate) mod layer;
pub(crate) mod packages;
pub(crate) mod sdk_source;
pub(crate) mod symbols;
