//! Deployments, as far as they work without an AWS account: the content of `deploy/`, and the verbs of `cargo layer` that
//! reach AWS.

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
