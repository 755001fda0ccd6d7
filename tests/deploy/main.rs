//! From archives to a running service: what `deploy/` says, done, as far as it can be without an account at AWS.

mod cli;
mod function;
mod publish;
mod rollback;
mod swap;
mod verify;
