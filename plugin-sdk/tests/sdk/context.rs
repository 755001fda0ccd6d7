//! The context of a call: its facts, and everything that a tool sends through it.

use std::{
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, SystemTime},
};

use insta::assert_snapshot;
use plugin_abi::{host_op, op};
use plugin_sdk::{
    LogLevel,
    prelude::*,
    serde_json::{Value, json},
};

use crate::host::{Call, Plugin};

/// Everything that a context knows.
#[tool(description = "-")]
fn facts(context: Context) -> String {
    format!(
        "request {:?} in {:?}\nclient {:?}\ncapabilities {:?}\nprincipal {:?}, claims {:?}\nlanguage {:?}, none {:?}\n{:?}\nprogress {}",
        context.request_id(),
        context.protocol_version(),
        context
            .client()
            .map(|client| (&client.name, &client.version, &client.title)),
        context.client_capabilities(),
        context.principal(),
        context.claims(),
        context.header("Accept-LANGUAGE"),
        context.header("x-none"),
        context.trace(),
        context.wants_progress(),
    )
}

/// What the tool says of a call of this context.
fn facts_of(context: Value) -> String {
    let call = Call::new().with_context(&context);
    let result = call
        .of(Plugin::of::<facts>(), "facts", "")
        .expect("a result");
    assert_eq!(
        call.host_requests(host_op::CONTEXT),
        [Value::Null],
        "asked once"
    );
    result["content"][0]["text"]
        .as_str()
        .expect("a text")
        .to_owned()
}

const NO_FACTS: &str = r#"request "" in ""
client None
capabilities None
principal None, claims {}
language None, none None
Trace { traceparent: None, tracestate: None, baggage: None }
progress false"#;

#[test]
fn every_fact_of_the_host_reaches_the_tool() {
    assert_snapshot!(
        facts_of(json!({
            "requestId": "8f0c", "protocolVersion": "2026-07-28",
            "client": {"name": "some-client", "version": "1.0", "title": "Some client", "websiteUrl": "https://example.com"},
            "capabilities": {"elicitation": {}},
            "principal": "alice", "claims": {"sub": "alice", "scope": "weather"},
            "headers": {"accept-language": "de"},
            "trace": {"traceparent": "00-1", "tracestate": "a=b", "baggage": "c=d"},
            "progress": true, "logLevel": "info",
            "ofTheFuture": [1],
        })),
        @r#"
    request "8f0c" in "2026-07-28"
    client Some(("some-client", "1.0", Some("Some client")))
    capabilities Some({"elicitation": Object {}})
    principal Some("alice"), claims {"sub": String("alice"), "scope": String("weather")}
    language Some("de"), none None
    Trace { traceparent: Some("00-1"), tracestate: Some("a=b"), baggage: Some("c=d") }
    progress true
    "#
    );
}

#[test]
fn an_uninformative_host_leaves_the_facts_empty() {
    let call = Call::new();
    let result = call
        .of(Plugin::of::<facts>(), "facts", "")
        .expect("a result");
    assert_eq!(result["content"][0]["text"], NO_FACTS, "unknown_op");
    for context in [
        "", "garbage", "{", "null", "[]", "7", "\"text\"", "{}", "\u{0}",
    ] {
        let call = Call::new().with_context(context);
        let result = call
            .of(Plugin::of::<facts>(), "facts", "")
            .expect("a result");
        assert_eq!(
            result["content"][0]["text"], NO_FACTS,
            "context: {context:?}"
        );
    }
}

/// A client says of itself what it likes, and a later host knows more levels: neither may hide who calls.
#[test]
fn an_unreadable_fact_hides_no_other() {
    for (fact, value) in [
        ("client", json!({"name": 7})),
        ("client", json!("a text")),
        ("capabilities", json!([])),
        ("claims", json!(null)),
        ("headers", json!({"accept-language": 1})),
        ("trace", json!("00-1")),
        ("logLevel", json!("verbose")),
        ("progress", json!("yes")),
        ("requestId", json!(null)),
        ("protocolVersion", json!(20260728)),
    ] {
        let mut context = json!({"requestId": "r", "principal": "alice"});
        context[fact] = value;
        let facts = facts_of(context.clone());
        assert!(
            facts.contains("principal Some(\"alice\")"),
            "{context}: {facts}"
        );
    }
}

#[test]
fn an_unused_context_makes_no_host_request() {
    #[tool(description = "-")]
    fn incurious(context: Context) -> bool {
        context.cancelled() || context.remaining().is_some()
    }

    let call = Call::new();
    assert!(call.of(Plugin::of::<incurious>(), "incurious", "").is_ok());
    assert!(call.host_requests(host_op::CONTEXT).is_empty());
}

/// Report progress.
#[tool(description = "-")]
fn tell(context: Context) {
    context.progress(1.0, Some(4.0), Some("one"));
    context.progress(1.5, None, None);
    context.progress(f64::NAN, Some(1.0), Some("not a number"));
    context.progress(f64::INFINITY, None, None);
    context.progress(2.0, Some(f64::INFINITY), Some("\u{0}\"é"));
    context.progress(-0.5, Some(f64::NAN), Some(""));
}

#[test]
fn progress_is_sent_on_request_and_finite() {
    let call = Call::new().with_context(json!({"progress": true}));
    assert!(call.of(Plugin::of::<tell>(), "tell", "").is_ok());
    assert_eq!(
        call.host_requests(host_op::PROGRESS),
        [
            json!({"progress": 1.0, "total": 4.0, "message": "one"}),
            json!({"progress": 1.5}),
            json!({"progress": 2.0, "message": "\u{0}\"é"}),
            json!({"progress": -0.5, "message": ""}),
        ]
    );
    for context in [json!({"progress": false}), json!({})] {
        let call = Call::new().with_context(&context);
        assert!(call.of(Plugin::of::<tell>(), "tell", "").is_ok());
        assert!(
            call.host_requests(host_op::PROGRESS).is_empty(),
            "context: {context}"
        );
    }
}

/// A message of every level.
#[tool(description = "-")]
fn messages(context: Context) {
    for level in [
        LogLevel::Debug,
        LogLevel::Info,
        LogLevel::Notice,
        LogLevel::Warning,
        LogLevel::Error,
        LogLevel::Critical,
        LogLevel::Alert,
        LogLevel::Emergency,
    ] {
        context.log(level, format!("{level:?}"));
    }
}

#[test]
fn messages_below_the_clients_level_are_not_sent() {
    Plugin::of::<messages>().declaration();
    let levels = [
        "debug",
        "info",
        "notice",
        "warning",
        "error",
        "critical",
        "alert",
        "emergency",
    ];
    for (least, level) in levels.iter().enumerate() {
        let call = Call::new().with_context(json!({ "logLevel": level }));
        assert!(call.of(Plugin::of::<messages>(), "messages", "").is_ok());
        let messages = call.host_requests(host_op::MESSAGE);
        let messages: Vec<_> = messages.iter().map(|message| &message["level"]).collect();
        assert_eq!(messages, levels[least..], "level: {level}");
    }
    for context in [
        json!({}),
        json!({"logLevel": null}),
        json!({"logLevel": "loud"}),
    ] {
        let call = Call::new().with_context(&context);
        assert!(call.of(Plugin::of::<messages>(), "messages", "").is_ok());
        assert!(
            call.host_requests(host_op::MESSAGE).is_empty(),
            "context: {context}"
        );
    }
}

#[test]
fn a_message_is_any_json() {
    #[tool(description = "-")]
    fn message(context: Context) {
        context.log(LogLevel::Info, json!({"a": [1, null]}));
        context.log(LogLevel::Alert, f64::NAN);
        context.log(LogLevel::Info, "text");
    }

    Plugin::of::<message>().declaration();
    let call = Call::new().with_context(json!({"logLevel": "debug"}));
    assert!(call.of(Plugin::of::<message>(), "message", "").is_ok());
    let messages = call.host_requests(host_op::MESSAGE);
    let data: Vec<_> = messages.iter().map(|message| &message["data"]).collect();
    assert_eq!(
        data,
        [&json!({"a": [1, null]}), &json!(null), &json!("text")]
    );
    assert!(
        messages.iter().all(|message| message["logger"].is_string()),
        "{messages:?}"
    );
}

#[test]
fn the_remaining_time_shrinks_to_zero() {
    #[tool(description = "-")]
    fn remaining(context: Context) -> Option<u64> {
        context.remaining().map(|left| left.as_secs())
    }

    let plugin = Plugin::of::<remaining>();
    let text = |call: Call| {
        let result = call.of(plugin, "remaining", "").expect("a result");
        result["content"][0]["text"].clone()
    };
    let now = SystemTime::now();
    let hours = Duration::from_secs(7200);
    assert_eq!(text(Call::new()), Value::Null);
    let left = text(Call::new().until(now + hours));
    assert!(left == "7199" || left == "7200", "{left}");
    assert_eq!(text(Call::new().until(now - hours)), "0");
    let forever = Call::new().until(SystemTime::UNIX_EPOCH + Duration::from_millis(u64::MAX));
    assert_ne!(text(forever), "0");
}

#[test]
fn a_context_outlives_its_call_and_goes_to_other_threads() {
    static KEPT: Mutex<Vec<Context>> = Mutex::new(Vec::new());

    #[tool(description = "-")]
    fn keep(look: bool, context: Context) -> String {
        let principal = look.then(|| context.principal().map(str::to_owned));
        let elsewhere = context.clone();
        let from_there = thread::spawn(move || {
            elsewhere.progress(1.0, None, None);
            elsewhere.request_id().to_owned()
        });
        KEPT.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(context);
        format!("{principal:?} {:?}", from_there.join().ok())
    }

    let plugin = Plugin::of::<keep>();
    let call = Call::new().with_context(
        json!({"requestId": "r1", "principal": "alice", "progress": true, "logLevel": "debug"}),
    );
    let result = call
        .of(plugin, "keep", r#"{"look":true}"#)
        .expect("a result");
    assert_eq!(
        result["content"][0]["text"],
        r#"Some(Some("alice")) Some("r1")"#
    );
    assert_eq!(call.host_requests(host_op::PROGRESS).len(), 1);
    plugin.cancel(call.id);
    drop(call);

    let context = KEPT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop()
        .expect("kept");
    context.progress(2.0, None, None);
    context.log(LogLevel::Alert, "too late");
    assert_eq!(context.principal(), Some("alice"));
    assert!(!context.cancelled(), "it was over before it was cancelled");
    let asked = context.roots().expect_err("nobody answers").to_string();
    assert_eq!(
        asked,
        "the call has ended, so the client can no longer answer"
    );
    let debug = format!("{context:?}");
    assert!(!debug.contains("alice"), "{debug}");
}

#[test]
fn a_context_first_asked_after_its_call_knows_nothing() {
    static KEPT: Mutex<Vec<Context>> = Mutex::new(Vec::new());

    #[tool(description = "-")]
    fn keep_only(context: Context) {
        KEPT.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(context);
    }

    let call = Call::new().with_context(json!({"requestId": "r1"}));
    assert!(call.of(Plugin::of::<keep_only>(), "keep_only", "").is_ok());
    drop(call);
    let context = KEPT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop()
        .expect("kept");
    assert_eq!(context.request_id(), "");
    assert_eq!(context.claims().len(), 0);
}

#[test]
fn a_context_of_no_call_knows_nothing() {
    let context = Context::default();
    assert_eq!(context.request_id(), "");
    assert_eq!(context.remaining(), None);
    assert!(!context.cancelled());
    context.progress(1.0, None, None);
    context.log(LogLevel::Emergency, "nobody listens");
}

#[test]
fn a_sync_tool_sees_that_its_call_is_cancelled() {
    static STARTED: Mutex<Option<mpsc::Sender<()>>> = Mutex::new(None);

    /// Work until nobody waits any more.
    #[tool]
    fn work(context: Context) -> &'static str {
        if let Some(started) = STARTED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            let _ = started.send(());
        }
        while !context.cancelled() {
            thread::yield_now();
        }
        "stopped"
    }

    let plugin = Plugin::of::<work>();
    let (started, start) = mpsc::channel();
    *STARTED.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
    let (call, other) = (Call::new(), Call::new());
    let result = thread::scope(|scope| {
        let result = scope.spawn(|| call.of(plugin, "work", ""));
        start.recv().expect("the tool starts");
        plugin.cancel(other.id);
        plugin.cancel(call.id);
        plugin.cancel(call.id);
        result.join().expect("no panic")
    });
    assert_eq!(result.expect("a result")["content"][0]["text"], "stopped");
}

#[test]
fn cancelling_an_unknown_call_does_nothing_and_garbage_is_an_error() {
    let plugin = Plugin::of::<facts>();
    for call in [0, 77, u64::MAX] {
        plugin.cancel(call);
    }
    for body in [
        "",
        "{}",
        "[]",
        r#"{"call":-1}"#,
        r#"{"call":"1"}"#,
        r#"{"call":18446744073709551616}"#,
    ] {
        let failure = plugin.invoke(op::CANCEL, "", body).expect_err("no call");
        assert_eq!(failure["kind"], "unavailable", "body: {body}");
    }
    assert_eq!(
        plugin
            .invoke(op::CANCEL, "ignored", r#"{"call":1e0,"more":1}"#)
            .map_err(|failure| failure["kind"].clone()),
        Err(json!("unavailable"))
    );
    assert_eq!(
        plugin.invoke(op::CANCEL, "ignored", r#"{"call":123456,"more":1}"#),
        Ok(json!({}))
    );
}
