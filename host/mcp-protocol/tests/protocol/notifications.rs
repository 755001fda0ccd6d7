//! Notifications before a result, and their event stream.

use mcp_protocol::{Id, LogMessage, Notification, Progress, Revision, event_stream};
use serde_json::{Value, json};

fn progress(payload: Value) -> Notification {
    let progress: Progress = serde_json::from_value(payload).expect("progress");
    Notification::Progress(progress)
}

fn message(payload: &str) -> Notification {
    let message: LogMessage = serde_json::from_str(payload).expect("a message");
    Notification::Message(message)
}

pub(crate) fn every_notification() -> Vec<Notification> {
    vec![
        progress(json!({ "progress": 1 })),
        progress(json!({ "progress": 0.5, "total": 2, "message": "half" })),
        message(r#"{"level":"info","data":"text"}"#),
        message(r#"{"level":"emergency","logger":"db","data":{"rows":[1,null]}}"#),
        message(r#"{"level":"debug","data":null}"#),
    ]
}

#[test]
fn notifications_carry_what_the_tool_said_and_the_token_as_it_came() {
    let seen = |notification: &Notification, revision, token: Option<&Id>| {
        let worded = notification.for_revision(revision, token);
        worded.map_or(Value::Null, |worded| {
            serde_json::from_str(worded.get()).expect("JSON")
        })
    };
    let (seven, text) = (Id::Number(7.into()), Id::String("7".to_owned()));
    let half = progress(json!({ "progress": 0.5, "total": 1, "message": "half" }));
    for (token, expected) in [(&seven, json!(7)), (&text, json!("7"))] {
        let worded = seen(&half, Revision::MODERN, Some(token));
        assert_eq!(
            worded,
            json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {
                "progressToken": expected, "progress": 0.5, "total": 1, "message": "half",
            }})
        );
    }
    assert_eq!(seen(&half, Revision::MODERN, None), Value::Null);
    for revision in Revision::ALL {
        let has_message = seen(&half, revision, Some(&seven))
            .pointer("/params/message")
            .is_some();
        assert_eq!(has_message, revision != Revision::V2024_11_05, "{revision}");
    }
    let said = message(r#"{"level":"error","logger":"db","data": {"a":  1}}"#);
    assert_eq!(
        said.for_revision(Revision::MODERN, None)
            .expect("a notification")
            .get(),
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","logger":"db","data":{"a":  1}}}"#
    );
}

/// Reads an event stream as a client does: the data of each event (HTML Living Standard, section 9.2).
pub(crate) fn read(stream: &[u8]) -> Vec<String> {
    let text = str::from_utf8(stream)
        .expect("UTF-8")
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let mut events = Vec::new();
    let mut data: Vec<&str> = Vec::new();
    for line in text.split('\n') {
        if let Some(part) = line.strip_prefix("data:") {
            data.push(part.strip_prefix(' ').unwrap_or(part));
        } else if line.is_empty() && !data.is_empty() {
            events.push(data.join("\n"));
            data.clear();
        } else {
            assert!(
                line.is_empty() || line == "event: message",
                "line: {line:?}"
            );
        }
    }
    assert!(data.is_empty(), "the last event is not ended: {text}");
    events
}

#[test]
fn a_stream_gives_back_what_went_in_however_it_is_written() {
    assert_eq!(
        event_stream([r#"{"a":1}"#, "{\n  \"b\": 2\n}"]),
        b"event: message\ndata: {\"a\":1}\n\nevent: message\ndata: {\ndata:   \"b\": 2\ndata: }\n\n"
    );
    for text in [
        "{}",
        "{\n}",
        "{\r\n\"x\":\r\n[\r1,\n\n2]}",
        "\n{\"x\": \"data: y\\n\\nevent: z\"}\n",
        "{\"x\": \"\u{2028}\u{85}\"}",
    ] {
        let events = read(&event_stream([text, text]));
        assert_eq!(events.len(), 2, "text: {text:?}");
        for event in events {
            let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
            assert_eq!(json(&event), json(text), "text: {text:?}");
        }
    }
}
