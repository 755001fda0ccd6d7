//! The key in the table that encrypts the state of unfinished calls. All execution environments of a function use it if
//! the operator has configured no key.

use crate::store::{
    dynamodb::{ConditionalPut, Item, KEY, Table, text, text_in},
    seal::StateKey,
    session::StoreError,
};

/// The key attribute of the item. No session and no state uses this value.
const ITEM: &str = "key#state";

impl Table {
    /// Returns the key from the table. The first execution environment that needs the key creates it.
    pub(crate) async fn state_key(&self) -> Result<StateKey, StoreError> {
        if let Some(item) = self.get(ITEM).await? {
            return read(&item);
        }
        let made = StateKey::random_secret();
        let item = Item::from([
            (KEY.to_owned(), text(ITEM)),
            ("secret".to_owned(), text(&made)),
        ]);
        let request = self.put(item).await?;
        let request = request
            .condition_expression("attribute_not_exists(#key)")
            .expression_attribute_names("#key", KEY);
        match self.send_put(request).await? {
            ConditionalPut::Done => parse(&made),
            ConditionalPut::Refused(item) => read(&item),
        }
    }
}

fn read(item: &Item) -> Result<StateKey, StoreError> {
    parse(&text_in(item, "secret").unwrap_or_default())
}

fn parse(secret: &str) -> Result<StateKey, StoreError> {
    StateKey::parse(secret)
        .map_err(|problem| StoreError(format!("the `secret` of the item {ITEM} {problem}")))
}
