//! The outcome of a call, and everything that the tool sent while it ran.

use serde_json::{Map, Value};

use super::host::CallRecord;

/// The outcome of a call, and everything that the tool sent while it ran.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub(super) answer: Result<Value, Value>,
    pub(super) record: CallRecord,
}

impl Outcome {
    /// Returns the text of a call that succeeded: its text blocks, one per line.
    ///
    /// # Panics
    /// If the call failed.
    #[must_use]
    pub fn text(&self) -> String {
        assert!(!self.is_error(), "the call failed: {}", self.texts());
        self.texts()
    }

    /// Returns the text of a result with `isError`.
    ///
    /// # Panics
    /// If the call has no result, or a result without `isError`.
    #[must_use]
    pub fn error_text(&self) -> String {
        assert!(self.is_error(), "the call succeeded: {}", self.texts());
        self.texts()
    }

    /// Reports whether the result has `isError`.
    ///
    /// # Panics
    /// If the call has no result.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.result()["isError"] == true
    }

    /// Returns the content blocks in the form of MCP, such as `{"type": "text", "text": "3"}`.
    ///
    /// # Panics
    /// If the call has no result.
    #[must_use]
    pub fn content(&self) -> &[Value] {
        self.result()["content"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    /// Returns the structured content.
    ///
    /// # Panics
    /// If the call has no result.
    #[must_use]
    pub fn structured(&self) -> Option<&Value> {
        self.result().get("structuredContent")
    }

    /// Returns the `_meta` of the result.
    ///
    /// # Panics
    /// If the call has no result.
    #[must_use]
    pub fn meta(&self) -> Option<&Value> {
        self.result().get("_meta")
    }

    /// Returns the reason why the call has no result, an object with the members `kind` (`panic`, `protocol`,
    /// `cancelled`, `unavailable`), `code`, `public`, `detail`.
    ///
    /// A call that exceeded its time limit has `{"kind": "cancelled", "detail": "the call timed out: ..."}`.
    #[must_use]
    pub fn failure(&self) -> Option<&Value> {
        self.answer.as_ref().err()
    }

    /// Returns the progress reports, such as `{"progress": 1.0, "total": 1.0, "message": "dividing"}`.
    #[must_use]
    pub fn progress(&self) -> &[Value] {
        &self.record.progress
    }

    /// Returns the input requests that have no answer yet, by their keys. A call with such input requests has no
    /// result.
    ///
    /// ```json
    /// {"confirmation": {"method": "elicitation/create", "params": {"message": "a.txt will be gone.", "requestedSchema": {}}}}
    /// ```
    #[must_use]
    pub fn input_requests(&self) -> &Map<String, Value> {
        &self.record.input_requests
    }

    /// Returns the log messages to the client, such as `{"level": "info", "logger": "PLUGIN", "data": "half done"}`.
    #[must_use]
    pub fn messages(&self) -> &[Value] {
        &self.record.messages
    }

    /// Returns the lines for the operator's log, such as `{"level": "warn", "target": "MODULE", "message": "...",
    /// "plugin": "PLUGIN"}`.
    #[must_use]
    pub fn logs(&self) -> &[Value] {
        &self.record.logs
    }

    fn result(&self) -> &Value {
        let input_requests: Vec<_> = self.record.input_requests.keys().collect();
        assert!(
            input_requests.is_empty(),
            "the call has no result yet: it asks the client for {input_requests:?}; give answers with Tool::with_answer"
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
