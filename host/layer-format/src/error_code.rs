//! Stable error codes, for use in logs, scripts and Lambda. `ERRORS.md` lists each with its remedy.

use std::fmt;

macro_rules! error_codes {
    ($($name:ident = $code:literal,)+) => {
        /// A stable error code. `ERRORS.md` describes each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "ERRORS.md says what each means")]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($name,)+
        }

        impl ErrorCode {
            /// Every error code.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the code as text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

error_codes! {
    ConfigInvalid = "CONFIG_INVALID",
    EntryFileInvalid = "ENTRY_FILE_INVALID",
    EntryFileUnmatched = "ENTRY_FILE_UNMATCHED",
    LayerForeign = "LAYER_FOREIGN",
    ListenFailed = "LISTEN_FAILED",
    ListenPublic = "LISTEN_PUBLIC",
    ManifestDrift = "MANIFEST_DRIFT",
    ManifestFormat = "MANIFEST_FORMAT",
    ManifestInvalid = "MANIFEST_INVALID",
    ManifestUnreadable = "MANIFEST_UNREADABLE",
    PluginAbiMismatch = "PLUGIN_ABI_MISMATCH",
    PluginDamaged = "PLUGIN_DAMAGED",
    PluginDeclarationInvalid = "PLUGIN_DECLARATION_INVALID",
    PluginDirEmpty = "PLUGIN_DIR_EMPTY",
    PluginDirUnreadable = "PLUGIN_DIR_UNREADABLE",
    PluginForeign = "PLUGIN_FOREIGN",
    PluginInitFailed = "PLUGIN_INIT_FAILED",
    PluginLoadFailed = "PLUGIN_LOAD_FAILED",
    PluginNeedsNewerHost = "PLUGIN_NEEDS_NEWER_HOST",
    PluginNoRootModule = "PLUGIN_NO_ROOT_MODULE",
    PluginNotALibrary = "PLUGIN_NOT_A_LIBRARY",
    PluginOutside = "PLUGIN_OUTSIDE",
    PluginOverwritten = "PLUGIN_OVERWRITTEN",
    PluginPanicAbort = "PLUGIN_PANIC_ABORT",
    PluginQuarantined = "PLUGIN_QUARANTINED",
    PluginTruncated = "PLUGIN_TRUNCATED",
    PluginUnreadable = "PLUGIN_UNREADABLE",
    ServeFailed = "SERVE_FAILED",
    ToolDuplicate = "TOOL_DUPLICATE",
    ToolsListAmbiguous = "TOOLS_LIST_AMBIGUOUS",
    ToolsListUnmatched = "TOOLS_LIST_UNMATCHED",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error that has a stable code.
pub trait HasErrorCode {
    /// Returns the error's code.
    fn code(&self) -> ErrorCode;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_every_code_once_and_no_other() {
        let documented: Vec<_> = include_str!("../../ERRORS.md")
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(code, _)| code)
            .collect();
        let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(documented, codes);
    }
}
