//! The eras of MCP: with a handshake (legacy), or without (modern).

/// The era that a client uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// Revision 2026-07-28, and the handshake if the server does not know it
    Auto,
    /// Revision 2026-07-28, without a session
    Modern,
    /// Revision 2025-11-25, with its handshake
    Legacy,
}
