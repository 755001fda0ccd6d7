//! End to end: real layers, the real `bootstrap`, real clients.

mod article;
mod authors;
mod awslabs;
mod beyond;
mod clients;
mod conformance;
mod context;
mod crashes;
mod develop;
mod ending;
mod failures;
mod growth;
mod layers;
mod many;
mod preload;
mod reproducible;
mod results;
mod rounds;
mod sins;
mod stdio;
mod stdout;
mod toolchains;
mod unsafety;
mod waiting;
mod web;
