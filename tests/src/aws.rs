//! AWS as far as a machine without an account has it: engines, emulators, and tools that deploy to them.

pub(crate) mod account;
pub(crate) mod cli;
pub mod deploy;
pub mod dynamodb;
pub(crate) mod lambda_api;
pub(crate) mod moto;
pub(crate) mod proxy;
