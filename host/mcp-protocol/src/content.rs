//! Replaces content blocks that older revisions do not define.

use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{Revision, json::to_raw};

/// The members of a content block that the text in its place repeats.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    r#type: String,
    mime_type: Option<String>,
    uri: Option<String>,
    name: Option<String>,
    title: Option<String>,
    description: Option<String>,
}

/// Replaces each block with a text block if `revision` does not define the block's type. (One such block would make a
/// validating client reject the whole result.) Returns `None` if there is nothing to replace.
pub(crate) fn for_revision(content: &RawValue, revision: Revision) -> Option<Box<RawValue>> {
    let unknown: Vec<_> = [
        ("audio", revision.has_audio()),
        ("resource_link", revision.has_resource_links()),
    ]
    .into_iter()
    .filter_map(|(kind, known)| (!known).then_some(kind))
    .collect();
    // Most results contain only text. This search avoids parsing them.
    if !unknown.iter().any(|kind| content.get().contains(kind)) {
        return None;
    }
    let blocks: Vec<&RawValue> = serde_json::from_str(content.get()).ok()?;
    let mut replaced = false;
    let blocks: Vec<_> = blocks
        .into_iter()
        .map(|block| match serde_json::from_str::<Block>(block.get()) {
            Ok(parsed) if unknown.contains(&parsed.r#type.as_str()) => {
                replaced = true;
                to_raw(&json!({ "type": "text", "text": parsed.as_text(revision) }))
            }
            _ => block.to_owned(),
        })
        .collect();
    replaced.then(|| to_raw(&blocks))
}

impl Block {
    fn as_text(&self, revision: Revision) -> String {
        let Some(uri) = &self.uri else {
            let of_type = self.mime_type.as_deref().unwrap_or("unknown type");
            let kind = &self.r#type;
            return format!("({kind}, {of_type}: not part of MCP {revision})");
        };
        let name = self.title.as_ref().or(self.name.as_ref());
        let named = name.map_or_else(|| uri.clone(), |name| format!("{name}: {uri}"));
        match &self.description {
            Some(description) => format!("{named} ({description})"),
            None => named,
        }
    }
}
