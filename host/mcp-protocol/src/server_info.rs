//! The server's description of itself, and the cache hints for its lists.

use serde::Serialize;

/// The server's description of itself.
#[derive(Clone, Debug, Serialize)]
pub struct ServerInfo {
    /// The server's name, meant for programs.
    pub name: String,
    /// The server's version; not empty.
    pub version: String,
}

/// Cache hints for a list: how long a client may cache the list, and for whom (M:cache).
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheHints {
    /// How long the list stays fresh. Unit: milliseconds; 0 means that the list is stale as soon as it arrives.
    pub ttl_ms: u64,
    /// Whether one copy in a cache may serve all users.
    pub cache_scope: CacheScope,
}

/// Who may be served from a cached list.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheScope {
    /// Everyone: the list does not depend on the caller.
    Public,
    /// Only the caller that requested the list.
    Private,
}
