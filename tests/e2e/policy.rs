//! Rules that the repository keeps.

mod reproducible;
mod sdk_cost;
mod unsafe_policy;
