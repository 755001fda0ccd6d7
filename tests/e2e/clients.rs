//! Clients and callers that people use.

mod article;
mod awslabs;
mod lambda_events;
mod sdk_clients;
mod stdio;
