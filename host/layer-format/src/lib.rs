//! The format of a layer: the contract between `cargo layer`, which writes layers, and the host, which serves them.
//!
//! - [`manifest`]: the file that lists a layer's plugins and repeats their declarations.
//! - [`Declaration`]: the tools of a plugin, as the plugin declares them; [`declaration_problems`] checks one.
//! - [`selection`]: the tools that `ENTRY_FILE`, `TOOLS_LIST` and the layer's own default select.
//! - [`ErrorCode`]: the stable codes of what is wrong with a layer or a host's configuration.
//! - [`sha256`]: the checksum of files and declarations.
//!
//! This crate opens no library and serves no request: it knows no `dlopen`, no HTTP and no AWS.

mod declaration;
mod declaration_check;
mod digest;
mod error_code;
pub mod manifest;
pub mod selection;
mod selection_error;
mod skipped;

pub use declaration::{Crate, Declaration, DeclaredTool};
pub use declaration_check::declaration_problems;
pub use digest::{hex, sha256, xxh3};
pub use error_code::{ErrorCode, HasErrorCode};
pub use selection_error::{SelectionError, Unmatched};
pub use skipped::SkippedPlugin;
