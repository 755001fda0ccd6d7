//! The state of tools in the table. Each state is one item.

use std::time::SystemTime;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::value::RawValue;

use crate::store::{
    dynamodb::{
        ConditionalPut, EXPIRES, Item, KEY, PRINCIPAL, Table, VERSION, end, expiry, number,
        number_in, text, text_in,
    },
    session::StoreError,
    tool_state::{Expected, Owner, StateStore, ToolState, WriteOutcome},
};

const WRITES: &str = "writes";

/// The attribute that marks a state whose expiry is fixed, so that using the state does not extend it.
const FIXED: &str = "fixed_end";

#[async_trait]
impl StateStore for Table {
    async fn read(&self, key: &str) -> Result<Option<ToolState>, StoreError> {
        let Some(state) = self.get(key).await?.and_then(|item| state(&item)) else {
            return Ok(None);
        };
        check_value(&self.name, &state)?;
        Ok(Some(state))
    }

    async fn write(
        &self,
        key: &str,
        state: &ToolState,
        expected: Expected,
    ) -> Result<WriteOutcome, StoreError> {
        let request = self.put(item(key, state)).await?;
        let condition = match expected {
            Expected::Version(_) => "#version = :version",
            Expected::VersionOrNothing(_) => "attribute_not_exists(#key) OR #version = :version",
        };
        let mut request = request
            .condition_expression(condition)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":version", number(expected.version()));
        if matches!(expected, Expected::VersionOrNothing(_)) {
            request = request.expression_attribute_names("#key", KEY);
        }
        Ok(match self.send_put(request).await? {
            ConditionalPut::Done => WriteOutcome::Done,
            // An earlier attempt of this write was applied, but its response was lost.
            ConditionalPut::Refused(found) if writes(&found).contains(&state.last_write()) => {
                WriteOutcome::Done
            }
            ConditionalPut::Refused(_) => WriteOutcome::Conflict,
        })
    }

    async fn extend(&self, key: &str, expires: SystemTime) -> Result<(), StoreError> {
        let request = Table::update(self, key).await?;
        let request = request
            .update_expression("SET #expires = :expires")
            .condition_expression("attribute_exists(#key)")
            .expression_attribute_names("#key", KEY)
            .expression_attribute_names("#expires", EXPIRES)
            .expression_attribute_values(":expires", end(expires));
        self.send_update(request).await.map(drop)
    }
}

fn item(key: &str, state: &ToolState) -> Item {
    let mut item = Item::from([
        (KEY.to_owned(), text(key)),
        (VERSION.to_owned(), number(state.version)),
        ("plugin".to_owned(), text(&state.owner.plugin)),
        (EXPIRES.to_owned(), end(state.expires)),
        (
            WRITES.to_owned(),
            AttributeValue::L(state.writes.iter().map(text).collect()),
        ),
    ]);
    if state.is_fixed {
        item.insert(FIXED.to_owned(), AttributeValue::Bool(true));
    }
    for (name, value) in [("value", &state.value), (PRINCIPAL, &state.owner.principal)] {
        if let Some(value) = value {
            item.insert(name.to_owned(), text(value));
        }
    }
    item
}

fn state(item: &Item) -> Option<ToolState> {
    Some(ToolState {
        value: text_in(item, "value"),
        version: number_in(item, VERSION)?,
        owner: Owner {
            plugin: text_in(item, "plugin")?,
            principal: text_in(item, PRINCIPAL),
        },
        expires: expiry(item),
        is_fixed: item.contains_key(FIXED),
        writes: writes(item),
    })
}

/// Checks that the value is JSON. As nothing it would be overwritten by the next update.
fn check_value(table: &str, state: &ToolState) -> Result<(), StoreError> {
    let Some(value) = &state.value else {
        return Ok(());
    };
    serde_json::from_str::<&RawValue>(value)
        .map(drop)
        .map_err(|error| {
            // The key may contain the id of a session, and the value is confidential.
            let ToolState { owner, version, .. } = state;
            StoreError(format!(
                "an item of the table {table} is damaged: the value of a state of the plugin {}, version {version}, is not JSON ({error}); restore or delete the item",
                owner.plugin
            ))
        })
}

fn writes(item: &Item) -> Vec<String> {
    let writes = item.get(WRITES).and_then(|writes| writes.as_l().ok());
    let writes = writes.into_iter().flatten();
    writes.filter_map(|id| id.as_s().ok().cloned()).collect()
}
