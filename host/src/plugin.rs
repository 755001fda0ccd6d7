//! The safe face of plugins: from a folder of files to a catalogue of tools that can be called.
//!
//! With a manifest beside it a library is not opened until one of its tools is called: the manifest has its declaration,
//! and the library's own must agree with it when it is opened. A library without a manifest is opened at the start, but
//! only if it exports a plugin's root symbol: other vendors' layers put libraries into the same folder.

mod agreement;
mod arguments;
mod call;
mod candidates;
mod catalog;
mod catalog_error;
mod collected;
mod context;
mod discover;
mod file_check;
mod image;
mod inputs;
mod left_out;
mod library;
mod live;
mod payload;
mod promised;
#[cfg(test)]
mod properties;
mod quarantine;
mod requests;
mod result_check;

#[cfg(test)]
pub(crate) use call::outside_of_calls;
pub use call::{CallFailure, FailureKind};
pub use catalog::{Catalog, CatalogTool};
pub use catalog_error::CatalogError;
pub use context::{CallContext, Caller};
pub use file_check::{FileProblem, check_library};
pub(crate) use image::Image;
pub use inputs::{Inputs, Question, Unavailable};
pub(crate) use library::PANIC_STRATEGY;
pub use library::{ABI_VERSION, Declared, OpenError, Plugin, describe};
pub(crate) use live::Listener;
pub(crate) use live::Means;
pub use live::{Call, LiveCall};
#[cfg(test)]
pub(crate) use live::{find, number_for};
