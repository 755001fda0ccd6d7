//! Deployments, done as far as they can be without an account at AWS: what `deploy/` says, and the verbs of `cargo layer` that
//! need it.

mod acceptance;
mod archives;
mod cdk;
mod cli;
mod documents;
mod function;
mod publish;
mod rollback;
mod sam;
mod stack;
mod swap;
mod terraform;
mod tools_json;
mod variants;
mod verify;
