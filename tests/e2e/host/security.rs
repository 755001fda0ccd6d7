//! Responses to unauthorised and malformed requests: the table of `host/SECURITY.md`, against the real `bootstrap` by `serve` and
//! behind every front door of Lambda.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::LazyLock,
    time::Duration,
};

use serde_json::{Value, json};
use tests::{FrontDoor, Host, Layer, repository};

use crate::commands::token::token;

/// One byte over the host's limit, also in an event. Unit: bytes. Source: `MAX_BODY` of the host.
const TOO_LARGE: usize = 6 * 1024 * 1024 + 1;

/// The size of the concurrent bodies, and their number: a little less than the host accepts in flight. Unit: bytes.
const LARGE: usize = 5 * 1024 * 1024;
const AT_ONCE: usize = 11;

/// Most of the memory of all of them, and more than a host uses otherwise. Unit: megabytes.
const MUCH: u64 = 45;

/// An unknown token.
const WRONG: &str = "mcp_00000000000000000000000000000000000000000000000000000000deadbeef";

/// The credentials of other schemes.
const BASIC: &str = "Basic YWRhOmh1bnRlcjI=";

/// The tokens of two callers, and the entry of both.
struct Tokens {
    ada: String,
    bob: String,
    entry: String,
}

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let [(ada, adas), (bob, bobs)] = [token("ada"), token("bob")];
    let entry = format!("{adas},{bobs}");
    Tokens { ada, bob, entry }
});

/// A request on the wire: a `ping` of Ada's, unless a row changes it.
#[derive(Clone)]
struct Sent {
    method: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// Whether it is sent in Ada's session.
    in_session: bool,
}

fn ping() -> Sent {
    Sent {
        method: "POST",
        path: "/mcp",
        headers: vec![
            ("Authorization", format!("Bearer {}", TOKENS.ada)),
            ("Content-Type", "application/json".to_owned()),
        ],
        body: json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string(),
        in_session: false,
    }
}

impl Sent {
    /// Adds a header.
    fn and(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Replaces a header, or removes it.
    fn with<'a>(mut self, name: &'static str, value: impl Into<Option<&'a str>>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        match value.into() {
            Some(value) => self.and(name, value),
            None => self,
        }
    }

    fn by(self, authorization: &str) -> Self {
        self.with("Authorization", authorization)
    }

    fn at(mut self, method: &'static str, path: &'static str) -> Self {
        self.method = method;
        self.path = path;
        self
    }

    fn saying(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    fn in_adas_session(mut self) -> Self {
        self.in_session = true;
        self
    }
}

/// A row: the request, and the status by `serve` and on Lambda. `None`: the front door does not let it through.
type Row = (&'static str, Sent, Option<u16>, Option<u16>);

fn both(what: &'static str, sent: Sent, status: u16) -> Row {
    (what, sent, Some(status), Some(status))
}

fn of_serve(what: &'static str, sent: Sent, status: u16) -> Row {
    (what, sent, Some(status), None)
}

fn rows() -> Vec<Row> {
    let Tokens { ada, bob, entry } = &*TOKENS;
    let (adas, bobs) = (format!("Bearer {ada}"), format!("Bearer {bob}"));
    let hash = entry.split([':', ',']).nth(1).expect("a hash");
    let known = "http://localhost:6274";
    let call = |arguments: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"greet","arguments":{arguments}}}}}"#
        )
    };
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    vec![
        both("a known token", ping(), 200),
        // Origins and hosts.
        (
            "a foreign `Host`, as after DNS rebinding",
            ping().and("Host", "evil.example"),
            Some(403),
            Some(200),
        ),
        both(
            "the same from its own page, with a foreign `Origin`",
            ping().and("Host", "evil.example").and("Origin", "http://evil.example"),
            403,
        ),
        of_serve(
            "two `Host` headers, one of them foreign",
            ping().and("Host", "localhost").and("Host", "evil.example"),
            400,
        ),
        both("a foreign `Origin`", ping().and("Origin", "https://evil.example"), 403),
        both("`Origin: null`", ping().and("Origin", "null"), 403),
        both(
            "an `Origin` that begins like a known one",
            ping().and("Origin", "http://localhost.evil.example"),
            403,
        ),
        both(
            "two `Origin` headers, one of them foreign",
            ping().and("Origin", known).and("Origin", "https://evil.example"),
            403,
        ),
        both(
            "a preflight of a foreign origin",
            ping().with("Authorization", None).at("OPTIONS", "/mcp").and("Origin", "https://evil.example"),
            403,
        ),
        both(
            "a preflight of a known origin, without a token",
            ping().with("Authorization", None).at("OPTIONS", "/mcp").and("Origin", known),
            204,
        ),
        // Credentials.
        both("no token", ping().with("Authorization", None), 401),
        both("an unknown token", ping().by(&format!("Bearer {WRONG}")), 401),
        both("a known token in upper case", ping().by(&adas.to_uppercase()), 401),
        both("the hash of a token", ping().by(&format!("Bearer {hash}")), 401),
        both(
            "a token in the query",
            ping().with("Authorization", None).at("POST", "/mcp?access_token=mcp_0"),
            401,
        ),
        both("another scheme", ping().by(BASIC), 401),
        both("the scheme in mixed case", ping().by(&format!("bEARER {ada}")), 200),
        both("spaces around the token", ping().by(&format!("  Bearer   {ada}  ")), 200),
        both("a space in the token", ping().by(&format!("Bearer {WRONG} {ada}")), 400),
        both("a scheme without a token", ping().by("Bearer"), 400),
        both("two tokens", ping().and("Authorization", &bobs), 400),
        both("`GET /health` without a token", ping().with("Authorization", None).at("GET", "/health").saying(""), 200),
        both(
            "`GET /health` with an unknown token",
            ping().by(&format!("Bearer {WRONG}")).at("GET", "/health").saying(""),
            401,
        ),
        // Sessions.
        both("one's own session", ping().in_adas_session(), 200),
        both("another caller's session", ping().by(&bobs).in_adas_session(), 404),
        both(
            "an attempt to end another caller's session",
            ping().by(&bobs).at("DELETE", "/mcp").saying("").in_adas_session(),
            404,
        ),
        both("an invalid session id", ping().and("Mcp-Session-Id", "../../etc/passwd"), 404),
        both("a session id of 4 KB", ping().and("Mcp-Session-Id", &"a".repeat(4096)), 404),
        // Paths.
        both("a path that leads up", ping().at("POST", "/mcp/../../etc/passwd"), 404),
        both("the same, encoded", ping().at("POST", "/mcp/%2e%2e/%2e%2e/etc/passwd"), 404),
        both("a path with a line break, encoded", ping().at("POST", "/%0d%0aX-Evil:%20yes"), 404),
        both("a path with a NUL, encoded", ping().at("POST", "/mcp%00.txt"), 404),
        both("the endpoint in upper case", ping().at("POST", "/MCP"), 404),
        both("another method", ping().at("PUT", "/mcp"), 405),
        // Headers.
        of_serve("a header with a line break in its value", ping().and("X-Evil", "a\rSet-Cookie: b=c"), 400),
        of_serve("a header with a NUL in its value", ping().and("X-Evil", "a\0b"), 400),
        of_serve("a header of 1 MB", ping().and("X-Evil", &"a".repeat(1 << 20)), 431),
        of_serve("two lengths of one body", ping().and("Content-Length", "1"), 400),
        both(
            "an MCP header with two values",
            modern().and("Mcp-Method", "tools/list"),
            400,
        ),
        // Bodies.
        both("a body that is not JSON", ping().saying("{"), 400),
        both("a body of another type", ping().with("Content-Type", "text/plain"), 415),
        both("a body that is too large", ping().saying("x".repeat(TOO_LARGE)), 413),
        of_serve(
            "the same without a token",
            ping().with("Authorization", None).saying("x".repeat(TOO_LARGE)),
            401,
        ),
        both("arrays in arrays, 100,000 deep", ping().saying(deep(100_000)), 200),
        both("a tool's arguments of the same depth", ping().saying(call(&deep(100_000))), 200),
        both(
            "a tool's name with a line break",
            ping().saying(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a\nERROR forged"}}"#),
            200,
        ),
    ]
}

fn modern() -> Sent {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "_meta": meta });
    ping()
        .and("MCP-Protocol-Version", "2026-07-28")
        .and("Mcp-Method", "server/discover")
        .saying(
            json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": params })
                .to_string(),
        )
}

/// A host with the most verbose log, and Ada's session there.
struct Target {
    name: String,
    host: Host,
    session: String,
}

impl Target {
    fn all() -> Vec<Self> {
        let layer = Layer::of(["custom-tools"]);
        let variables = [
            ("MCP_BEARER_TOKENS", TOKENS.entry.as_str()),
            ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
        ];
        let doors = [
            FrontDoor::rest_api("prod"),
            FrontDoor::http_api("$default"),
            FrontDoor::function_url(),
            FrontDoor::LoadBalancer { multi_value: true },
        ];
        let doors = doors.into_iter().map(|door| {
            let name = format!("{door:?}");
            (name, Host::lambda_with(&layer, door, &variables))
        });
        let serve = ("serve".to_owned(), Host::serve_with(&layer, &variables));
        let hosts = [serve].into_iter().chain(doors);
        hosts.map(|(name, host)| Self::of(name, host)).collect()
    }

    fn of(name: String, host: Host) -> Self {
        let mut target = Self {
            name,
            host,
            session: String::new(),
        };
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "a", "version": "1" } });
        let initialize =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
        let begun = target.send(&ping().saying(initialize.to_string()));
        let session = begun.header("mcp-session-id");
        target.session = session.unwrap_or_else(|| panic!("{}: {begun:?}", target.name));
        target
    }

    fn is_serve(&self) -> bool {
        self.name == "serve"
    }

    /// Sends the exact bytes of a row's request, and reads the response.
    fn send(&self, sent: &Sent) -> Got {
        let url = self.host.url().strip_prefix("http://").expect("HTTP");
        let (address, path) = url.split_once('/').expect("a path");
        let base = path.strip_suffix("mcp").expect("the endpoint");
        let base = base.trim_end_matches('/');
        let slash = if base.is_empty() { "" } else { "/" };
        let mut head = format!(
            "{} {slash}{base}{} HTTP/1.1\r\nConnection: close\r\n",
            sent.method, sent.path
        );
        let has = |name: &str| sent.headers.iter().any(|(other, _)| *other == name);
        let line = |name: &str, value: &str| format!("{name}: {value}\r\n");
        if !has("Host") {
            head += &line("Host", address);
        }
        for (name, value) in &sent.headers {
            head += &line(name, value);
        }
        if sent.in_session {
            head += &line("Mcp-Session-Id", &self.session);
        }
        head += &line("Content-Length", &sent.body.len().to_string());
        head += "\r\n";
        let mut stream = TcpStream::connect(address).expect("it is reached");
        // The host may respond before everything is sent.
        let _ = stream.write_all(&[head.as_bytes(), sent.body.as_bytes()].concat());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        Got(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// A response, from the status on.
#[derive(Debug)]
struct Got(String);

impl Got {
    fn status(&self) -> Option<u16> {
        self.0.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    fn head_and_body(&self) -> (&str, &str) {
        self.0.split_once("\r\n\r\n").unwrap_or((&self.0, ""))
    }

    fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.head_and_body();
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }

    /// Returns the challenge, which a REST API renames.
    fn challenge(&self) -> Option<String> {
        let renamed = || self.header("x-amzn-remapped-www-authenticate");
        self.header("www-authenticate").or_else(renamed)
    }

    /// Returns the message of the host, if it has responded.
    fn error(&self) -> Option<Value> {
        let (_, body) = self.head_and_body();
        let body: Value = serde_json::from_str(body).ok()?;
        body.get("error").cloned()
    }
}

#[test]
fn unauthorised_and_malformed_requests_are_answered_as_documented() {
    let rows = rows();
    for target in Target::all() {
        for (what, sent, serve, lambda) in &rows {
            let Some(status) = (if target.is_serve() { serve } else { lambda }) else {
                continue;
            };
            let got = target.send(sent);
            let story = || format!("{what}, {}: {}\n{}", target.name, got.0, target.host.log());
            assert_eq!(got.status(), Some(*status), "{}", story());
            // Unauthorised web pages cannot read responses, and responses contain neither secrets nor injected headers.
            let (head, body) = got.head_and_body();
            let is_foreign = sent.headers.iter().any(|(name, value)| {
                *name == "Origin" && value.contains("evil") || value == "null"
            });
            assert!(
                !is_foreign || !head.contains("access-control-"),
                "{}",
                story()
            );
            assert!(!head.to_lowercase().contains("x-evil"), "{}", story());
            for secret in [&TOKENS.ada, &TOKENS.bob, WRONG, BASIC] {
                assert!(!got.0.contains(secret), "{}", story());
            }
            let challenge = got.challenge();
            let is_refused = *status == 401 || *status == 400 && what.contains("token");
            assert_eq!(challenge.is_some(), is_refused, "{}", story());
            let has_erred = challenge.is_some_and(|challenge| challenge.contains("error="));
            let has_sent = sent.headers.iter().any(|(name, value)| {
                *name == "Authorization" && value.to_lowercase().trim_start().starts_with("bearer")
            });
            assert_eq!(has_erred, is_refused && has_sent, "{}", story());
            if is_refused || *status == 403 {
                assert_eq!(got.error().expect(what)["code"], -32600, "{}", story());
            }
            if what.contains("deep") || what.contains("name") {
                let is_error = body.contains(r#""error":"#) || body.contains(r#""isError":true"#);
                assert!(is_error, "{}", story());
            }
            if sent.path == "/health" && *status == 200 {
                assert_eq!(body, r#"{"status":"ok"}"#, "{}", story());
            }
        }
        // The host still works.
        assert_eq!(target.send(&ping()).status(), Some(200), "{}", target.name);
        let log = target.host.log();
        let hash = TOKENS.entry.split([':', ',']).nth(1).expect("a hash");
        for secret in [
            &TOKENS.ada,
            &TOKENS.bob,
            WRONG,
            BASIC,
            hash,
            "YWRhOmh1bnRlcjI=",
        ] {
            assert!(
                !log.contains(secret),
                "{}: {secret} is in the log:\n{log}",
                target.name
            );
        }
        assert!(
            !log.to_lowercase().contains("bearer m"),
            "{}:\n{log}",
            target.name
        );
        let forged = log.lines().any(|line| line.starts_with("ERROR forged"));
        assert!(!forged, "{}:\n{log}", target.name);
    }
}

#[test]
fn the_table_is_the_one_that_operators_read() {
    let told = fs_err::read_to_string(repository().join("host/SECURITY.md")).expect("a page");
    let (_, told) = told.split_once("| --- | --- | --- |\n").expect("a table");
    let told: Vec<_> = told
        .lines()
        .take_while(|line| line.starts_with('|'))
        .collect();
    let status = |status: &Option<u16>| status.map_or("-".to_owned(), |status| status.to_string());
    let rows = rows();
    let rows = rows.iter().map(|(what, _, serve, lambda)| {
        format!("| {what} | {} | {} |", status(serve), status(lambda))
    });
    let rows: Vec<_> = rows.collect();
    assert_eq!(told, rows, "the table should be\n{}", rows.join("\n"));
}

#[test]
fn a_page_that_may_call_can_read_why_it_is_refused() {
    for target in Target::all() {
        let origin = "http://localhost:6274";
        for (sent, status) in [
            (ping().with("Authorization", None), 401),
            (ping().at("POST", "/nothing"), 404),
            (ping().at("GET", "/mcp").saying(""), 405),
        ] {
            let got = target.send(&sent.and("Origin", origin));
            assert_eq!(got.status(), Some(status), "{}: {got:?}", target.name);
            let allowed = got.header("access-control-allow-origin");
            assert_eq!(allowed.as_deref(), Some(origin), "{}", target.name);
            let exposed = got
                .header("access-control-expose-headers")
                .unwrap_or_default();
            assert!(
                exposed.contains("WWW-Authenticate"),
                "{}: {exposed}",
                target.name
            );
        }
        if target.is_serve() {
            let large = ping().saying("x".repeat(TOO_LARGE)).and("Origin", origin);
            let got = target.send(&large);
            assert_eq!(got.status(), Some(413), "{got:?}");
            let allowed = got.header("access-control-allow-origin");
            assert_eq!(allowed.as_deref(), Some(origin), "{got:?}");
        }
    }
}

#[test]
fn bodies_of_unauthorised_requests_fill_no_memory() {
    let layer = Layer::of(["custom-tools"]);
    let variables = [("MCP_BEARER_TOKENS", TOKENS.entry.as_str())];
    for (token, may_call) in [(TOKENS.ada.as_str(), true), (WRONG, false)] {
        let host = Host::serve_with(&layer, &variables);
        let address = host
            .url()
            .strip_prefix("http://")
            .and_then(|url| url.strip_suffix("/mcp"));
        let address = address.expect("an address");
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
            LARGE + 1
        );
        let body = vec![b' '; LARGE];
        let open = || {
            let mut stream = TcpStream::connect(address).expect("it is reached");
            stream.write_all(head.as_bytes()).expect("the head is sent");
            stream.write_all(&body).expect("most of the body is sent");
            stream
        };
        let streams: Vec<_> = (0..AT_ONCE).map(|_| open()).collect();
        // An accepted body is in memory once it is read completely.
        while may_call && host.peak_memory_mb() < MUCH {
            std::thread::sleep(Duration::from_millis(10));
        }
        for mut stream in streams {
            stream.write_all(b" ").expect("the end is sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("it answers");
            let status = if may_call { "400" } else { "401" };
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{answer}"
            );
        }
        assert_eq!(host.peak_memory_mb() >= MUCH, may_call);
    }
}

/// A sender can set any header, also those that some load balancers set.
#[test]
fn the_principal_never_comes_from_a_header() {
    let layer = Layer::of(["notifies"]);
    let hosts = [
        Host::serve(&layer),
        Host::lambda(&layer, FrontDoor::rest_api("prod")),
        Host::lambda(&layer, FrontDoor::function_url()),
        Host::lambda(&layer, FrontDoor::LoadBalancer { multi_value: false }),
    ];
    let headers = [
        ("X-Amzn-Oidc-Identity", "root"),
        (
            "X-Amzn-Oidc-Data",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.",
        ),
        ("X-Forwarded-User", "root"),
        ("Authorization", "Basic cm9vdDpyb290"),
    ];
    for host in hosts {
        let client = host.connect();
        let called =
            client.call_modern_with(&headers, "whoami", &json!({ "headers": [] }), &json!({}));
        let told = &called.json()["result"]["structuredContent"];
        assert_eq!(
            [&told["principal"], &told["claims"]],
            [&Value::Null, &json!({})],
            "{}",
            host.url()
        );
    }
}

/// An event that no gateway sends, but that a caller of the Invoke API can send.
#[test]
fn an_event_with_a_line_break_in_a_header_reaches_neither_answer_nor_log() {
    let layer = Layer::of(["custom-tools"]);
    let variables = [
        ("MCP_BEARER_TOKENS", TOKENS.entry.as_str()),
        ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
    ];
    let host = Host::lambda_with(&layer, FrontDoor::function_url(), &variables);
    let authorization = format!("Bearer {}\r\nERROR forged: yes", TOKENS.ada);
    let headers = json!({ "authorization": authorization, "content-type": "application/json" });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let answer = host.invoke_as(None, "POST", &headers, &body);
    assert_eq!(answer["statusCode"], 400);
    for told in [answer.to_string(), host.log()] {
        assert!(!told.contains(&TOKENS.ada), "{told}");
        assert!(
            !told.lines().any(|line| line.starts_with("ERROR forged")),
            "{told}"
        );
    }
}

#[test]
fn a_plugin_is_found_in_its_folder_or_not_at_all() {
    let layer = Layer::of(["custom-tools"]);
    for entry in [
        "../lib/libcustom_tools.so",
        "./libcustom_tools.so",
        "/opt/lib/libcustom_tools.so",
        "sub/libcustom_tools.so",
        "..",
        "libcustom_tools.so/",
        "lib\\custom_tools.so",
    ] {
        let told = Host::refusal_message(&layer, &[("ENTRY_FILE", entry)]);
        let is_refused =
            told.starts_with("ENTRY_FILE_INVALID: ") || told.starts_with("ENTRY_FILE_UNMATCHED: ");
        assert!(is_refused, "{entry}: {told}");
    }
}
