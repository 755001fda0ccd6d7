//! Content blocks of MCP.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_json::{Map, Value};

/// One content block of a result, such as `{"type": "text", "text": "Two cities."}` in MCP's JSON.
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

/// MCP's annotations of a content block: its audience, its importance, and the time of its last change.
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

/// A participant of a conversation: the reader of a content block, or the author of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// A link to a resource that the client can read by itself.
///
/// ```json
/// {"type": "resource_link", "uri": "https://example.com/cities.csv", "name": "cities", "mimeType": "text/csv", "size": 512}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceLink {
    /// The URI of the resource.
    pub uri: String,
    /// The name that programs use.
    pub name: String,
    /// The name that is displayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The MIME type, such as `text/csv`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// The size. Unit: bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// An embedded resource: its URI, its MIME type and its content.
///
/// ```json
/// {"type": "resource", "resource": {"uri": "notes://1", "mimeType": "text/plain", "text": "Buy milk."}}
/// ```
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
    /// Creates a resource that contains text.
    pub fn text(uri: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            mime_type: None,
            content: ResourceContent::Text(text.into()),
        }
    }

    /// Creates a resource that contains bytes. They are sent as base64 in the member `blob`.
    pub fn blob(uri: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self {
            uri: uri.into(),
            mime_type: None,
            content: ResourceContent::Blob(BASE64_STANDARD.encode(bytes)),
        }
    }

    /// Sets the MIME type, such as `text/markdown`.
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

    /// Creates a text block.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Kind::Text { text: text.into() })
    }

    /// Creates an image block. The bytes are sent as base64. `mime_type` is a type such as `image/png`.
    pub fn image(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        Self::new(Kind::Image {
            data: BASE64_STANDARD.encode(bytes),
            mime_type: mime_type.into(),
        })
    }

    /// Creates an audio block. The bytes are sent as base64. `mime_type` is a type such as `audio/wav`.
    ///
    /// Clients that use MCP revision 2024-11-05 do not support audio. The host sends them a text block instead.
    pub fn audio(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        Self::new(Kind::Audio {
            data: BASE64_STANDARD.encode(bytes),
            mime_type: mime_type.into(),
        })
    }

    /// Creates a block with a link to a resource.
    ///
    /// Clients that use a revision of MCP before 2025-06-18 do not support links. The host sends them a text block
    /// instead.
    #[must_use]
    pub fn link(link: ResourceLink) -> Self {
        Self::new(Kind::ResourceLink(link))
    }

    /// Creates a block with an embedded resource.
    #[must_use]
    pub fn resource(resource: Resource) -> Self {
        Self::new(Kind::Resource { resource })
    }

    /// Sets the intended readers.
    #[must_use]
    pub fn for_audience(mut self, audience: impl IntoIterator<Item = Role>) -> Self {
        self.annotations.audience = audience.into_iter().collect();
        self
    }

    /// Sets the importance, from 0 (optional) to 1 (required). Values outside this range are clamped; NaN removes the
    /// importance.
    #[must_use]
    pub fn with_priority(mut self, priority: f64) -> Self {
        self.annotations.priority = Some(priority.clamp(0.0, 1.0)).filter(|p| p.is_finite());
        self
    }

    /// Sets the time when the content was last changed, in ISO 8601, such as `2026-01-12T15:00:58Z`.
    #[must_use]
    pub fn with_last_modified(mut self, time: impl Into<String>) -> Self {
        self.annotations.last_modified = Some(time.into());
        self
    }

    /// Adds an entry to `_meta`, under a key such as `example.com/source`.
    #[must_use]
    pub fn with_meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.meta.insert(key.into(), value.into());
        self
    }
}

/// Creates a text block without annotations.
impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// Creates a text block without annotations.
impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

/// Creates a block with a link, without annotations.
impl From<ResourceLink> for Content {
    fn from(link: ResourceLink) -> Self {
        Self::link(link)
    }
}

/// Creates a block with an embedded resource, without annotations.
impl From<Resource> for Content {
    fn from(resource: Resource) -> Self {
        Self::resource(resource)
    }
}
