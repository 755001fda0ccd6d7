//! Runs the verbs (subcommands), with one file for each.
//!
//! A verb may import `args` and all other modules, but no other verb. Code that two verbs share is in one of these
//! modules.

pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod connect;
pub(crate) mod describe;
pub(crate) mod dev;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod host;
pub(crate) mod inspect;
pub(crate) mod new;
pub(crate) mod publish;
pub(crate) mod rollback;
pub(crate) mod swap;
pub(crate) mod symbolize;
pub(crate) mod token;
pub(crate) mod tools;
pub(crate) mod verify;
