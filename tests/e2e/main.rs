//! End to end: real layers, the real `bootstrap`, real clients.

mod article;
mod clients;
mod develop;
mod failures;
mod layers;
mod reproducible;
