//! Tests of the host up to the opening of a plugin: the manifests are handwritten, and the libraries that they name are
//! not libraries.

mod batches;
mod browsers;
mod calls;
mod catalog;
mod endpoint;
mod folder;
mod order;
mod serve;
mod server;
mod sessions;
mod skipped_plugins;
mod tokens;
