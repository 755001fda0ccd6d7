//! Tools and the results of their calls, adapted to each revision.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    CacheHints, Revision, ServerInfo, content, error_text::truncate, json::to_raw,
    meta_keys::SERVER_INFO,
};

/// A tool, as the newest revision describes it. The schemas are passed on unchanged.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    /// The tool's name, unique in a server.
    pub name: String,
    /// The tool's name as people see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The description that the model reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON Schema of the tool's arguments.
    pub input_schema: Box<RawValue>,
    /// The JSON Schema of the tool's structured result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Box<RawValue>>,
    /// Hints about the tool's behaviour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Box<RawValue>>,
    /// The tool's icons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icons: Option<Box<RawValue>>,
    /// Metadata from the tool's author.
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Box<RawValue>>,
}

impl Tool {
    /// Returns the tool without the members that `revision` does not define.
    fn for_revision(mut self, revision: Revision) -> Self {
        if !revision.has_annotations() {
            self.annotations = None;
        }
        if !revision.has_titles() {
            self.title = None;
            self.meta = None;
        }
        if !revision.has_icons() {
            self.icons = None;
        }
        let withheld = !revision.has_structured_content()
            || (!revision.has_any_structured_content()
                && self
                    .output_schema
                    .as_deref()
                    .is_some_and(|schema| !is_object_schema(schema)));
        if withheld {
            self.output_schema = None;
        }
        self
    }
}

fn is_object_schema(schema: &RawValue) -> bool {
    let root = serde_json::from_str::<BTreeMap<String, &RawValue>>(schema.get());
    root.is_ok_and(|root| {
        root.get("type")
            .is_some_and(|root| root.get() == r#""object""#)
    })
}

/// Returns the result of `tools/list`: one page of tools, and the cursor of the next page if there is one.
#[must_use]
pub fn list_result(
    revision: Revision,
    tools: &[Tool],
    next_cursor: Option<&str>,
    server: &ServerInfo,
    cache: CacheHints,
) -> Box<RawValue> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct ListToolsResult<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        result_type: Option<&'static str>,
        tools: Vec<Tool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_cursor: Option<&'a str>,
        #[serde(flatten)]
        cache: Option<CacheHints>,
        #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
        meta: Option<Value>,
    }
    let modern = revision.is_modern();
    to_raw(&ListToolsResult {
        result_type: modern.then_some("complete"),
        tools: tools
            .iter()
            .map(|tool| tool.clone().for_revision(revision))
            .collect(),
        next_cursor,
        cache: modern.then_some(cache),
        meta: modern.then(|| json!({ SERVER_INFO: server })),
    })
}

/// The result of a completed call, with its members as the tool returned them.
#[derive(Clone, Debug)]
pub struct CallResult {
    /// An array of content blocks.
    pub content: Box<RawValue>,
    /// The structured result: any JSON.
    pub structured_content: Option<Box<RawValue>>,
    /// Whether the tool reports that it failed.
    pub is_error: bool,
    /// Metadata that the tool added to this result.
    pub meta: Option<Map<String, Value>>,
}

impl CallResult {
    /// Returns a result with `isError` and a message that the model can act on.
    #[must_use]
    pub fn error(message: &str) -> Self {
        Self {
            content: to_raw(&json!([{ "type": "text", "text": truncate(message) }])),
            structured_content: None,
            is_error: true,
            meta: None,
        }
    }

    /// Returns the result of `tools/call` in the form of `revision`.
    #[must_use]
    pub fn for_revision(self, revision: Revision, server: &ServerInfo) -> Box<RawValue> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct CallToolResult {
            #[serde(skip_serializing_if = "Option::is_none")]
            result_type: Option<&'static str>,
            content: Box<RawValue>,
            #[serde(skip_serializing_if = "Option::is_none")]
            structured_content: Option<Box<RawValue>>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            is_error: bool,
            #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
            meta: Option<Map<String, Value>>,
        }
        let structured_content = self.structured_content.filter(|structured| {
            revision.has_any_structured_content()
                || (revision.has_structured_content() && structured.get().starts_with('{'))
        });
        let mut meta = self.meta;
        if revision.is_modern() {
            meta.get_or_insert_default()
                .insert(SERVER_INFO.to_owned(), json!(server));
        }
        to_raw(&CallToolResult {
            result_type: revision.is_modern().then_some("complete"),
            content: content::for_revision(&self.content, revision).unwrap_or(self.content),
            structured_content,
            is_error: self.is_error,
            meta,
        })
    }
}
