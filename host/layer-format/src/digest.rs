//! Checksums in hexadecimal, in the form that manifests contain.

use sha2::{Digest, Sha256};

/// Returns the SHA-256 of `bytes` in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns an XXH3-64 checksum in hexadecimal.
#[must_use]
pub fn xxh3(hash: u64) -> String {
    hex(&hash.to_be_bytes())
}

/// Returns two lower-case hexadecimal digits for each byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
