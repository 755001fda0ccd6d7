//! Rules that the repository keeps.

mod frozen_names;
mod reproducible;
mod sdk_cost;
mod unsafe_policy;
