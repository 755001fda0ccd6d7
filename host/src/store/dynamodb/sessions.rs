//! Sessions in the table. Each is one item, which is replaced by a tombstone when the session is ended.

use std::time::SystemTime;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use mcp_protocol::{LogLevel, Revision};

use crate::store::{
    dynamodb::{
        ConditionalPut, EXPIRES, Item, KEY, PRINCIPAL, Table, VERSION, end, expiry, number, text,
        text_in, time,
    },
    session::{Session, SessionId, SessionLookup, SessionStore, StoreError},
};

/// The attribute that marks a tombstone.
const ENDED: &str = "ended";

const LEVEL: &str = "log_level";

#[async_trait]
impl SessionStore for Table {
    async fn create(&self, id: SessionId, session: Session) -> Result<(), StoreError> {
        // The id is new, so an item that already has it can only come from an earlier attempt of this write.
        let request = self.put(item(id, &session)).await?;
        let request = request
            .condition_expression("attribute_not_exists(#key)")
            .expression_attribute_names("#key", KEY);
        self.send_put(request).await.map(drop)
    }

    async fn find(&self, id: SessionId) -> Result<SessionLookup, StoreError> {
        let Some(item) = self.get(&id.to_string()).await? else {
            return Ok(SessionLookup::Unknown);
        };
        if expiry(&item) <= SystemTime::now() {
            return Ok(SessionLookup::Unknown);
        }
        if item.contains_key(ENDED) {
            return Ok(SessionLookup::Ended);
        }
        // This host cannot use the item. Perhaps a later release of the host wrote it, or some other program.
        Ok(session(&item).map_or(SessionLookup::Unknown, SessionLookup::Alive))
    }

    async fn set_log_level(&self, id: SessionId, level: LogLevel) -> Result<bool, StoreError> {
        self.change(id, LEVEL, text(level.as_str())).await
    }

    async fn extend(&self, id: SessionId, expires: SystemTime) -> Result<(), StoreError> {
        self.change(id, EXPIRES, end(expires)).await.map(drop)
    }

    async fn end(
        &self,
        id: SessionId,
        principal: Option<&str>,
        remember: SystemTime,
    ) -> Result<bool, StoreError> {
        let tombstone = Item::from([
            (KEY.to_owned(), text(id.to_string())),
            (ENDED.to_owned(), AttributeValue::Bool(true)),
            (EXPIRES.to_owned(), end(remember)),
        ]);
        let request = self.put(tombstone).await?;
        let request = request
            .expression_attribute_names("#ended", ENDED)
            .expression_attribute_names("#principal", PRINCIPAL);
        let request = match principal {
            None => request.condition_expression(
                "attribute_exists(#ended) OR attribute_not_exists(#principal)",
            ),
            Some(principal) => request
                .condition_expression(
                    "attribute_not_exists(#key) OR attribute_exists(#ended) OR #principal = :principal",
                )
                .expression_attribute_names("#key", KEY)
                .expression_attribute_values(":principal", text(principal)),
        };
        Ok(matches!(
            self.send_put(request).await?,
            ConditionalPut::Done
        ))
    }
}

impl Table {
    /// Changes one attribute of a session that is alive. Returns `false` if the session is not alive.
    async fn change(
        &self,
        id: SessionId,
        name: &str,
        value: AttributeValue,
    ) -> Result<bool, StoreError> {
        let request = self.update(&id.to_string()).await?;
        let request = request
            .update_expression("SET #name = :value ADD #version :one")
            .condition_expression("attribute_exists(#key) AND attribute_not_exists(#ended)")
            .expression_attribute_names("#key", KEY)
            .expression_attribute_names("#ended", ENDED)
            .expression_attribute_names("#name", name)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":value", value);
        self.send_update(request).await
    }
}

fn item(id: SessionId, session: &Session) -> Item {
    let mut item = Item::from([
        (KEY.to_owned(), text(id.to_string())),
        ("revision".to_owned(), text(session.revision.as_str())),
        (VERSION.to_owned(), number(1)),
        ("created_at".to_owned(), time(session.created)),
        (EXPIRES.to_owned(), end(session.expires)),
    ]);
    let level = session.log_level.map(LogLevel::as_str).map(str::to_owned);
    for (name, value) in [
        ("client", session.client.clone()),
        ("capabilities", session.capabilities.clone()),
        (LEVEL, level),
        (PRINCIPAL, session.principal.clone()),
    ] {
        if let Some(value) = value {
            item.insert(name.to_owned(), text(value));
        }
    }
    item
}

fn session(item: &Item) -> Option<Session> {
    Some(Session {
        revision: Revision::parse(&text_in(item, "revision")?)?,
        client: text_in(item, "client"),
        capabilities: text_in(item, "capabilities"),
        log_level: text_in(item, LEVEL).and_then(|level| LogLevel::parse(&level)),
        principal: text_in(item, PRINCIPAL),
        created: super::time_in(item, "created_at")?,
        expires: expiry(item),
    })
}
