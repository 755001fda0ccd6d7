//! `cargo layer`, command by command.

mod bench;
mod check;
mod connect;
mod dev;
mod inspect;
mod symbolize;
pub(crate) mod token;
mod tools;
