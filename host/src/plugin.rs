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

pub(crate) use self::invocation::active_calls::{Listener, Means};
#[cfg(test)]
pub(crate) use self::invocation::{
    active_calls::{find, number_for},
    host_api::outside_of_calls,
};
pub use self::{
    catalog::{Catalog, CatalogTool, error::CatalogError},
    folder::file_check::{FileProblem, check_library},
    invocation::{
        CallFailure, FailureKind,
        active_calls::{Call, LiveCall},
        context::{CallContext, Caller},
        input_requests::{Inputs, Question, Unavailable},
    },
    library::{Declared, OpenError, Plugin, describe},
    requirements::ABI_VERSION,
};
