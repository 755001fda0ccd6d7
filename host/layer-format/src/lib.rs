//! The format of a layer: the contract between `cargo layer`, which writes layers, and the host, which serves them.
//!
//! - [`manifest`]: the file that lists a layer's plugins and contains their declarations.
//! - [`Declaration`]: the tools of a plugin, as the plugin declares them. [`declaration_problems`] checks a
//!   declaration.
//! - [`selection`]: determines which tools are selected by `ENTRY_FILE`, `TOOLS_LIST` and the layer's default tools.
//! - [`ErrorCode`]: the stable codes for problems with a layer or with the host's configuration.
//! - [`sha256`]: the checksum of files and declarations.
//!
//! This crate opens no library and serves no request. It uses no `dlopen`, no HTTP and no AWS.

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
