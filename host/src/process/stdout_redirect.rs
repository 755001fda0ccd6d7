//! Hides the process's stdout from plugins. Without that, a stray `println!` in a tool would write into the responses.
//!
//! Each plugin contains its own copy of the standard library, which writes to file descriptor 1. So the host keeps the
//! real stdout under another descriptor, and redirects descriptor 1 to stderr before any plugin is opened.

use std::{
    fs::File,
    io::{self, stderr, stdout},
    os::fd::AsFd,
};

/// Redirects file descriptor 1 to stderr, and returns the real stdout.
///
/// # Errors
/// Stdout or stderr is closed, or the process has no more free file descriptors.
pub(crate) fn redirect() -> io::Result<File> {
    let real = stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(stderr())?;
    Ok(real.into())
}
