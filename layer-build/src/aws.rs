//! Reaches AWS: the CLI, functions, versions of layers, and signatures.
//!
//! Besides errors it imports `archive`, `compare`, `process` and `terminal`.

pub(crate) mod cli;
pub(crate) mod error;
pub(crate) mod lambda;
pub(crate) mod layer_download;
pub(crate) mod layer_version;
pub(crate) mod sigv4;
pub(crate) mod smoke_test;
