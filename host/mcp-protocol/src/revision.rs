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

    /// The newest revision with a handshake. `initialize` answers with it if a client asks for an unknown one.
    pub const LATEST_LEGACY: Self = Self::V2025_11_25;

    /// The modern revision.
    pub const MODERN: Self = Self::V2026_07_28;

    /// The revision of a legacy request that names none and has no session (L:http, "Protocol Version Header").
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

    /// Reports whether this revision has no handshake and carries everything in `_meta`.
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

    /// Reports whether there are `outputSchema` and `structuredContent`.
    pub(crate) fn has_structured_content(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Reports whether structured content may be something else than an object.
    pub(crate) fn has_any_structured_content(self) -> bool {
        self.is_modern()
    }

    /// Reports whether a result may contain audio.
    pub(crate) fn has_audio(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// Reports whether a result may contain links to resources.
    pub(crate) fn has_resource_links(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Reports whether progress may have a message.
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
