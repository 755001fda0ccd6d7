//! Plugin folders that nobody made on purpose.

mod fuzz;
