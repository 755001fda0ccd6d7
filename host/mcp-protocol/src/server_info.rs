//! The server's description of itself, and cache hints for its lists.

use serde::Serialize;

/// The server's description of itself.
#[derive(Clone, Debug, Serialize)]
pub struct ServerInfo {
    /// The server's name, for programs.
    pub name: String,
    /// The server's version; not empty.
    pub version: String,
}

/// Cache hints for a list: for how long, and for whom, a client may keep it (M:cache).
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheHints {
    /// The time for which the list is fresh. Unit: milliseconds; 0 means that it is stale at once.
    pub ttl_ms: u64,
    /// `public`, or `private` if the list depends on the caller.
    pub cache_scope: CacheScope,
}

/// The users of a cached list.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheScope {
    /// Everyone.
    Public,
    /// The caller alone.
    Private,
}
