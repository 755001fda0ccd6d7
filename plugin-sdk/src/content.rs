//! The content blocks of MCP.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_json::{Map, Value};

/// One block of content in a result.
///
/// ```
/// use plugin_sdk::{Content, Role};
///
/// let logo = Content::image(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")
///     .for_audience([Role::User])
///     .with_priority(0.5);
/// # let _ = logo;
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Content {
    #[serde(flatten)]
    kind: Kind,
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    annotations: Annotations,
    #[serde(rename = "_meta", skip_serializing_if = "Map::is_empty")]
    meta: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
enum Kind {
    Text { text: String },
    Image { data: String, mime_type: String },
    Audio { data: String, mime_type: String },
    ResourceLink(ResourceLink),
    Resource { resource: Resource },
}

/// For whom a block is, and how important.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Annotations {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    audience: Vec<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
}

impl Annotations {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Who reads a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// A link to something that the client can read by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceLink {
    /// Where it is.
    pub uri: String,
    /// Its name, for programs.
    pub name: String,
    /// Its name, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its type, such as `text/csv`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Its size. Unit: bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// Something with a URI, brought along with the result.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
    #[serde(flatten)]
    content: ResourceContent,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum ResourceContent {
    Text(String),
    Blob(String),
}

impl Resource {
    /// A text.
    pub fn text(uri: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            mime_type: None,
            content: ResourceContent::Text(text.into()),
        }
    }

    /// Bytes, sent as base64.
    pub fn blob(uri: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self {
            uri: uri.into(),
            mime_type: None,
            content: ResourceContent::Blob(BASE64_STANDARD.encode(bytes)),
        }
    }

    /// The same, of this type, such as `text/markdown`.
    #[must_use]
    pub fn with_mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.mime_type = Some(mime_type.into());
        self
    }
}

impl Content {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            annotations: Annotations::default(),
            meta: Map::new(),
        }
    }

    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Kind::Text { text: text.into() })
    }

    /// A picture, sent as base64, of a type such as `image/png`.
    pub fn image(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        Self::new(Kind::Image {
            data: BASE64_STANDARD.encode(bytes),
            mime_type: mime_type.into(),
        })
    }

    /// A sound, sent as base64, of a type such as `audio/wav`. Clients that do not know it (revision 2024-11-05) see a
    /// text in its place.
    pub fn audio(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        Self::new(Kind::Audio {
            data: BASE64_STANDARD.encode(bytes),
            mime_type: mime_type.into(),
        })
    }

    /// A link. Clients that do not know it (before revision 2025-06-18) see a text in its place.
    #[must_use]
    pub fn link(link: ResourceLink) -> Self {
        Self::new(Kind::ResourceLink(link))
    }

    /// Something with a URI, brought along.
    #[must_use]
    pub fn resource(resource: Resource) -> Self {
        Self::new(Kind::Resource { resource })
    }

    /// The same, for these readers.
    #[must_use]
    pub fn for_audience(mut self, audience: impl IntoIterator<Item = Role>) -> Self {
        self.annotations.audience = audience.into_iter().collect();
        self
    }

    /// The same, of an importance between 0 (may be left out) and 1 (must be seen); what is beyond counts as these.
    #[must_use]
    pub fn with_priority(mut self, priority: f64) -> Self {
        self.annotations.priority = Some(priority.clamp(0.0, 1.0)).filter(|p| p.is_finite());
        self
    }

    /// The same, with the moment when it was last changed: ISO 8601, such as `2026-01-12T15:00:58Z`.
    #[must_use]
    pub fn with_last_modified(mut self, moment: impl Into<String>) -> Self {
        self.annotations.last_modified = Some(moment.into());
        self
    }

    /// The same, with a fact of your own in `_meta`, under a key such as `example.com/source`.
    #[must_use]
    pub fn with_meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.meta.insert(key.into(), value.into());
        self
    }
}

/// Without annotations.
impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// Without annotations.
impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

/// Without annotations.
impl From<ResourceLink> for Content {
    fn from(link: ResourceLink) -> Self {
        Self::link(link)
    }
}

/// Without annotations.
impl From<Resource> for Content {
    fn from(resource: Resource) -> Self {
        Self::resource(resource)
    }
}
