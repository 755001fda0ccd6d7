//! The DynamoDB table that environments share: sessions, what tools keep, and the key that seals states.
//!
//! One table, one key (`session_id`, a string), one attribute for DynamoDB's TTL (`expires_at`, seconds since 1970). Items
//! are read by their key with strong consistency and written by conditions, never scanned, so that `GetItem`, `PutItem`
//! and `UpdateItem` on this table are all the rights that it takes. DynamoDB deletes what has expired hours late:
//! whoever reads looks at `expires_at`.
//!
//! | `session_id` | item |
//! |---|---|
//! | a UUID | a session, or the tombstone of one |
//! | `state#` a session's UUID `#` a crate | what the plugin of that crate keeps for the session |
//! | `state#` a handle | what a plugin keeps under it |
//! | `key#state` | the key that seals states |

mod client;
mod key;
mod sessions;
mod states;

use std::{
    collections::HashMap,
    error::Error as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        put_item::builders::PutItemFluentBuilder, update_item::builders::UpdateItemFluentBuilder,
    },
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use tokio::sync::OnceCell;

use crate::session::StoreError;

/// The table's key.
const KEY: &str = "session_id";

/// The table's attribute for TTL. Unit: seconds since 1970.
const EXPIRES: &str = "expires_at";

/// How often an item was written.
const VERSION: &str = "version";

/// Whose an item is; absent: nobody's in particular.
const PRINCIPAL: &str = "principal";

/// An item, by the names of its attributes.
type Item = HashMap<String, AttributeValue>;

/// The table.
#[derive(Debug)]
pub struct Table {
    name: String,
    client: OnceCell<Client>,
}

/// What became of a write that had a condition.
enum Put {
    Done,
    /// The condition did not hold, of this item.
    Refused(Item),
}

impl Table {
    /// The table of this name. Nothing is asked of it yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            client: OnceCell::new(),
        }
    }

    /// The same, through this client.
    #[must_use]
    pub fn by(client: Client, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            client: OnceCell::new_with(Some(client)),
        }
    }

    /// Built when it is first needed: most calls need none.
    async fn client(&self) -> Result<&Client, StoreError> {
        self.client.get_or_try_init(client::build).await
    }

    async fn get(&self, key: &str) -> Result<Option<Item>, StoreError> {
        let request = self.client().await?.get_item().table_name(&self.name);
        let request = request
            .key(KEY, AttributeValue::S(key.to_owned()))
            .consistent_read(true);
        let answer = request.send().await;
        Ok(answer.map_err(|error| self.failed("GetItem", &error))?.item)
    }

    /// To be given a condition, whose failure brings what is there.
    async fn put(&self, item: Item) -> Result<PutItemFluentBuilder, StoreError> {
        let request = self.client().await?.put_item().table_name(&self.name);
        Ok(request
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld))
    }

    async fn update(&self, key: &str) -> Result<UpdateItemFluentBuilder, StoreError> {
        let request = self.client().await?.update_item().table_name(&self.name);
        Ok(request.key(KEY, AttributeValue::S(key.to_owned())))
    }

    async fn send_put(&self, request: PutItemFluentBuilder) -> Result<Put, StoreError> {
        match request.send().await {
            Ok(_) => Ok(Put::Done),
            Err(error) => match error.as_service_error() {
                Some(aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(
                    failed,
                )) => Ok(Put::Refused(failed.item.clone().unwrap_or_default())),
                _ => Err(self.failed("PutItem", &error)),
            },
        }
    }

    async fn send_update(&self, request: UpdateItemFluentBuilder) -> Result<bool, StoreError> {
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(_)) => {
                    Ok(false)
                }
                _ => Err(self.failed("UpdateItem", &error)),
            },
        }
    }

    /// For the operator, in DynamoDB's own words.
    fn failed<E>(&self, operation: &str, error: &SdkError<E>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut words = format!("{operation} on table {}: ", self.name);
        match (error.code(), error.message()) {
            (Some(code), message) => {
                words += code;
                if let Some(message) = message {
                    words += ": ";
                    words += message;
                }
            }
            (None, _) => {
                words += &error.to_string();
                let mut source = error.source();
                while let Some(cause) = source {
                    words += ": ";
                    words += &cause.to_string();
                    source = cause.source();
                }
            }
        }
        StoreError(words)
    }
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn time(time: SystemTime) -> AttributeValue {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    number(since.as_secs())
}

/// When something ends. DynamoDB counts whole seconds: it lives no shorter than it is told.
fn end(end: SystemTime) -> AttributeValue {
    let since = end.duration_since(UNIX_EPOCH).unwrap_or_default();
    number(since.as_secs() + u64::from(since.subsec_nanos() > 0))
}

fn text_in(item: &Item, name: &str) -> Option<String> {
    Some(item.get(name)?.as_s().ok()?.clone())
}

fn number_in(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn time_in(item: &Item, name: &str) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(number_in(item, name)?))
}

/// When an item ends. One that does not say so has no end, or as good as none.
fn expiry(item: &Item) -> SystemTime {
    time_in(item, EXPIRES).unwrap_or_else(|| SystemTime::now() + Duration::from_secs(86_400))
}
