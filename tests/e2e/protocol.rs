//! The requirements of the protocol.

mod conformance;
mod edge_cases;
mod elicitation;
