//! The DynamoDB table that all execution environments share. It contains sessions, the state of tools, and the key that
//! encrypts the state of unfinished calls.
//!
//! The table has one key attribute (`session_id`, a string), and one attribute for DynamoDB's TTL (`expires_at`,
//! seconds since 1970). Items are read by their key with strong consistency. They are written with conditions, and
//! never scanned. So the host needs only the permissions `GetItem`, `PutItem` and `UpdateItem` on this table. DynamoDB
//! may delete expired items hours late, so every reader checks `expires_at`.
//!
//! | `session_id` | item |
//! |---|---|
//! | a UUID | a session, or the tombstone of an ended session |
//! | `state#` a session's UUID `#` a crate | the state that the plugin of this crate stores for the session |
//! | `state#` a handle | the state that a plugin stores under the handle |
//! | `key#state` | the key that encrypts the state of unfinished calls |

mod client;
mod key;
mod sessions;
mod states;

use std::{
    collections::HashMap,
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

use crate::store::{session::StoreError, timeouts};

/// The maximum length of an error text. Unit: characters. Source: ours; error texts of DynamoDB have about two hundred.
const MAX_ERROR_TEXT: usize = 500;

/// The table's key attribute.
const KEY: &str = "session_id";

/// The attribute for the table's TTL. Unit: seconds since 1970.
const EXPIRES: &str = "expires_at";

/// The attribute that counts how often an item was written.
const VERSION: &str = "version";

/// The attribute with the principal that owns an item. It is absent if the item has no owner.
const PRINCIPAL: &str = "principal";

/// The attributes of an item, by their names.
type Item = HashMap<String, AttributeValue>;

/// The table, and the client for requests to it.
#[derive(Debug)]
pub struct Table {
    name: String,
    client: OnceCell<Client>,
}

/// The outcome of a conditional write.
enum ConditionalPut {
    Done,
    /// The condition failed. This is the item that is in the table.
    Refused(Item),
}

impl Table {
    /// Returns the table with this name. This sends no request.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            client: OnceCell::new(),
        }
    }

    /// Returns the table with this name, for use with this client.
    #[must_use]
    pub fn with_client(client: Client, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            client: OnceCell::new_with(Some(client)),
        }
    }

    /// Returns the client. It is built when it is first needed, because most calls need none.
    async fn client(&self, operation: &str) -> Result<&Client, StoreError> {
        let text = self.describe(operation);
        timeouts::set_operation(&text);
        let client = self.client.get_or_try_init(client::build).await;
        client.map_err(|error| StoreError(format!("{text}: {error}")))
    }

    /// Returns a description of the operation for the operator.
    fn describe(&self, operation: &str) -> String {
        format!("{operation} on table {}", self.name)
    }

    async fn get(&self, key: &str) -> Result<Option<Item>, StoreError> {
        let client = self.client("GetItem").await?;
        let request = client.get_item().table_name(&self.name);
        let request = request
            .key(KEY, AttributeValue::S(key.to_owned()))
            .consistent_read(true);
        let answer = request.send().await;
        Ok(answer
            .map_err(|error| self.store_error("GetItem", &error))?
            .item)
    }

    /// Starts a put request, to which the caller adds a condition. If the condition fails, DynamoDB returns the item
    /// that is in the table.
    async fn put(&self, item: Item) -> Result<PutItemFluentBuilder, StoreError> {
        let client = self.client("PutItem").await?;
        let request = client.put_item().table_name(&self.name);
        Ok(request
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld))
    }

    async fn update(&self, key: &str) -> Result<UpdateItemFluentBuilder, StoreError> {
        let client = self.client("UpdateItem").await?;
        let request = client.update_item().table_name(&self.name);
        Ok(request.key(KEY, AttributeValue::S(key.to_owned())))
    }

    async fn send_put(&self, request: PutItemFluentBuilder) -> Result<ConditionalPut, StoreError> {
        match request.send().await {
            Ok(_) => Ok(ConditionalPut::Done),
            Err(error) => match error.as_service_error() {
                Some(aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(
                    failed,
                )) => Ok(ConditionalPut::Refused(failed.item.clone().unwrap_or_default())),
                _ => Err(self.store_error("PutItem", &error)),
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
                _ => Err(self.store_error("UpdateItem", &error)),
            },
        }
    }

    /// Returns the error for the operator. It contains DynamoDB's own message if there is one.
    fn store_error<E>(&self, operation: &str, error: &SdkError<E>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut text = self.describe(operation);
        match (error.code(), error.message(), error.raw_response()) {
            (Some(code), message, _) => {
                for part in [Some(code), message].into_iter().flatten() {
                    text += ": ";
                    text += part;
                }
            }
            (None, _, Some(response)) => {
                let status = response.status().as_u16();
                text += &format!(": HTTP status {status}, which is not a response of DynamoDB");
            }
            (None, _, None) => text += &cause_chain(error),
        }
        StoreError(to_one_line(&text))
    }
}

/// Returns the messages of an error and of its causes, without repetitions. The AWS SDK includes the whole request,
/// with all its data, in some messages. This part of a message is left out.
fn cause_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let message = error.to_string();
        match message.split_once("Request {") {
            Some((before, _)) => return text + ": " + before + "...",
            None if text.contains(&message) => {}
            None => text = text + ": " + &message,
        }
        next = error.source();
    }
    text
}

/// Converts a text into one line of limited length, because the log has one line for each failure and people read it.
fn to_one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= MAX_ERROR_TEXT {
        return text;
    }
    let kept: String = text.chars().take(MAX_ERROR_TEXT - 3).collect();
    kept + "..."
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

/// Returns the attribute value for an expiry. DynamoDB counts whole seconds, so the time is rounded up: nothing may
/// expire too early.
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

/// Returns the expiry of an item. An item without this attribute always seems to expire in one day, so it never
/// expires.
fn expiry(item: &Item) -> SystemTime {
    time_in(item, EXPIRES).unwrap_or_else(|| SystemTime::now() + Duration::from_secs(86_400))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};

    use super::*;

    fn table_at(endpoint: &str) -> Table {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(endpoint)
            .build();
        Table::with_client(Client::from_conf(config), "t")
    }

    #[tokio::test]
    async fn an_error_text_never_contains_the_request() {
        for endpoint in ["127.0.0.1:1", "localhost:1", "http://", "not a url"] {
            let item = Item::from([
                (KEY.to_owned(), text("k")),
                ("value".to_owned(), text("private")),
            ]);
            let request = table_at(endpoint).put(item).await.expect("a client");
            let told = table_at(endpoint).send_put(request).await.err();
            let told = told.expect("nobody is there").to_string();
            assert!(
                told.starts_with("PutItem on table t: "),
                "{endpoint}: {told}"
            );
            assert!(!told.contains("private"), "{endpoint}: {told}");
            assert!(!told.contains('\n'), "{endpoint}: {told}");
            assert!(told.chars().count() <= MAX_ERROR_TEXT, "{endpoint}: {told}");
        }
    }

    #[test]
    fn an_error_text_is_one_line_of_bounded_length() {
        assert_eq!(to_one_line("a\n  b\tc "), "a b c");
        let long = "ü".repeat(1000);
        assert_eq!(to_one_line(&long).chars().count(), MAX_ERROR_TEXT);
        assert_eq!(to_one_line(&long[..1000]), long[..1000]);
    }
}
