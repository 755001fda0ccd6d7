//! The revisions of MCP, and the features of each.

use std::fmt;

/// A revision of MCP, ordered by date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revision {
    /// 2024-11-05
    V2024_11_05,
    /// 2025-03-26
    V2025_03_26,
    /// 2025-06-18
    V2025_06_18,
    /// 2025-11-25
    V2025_11_25,
    /// 2026-07-28
    V2026_07_28,
}

impl Revision {
    /// Every revision, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];

    /// The newest revision with a handshake. The server chooses it if a client asks `initialize` for an unknown
    /// revision.
    pub const LATEST_LEGACY: Self = Self::V2025_11_25;

    /// The modern revision.
    pub const MODERN: Self = Self::V2026_07_28;

    /// The revision of a legacy request without a session that names no revision (L:http, "Protocol Version Header").
    pub const DEFAULT: Self = Self::V2025_03_26;

    /// Parses a revision's date.
    #[must_use]
    pub fn parse(date: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|revision| revision.as_str() == date)
    }

    /// Returns the revision's date.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Reports whether this revision has no handshake, and sends version, identity and capabilities in every `_meta`.
    #[must_use]
    pub fn is_modern(self) -> bool {
        self >= Self::MODERN
    }

    /// Reports whether a server must accept batches. (Revision 2024-11-05 does not mention them.)
    #[must_use]
    pub fn has_batches(self) -> bool {
        self == Self::V2025_03_26
    }

    /// Reports whether a tool has `annotations`.
    pub(crate) fn has_annotations(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// Reports whether a tool has `title` and `_meta`.
    pub(crate) fn has_titles(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Reports whether tools have an `outputSchema` and results have `structuredContent`.
    pub(crate) fn has_structured_content(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Reports whether structured content may be any JSON, not only an object.
    pub(crate) fn has_any_structured_content(self) -> bool {
        self.is_modern()
    }

    /// Reports whether a result may contain audio.
    pub(crate) fn has_audio(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// Reports whether a result may contain resource links.
    pub(crate) fn has_resource_links(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Reports whether a progress notification may have a `message`.
    pub(crate) fn has_progress_messages(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// Reports whether a tool has `icons`.
    pub(crate) fn has_icons(self) -> bool {
        self >= Self::V2025_11_25
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
