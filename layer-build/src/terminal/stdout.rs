//! Prints data on stdout.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Prints a line of data.
///
/// # Errors
/// If stdout is closed. (`println` would panic.)
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}
