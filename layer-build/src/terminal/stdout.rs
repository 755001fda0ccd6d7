//! Data, on stdout.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Print a line of data.
///
/// # Errors
/// When nobody takes it: `println` would panic.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}
