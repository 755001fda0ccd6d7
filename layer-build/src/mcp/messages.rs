//! JSON-RPC messages of a server: reads them from the body of a response, and describes notifications.

use serde_json::Value;
use ureq::http::HeaderMap;

/// Returns the messages in a body, which contains one message or a stream of events.
pub(crate) fn messages(headers: &HeaderMap, body: &str) -> Vec<Value> {
    let kind = headers.get("content-type");
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("text/event-stream") {
        return serde_json::from_str(body).into_iter().collect();
    }
    let body = body.replace("\r\n", "\n");
    let events = body.split("\n\n").filter_map(|event| {
        let data = event.lines().filter_map(|line| line.strip_prefix("data:"));
        let data: Vec<_> = data
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        serde_json::from_str(&data.join("\n")).ok()
    });
    events.collect()
}

/// Returns a line for the user that describes a notification.
pub(crate) fn notification_text(message: &Value) -> String {
    let params = &message["params"];
    match message["method"].as_str() {
        Some("notifications/message") => {
            let level = params["level"].as_str().unwrap_or_default();
            match params["data"].as_str() {
                Some(text) => format!("{level}: {text}"),
                None => format!("{level}: {}", params["data"]),
            }
        }
        Some("notifications/progress") => {
            let total = match &params["total"] {
                Value::Null => String::new(),
                total => format!(" of {total}"),
            };
            let message = params["message"].as_str().unwrap_or_default();
            format!("progress: {}{total} {message}", params["progress"])
        }
        _ => message.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_messages_of_a_body_are_one_or_a_stream() {
        let parse = |kind: &'static str, body: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", kind.parse().unwrap());
            messages(&headers, body)
        };
        assert_eq!(
            parse("application/json", r#"{"id":1}"#),
            [json!({ "id": 1 })]
        );
        assert_eq!(parse("text/html", "<html>"), Vec::<Value>::new());
        let stream =
            "event: message\ndata: {\"a\":\ndata: 1}\n\n: comment\r\n\r\ndata:{\"b\":2}\r\n\r\n";
        assert_eq!(
            parse("text/event-stream", stream),
            [json!({ "a": 1 }), json!({ "b": 2 })]
        );
    }
}
