//! The hidden verb `__describe`: a library opened in a process of its own.
//!
//! `library::describe` starts it.

use host::plugin::OpenError;
use layer_format::HasErrorCode;

use crate::{args::Describe, error::Failure, exit::Exit, process::host::end_with_parent};

/// Open the library, and write its declaration to a file.
pub(crate) fn run(args: &Describe) -> anyhow::Result<Exit> {
    end_with_parent();
    let described = host::plugin::describe(&args.library);
    let declared = described.map_err(|error: OpenError| Failure::Described {
        code: error.code().as_str().to_owned(),
        message: error.to_string(),
    })?;
    fs_err::write(&args.out, declared.bytes)?;
    Ok(Exit::Done)
}
