//! End to end: real layers, the real `bootstrap`, real clients.

mod article;
mod authors;
mod awslabs;
mod clients;
mod context;
mod crashes;
mod develop;
mod ending;
mod failures;
mod layers;
mod preload;
mod reproducible;
mod results;
mod stdout;
mod toolchains;
mod waiting;
mod web;
