//! Deployments, as far as they can be checked without an account: templates, plans, and what is applied to moto.

mod archives;
mod cdk;
mod documents;
mod sam;
mod stack;
mod terraform;
mod tools_json;
mod variants;
