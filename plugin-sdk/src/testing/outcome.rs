//! What came of a call, and what was told while it went on.

use serde_json::{Map, Value};

use super::host::CallRecord;

/// What came of a call, and what was told while it went on.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub(super) answer: Result<Value, Value>,
    pub(super) record: CallRecord,
}

impl Outcome {
    /// The text of a call that succeeded: its text blocks, one per line.
    ///
    /// # Panics
    /// When it failed.
    #[must_use]
    pub fn text(&self) -> String {
        assert!(!self.is_error(), "the call failed: {}", self.texts());
        self.texts()
    }

    /// The text of a result with `isError`.
    ///
    /// # Panics
    /// When it is not one.
    #[must_use]
    pub fn error_text(&self) -> String {
        assert!(self.is_error(), "the call succeeded: {}", self.texts());
        self.texts()
    }

    /// Is it a result with `isError`?
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.result()["isError"] == true
    }

    /// The content blocks, as MCP has them.
    #[must_use]
    pub fn content(&self) -> &[Value] {
        self.result()["content"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    /// The structured result.
    #[must_use]
    pub fn structured(&self) -> Option<&Value> {
        self.result().get("structuredContent")
    }

    /// The result's own `_meta`.
    #[must_use]
    pub fn meta(&self) -> Option<&Value> {
        self.result().get("_meta")
    }

    /// Why there is no result: `kind` (`panic`, `protocol`, `cancelled`, `unavailable`), `code`, `public`, `detail`. Of a
    /// call that was given up at its time limit: `{"kind": "cancelled", "detail": "the call was given up: ..."}`.
    #[must_use]
    pub fn failure(&self) -> Option<&Value> {
        self.answer.as_ref().err()
    }

    /// What was told of progress: `progress`, `total`, `message`.
    #[must_use]
    pub fn progress(&self) -> &[Value] {
        &self.record.progress
    }

    /// What the tool asks its client, by keys, and waits for: `method` and `params` of each. Such a call has no result.
    #[must_use]
    pub fn input_requests(&self) -> &Map<String, Value> {
        &self.record.input_requests
    }

    /// The messages to the client: `level`, `logger`, `data`.
    #[must_use]
    pub fn messages(&self) -> &[Value] {
        &self.record.messages
    }

    /// The lines for the operator's log: `level`, `target`, `message`, `plugin`.
    #[must_use]
    pub fn logs(&self) -> &[Value] {
        &self.record.logs
    }

    fn result(&self) -> &Value {
        let input_requests: Vec<_> = self.record.input_requests.keys().collect();
        assert!(
            input_requests.is_empty(),
            "the call has no result yet: it asks the client for {input_requests:?}; give answers by Tool::with_answer"
        );
        match &self.answer {
            Ok(result) => result,
            Err(failure) => panic!("the call has no result: {failure}"),
        }
    }

    fn texts(&self) -> String {
        let blocks = self.content().iter();
        let texts: Vec<_> = blocks.filter_map(|block| block["text"].as_str()).collect();
        texts.join("\n")
    }
}
