//! The hidden verb `__describe`: opens a library in a separate process.
//!
//! `library::describe` starts it.

use host::plugin::OpenError;
use layer_format::HasErrorCode;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::{args::Describe, error::CliError, exit::Exit, process::host::exit_with_parent};

/// The memory that opening a library may take. Unit: bytes. Source: ours; more than any plugin needs, and less than most
/// machines have.
const MAX_MEMORY: u64 = 4 << 30;

/// Opens the library, and writes its declaration to a file.
pub(crate) fn run(args: &Describe) -> anyhow::Result<Exit> {
    exit_with_parent();
    limit_memory();
    let opened = host::plugin::describe(&args.library);
    let declared = opened.map_err(|error: OpenError| CliError::Reported {
        code: error.code().as_str().to_owned(),
        message: error.to_string(),
    })?;
    fs_err::write(&args.out, declared.bytes)?;
    Ok(Exit::Done)
}

/// Bounds the memory of this process. A library that needs more ends it.
fn limit_memory() {
    let limit = Rlimit {
        current: Some(MAX_MEMORY),
        maximum: Some(MAX_MEMORY),
    };
    // A lower limit may be set already.
    let _ = setrlimit(Resource::Data, limit);
}
