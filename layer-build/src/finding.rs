//! The findings of `check`, with stable codes. `CHECKS.md` lists them with their remedies.

use std::fmt;

use layer_format::ErrorCode;
use serde::Serialize;

macro_rules! finding_codes {
    ($($name:ident = $code:literal $severity:ident,)+) => {
        /// The code of a finding; see `CHECKS.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum FindingCode {
            $($name,)+
        }

        impl FindingCode {
            /// All codes.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the code as text.
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)+
                }
            }
        }
    };
}

finding_codes! {
    ArchiveInvalid = "ARCHIVE_INVALID" Error,
    ArchiveMode = "ARCHIVE_MODE" Error,
    ArchivePath = "ARCHIVE_PATH" Error,
    ControlCharacter = "CONTROL_CHARACTER" Error,
    CpuMixed = "CPU_MIXED" Error,
    EnvironmentTooLarge = "ENVIRONMENT_TOO_LARGE" Error,
    ExecutableStack = "EXECUTABLE_STACK" Warning,
    FileOverwritten = "FILE_OVERWRITTEN" Warning,
    FunctionInvalid = "FUNCTION_INVALID" Error,
    GlibcTooNew = "GLIBC_TOO_NEW" Error,
    LayersTooLarge = "LAYERS_TOO_LARGE" Error,
    LayersTooMany = "LAYERS_TOO_MANY" Error,
    LibraryMissing = "LIBRARY_MISSING" Error,
    LibraryUnreadable = "LIBRARY_UNREADABLE" Error,
    NotStripped = "NOT_STRIPPED" Warning,
    PluginCrashed = "PLUGIN_CRASHED" Error,
    PluginHangs = "PLUGIN_HANGS" Error,
    PluginMisplaced = "PLUGIN_MISPLACED" Error,
    PluginUndeclared = "PLUGIN_UNDECLARED" Warning,
    RunPathForeign = "RUN_PATH_FOREIGN" Warning,
    TextRelocations = "TEXT_RELOCATIONS" Warning,
    UploadTooLarge = "UPLOAD_TOO_LARGE" Warning,
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// The layer fails on Lambda.
    Error,
    /// The layer works on Lambda, but not as well as it could. With `--strict`, this counts as an error.
    Warning,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) code: String,
    /// The problem and its place.
    pub(crate) message: String,
    /// The remedy; `None` for messages of the host, which already end with the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<&'static str>,
}

impl Finding {
    pub(crate) fn new(code: FindingCode, message: String, help: &'static str) -> Self {
        Self {
            severity: code.severity(),
            code: code.as_str().to_owned(),
            message,
            help: Some(help),
        }
    }

    /// Creates a finding from an error with which the host would refuse to serve a plugin.
    pub(crate) fn from_host(code: impl Into<String>, message: String) -> Self {
        Self {
            severity: Severity::Error,
            code: code.into(),
            message,
            help: None,
        }
    }

    /// Creates a finding from the reason why the host would ignore a file.
    pub(crate) fn skipped(code: ErrorCode, message: String) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::from_host(code.as_str(), message)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}[{}]: {}", self.code, self.message)?;
        match self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_every_code_once_and_no_other() {
        let documented: Vec<_> = include_str!("../CHECKS.md")
            .lines()
            .filter_map(|line| {
                let (code, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
                Some((code, rest.split_once(' ')?.0))
            })
            .collect();
        let codes: Vec<_> = FindingCode::ALL
            .iter()
            .map(|code| {
                let severity = match code.severity() {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                };
                (code.as_str(), severity)
            })
            .collect();
        assert_eq!(documented, codes);
    }
}
