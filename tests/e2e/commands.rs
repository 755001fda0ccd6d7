//! `cargo layer`, command by command.

mod bench;
mod build;
mod check;
mod connect;
mod dev;
mod doctor;
mod inspect;
mod strangers;
mod symbolize;
pub(crate) mod token;
mod tools;
