//! The process's stdout, kept from plugins: what a stray `println!` in a tool writes lands on stderr.
//!
//! A plugin has a standard library of its own that writes to file descriptor 1, wherever that leads. So the host keeps
//! the real stdout for itself, and points descriptor 1 at stderr before any plugin is opened.

use std::{
    fs::File,
    io::{self, stderr, stdout},
    os::fd::AsFd,
};

/// Point descriptor 1 at stderr from now on, and give what it was.
///
/// # Errors
/// When one of both is closed, or there are no more descriptors.
pub(crate) fn redirect() -> io::Result<File> {
    let real = stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(stderr())?;
    Ok(real.into())
}
