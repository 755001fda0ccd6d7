//! Tests of broken plugin folders.

mod fuzz;
