//! A soak test: many requests of all kinds, good and bad, through one process, which must not grow.
//!
//! Every response is the one in its row, and equals the first one byte for byte.

use std::{collections::HashMap, io::Write as _};

use schemas::Exchange;
use serde_json::{Value, json};
use tests::{Environment, InvocationResult, Layer};

/// The number of requests after the warm-up; `SOAK_REQUESTS` overrides it. Source: ours.
const REQUESTS: usize = 2_000;

/// The number of requests of the warm-up. Source: ours; each row then ran some tens of times.
const WARM_UP: usize = 2_000;

/// The maximum number of sessions that a process remembers, also ended ones. Source: `MAX_SESSIONS` of the host.
const MOST_SESSIONS: usize = 10_000;

/// The allowed growth of the memory of a process. Unit: kilobytes. Source: ours; a leak of 21 bytes by each of 50,000
/// requests would exceed it.
const MOST_GROWTH_KB: u64 = 1024;

/// The number of rounds between two runs of the slow rows.
const RARELY: usize = 20;

/// A size over Lambda's limit for a buffered response. Unit: bytes.
const HUGE: usize = 7 * 1000 * 1000;

/// A size just below Lambda's limit for an event. Unit: bytes.
const LARGE: usize = 5 * 1000 * 1000;

/// The environment: all log lines except DEBUG and below, and a C library that returns large blocks at once, so that the memory of
/// the process is that of the host. (Without this the process keeps the memory of its largest request for some time.)
/// Source: mallopt(3). These numbers are its defaults; setting them keeps the thresholds from growing with requests.
const VARIABLES: [(&str, &str); 5] = [
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
    ("MALLOC_TRIM_THRESHOLD_", "131072"),
    ("MCP_STATE_KEY", "a key of tests and of nothing else at all"),
    ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    ("MCP_METRICS", "emf"),
];

#[test]
fn a_host_that_answers_buffered_does_not_grow() {
    soak(
        "buffered",
        &[
            FrontDoor::RestApi,
            FrontDoor::HttpApi,
            FrontDoor::FunctionUrl,
            FrontDoor::LoadBalancer,
        ],
    );
}

#[test]
fn a_host_that_streams_does_not_grow() {
    soak("stream", &[FrontDoor::FunctionUrl, FrontDoor::RestApi]);
}

fn soak(mode: &'static str, doors: &'static [FrontDoor]) {
    let requests = std::env::var("SOAK_REQUESTS").ok();
    let requests = requests.map_or(REQUESTS, |requests| requests.parse().expect("a number"));
    let layer = Layer::of([
        "custom-tools",
        "all-types",
        "panics",
        "notifies",
        "async-tools",
        "large-results",
        "elicits",
    ]);
    let mut soak = Soak::of(&layer, mode, doors);
    soak.fill_with_sessions();
    let warm_up = soak.asked + WARM_UP;
    let warm = soak.rounds_until(warm_up);
    let begun = soak.asked;
    let measured = soak.rounds_until(begun + requests);
    // Written past the test runner, which hides the output of passing tests.
    let _ = writeln!(
        std::io::stderr(),
        "soak, {mode}: {} requests after {begun}; {measured}; while it warmed up {warm}",
        soak.asked - begun,
    );
    assert!(measured.growth_kb() <= MOST_GROWTH_KB, "{measured}");
    assert!(measured.most_open <= warm.most_open, "{warm}; {measured}");
}

/// A process, and its known responses.
struct Soak {
    environment: Environment,
    mode: &'static str,
    doors: &'static [FrontDoor],
    rows: Vec<Row>,
    asked: usize,
    rounds: usize,
    /// The first answer to each row.
    firsts: HashMap<String, String>,
}

/// The front door of the function.
#[derive(Clone, Copy, Debug)]
enum FrontDoor {
    RestApi,
    HttpApi,
    FunctionUrl,
    LoadBalancer,
}

/// A request, and the summary of its response; before `…` only its beginning.
struct Row {
    what: String,
    sent: Sent,
    expected: &'static str,
    rarely: bool,
}

#[derive(Clone)]
enum Sent {
    /// Through a front door.
    Request(Request),
    /// As a separate event.
    Event(Value),
}

#[derive(Clone, Default)]
struct Request {
    method: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// A response.
#[derive(Debug, Default)]
struct Answer {
    /// The status; 0: it is not a response to an HTTP request.
    status: u64,
    headers: HashMap<String, String>,
    body: String,
}

impl Soak {
    fn of(layer: &Layer, mode: &'static str, doors: &'static [FrontDoor]) -> Self {
        let variables = [&VARIABLES[..], &[("MCP_RESPONSE_MODE", mode)]].concat();
        Self {
            environment: Environment::start(layer, 1, &variables),
            mode,
            doors,
            rows: rows(mode),
            asked: 0,
            rounds: 0,
            firsts: HashMap::new(),
        }
    }

    /// Begins the maximum number of sessions, so that each later one makes the process forget another.
    fn fill_with_sessions(&mut self) {
        for _ in 0..MOST_SESSIONS {
            self.begin_session();
        }
    }

    /// Runs whole rounds until enough requests were sent, and measures the process after each.
    fn rounds_until(&mut self, asked: usize) -> Measured {
        let mut measured = Measured::default();
        while self.asked < asked {
            self.round();
            measured.memory_kb.push(self.environment.memory_kb());
            measured.most_open = measured.most_open.max(self.environment.descriptors());
        }
        measured
    }

    fn round(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        let rarely = self.rounds.is_multiple_of(RARELY);
        for row in rows.iter().filter(|row| rarely || !row.rarely) {
            self.expect(&row.what, &row.sent, row.expected);
        }
        self.rows = rows;
        self.session();
        self.questions();
        self.rounds += 1;
    }

    /// Runs a session from its beginning to its end.
    fn session(&mut self) {
        let session = self.begin_session();
        let within = |request: Request| Sent::Request(request.with("mcp-session-id", &session));
        let mut set_level = legacy("logging/setLevel", json!({ "level": "warning" }));
        set_level
            .headers
            .push(("mcp-protocol-version", "2025-11-25".to_owned()));
        let end = Request {
            method: "DELETE",
            path: "/mcp",
            ..Request::default()
        };
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        for (what, request, expected) in [
            ("it begins", post(&initialized), "202"),
            ("a level", set_level, "200"),
            (
                "what it hears",
                events(legacy_call("tell", json!({}))),
                "200 after 2",
            ),
            ("its list", legacy("tools/list", json!({})), LIST),
            ("its end", end.clone(), "204"),
            ("its end again", end, "404 -32600"),
        ] {
            self.expect(&format!("a session: {what}"), &within(request), expected);
        }
    }

    fn begin_session(&mut self) -> String {
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "tests", "version": "1" },
        });
        let sent = Sent::Request(legacy("initialize", params));
        let answer = self.expect("a session", &sent, "200");
        answer.headers["mcp-session-id"].clone()
    }

    /// Runs a call that asks two questions.
    fn questions(&mut self) {
        let mut state = Value::Null;
        for (what, responses, expected) in [
            ("a question", Value::Null, "200 input_required"),
            (
                "an answer and a question",
                json!({ "name": { "action": "accept", "content": { "name": "Ada" } } }),
                "200 input_required",
            ),
            (
                "the last answer",
                json!({ "color": { "action": "accept", "content": { "color": "red" } } }),
                "200 Ada likes red (None)",
            ),
        ] {
            let mut params = json!({ "name": "introduce", "arguments": {} });
            if !state.is_null() {
                params["inputResponses"] = responses;
                params["requestState"] = state;
            }
            let capable = json!({ "elicitation": {} });
            let sent = Sent::Request(modern_of(capable, "tools/call", params));
            let answer = self.expect(what, &sent, expected);
            state = answer.message()["result"]["requestState"].take();
        }
    }

    /// Sends it, and checks the response.
    fn expect(&mut self, what: &str, sent: &Sent, expected: &str) -> Answer {
        self.asked += 1;
        let door = self.doors[self.asked % self.doors.len()];
        let event = match sent {
            Sent::Request(request) => request.event(door),
            Sent::Event(event) => event.clone(),
        };
        let mut invocation = self.environment.begin(&event);
        let answer = Answer::of(invocation.result());
        // An error has no id.
        let id = invocation.request_id().unwrap_or("no id");
        let short = answer.short();
        // A stream is never empty, although this status requires that.
        let expected = match (expected, self.mode) {
            ("204", "stream") => "200",
            _ => expected,
        };
        let is_expected = match expected.strip_suffix('…') {
            Some(beginning) => short.starts_with(beginning),
            None => short == expected,
        };
        if !is_expected {
            let short = short.chars().take(200).collect::<String>();
            panic!(
                "{what} through {door:?}, {}: {short} instead of {expected}\n{}",
                self.mode,
                self.last_words()
            );
        }
        let steady = answer.steady(id);
        match self.firsts.get(what) {
            Some(first) => assert_eq!(*first, steady, "{what} through {door:?}, {}", self.mode),
            None => {
                if let Sent::Request(request) = sent {
                    request.validate(&answer);
                }
                self.firsts.insert(what.to_owned(), steady);
            }
        }
        answer
    }

    /// Returns the end of the output of the process.
    fn last_words(&self) -> String {
        let printed = self.environment.log();
        let begin = printed.len().saturating_sub(4000);
        String::from_utf8_lossy(&printed.as_bytes()[begin..]).into_owned()
    }
}

/// The measurements of the process.
#[derive(Default)]
struct Measured {
    memory_kb: Vec<u64>,
    most_open: usize,
}

impl Measured {
    /// Returns the growth from the first quarter to the last, by their medians: a measurement may come just before a large
    /// block is returned.
    fn growth_kb(&self) -> u64 {
        let quarter = self.memory_kb.len().div_ceil(4);
        let first = usual(&self.memory_kb[..quarter]);
        let last = usual(&self.memory_kb[self.memory_kb.len() - quarter..]);
        last.saturating_sub(first)
    }
}

/// Returns the median.
fn usual(seen: &[u64]) -> u64 {
    let mut seen = seen.to_vec();
    seen.sort_unstable();
    seen[seen.len() / 2]
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let quarters = self.memory_kb.chunks(self.memory_kb.len().div_ceil(4));
        let quarters: Vec<_> = quarters.map(usual).collect();
        let (least, most) = (self.memory_kb.iter().min(), self.memory_kb.iter().max());
        let open = self.most_open;
        write!(
            f,
            "{quarters:?} kB by quarters, {least:?} to {most:?}, at most {open} descriptors"
        )
    }
}

/// The summary of the list of all tools.
const LIST: &str = "200 59 tools";

/// Returns all rows that need no earlier request.
fn rows(mode: &str) -> Vec<Row> {
    let row = |what: &str, request: Request, expected| Row {
        what: what.to_owned(),
        sent: Sent::Request(request),
        expected,
        rarely: false,
    };
    let event = |what: &str, event: Value, expected| Row {
        what: what.to_owned(),
        sent: Sent::Event(event),
        expected,
        rarely: false,
    };
    let rarely = |row: Row| Row {
        rarely: true,
        ..row
    };
    let factors = json!({ "x": 6, "y": 7 });
    let large = "x".repeat(LARGE);
    let ping = json!({ "jsonrpc": "2.0", "id": "a", "method": "ping" });
    let call = json!({ "jsonrpc": "2.0", "id": "b", "method": "tools/call", "params": { "name": "multiply", "arguments": factors } });
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let batch = json!([ping, call, notification, { "jsonrpc": "2.0", "id": "c", "method": "no/method" }, 7]);
    let batch = post(&batch).with("mcp-protocol-version", "2025-03-26");
    let get = |path| Request {
        method: "GET",
        path,
        ..Request::default()
    };
    let preflight = |origin: &str| {
        Request {
            method: "OPTIONS",
            path: "/mcp",
            ..Request::default()
        }
        .with("origin", origin)
        .with("access-control-request-method", "POST")
    };
    let secret = json!({ "secret": "s3cret" });
    let huge = match mode {
        "stream" => "200 xxxxxxxxxxxxxxxxxxxx…",
        _ => "200 isError tool fill did its work…",
    };
    vec![
        // Successful requests of both eras.
        row("a list", legacy("tools/list", json!({})), LIST),
        row("a list, modern", modern("tools/list", json!({})), LIST),
        row("discovery", modern("server/discover", json!({})), "200"),
        row("a ping", legacy("ping", json!({})), "200"),
        row("a call", legacy_call("multiply", factors.clone()), "200 42"),
        row(
            "a call, modern",
            modern_call("multiply", factors.clone()),
            "200 42",
        ),
        row(
            "arguments to mend",
            legacy_call("multiply", json!({ "x": "6", "y": 7.0 })),
            "200 42",
        ),
        row(
            "a result with structure",
            modern_call("byHand", json!({})),
            "200 three",
        ),
        row(
            "an async tool",
            modern_call("later", json!({ "text": "at last", "milliseconds": 0 })),
            "200 at last",
        ),
        row(
            "progress",
            modern_call("count", json!({ "to": 3 })),
            "200 after 3 3",
        ),
        row(
            "progress, legacy",
            events(legacy_call("count", json!({ "to": 3 }))),
            "200 after 3 3",
        ),
        row(
            "much progress",
            modern_call("count", json!({ "to": 200 })),
            "200 after 200 200",
        ),
        row(
            "a log of the tool's",
            modern_call("write", json!({ "text": "a line" })),
            "200",
        ),
        row("a batch", batch, "200 of 4"),
        row("a notification", post(&notification), "202"),
        row("health", get("/health"), "200"),
        row("a preflight", preflight("http://localhost:6274"), "204"),
        event(
            "a bare message",
            legacy_message(
                "tools/call",
                json!({ "name": "multiply", "arguments": factors }),
            ),
            "direct 42",
        ),
        // Failing tools.
        row(
            "an error",
            legacy_call("failsWithText", json!({})),
            "200 isError a text",
        ),
        row(
            "an error with its cause",
            modern_call("failsWithCause", json!({})),
            "200 isError no forecast: the station does not answer",
        ),
        row(
            "an error of the protocol",
            legacy_call("failsByProtocol", json!({ "code": -1 })),
            "200 -1",
        ),
        row(
            "a panic",
            legacy_call("explode", secret.clone()),
            "200 isError tool explode failed unexpectedly…",
        ),
        row(
            "a panic, modern",
            modern_call("explode", secret.clone()),
            "200 isError tool explode failed unexpectedly…",
        ),
        row(
            "a panic in a panic",
            legacy_call("explodeTwice", json!({})),
            "200 isError tool explodeTwice failed unexpectedly…",
        ),
        row(
            "a panic of an async tool",
            modern_call("explodeLater", secret.clone()),
            "200 isError tool explodeLater failed unexpectedly…",
        ),
        row(
            "a panic in a task",
            modern_call("explodeInATask", secret.clone()),
            "200 isError the task failed",
        ),
        row(
            "a panic in a thread",
            legacy_call("explodeInAThread", secret),
            "200 went on",
        ),
        row(
            "a state that cannot be built",
            legacy_call("explodeBefore", json!({})),
            "200 isError tool explodeBefore failed unexpectedly…",
        ),
        // Faulty requests of clients.
        row(
            "an argument too few",
            legacy_call("multiply", json!({ "x": 6 })),
            "200 isError Invalid arguments for tool multiply…",
        ),
        row(
            "arguments of other types",
            modern_call("multiply", json!({ "x": [], "y": {} })),
            "200 isError Invalid arguments for tool multiply…",
        ),
        row(
            "no such tool",
            legacy_call("divide", json!({})),
            "200 -32602",
        ),
        row(
            "no such tool, modern",
            modern_call("divide", json!({})),
            "200 -32602",
        ),
        row(
            "no such method",
            legacy("resources/list", json!({})),
            "200 -32601",
        ),
        row(
            "no such method, modern",
            modern("resources/list", json!({})),
            "404 -32601",
        ),
        row(
            "a header that says something else",
            modern_call("multiply", factors).with("mcp-name", "add"),
            "400 -32020",
        ),
        row(
            "no such revision",
            modern("tools/list", json!({})).with("mcp-protocol-version", "2099-01-01"),
            "400 -32020",
        ),
        row(
            "no such session",
            legacy("ping", json!({})).with("mcp-session-id", "not-an-id"),
            "404 -32600",
        ),
        row("no JSON", text("{"), "400 -32700"),
        row("no UTF-8 nor JSON", text("\u{fffd}\0"), "400 -32700"),
        row("no message", text("7"), "400 -32600"),
        row("nothing", text(""), "400 -32700"),
        row("arrays in arrays", text(&"[".repeat(10_000)), "400 -32700"),
        row(
            "another type",
            text("{}").with("content-type", "text/plain"),
            "415 -32600",
        ),
        row("another method", get("/mcp"), "405 -32600"),
        row("another path", get("/elsewhere"), "404 -32600"),
        row(
            "another origin",
            legacy("ping", json!({})).with("origin", "https://evil.example"),
            "403 -32600",
        ),
        row(
            "a preflight from there",
            preflight("https://evil.example"),
            "403 -32600",
        ),
        event(
            "another kind of event",
            json!({ "Records": [{ "body": "x" }] }),
            "failed EVENT_UNKNOWN",
        ),
        event("no event", json!("x"), "failed EVENT_UNKNOWN"),
        // Slow requests.
        rarely(row(
            "a result of 7 MB",
            legacy_call("fill", json!({ "bytes": HUGE })),
            huge,
        )),
        rarely(row(
            "a result of 1 MB",
            modern_call("fill", json!({ "bytes": 1_000_000 })),
            "200 xxxxxxxxxxxxxxxxxxxx…",
        )),
        rarely(row(
            "arguments of 5 MB",
            legacy_call("say", json!({ "text": large })),
            "200 xxxxxxxxxxxxxxxxxxxx…",
        )),
        rarely(row(
            "a tool that does not end",
            modern_call("forever", json!({})),
            "200 isError tool forever timed out…",
        )),
    ]
}

/// Returns a message of the handshake era.
fn legacy_message(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

fn legacy(method: &str, params: Value) -> Request {
    post(&legacy_message(method, params))
}

/// Returns a call with a progress token, which alone causes no notification.
fn legacy_call(tool: &str, arguments: Value) -> Request {
    let meta = json!({ "progressToken": 1 });
    let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    legacy("tools/call", params)
}

/// Makes the client accept event streams.
fn events(request: Request) -> Request {
    request.with("accept", "application/json, text/event-stream")
}

fn modern(method: &str, params: Value) -> Request {
    modern_of(json!({}), method, params)
}

fn modern_call(tool: &str, arguments: Value) -> Request {
    modern(
        "tools/call",
        json!({ "name": tool, "arguments": arguments }),
    )
}

/// Returns a request of revision 2026-07-28 of a client with these capabilities.
fn modern_of(capabilities: Value, method: &str, mut params: Value) -> Request {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": capabilities,
        "progressToken": 1,
    });
    let mut request = legacy(method, params.clone())
        .with("mcp-protocol-version", "2026-07-28")
        .with("mcp-method", method);
    if let Some(name) = params["name"].as_str() {
        request = request.with("mcp-name", name);
    }
    events(request)
}

fn post(message: &Value) -> Request {
    text(&message.to_string())
}

fn text(body: &str) -> Request {
    Request {
        method: "POST",
        path: "/mcp",
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.to_owned(),
    }
}

impl Request {
    /// Sets a header to this single value.
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| *known == name)?;
        Some(value)
    }

    /// Returns the event of the front door. (`lambda-local` has the exact events; here they only have to differ.)
    fn event(&self, door: FrontDoor) -> Value {
        let Self {
            method, path, body, ..
        } = self;
        let pairs = self.headers.iter();
        let one = pairs
            .clone()
            .map(|(name, value)| ((*name).to_owned(), json!(value)));
        let one = Value::Object(one.collect());
        let many = pairs.map(|(name, value)| ((*name).to_owned(), json!([value])));
        let many = Value::Object(many.collect());
        let http = |stage: &str, domain: &str| {
            json!({
                "version": "2.0",
                "routeKey": "$default",
                "rawPath": path,
                "rawQueryString": "",
                "headers": one,
                "requestContext": {
                    "stage": stage,
                    "domainName": domain,
                    "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "x" },
                },
                "body": body,
                "isBase64Encoded": false,
            })
        };
        match door {
            FrontDoor::HttpApi => http("$default", "abc.execute-api.eu-west-1.amazonaws.com"),
            FrontDoor::FunctionUrl => http("$default", "abc.lambda-url.eu-west-1.on.aws"),
            FrontDoor::RestApi => json!({
                "resource": "/{proxy+}",
                "path": path,
                "httpMethod": method,
                "headers": one,
                "multiValueHeaders": many,
                "requestContext": {
                    "accountId": "123456789012",
                    "apiId": "abc",
                    "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
                    "httpMethod": method,
                    "identity": { "sourceIp": "203.0.113.7" },
                    "path": format!("/prod{path}"),
                    "requestId": "request",
                    "resourcePath": "/{proxy+}",
                    "stage": "prod",
                },
                "body": body,
                "isBase64Encoded": false,
            }),
            FrontDoor::LoadBalancer => json!({
                "requestContext": { "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/tools/0123456789abcdef" } },
                "httpMethod": method,
                "path": path,
                "multiValueHeaders": many,
                "multiValueQueryStringParameters": {},
                "body": body,
                "isBase64Encoded": false,
            }),
        }
    }

    /// Asserts that the response satisfies the schema of its revision.
    fn validate(&self, answer: &Answer) {
        let header = |name: &str| answer.headers.get(name).map(String::as_str);
        let exchange = Exchange {
            method: self.method,
            protocol_version: self.header("mcp-protocol-version"),
            session: self.header("mcp-session-id"),
            body: self.body.as_bytes(),
            status: answer.status.try_into().expect("a status"),
            content_type: header("content-type"),
            new_session: header("mcp-session-id"),
            answer: answer.body.as_bytes(),
        };
        exchange.validate();
    }
}

impl Answer {
    fn of(came: InvocationResult) -> Self {
        let (head, body) = match came {
            InvocationResult::Failed(error) => {
                let kind = error["errorType"].as_str().unwrap_or_default();
                return Self {
                    body: format!("failed {kind}"),
                    ..Self::default()
                };
            }
            InvocationResult::Streamed(stream) => (stream.prelude(), stream.body()),
            InvocationResult::Whole(answer) if answer.get("statusCode").is_some() => {
                let body = answer["body"].as_str().unwrap_or_default().to_owned();
                (answer, body)
            }
            InvocationResult::Whole(answer) => {
                return Self {
                    body: answer.to_string(),
                    ..Self::default()
                };
            }
        };
        let mut headers = HashMap::new();
        for (name, value) in head["headers"].as_object().into_iter().flatten() {
            headers.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
        }
        for (name, values) in head["multiValueHeaders"].as_object().into_iter().flatten() {
            let value = values[0].as_str().unwrap_or_default();
            headers.insert(name.clone(), value.to_owned());
        }
        Self {
            status: head["statusCode"].as_u64().unwrap_or_default(),
            headers,
            // A stream is never empty.
            body: if body == "\n" { String::new() } else { body },
        }
    }

    /// Returns all messages, the response last.
    fn messages(&self) -> Vec<Value> {
        let read = |text: &str| serde_json::from_str(text).unwrap_or_default();
        match self.headers.get("content-type").map(String::as_str) {
            Some("text/event-stream") => {
                let data = self
                    .body
                    .lines()
                    .filter_map(|line| line.strip_prefix("data: "));
                data.map(read).collect()
            }
            _ => vec![read(&self.body)],
        }
    }

    fn message(&self) -> Value {
        self.messages().pop().unwrap_or_default()
    }

    /// Returns the summary: the status, the code of an error, the number of notifications before it, and the text of the result.
    fn short(&self) -> String {
        if self.status == 0 && self.body.starts_with("failed") {
            return self.body.clone();
        }
        let mut short = match self.status {
            0 => "direct".to_owned(),
            status => status.to_string(),
        };
        let messages = self.messages();
        let message = messages.last().cloned().unwrap_or_default();
        if let Some(answers) = message.as_array() {
            short += &format!(" of {}", answers.len());
        }
        if let Some(code) = message.pointer("/error/code") {
            short += &format!(" {code}");
        }
        if messages.len() > 1 {
            short += &format!(" after {}", messages.len() - 1);
        }
        let result = &message["result"];
        if let Some(tools) = result["tools"].as_array() {
            short += &format!(" {} tools", tools.len());
        }
        if result["resultType"] == "input_required" {
            short += " input_required";
        }
        if result["isError"] == true {
            short += " isError";
        }
        if let Some(text) = result.pointer("/content/0/text").and_then(Value::as_str) {
            short += &format!(" {text}");
        }
        short
    }

    /// Returns the part that is the same every time.
    fn steady(&self, id: &str) -> String {
        let steady = self.body.replace(id, "[id]");
        match self.message()["result"]["requestState"].as_str() {
            // The seal contains another random number each time.
            Some(state) => steady.replace(state, "[state]"),
            None => steady,
        }
    }
}
