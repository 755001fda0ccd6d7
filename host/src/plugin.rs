//! The safe face of plugins: from a folder of files to a catalogue of tools that can be called.
//!
//! With a manifest beside it a library is not opened until one of its tools is called: the manifest has its declaration,
//! and the library's own must agree with it when it is opened. A library without a manifest is opened at the start, but
//! only if it exports a plugin's root symbol: other vendors' layers put libraries into the same folder.

mod catalog;
mod folder;
mod invocation;
mod library;
mod requirements;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use self::invocation::active_calls::{CallResources, Listener};
#[cfg(test)]
pub(crate) use self::invocation::{
    active_calls::{lookup, number_of_request},
    host_api::process_host,
};
pub use self::{
    catalog::{Catalog, CatalogTool, error::CatalogError},
    folder::file_check::{FileProblem, check_library},
    invocation::{
        CallFailure, FailureKind,
        active_calls::{ActiveCall, ActiveCallGuard},
        context::{CallContext, Caller},
        input_requests::{InputRequests, InputUnavailable, Question},
    },
    library::{OpenError, OpenedDeclaration, Plugin, describe},
    requirements::ABI_VERSION,
};
