//! What the protocol asks of a server.

mod conformance;
mod edge_cases;
mod elicitation;
