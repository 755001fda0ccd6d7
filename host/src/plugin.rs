//! The safe interface to plugins: from a folder of files to a catalogue of tools that can be called.
//!
//! A library that has a manifest is not opened until one of its tools is called. The manifest contains its declaration,
//! and the opened library's own declaration must agree with it. A library without a manifest is opened at the start,
//! but only if it exports a plugin's root symbol: layers of other vendors put libraries into the same folder.

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
