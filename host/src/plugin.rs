//! The safe interface to plugins: finds them in a folder and provides a catalogue of tools that can be called.
//!
//! A library with a manifest is not opened until one of its tools is called. Until then, the declaration in the
//! manifest is used; when the library is opened, its own declaration must agree with that. A library without a manifest
//! is opened at startup, but only if it exports the root symbol of a plugin: layers of other vendors put their
//! libraries into the same folder.

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
