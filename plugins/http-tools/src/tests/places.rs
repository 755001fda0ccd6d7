//! Places that must not be reached, by whatever way.

use super::*;

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_in_every_spelling() {
    let server = Server::start(|_| Reply::ok("text/plain", "secret")).await;
    let client = Names::default().client();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "0",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "169.254.169.254",
        "2852039166",
        "169.254.100.1",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ] {
        let error = get(&client, format!("http://{host}:{}/", server.port)).await;
        let error = error.unwrap_err();
        assert!(
            matches!(error, FetchError::Forbidden { .. }),
            "{host}: {error}"
        );
    }
    assert!(server.heads().is_empty());
    let error = get(
        &client,
        "http://127.1:9001/2018-06-01/runtime/invocation/next",
    )
    .await;
    insta::assert_snapshot!(error.unwrap_err(), @"http://127.0.0.1:9001 is a loopback address, and only the public internet is fetched; the operator can allow an internal service in HTTP_TOOLS_ALLOW");
}

#[tokio::test]
async fn a_name_is_refused_for_any_of_its_addresses() {
    let client = Names::default()
        .name("inside.test", &["127.0.0.1"])
        .name("both.test", &["93.184.215.14", "10.0.0.1"])
        .name("mapped.test", &["::ffff:169.254.169.254"])
        .client();
    let mut messages = Vec::new();
    for name in ["inside.test", "both.test", "mapped.test", "INSIDE.test"] {
        let url = format!("https://{name}/?token=secret");
        messages.push(get(&client, url).await.unwrap_err().to_string());
    }
    insta::assert_snapshot!(messages.join("\n"), @"
    https://inside.test leads to a loopback address, and only the public internet is fetched; the operator can allow an internal service in HTTP_TOOLS_ALLOW
    https://both.test leads to a private address, and only the public internet is fetched; the operator can allow an internal service in HTTP_TOOLS_ALLOW
    https://mapped.test leads to a link-local or metadata address, and only the public internet is fetched; the operator can allow an internal service in HTTP_TOOLS_ALLOW
    https://inside.test leads to a loopback address, and only the public internet is fetched; the operator can allow an internal service in HTTP_TOOLS_ALLOW
    ");
}

/// The system's own look-up is checked as well, not only the one of these tests.
#[tokio::test]
async fn localhost_is_refused() {
    let client = Client::with(
        Default::default(),
        crate::connect::system_lookup(),
        Default::default(),
    );
    let error = get(&client, "http://localhost:9001/").await.unwrap_err();
    assert!(matches!(error, FetchError::Forbidden { .. }), "{error}");
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_connected_to() {
    let server = Server::start(|_| Reply::ok("text/plain", "first")).await;
    // The second answer is that of an attacker's name server to a second question.
    let names = Names::default()
        .allow(&format!("127.0.0.1:{}", server.port))
        .name("rebinds.test", &["127.0.0.1"])
        .name("rebinds.test", &["127.0.0.2"]);
    let looked_up = names.looked_up();
    let client = names.client();
    let url = format!("http://rebinds.test:{}/", server.port);
    assert_eq!(get(&client, &url).await.unwrap().text, "first");
    assert_eq!(*looked_up.lock().unwrap(), ["rebinds.test"]);
    let error = get(&client, &url).await.unwrap_err();
    assert!(matches!(error, FetchError::Forbidden { .. }), "{error}");
}

#[tokio::test]
async fn an_allowed_host_is_allowed_on_its_port_only() {
    let (one, other) = (
        Server::start(|_| Reply::ok("text/plain", "one")).await,
        Server::start(|_| Reply::ok("text/plain", "other")).await,
    );
    let client = Names::default()
        .site("one.test", &one)
        .name("two.test", &["127.0.0.1"])
        .client();
    let url = |host: &str, server: &Server| format!("http://{host}:{}/", server.port);
    assert_eq!(
        get(&client, url("one.test", &one)).await.unwrap().text,
        "one"
    );
    for refused in [
        url("one.test", &other),
        url("two.test", &one),
        url("127.0.0.1", &one),
    ] {
        let error = get(&client, &refused).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Forbidden { .. }),
            "{refused}: {error}"
        );
    }
    assert!(other.heads().is_empty());
}

#[tokio::test]
async fn redirects_are_followed_across_sites() {
    let end = Server::start(|_| Reply::ok("text/plain", "the end")).await;
    let to = format!("http://end.test:{}/there#part", end.port);
    let start = Server::start(move |path| match path {
        "/a/1" => Reply::redirect("2?x=y"),
        "/a/2?x=y" => Reply::redirect("/3"),
        "/3" => Reply::redirect(&to),
        _ => Reply::new("404 Not Found", &[], ""),
    })
    .await;
    let names = Names::default().site("start.test", &start);
    let client = names.site("end.test", &end).client();
    let page = get(&client, format!("http://start.test:{}/a/1", start.port)).await;
    let page = page.unwrap();
    assert_eq!(page.text, "the end");
    assert_eq!(page.url, format!("http://end.test:{}/there", end.port));
    assert!(end.heads()[0].contains(&format!("host: end.test:{}\r\n", end.port)));
}

#[tokio::test]
async fn redirects_lead_nowhere_that_a_url_may_not() {
    let inner = Server::start(|_| Reply::ok("text/plain", "secret")).await;
    let port = inner.port;
    let server = Server::start(move |path| {
        Reply::redirect(&match path {
            "/literal" => format!("http://127.0.0.1:{port}/?token=secret"),
            "/odd" => format!("//0x7f.1:{port}/"),
            "/name" => format!("http://inner.test:{port}/"),
            "/metadata" => "http://169.254.169.254/latest/meta-data/".to_owned(),
            "/file" => "file:///etc/passwd".to_owned(),
            "/data" => "data:text/plain,hello".to_owned(),
            "/user" => "http://user:hunter2@a.test/".to_owned(),
            "/wrong" => "http://[".to_owned(),
            _ => "http://nobody.test/".to_owned(),
        })
    })
    .await;
    let names = Names::default().site("a.test", &server);
    let client = names.name("inner.test", &["127.0.0.1"]).client();
    let mut messages = Vec::new();
    for path in [
        "/literal",
        "/odd",
        "/name",
        "/metadata",
        "/file",
        "/data",
        "/user",
        "/wrong",
        "/nobody",
    ] {
        let url = format!("http://a.test:{}{path}", server.port);
        let error = get(&client, url).await.unwrap_err();
        messages.push(message(&error, &[&server, &inner]));
    }
    insta::assert_snapshot!(messages.join("\n"), @"
    http://a.test:PORT redirects, and the target failed: http://127.0.0.1:PORT is a loopback address, and only the public internet is fetched; the operator can allow an internal service in HTTP_TOOLS_ALLOW
    http://a.test:PORT redirects, and the target failed: http://127.0.0.1:PORT is a loopback address, and only the public internet is fetched; the operator can allow an internal service in HTTP_TOOLS_ALLOW
    http://a.test:PORT redirects, and the target failed: http://inner.test:PORT leads to a loopback address, and only the public internet is fetched; the operator can allow an internal service in HTTP_TOOLS_ALLOW
    http://a.test:PORT redirects, and the target failed: http://169.254.169.254 is a link-local or metadata address, and only the public internet is fetched; the operator can allow an internal service in HTTP_TOOLS_ALLOW
    http://a.test:PORT redirects, and the target failed: `file:` URLs are not fetched; only `https:` and `http:` are
    http://a.test:PORT redirects, and the target failed: `data:` URLs are not fetched; only `https:` and `http:` are
    http://a.test:PORT redirects, and the target failed: the URL for http://a.test has a user name or a password in it, which are never sent; leave them out
    http://a.test:PORT redirects, and the target failed: this is not a URL (invalid IPv6 address); write a complete one, such as `https://example.org/page`
    http://a.test:PORT redirects, and the target failed: http://nobody.test: the name has no address; check its spelling, or try again later
    ");
    assert!(inner.heads().is_empty());
}

#[tokio::test]
async fn redirects_end() {
    let server = Server::start(|path| match path[1..].parse() {
        Ok(0u32) => Reply::ok("text/plain", "done"),
        Ok(left) => Reply::redirect(&format!("/{}", left - 1)),
        Err(_) => Reply::redirect(path),
    })
    .await;
    let client = Names::default().site("a.test", &server).client();
    let url = |path| format!("http://a.test:{}{path}", server.port);
    assert_eq!(get(&client, url("/10")).await.unwrap().text, "done");
    for path in ["/11", "/circle"] {
        let error = get(&client, url(path)).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Redirects { .. }),
            "{path}: {error}"
        );
    }
    assert_eq!(server.heads().len(), 11 + 11 + 11);
    let error = get(&client, url("/circle")).await.unwrap_err();
    insta::assert_snapshot!(message(&error, &[&server]), @"http://a.test:PORT redirects again after 10 redirects; fetch its target by its own URL");
}

#[tokio::test]
async fn other_urls_than_http_are_refused() {
    let client = Names::default().client();
    let mut messages = Vec::new();
    for url in [
        "",
        "example.org/page",
        "ftp://example.org/",
        "file:///etc/passwd",
        "unix:/run/docker.sock",
        "http://",
        "http://[fe80::1%25eth0]/",
        "https://user:hunter2@example.org/",
        "https://user@example.org/?token=secret",
        "https://nobody.test/",
    ] {
        let error = get(&client, url).await.unwrap_err().to_string();
        assert!(
            !error.contains("hunter2") && !error.contains("secret"),
            "{error}"
        );
        messages.push(format!("{url:?}: {error}"));
    }
    insta::assert_snapshot!(messages.join("\n"), @r#"
    "": this is not a URL (relative URL without a base); write a complete one, such as `https://example.org/page`
    "example.org/page": this is not a URL (relative URL without a base); write a complete one, such as `https://example.org/page`
    "ftp://example.org/": `ftp:` URLs are not fetched; only `https:` and `http:` are
    "file:///etc/passwd": `file:` URLs are not fetched; only `https:` and `http:` are
    "unix:/run/docker.sock": `unix:` URLs are not fetched; only `https:` and `http:` are
    "http://": this is not a URL (empty host); write a complete one, such as `https://example.org/page`
    "http://[fe80::1%25eth0]/": this is not a URL (invalid IPv6 address); write a complete one, such as `https://example.org/page`
    "https://user:hunter2@example.org/": the URL for https://example.org has a user name or a password in it, which are never sent; leave them out
    "https://user@example.org/?token=secret": the URL for https://example.org has a user name or a password in it, which are never sent; leave them out
    "https://nobody.test/": https://nobody.test: the name has no address; check its spelling, or try again later
    "#);
}
