//! End to end: real layers, the real `bootstrap`, real clients.

mod clients;
mod commands;
mod docs;
mod host;
mod platform;
mod policy;
mod protocol;
