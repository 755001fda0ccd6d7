//! End to end: real layers, the real `bootstrap`, real clients.

mod article;
mod authors;
mod awslabs;
mod clients;
mod context;
mod develop;
mod failures;
mod layers;
mod preload;
mod reproducible;
mod results;
mod toolchains;
mod waiting;
mod web;
