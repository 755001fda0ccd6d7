//! Access to AWS: the CLI, functions, versions of layers, and signed requests.
//!
//! Besides the errors, this module imports only `archive`, `compare`, `process` and `terminal`.

pub(crate) mod cli;
pub(crate) mod error;
pub(crate) mod lambda;
pub(crate) mod layer_download;
pub(crate) mod layer_version;
pub(crate) mod sigv4;
pub(crate) mod smoke_test;
