//! Pages that come, whole or in part.

use std::io::Write;

use super::*;

#[tokio::test]
async fn a_page_has_status_type_and_text() {
    let server = Server::start(|_| Reply::ok("text/html; charset=utf-8", "<p>café</p>")).await;
    let client = Names::default().site("a.test", &server).client();
    let url = format!("http://a.test:{}/page?q=1#part", server.port);
    let page = get(&client, url).await.unwrap();
    assert_eq!(page.url, format!("http://a.test:{}/page?q=1", server.port));
    assert_eq!(page.status, 200);
    assert_eq!(
        page.content_type.as_deref(),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.text, "<p>café</p>");
    assert!(!page.truncated);
}

#[tokio::test]
async fn a_request_says_who_asks_and_nothing_else() {
    let server = Server::start(|path| match path {
        "/1?token=x" => Reply::new("302 Found", &["Location: /2", "Set-Cookie: a=b"], ""),
        _ => Reply::ok("text/plain", "here"),
    })
    .await;
    let client = Names::default().site("a.test", &server).client();
    let url = format!("http://a.test:{}/1?token=x", server.port);
    assert_eq!(get(&client, url).await.unwrap().text, "here");
    let [first, second] = &server.heads()[..] else {
        panic!("{:?}", server.heads())
    };
    assert!(first.starts_with("GET /1?token=x HTTP/1.1\r\n"), "{first}");
    insta::assert_snapshot!(
        second.replace(&server.port.to_string(), "PORT").replace('\r', "").replace(env!("CARGO_PKG_VERSION"), "VERSION"),
        @"
        GET /2 HTTP/1.1
        host: a.test:PORT
        user-agent: http-tools/VERSION
        accept: text/markdown, text/html;q=0.9, text/plain;q=0.9, */*;q=0.8
        accept-encoding: gzip
        connection: close
        "
    );
}

#[tokio::test]
async fn a_long_text_ends_at_the_limit() {
    let server = Server::start(|_| Reply::ok("text/plain", "0123456789".repeat(10_000))).await;
    let client = Names::default().site("a.test", &server).client();
    let url = format!("http://a.test:{}/", server.port);
    for (max_bytes, length, truncated) in [
        (None, 40_000, true),
        (Some(7), 7, true),
        (Some(99_999), 99_999, true),
        (Some(100_000), 100_000, false),
        (Some(u32::MAX), 100_000, false),
    ] {
        let page = get_up_to(&client, &url, max_bytes).await.unwrap();
        assert_eq!(
            (page.text.len(), page.truncated),
            (length, truncated),
            "{max_bytes:?}"
        );
    }
}

#[tokio::test]
async fn an_endless_page_is_left_at_the_limit() {
    let server = Server::start(|_| {
        Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            .and_hangs()
    })
    .await;
    let client = Names::default().site("a.test", &server).client();
    let url = format!("http://a.test:{}/", server.port);
    let page = get_up_to(&client, url, Some(4)).await.unwrap();
    assert_eq!((page.text.as_str(), page.truncated), ("hell", true));
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn compressed_pages_are_limited_by_their_decompressed_size() {
    const GZIP: &[&str] = &["Content-Encoding: gzip", "Content-Type: text/plain"];
    let server = Server::start(|path| match path {
        "/small" => Reply::new("200 OK", GZIP, gzip(b"hello")),
        "/two" => Reply::new("200 OK", GZIP, [gzip(b"hello "), gzip(b"you")].concat()),
        "/empty" => Reply::new("200 OK", GZIP, ""),
        "/bomb" => Reply::new("200 OK", GZIP, gzip(&vec![b'0'; 50_000_000])),
        "/cut" => {
            let whole = gzip(b"hello");
            Reply::new("200 OK", GZIP, &whole[..whole.len() - 4])
        }
        "/not" => Reply::new("200 OK", GZIP, "hello"),
        _ => Reply::new("200 OK", &["Content-Encoding: br"], "?"),
    })
    .await;
    let client = Names::default().site("a.test", &server).client();
    let url = |path| format!("http://a.test:{}{path}", server.port);
    for (path, text) in [("/small", "hello"), ("/two", "hello you"), ("/empty", "")] {
        let page = get(&client, url(path)).await.unwrap();
        assert_eq!(
            (page.text.as_str(), page.truncated),
            (text, false),
            "{path}"
        );
    }
    let page = get(&client, url("/bomb")).await.unwrap();
    assert_eq!((page.text.len(), page.truncated), (40_000, true));
    for path in ["/cut", "/not"] {
        let error = get(&client, url(path)).await.unwrap_err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(message(&error, &[&server]), @"http://a.test:PORT sent a damaged body that cannot be decompressed as gzip; try again later");
        }
    }
    let error = get(&client, url("/other")).await.unwrap_err();
    insta::assert_snapshot!(message(&error, &[&server]), @"http://a.test:PORT sent a body compressed as `br`, which was not requested and cannot be read");
}

#[tokio::test]
async fn an_error_page_is_a_result() {
    let server = Server::start(|path| match path {
        "/gone" => Reply::new(
            "404 Not Found",
            &["Content-Type: text/html"],
            "no such page",
        ),
        "/nowhere" => Reply::new("302 Found", &[], "no location"),
        _ => Reply::new("204 No Content", &[], ""),
    })
    .await;
    let client = Names::default().site("a.test", &server).client();
    for (path, status, text) in [
        ("/gone", 404, "no such page"),
        ("/nowhere", 302, "no location"),
        ("/nothing", 204, ""),
    ] {
        let page = get(&client, format!("http://a.test:{}{path}", server.port)).await;
        let page = page.unwrap();
        assert_eq!((page.status, page.text.as_str()), (status, text), "{path}");
    }
}

#[tokio::test]
async fn binary_pages_are_refused_by_type_or_bytes() {
    let server = Server::start(|path| match path {
        // Its body never comes, and the tool does not wait for it.
        "/picture" => {
            Reply::raw("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\n")
                .and_hangs()
        }
        "/program" => Reply::ok("application/octet-stream", b"\x7fELF\x02\0"),
        _ => Reply::new("404 Not Found", &[], b"\0"),
    })
    .await;
    let client = Names::default().site("a.test", &server).client();
    let mut messages = Vec::new();
    for path in ["/picture", "/program", "/unknown"] {
        let url = format!("http://a.test:{}{path}", server.port);
        let error = get(&client, url).await.unwrap_err();
        messages.push(message(&error, &[&server]));
    }
    insta::assert_snapshot!(messages.join("\n"), @"
    http://a.test:PORT answered 200 with image/png, which is not text and cannot be shown
    http://a.test:PORT answered 200 with application/octet-stream, which is not text and cannot be shown
    http://a.test:PORT answered 404 with something without a content type, which is not text and cannot be shown
    ");
}

#[tokio::test]
async fn text_in_another_encoding_is_decoded() {
    let server =
        Server::start(|_| Reply::ok("text/html; charset=Shift_JIS", b"\x83e\x83X\x83g")).await;
    let client = Names::default().site("a.test", &server).client();
    let page = get(&client, format!("http://a.test:{}/", server.port)).await;
    assert_eq!(page.unwrap().text, "テスト");
}

/// One call does not wait for another, and a future may move between threads.
#[tokio::test]
async fn calls_share_a_client() {
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    let server = Server::start(|path| match path {
        "/slow" => Reply::raw("").and_hangs(),
        _ => Reply::ok("text/plain", "fast"),
    })
    .await;
    let client = Names::default().site("a.test", &server).client();
    let url = |path| format!("http://a.test:{}{path}", server.port);
    tokio::select! {
        biased;
        slow = sendable(get(&client, url("/slow"))) => panic!("{slow:?}"),
        fast = get(&client, url("/fast")) => assert_eq!(fast.unwrap().text, "fast"),
    }
}
