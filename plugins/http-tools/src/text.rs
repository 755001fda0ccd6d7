//! Finds out whether a body is text, and decodes it.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// The number of bytes at the beginning of an HTML page that are searched for its encoding. Unit: bytes. Source: HTML,
/// "prescanning a byte stream to determine its encoding".
const PRESCAN_LIMIT: usize = 1024;

/// The kind of body that a content type announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A content type that servers use for unknown content: the bytes decide whether it is text.
    Unclear,
    Binary,
}

/// Returns the kind of body that `content_type` announces.
pub(crate) fn kind(content_type: Option<&str>) -> Kind {
    let Some(content_type) = content_type else {
        return Kind::Unclear;
    };
    let essence = essence(content_type);
    let (main, sub) = essence.split_once('/').unwrap_or((&essence, ""));
    match (main, sub) {
        ("text", "plain") | ("application" | "binary", "octet-stream") | ("", _) => Kind::Unclear,
        ("text", _) => Kind::Text,
        (_, sub) if sub.ends_with("+json") || sub.ends_with("+xml") || sub.ends_with("+yaml") => {
            Kind::Text
        }
        ("application", sub) => match sub.trim_start_matches("x-") {
            "json"
            | "jsonlines"
            | "ndjson"
            | "json-seq"
            | "json5"
            | "xml"
            | "xml-dtd"
            | "yaml"
            | "toml"
            | "javascript"
            | "ecmascript"
            | "typescript"
            | "sql"
            | "graphql"
            | "sh"
            | "shellscript"
            | "httpd-php"
            | "tex"
            | "www-form-urlencoded" => Kind::Text,
            _ => Kind::Binary,
        },
        _ => Kind::Binary,
    }
}

/// Returns a content type without its parameters, in lower case.
pub(crate) fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Decodes a body; `None` if it is not text.
///
/// The encoding comes from a byte order mark, the content type, or the HTML page itself. Without these it is UTF-8,
/// or Windows-1252 for bytes that are not valid UTF-8, as in browsers. Invalid bytes become U+FFFD.
pub(crate) fn decode(bytes: &[u8], content_type: Option<&str>, truncated: bool) -> Option<String> {
    let marked = Encoding::for_bom(bytes);
    let declared = marked
        .map(|(encoding, _)| encoding)
        .or_else(|| Encoding::for_label(charset(content_type?)?.as_bytes()));
    if declared.is_none() && kind(content_type) == Kind::Unclear && bytes.iter().any(is_binary) {
        return None;
    }
    let encoding = declared
        .or_else(|| encoding_in_page(bytes, content_type))
        .unwrap_or_else(|| guess(bytes, truncated));
    let bytes = &bytes[marked.map_or(0, |(_, length)| length)..];
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length(bytes.len())?);
    // If the body is truncated, an incomplete character at the end is omitted.
    let _ = decoder.decode_to_string(bytes, &mut text, !truncated);
    Some(text)
}

/// Reports whether a byte does not occur in text. Source: the WHATWG's "MIME sniffing", "binary data byte".
fn is_binary(byte: &u8) -> bool {
    matches!(byte, 0x00..=0x08 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F)
}

fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches('"'))
    })
}

/// Returns the encoding of `<meta charset="...">` or `<meta http-equiv content="...; charset=...">`: the first
/// `charset=` after the first `<meta` at the beginning of a page. This search works for every encoding that extends
/// ASCII.
fn encoding_in_page(bytes: &[u8], content_type: Option<&str>) -> Option<&'static Encoding> {
    if !essence(content_type?).contains("html") {
        return None;
    }
    let start = bytes[..bytes.len().min(PRESCAN_LIMIT)].to_ascii_lowercase();
    let start = String::from_utf8_lossy(&start);
    let (_, meta) = start.split_once("<meta")?;
    let (_, value) = meta.split_once("charset=")?;
    let value = value.trim_start_matches(['"', '\'']);
    let end = value.find(['"', '\'', ';', '>', ' ', '/']);
    let encoding = Encoding::for_label(&value.as_bytes()[..end?])?;
    encoding.is_ascii_compatible().then_some(encoding)
}

fn guess(bytes: &[u8], truncated: bool) -> &'static Encoding {
    match std::str::from_utf8(bytes) {
        // An error without a length means an incomplete character at the end, which is expected in a truncated body.
        Err(error) if error.error_len().is_some() || !truncated => WINDOWS_1252,
        _ => UTF_8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_text_unclear_or_binary() {
        for (content_type, expected) in [
            (None, Kind::Unclear),
            (Some(""), Kind::Unclear),
            (Some("text/plain; charset=utf-8"), Kind::Unclear),
            (Some("application/octet-stream"), Kind::Unclear),
            (Some("Text/HTML;charset=x"), Kind::Text),
            (Some("text/markdown"), Kind::Text),
            (Some("application/json"), Kind::Text),
            (Some("application/ld+json"), Kind::Text),
            (Some("application/x-ndjson"), Kind::Text),
            (Some("application/rss+xml"), Kind::Text),
            (Some("image/svg+xml"), Kind::Text),
            (Some("image/png"), Kind::Binary),
            (Some("application/pdf"), Kind::Binary),
            (Some("application/zip"), Kind::Binary),
            (Some("video/mp4"), Kind::Binary),
            (Some("nonsense"), Kind::Binary),
        ] {
            assert_eq!(kind(content_type), expected, "{content_type:?}");
        }
    }

    #[test]
    fn text_is_decoded_as_it_declares_itself() {
        let html = Some("text/html");
        for (bytes, content_type, expected) in [
            (
                &b"caf\xc3\xa9"[..],
                Some("text/html; charset=utf-8"),
                "café",
            ),
            (
                b"caf\xe9",
                Some("text/html; charset=\"ISO-8859-1\""),
                "café",
            ),
            // The wrong one is believed; what cannot be is marked.
            (
                b"caf\xe9!",
                Some("text/html; charset=utf-8"),
                "caf\u{fffd}!",
            ),
            (b"caf\xc3\xa9", Some("text/html; charset=latin1"), "cafÃ©"),
            // Unknown ones are not.
            (b"caf\xc3\xa9", Some("text/html; charset=klingon"), "café"),
            (
                b"\x83e\x83X\x83g",
                Some("text/html;charset=Shift_JIS"),
                "テスト",
            ),
            (
                b"<meta charset=shift_jis>\x83e",
                html,
                "<meta charset=shift_jis>テ",
            ),
            (
                b"<META http-equiv=\"Content-Type\" content=\"text/html; charset=GBK\">\xc4\xe3",
                html,
                "<META http-equiv=\"Content-Type\" content=\"text/html; charset=GBK\">你",
            ),
            (b"caf\xe9", html, "café"),
            (b"caf\xc3\xa9", html, "café"),
            (
                b"\xef\xbb\xbfcaf\xc3\xa9",
                Some("text/html; charset=latin1"),
                "café",
            ),
            (b"\xff\xfeh\0i\0", None, "hi"),
            (b"", None, ""),
        ] {
            assert_eq!(
                decode(bytes, content_type, false).as_deref(),
                Some(expected),
                "{bytes:?} as {content_type:?}"
            );
        }
    }

    #[test]
    fn a_character_cut_off_is_left_out() {
        let bytes = &"naïve".as_bytes()[..3];
        for content_type in [None, Some("text/plain; charset=utf-8")] {
            assert_eq!(decode(bytes, content_type, true).unwrap(), "na");
        }
    }

    #[test]
    fn bytes_decide_when_the_content_type_does_not() {
        for content_type in [None, Some("text/plain"), Some("application/octet-stream")] {
            assert_eq!(decode(b"\x7fELF\x02\x01\0", content_type, false), None);
            assert!(decode(b"fn main() {}\n\x1b[0m", content_type, false).is_some());
        }
        assert!(decode(b"odd\x01", Some("text/html"), false).is_some());
    }
}
