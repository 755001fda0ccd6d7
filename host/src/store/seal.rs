//! Encrypts the state of a call between its rounds, so that a client cannot read it, change it, or use it for another
//! call.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Payload},
};
use sha2::{Digest, Sha256};

/// The minimum length of a key's text. Unit: bytes.
/// Source: ours. `openssl rand -hex 32` prints 64. The same number of bits in base64 has 43 or 44, and half as many
/// bits in base64 have 24.
const MIN_KEY_LENGTH: usize = 32;

/// The length of a nonce. Unit: bytes. Source: draft-irtf-cfrg-xchacha, section 2.3. A nonce of this length may be
/// chosen at random.
const NONCE_LENGTH: usize = 24;

/// A key. It is derived from a text that the operator has configured, or random and known only to this process.
#[derive(Clone, PartialEq, Eq)]
pub struct StateKey([u8; 32]);

impl StateKey {
    /// Derives the key from a text.
    ///
    /// # Errors
    /// The problem with the text, as the end of a sentence. It does not quote the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() < MIN_KEY_LENGTH {
            return Err(format!(
                "has {} characters; use at least {MIN_KEY_LENGTH} random ones, such as the output of `openssl rand -hex 32`",
                text.len()
            ));
        }
        let key = Sha256::new()
            .chain_update("mcp-layer-host MCP_STATE_KEY 1\n")
            .chain_update(text);
        Ok(Self(key.finalize().into()))
    }

    /// Returns a new random key that exists only in this process.
    #[must_use]
    pub fn random() -> Self {
        Self(chacha20poly1305::Key::generate().into())
    }

    /// Returns a new random text from which a key can be derived, like one that an operator could configure.
    #[must_use]
    pub(crate) fn random_secret() -> String {
        BASE64_URL_SAFE_NO_PAD.encode(chacha20poly1305::Key::generate())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

/// Does not show the key.
impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateKey(..)")
    }
}

/// Encrypts `state` with the first key. It can be decrypted only with the same `binding`. Returns `None` if there is no
/// key.
pub(crate) fn seal(keys: &[StateKey], binding: &[u8], state: &[u8]) -> Option<String> {
    let key = keys.first()?;
    let nonce = XNonce::generate();
    let payload = Payload {
        msg: state,
        aad: binding,
    };
    // Encryption fails only for many gigabytes of data.
    let sealed = key.cipher().encrypt(&nonce, payload).ok()?;
    Some(BASE64_URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
}

/// Decrypts a text that was encrypted with any of the keys. Returns `None` if it was encrypted with none of them or
/// with another `binding`, or if it was changed.
pub(crate) fn open(keys: &[StateKey], binding: &[u8], sealed: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_LENGTH)?;
    let nonce = XNonce::try_from(nonce).ok()?;
    keys.iter().find_map(|key| {
        let payload = Payload {
            msg: sealed,
            aad: binding,
        };
        key.cipher().decrypt(&nonce, payload).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> StateKey {
        StateKey::parse(&text.repeat(MIN_KEY_LENGTH)).expect("a key")
    }

    #[test]
    fn a_seal_opens_with_any_kept_key_and_the_same_binding() {
        let (old, new) = ([key("o")], [key("n")]);
        let sealed = seal(&old, b"a call", b"the state").expect("sealed");
        assert!(!sealed.contains("state"));
        let rotated = [new.clone(), old.clone()].concat();
        assert_eq!(
            open(&rotated, b"a call", &sealed).as_deref(),
            Some(&b"the state"[..])
        );
        assert_eq!(open(&old, b"another", &sealed), None);
        assert_eq!(open(&new, b"a call", &sealed), None);
        assert_eq!(open(&[], b"a call", &sealed), None);
        assert_eq!(seal(&[], b"a call", b"the state"), None);
        // Two seals of one state differ.
        assert_ne!(seal(&old, b"a call", b"the state"), Some(sealed));
    }

    #[test]
    fn a_change_of_any_character_is_detected() {
        let keys = [StateKey::random()];
        let sealed = seal(&keys, b"a call", b"the state").expect("sealed");
        for place in 0..sealed.len() {
            let other = if sealed.as_bytes()[place] == b'A' {
                "B"
            } else {
                "A"
            };
            let mut changed = sealed.clone();
            changed.replace_range(place..=place, other);
            assert_eq!(open(&keys, b"a call", &changed), None, "{changed}");
        }
        for changed in [
            "",
            "A",
            &sealed[1..],
            &sealed[..sealed.len() - 1],
            &format!("{sealed}A"),
            &format!("{sealed}="),
            &format!("{sealed}-TAMPERED"),
        ] {
            assert_eq!(open(&keys, b"a call", changed), None, "{changed}");
        }
    }

    #[test]
    fn a_key_is_long_and_is_never_shown() {
        for text in ["", "secret", &"x".repeat(MIN_KEY_LENGTH - 1)] {
            let problem = StateKey::parse(text).expect_err("too short");
            assert!(problem.contains("openssl rand"), "{problem}");
            assert!(text.is_empty() || !problem.contains(text), "{problem}");
        }
        assert_ne!(key("a"), key("b"));
        assert_eq!(format!("{:?}", key("a")), "StateKey(..)");
        assert_ne!(StateKey::random(), StateKey::random());
    }
}
