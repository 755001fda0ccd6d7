//! The hidden verb `__describe`: opens a library in a separate process.
//!
//! `library::describe` starts it.

use host::plugin::OpenError;
use layer_format::HasErrorCode;

use crate::{args::Describe, error::CliError, exit::Exit, process::host::exit_with_parent};

/// Opens the library, and writes its declaration to a file.
pub(crate) fn run(args: &Describe) -> anyhow::Result<Exit> {
    exit_with_parent();
    let opened = host::plugin::describe(&args.library);
    let declared = opened.map_err(|error: OpenError| CliError::Reported {
        code: error.code().as_str().to_owned(),
        message: error.to_string(),
    })?;
    fs_err::write(&args.out, declared.bytes)?;
    Ok(Exit::Done)
}
