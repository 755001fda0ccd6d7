//! Bearer tokens, for hosts without an authorizing gateway in front of them.
//!
//! The host knows names and hashes, never a token: a reader of its configuration, as plugins can be, cannot call with
//! it. The hash is a plain SHA-256. A token is no password: it has 256 random bits and cannot be guessed.

use std::fmt;

use chacha20poly1305::{Key, aead::Generate};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use layer_format::hex;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The prefix of a token. Scanners for secrets recognize it in code and logs.
const TOKEN_PREFIX: &str = "mcp_";

/// The longest name of a token. Unit: bytes. Source: ours; every log line of a request contains it.
const MAX_NAME: usize = 64;

/// The number of bytes of a SHA-256.
const HASH_LENGTH: usize = 32;

/// The permitted callers, by names and hashes of their tokens. Without any, everybody may call.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BearerTokens(Vec<TokenEntry>);

#[derive(Clone, PartialEq, Eq)]
struct TokenEntry {
    name: String,
    hash: [u8; HASH_LENGTH],
}

/// A new token.
pub struct NewToken {
    /// The text that the caller sends.
    pub secret: String,
    /// The SHA-256 of the text, in hexadecimal.
    pub hash: String,
}

/// The reason why a request is not authorized. It quotes nothing of the header, which may be a misspelled secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthError {
    #[error("this server requires a token; send it in the header `Authorization: Bearer TOKEN`")]
    Missing,
    #[error(
        "the header Authorization cannot be parsed; send it once, as `Bearer`, a space and the token"
    )]
    Malformed,
    #[error("the token is unknown; ask the operator for one")]
    Unknown,
}

impl AuthError {
    /// Returns the HTTP status. Source: RFC 6750, section 3.1, and MCP as well (M:auth, "Error Handling").
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Missing | Self::Unknown => StatusCode::UNAUTHORIZED,
            Self::Malformed => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the value of `WWW-Authenticate`. A missing token is no error (RFC 6750, section 3.1), but some parameter
    /// is required (section 3).
    pub(crate) fn challenge(self) -> &'static str {
        match self {
            Self::Missing => r#"Bearer realm="mcp""#,
            Self::Malformed => r#"Bearer realm="mcp", error="invalid_request""#,
            Self::Unknown => r#"Bearer realm="mcp", error="invalid_token""#,
        }
    }
}

impl BearerTokens {
    /// Parses the tokens of `MCP_BEARER_TOKENS`: `NAME:HASH`, comma-separated. A name may have several tokens, so that one
    /// can be replaced while the other still counts.
    ///
    /// # Errors
    /// All problems, each as the end of a sentence that names the variable. They quote nothing of the value.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut tokens: Vec<TokenEntry> = Vec::new();
        let mut problems = Vec::new();
        let entries = text.split(',').map(str::trim);
        let entries: Vec<_> = entries.filter(|entry| !entry.is_empty()).collect();
        for (position, entry) in entries.iter().enumerate() {
            let position = position + 1;
            let mut problem = |what: &str| problems.push(format!("entry {position} {what}"));
            let Some((name, hash)) = entry.split_once(':') else {
                problem(
                    "is not NAME:HASH; `cargo layer token NAME` makes a token and prints its entry",
                );
                continue;
            };
            let (name, hash) = (name.trim(), hash.trim());
            if let Err(what) = check_name(name) {
                problem(&format!("has an invalid name: {what}"));
            }
            match parse_hash(hash) {
                None => problem(
                    "has no hash after its name; write the SHA-256 of the token in 64 hexadecimal digits, never the token itself",
                ),
                Some(hash) if tokens.iter().any(|token| token.hash == hash) => {
                    problem(
                        "has the hash of another entry; remove one, because a token has one name",
                    );
                }
                Some(hash) => tokens.push(TokenEntry {
                    name: name.to_owned(),
                    hash,
                }),
            }
        }
        if entries.is_empty() {
            // An open server must be configured by leaving the variable out, not by an empty list.
            problems.push(
                "has no entry; write NAME:HASH, or unset it to let everybody call".to_owned(),
            );
        }
        if problems.is_empty() {
            Ok(Self(tokens))
        } else {
            Err(problems)
        }
    }

    /// Reports whether no token is required.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the name of the token in a request; `None` if there is none.
    ///
    /// # Errors
    /// The reason why the header is no known token.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<Option<&str>, AuthError> {
        let Some(token) = bearer(headers)? else {
            return Ok(None);
        };
        let hash: [u8; HASH_LENGTH] = Sha256::digest(token).into();
        // All tokens are compared, each in constant time, so that the duration does not show how close a guess was.
        let mut owner = None;
        for entry in &self.0 {
            if bool::from(entry.hash.ct_eq(&hash)) {
                owner = Some(entry.name.as_str());
            }
        }
        owner.map(Some).ok_or(AuthError::Unknown)
    }
}

/// Shows the names alone.
impl fmt::Debug for BearerTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|entry| &entry.name))
            .finish()
    }
}

impl NewToken {
    /// Returns a new token: 256 random bits of the system.
    #[must_use]
    pub fn random() -> Self {
        // Letters and digits only, so that a double click selects all of it.
        let secret = format!("{TOKEN_PREFIX}{}", hex(&Key::generate()));
        let hash = hex(&Sha256::digest(&secret));
        Self { secret, hash }
    }
}

/// Checks a name of a token.
///
/// # Errors
/// The rules for names.
pub fn check_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(plain) {
        Ok(())
    } else {
        Err(format!(
            "use letters, digits, `.`, `_`, `-` and `@`, {MAX_NAME} at most"
        ))
    }
}

/// Returns the token of a request: RFC 6750, section 2.1, the only place that MCP allows (M:auth, "Token
/// Requirements").
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(AuthError::Malformed);
    }
    let value = value.to_str().map_err(|_| AuthError::Malformed)?;
    let value = value.trim_matches([' ', '\t']);
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    // A header of another scheme, such as a signature for the gateway, is not for the host.
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    let token = token.trim_start_matches(' ');
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let letters = token.trim_end_matches('=');
    if letters.is_empty() || !letters.bytes().all(letter) {
        return Err(AuthError::Malformed);
    }
    Ok(Some(token))
}

fn parse_hash(text: &str) -> Option<[u8; HASH_LENGTH]> {
    let digits = text.chars().map(|digit| digit.to_digit(16));
    let digits: Vec<_> = digits.collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks() else {
        return None;
    };
    let bytes = pairs
        .iter()
        .map(|[high, low]| u8::try_from(high * 16 + low));
    let bytes: Vec<_> = bytes.collect::<Result<_, _>>().ok()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn entry(name: &str, token: &str) -> String {
        format!("{name}:{}", hex(&Sha256::digest(token)))
    }

    fn sent(values: &[&[u8]]) -> HeaderMap {
        let values = values.iter();
        values
            .map(|value| {
                let value = HeaderValue::from_bytes(value).expect("a value");
                (AUTHORIZATION, value)
            })
            .collect()
    }

    #[test]
    fn a_known_token_names_its_owner_and_all_others_are_refused() {
        let old = NewToken::random();
        let text = [
            entry("ada", "first"),
            entry("bob@example.com", "second"),
            entry("ada", "third"),
            format!(" ci : {} ", old.hash.to_uppercase()),
        ];
        let tokens = BearerTokens::parse(&text.join(",")).expect("tokens");
        let ci = format!("Bearer {}", old.secret);
        for (values, expected) in [
            (&[][..], Ok(None)),
            (&[&b"Bearer first"[..]], Ok(Some("ada"))),
            (&[b"Bearer third"], Ok(Some("ada"))),
            (&[b"bearer second"], Ok(Some("bob@example.com"))),
            (&[b"BEARER   second"], Ok(Some("bob@example.com"))),
            (&[b" \tBearer first\t "], Ok(Some("ada"))),
            (&[ci.as_bytes()], Ok(Some("ci"))),
            (&[b"Bearer First"], Err(AuthError::Unknown)),
            (&[b"Bearer firs"], Err(AuthError::Unknown)),
            (&[b"Bearer first="], Err(AuthError::Unknown)),
            (&[old.hash.as_bytes()], Ok(None)),
            (&[b"Basic Zmlyc3Q6"], Ok(None)),
            (&[b"AWS4-HMAC-SHA256 Credential=a/b, Signature=c"], Ok(None)),
            (&[b"Bearerfirst"], Ok(None)),
            (&[b"first"], Ok(None)),
            (&[b""], Ok(None)),
            (&[b"Bearer"], Err(AuthError::Malformed)),
            (&[b"Bearer "], Err(AuthError::Malformed)),
            (&[b"Bearer ="], Err(AuthError::Malformed)),
            (&[b"Bearer a=b"], Err(AuthError::Malformed)),
            (&[b"Bearer\tfirst"], Ok(None)),
            (&[b"Bearer \tfirst"], Err(AuthError::Malformed)),
            (&[b"Bearer first second"], Err(AuthError::Malformed)),
            (&[b"Bearer first,Bearer second"], Err(AuthError::Malformed)),
            (&[b"Bearer \"first\""], Err(AuthError::Malformed)),
            (&[b"Bearer f\xc3\xbcrst"], Err(AuthError::Malformed)),
            (
                &[b"Bearer first", b"Bearer first"],
                Err(AuthError::Malformed),
            ),
            (
                &[b"Basic Zmlyc3Q6", b"Bearer first"],
                Err(AuthError::Malformed),
            ),
        ] {
            let words: Vec<_> = values
                .iter()
                .map(|value| value.escape_ascii().to_string())
                .collect();
            assert_eq!(tokens.authenticate(&sent(values)), expected, "{words:?}");
        }
    }

    #[test]
    fn a_problem_of_an_entry_never_quotes_it() {
        let hash = "ab".repeat(32);
        let long = "n".repeat(MAX_NAME + 1);
        for (text, problems) in [
            (",", &["has no entry"][..]),
            (" , ,", &["has no entry"]),
            ("s3cret", &["entry 1 is not NAME:HASH"]),
            ("ada:", &["entry 1 has no hash"]),
            ("ada:s3cret", &["entry 1 has no hash"]),
            (&format!("ada:{hash}0"), &["entry 1 has no hash"]),
            (&format!("ada:{hash}00"), &["entry 1 has no hash"]),
            (&format!("ada:{}", &hash[1..]), &["entry 1 has no hash"]),
            (&format!("ada:+{}", &hash[1..]), &["entry 1 has no hash"]),
            (&format!(":{hash}"), &["entry 1 has an invalid name"]),
            (&format!("a da:{hash}"), &["entry 1 has an invalid name"]),
            (&format!("ädä:{hash}"), &["entry 1 has an invalid name"]),
            (&format!("{long}:{hash}"), &["entry 1 has an invalid name"]),
            (&format!("ada:{hash}:x"), &["entry 1 has no hash"]),
            (
                &format!("ada:{hash}, ,bob:{}", hash.to_uppercase()),
                &["entry 2 has the hash of another entry"],
            ),
            (
                &format!("ada:{hash},ada:{hash},s3cret"),
                &["entry 2 has the hash of another entry", "entry 3 is not"],
            ),
        ] {
            let told = BearerTokens::parse(text).expect_err(text);
            assert_eq!(told.len(), problems.len(), "{text}: {told:?}");
            for (told, problem) in told.iter().zip(problems) {
                assert!(told.starts_with(problem), "{text}: {told}");
                assert!(
                    !told.contains("s3cret") && !told.contains(&hash[1..]),
                    "{told}"
                );
            }
        }
    }

    #[test]
    fn nothing_shows_a_hash() {
        let tokens = BearerTokens::parse(&entry("ada", "first")).expect("tokens");
        assert_eq!(format!("{tokens:?}"), r#"["ada"]"#);
    }

    #[test]
    fn a_new_token_is_long_prefixed_and_unique() {
        let token = NewToken::random();
        let digits = token.secret.strip_prefix(TOKEN_PREFIX).expect("the prefix");
        assert_eq!(parse_hash(digits).map(|bytes| bytes.len()), Some(32));
        assert_ne!(digits, token.hash);
        assert_ne!(token.secret, NewToken::random().secret);
        let tokens = BearerTokens::parse(&format!("ada:{}", token.hash)).expect("tokens");
        let value = format!("Bearer {}", token.secret);
        assert_eq!(
            tokens.authenticate(&sent(&[value.as_bytes()])),
            Ok(Some("ada"))
        );
    }
}
