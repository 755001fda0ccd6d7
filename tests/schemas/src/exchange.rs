//! One HTTP exchange: a request and its answer.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use serde_json::Value;

use crate::{
    MODERN, REVISIONS,
    message::{revision_of, validate_notification, validate_response},
};

/// The revision of a request that names none and is in no known session.
const ASSUMED_REVISION: &str = "2025-03-26";

/// An HTTP exchange with an MCP endpoint. Headers are `None` where they are absent, or no text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exchange<'a> {
    /// The request's method.
    pub method: &'a str,
    /// Its `MCP-Protocol-Version`.
    pub protocol_version: Option<&'a str>,
    /// Its `Mcp-Session-Id`.
    pub session: Option<&'a str>,
    /// Its body.
    pub body: &'a [u8],
    /// The answer's status.
    pub status: u16,
    /// Its `Content-Type`.
    pub content_type: Option<&'a str>,
    /// Its `Mcp-Session-Id`.
    pub new_session: Option<&'a str>,
    /// Its body.
    pub answer: &'a [u8],
}

impl Exchange<'_> {
    /// Validates the answer to a POST, and every other one that is of JSON-RPC.
    ///
    /// # Panics
    /// When it does not satisfy the schema of its revision, or its HTTP part not the specification.
    pub fn validate(&self) {
        let answers = self.messages();
        let is_ours = |message: &Value| message.get("jsonrpc").is_some() || message.is_array();
        if self.method != "POST" && !answers.iter().any(is_ours) {
            return;
        }
        let Some((response, notifications)) = answers.split_last() else {
            assert!(
                matches!(self.status, 202 | 204),
                "{} without a body",
                self.status
            );
            return;
        };
        let sent: Option<Value> = serde_json::from_slice(self.body).ok();
        let requests = match (&sent, response) {
            (Some(Value::Array(requests)), Value::Array(_)) => requests.as_slice(),
            (Some(request), _) => std::slice::from_ref(request),
            (None, _) => &[],
        };
        for message in notifications {
            let revision = requests.first().and_then(|request| self.revision(request));
            validate_notification(revision.unwrap_or(MODERN), message);
        }
        match response {
            Value::Array(responses) => {
                assert!(!responses.is_empty(), "an empty batch");
                let is_request = |message: &&Value| message.get("method").is_some();
                let asked = ids(requests.iter().filter(is_request));
                let answered = ids(responses.iter());
                // An error without id answers a request with an unreadable id.
                let unnamed = responses.len() - answered.len();
                for id in &asked {
                    let count = |ids: &[String]| ids.iter().filter(|known| *known == id).count();
                    let (asked, answered) = (count(&asked), count(&answered));
                    assert!(
                        answered <= asked && asked <= answered + unnamed,
                        "{id}: {response}"
                    );
                }
                for response in responses {
                    let to = |request: &&Value| {
                        response.get("id").is_some() && request.get("id") == response.get("id")
                    };
                    // If several requests have one id, the matching one is unknown.
                    let mut requests = requests.iter().filter(to);
                    let request = requests.next().filter(|_| requests.next().is_none());
                    validate_response(Some(ASSUMED_REVISION), request, response);
                }
            }
            response => {
                let request = requests.first();
                let revision = request.and_then(|request| self.revision(request));
                validate_response(revision, request, response);
                if request.is_some() || response.get("id").is_none() {
                    self.validate_status(revision, response);
                }
                self.record_session(response);
            }
        }
    }

    /// Returns the messages of the answer.
    fn messages(&self) -> Vec<Value> {
        if self.answer.is_empty() {
            return Vec::new();
        }
        let text = str::from_utf8(self.answer).expect("an answer is UTF-8");
        let read = |text: &str| {
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
        };
        match self.content_type {
            Some("application/json") => vec![read(text)],
            Some("text/event-stream") => {
                assert_eq!(self.status, 200, "the status of a stream");
                let events = text.strip_suffix("\n\n").expect("the last event is ended");
                let data = |event: &str| {
                    let lines = event.lines().filter_map(|line| line.strip_prefix("data: "));
                    lines.collect::<Vec<_>>().join("\n")
                };
                events
                    .split("\n\n")
                    .map(|event| read(&data(event)))
                    .collect()
            }
            _ if self.method == "POST" => panic!("an answer of {:?}", self.content_type),
            _ => Vec::new(),
        }
    }

    /// Returns the revision of a request. `None`: it is `initialize`, which negotiates one.
    fn revision(&self, request: &Value) -> Option<&str> {
        let version = self
            .protocol_version
            .map(|version| version.trim_matches([' ', '\t']));
        let agreed = match version {
            _ if request["method"] == "initialize" => None,
            Some(version) => match REVISIONS.iter().find(|known| **known == version) {
                Some(known) => Some(*known),
                None => Some(MODERN),
            },
            None => {
                let sessions = sessions();
                let known = self.session.and_then(|session| sessions.get(session));
                Some(known.copied().unwrap_or(ASSUMED_REVISION))
            }
        };
        revision_of(request, agreed)
    }

    fn validate_status(&self, revision: Option<&str>, response: &Value) {
        let status = self.status;
        let Some(code) = response["error"]["code"].as_i64() else {
            assert_eq!(status, 200, "the status of {response}");
            return;
        };
        if response.get("id").is_none() {
            assert!((400..500).contains(&status), "{status}: {response}");
            return;
        }
        let expected: &[u16] = match (code, revision == Some(MODERN)) {
            (-32601, true) => &[404],
            (-32602, true) => &[200, 400],
            (-32700 | -32020 | -32021 | -32022, _) => &[400],
            // To a legacy client, 404 means that its session is gone, and nothing else.
            (-32600, false) => &[400, 404],
            (-32600, true) => &[400],
            (-32603, _) => &[200, 503],
            _ => &[200],
        };
        assert!(expected.contains(&status), "{status}: {response}");
    }

    /// Records the revision of a new session.
    fn record_session(&self, response: &Value) {
        let Some(session) = self.new_session else {
            return;
        };
        let negotiated = response["result"]["protocolVersion"].as_str();
        let negotiated = REVISIONS.iter().find(|known| Some(**known) == negotiated);
        let negotiated = negotiated.expect("only `initialize` begins a session");
        sessions().insert(session.to_owned(), negotiated);
    }
}

/// Returns the ids of messages, as text.
fn ids<'a>(messages: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let ids = messages.filter_map(|message| message.get("id"));
    let ids = ids.filter(|id| id.is_string() || id.is_i64() || id.is_u64());
    ids.map(Value::to_string).collect()
}

/// Returns the known sessions. They have random ids: those of all servers fit into one map.
fn sessions() -> std::sync::MutexGuard<'static, HashMap<String, &'static str>> {
    static SESSIONS: LazyLock<Mutex<HashMap<String, &'static str>>> = LazyLock::new(Mutex::default);
    SESSIONS.lock().unwrap_or_else(PoisonError::into_inner)
}
