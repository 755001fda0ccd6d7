//! Other CPUs, compilers, releases and emulators.

mod cargo_lambda;
mod cross_arch;
mod golden_layer;
mod link_order;
mod toolchains;
mod version_skew;
