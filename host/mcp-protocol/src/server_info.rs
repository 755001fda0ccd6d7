//! What a server says of itself and of its lists.

use serde::Serialize;

/// What a server says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct ServerInfo {
    /// Its name, for programs.
    pub name: String,
    /// Its version; not empty.
    pub version: String,
}

/// How long, and for whom, a client may keep a list (M:cache).
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheHints {
    /// How long the list stays fresh. Unit: milliseconds; 0 means that it is stale at once.
    pub ttl_ms: u64,
    /// `public`, or `private` when the list depends on the caller.
    pub cache_scope: CacheScope,
}

/// Who may share a cached list.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheScope {
    /// Everyone.
    Public,
    /// Only the caller.
    Private,
}
