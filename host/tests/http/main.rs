//! The host from the inside, as far as it gets without opening a plugin: the manifests are handwritten, and the
//! libraries that they name are none.

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
