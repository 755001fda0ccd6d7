//! The process's stdout, hidden from plugins: the output of a stray `println!` in a tool goes to stderr.
//!
//! A plugin has a standard library of its own that writes to file descriptor 1. So the host keeps
//! the real stdout for itself, and points descriptor 1 at stderr before any plugin is opened.

use std::{
    fs::File,
    io::{self, stderr, stdout},
    os::fd::AsFd,
};

/// Points descriptor 1 at stderr from now on, and returns the real stdout.
///
/// # Errors
/// One of the two is closed, or there are no more descriptors.
pub(crate) fn redirect() -> io::Result<File> {
    let real = stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(stderr())?;
    Ok(real.into())
}
