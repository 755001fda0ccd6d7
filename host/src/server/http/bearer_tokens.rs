//! Bearer tokens, for hosts without a gateway that authorizes callers.
//!
//! The host knows the names and hashes of tokens, but never a token itself. So nobody who can read the host's
//! configuration, such as a plugin, can make calls with it. The hash is a plain SHA-256: unlike a password, a token
//! consists of 256 random bits and cannot be guessed.

use std::fmt;

use chacha20poly1305::{Key, aead::Generate};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use layer_format::hex;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The prefix of a token, by which secret scanners recognize tokens in code and logs.
const TOKEN_PREFIX: &str = "mcp_";

/// The maximum length of a token's name. Unit: bytes. Source: ours; every log line of a request contains the name.
const MAX_NAME: usize = 64;

/// The length of a SHA-256. Unit: bytes.
const HASH_LENGTH: usize = 32;

/// The permitted callers: the names and hashes of their tokens. If there are none, everybody may call.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BearerTokens(Vec<TokenEntry>);

#[derive(Clone, PartialEq, Eq)]
struct TokenEntry {
    name: String,
    hash: [u8; HASH_LENGTH],
}

/// A new token.
pub struct NewToken {
    /// The token itself, which the caller sends.
    pub secret: String,
    /// The SHA-256 of the token, in hexadecimal.
    pub hash: String,
}

/// The reason why a request is not authorized. The message quotes nothing of the header, which may contain a mistyped
/// secret.
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
    /// Returns the HTTP status that RFC 6750, section 3.1, and MCP require (M:auth, "Error Handling").
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Missing | Self::Unknown => StatusCode::UNAUTHORIZED,
            Self::Malformed => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the value of `WWW-Authenticate`. For a missing token it contains no error code (RFC 6750, section 3.1),
    /// but at least one parameter is required (section 3).
    pub(crate) fn challenge(self) -> &'static str {
        match self {
            Self::Missing => r#"Bearer realm="mcp""#,
            Self::Malformed => r#"Bearer realm="mcp", error="invalid_request""#,
            Self::Unknown => r#"Bearer realm="mcp", error="invalid_token""#,
        }
    }
}

impl BearerTokens {
    /// Parses `MCP_BEARER_TOKENS`: entries of the form `NAME:HASH`, separated by commas. Several entries may have the
    /// same name, so that a token can be replaced while the old one is still valid.
    ///
    /// # Errors
    /// All problems, each as the end of a sentence that begins with the variable's name. They quote nothing of the
    /// value.
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
            // An operator who wants no tokens must leave the variable unset. An empty list could be a mistake.
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

    /// Reports whether there are no tokens, so that everybody may call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the name of the token in a request; `None` if the request has no token.
    ///
    /// # Errors
    /// The reason why the header does not contain a known token.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<Option<&str>, AuthError> {
        let Some(token) = bearer(headers)? else {
            return Ok(None);
        };
        let hash: [u8; HASH_LENGTH] = Sha256::digest(token).into();
        // All hashes are compared, each in constant time, so that the duration reveals nothing about how close a guess
        // was.
        let mut owner = None;
        for entry in &self.0 {
            if bool::from(entry.hash.ct_eq(&hash)) {
                owner = Some(entry.name.as_str());
            }
        }
        owner.map(Some).ok_or(AuthError::Unknown)
    }
}

/// Shows only the names.
impl fmt::Debug for BearerTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|entry| &entry.name))
            .finish()
    }
}

impl NewToken {
    /// Returns a new token with 256 random bits from the operating system.
    #[must_use]
    pub fn random() -> Self {
        // Only letters, digits and an underscore, so that a double click selects the whole token.
        let secret = format!("{TOKEN_PREFIX}{}", hex(&Key::generate()));
        let hash = hex(&Sha256::digest(&secret));
        Self { secret, hash }
    }
}

/// Checks the name of a token.
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

/// Returns the token in the `Authorization` header (RFC 6750, section 2.1). MCP allows no other place for it (M:auth,
/// "Token Requirements").
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
    // A header with another scheme, such as a signature for the gateway, is not meant for the host.
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
