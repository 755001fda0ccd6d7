//! The front doors: a transport on one side, [`crate::app::Incoming`] on the other.

pub mod lambda;
pub mod serve;
