//! The hidden verb `__describe`: opens a library in a separate process.
//!
//! `library::describe` starts it.

use host::plugin::OpenError;
use layer_format::HasErrorCode;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::{args::Describe, error::CliError, exit::Exit, process::host::exit_with_parent};

/// The maximum memory that opening a library may use. Unit: bytes. Source: ours; more than any plugin needs, and less
/// than most machines have.
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

/// Limits the memory of this process. If a library needs more, the process ends.
fn limit_memory() {
    let limit = Rlimit {
        current: Some(MAX_MEMORY),
        maximum: Some(MAX_MEMORY),
    };
    // Ignore the error: a lower limit may already be set.
    let _ = setrlimit(Resource::Data, limit);
}
