//! Several implementations of DynamoDB.

use std::sync::Arc;

use host::store::dynamodb::Table;
use tests::{Dynamo, dynamodb};

use crate::Stores;

/// In this process, behind its HTTP server.
pub(crate) async fn dynoxide() -> Stores {
    // As long as the process.
    let dynamo: &'static Dynamo = Box::leak(Box::new(Dynamo::start().await));
    at(dynamo.endpoint()).await
}

/// Behind this endpoint, in a table of its own.
pub(crate) async fn at(endpoint: &str) -> Stores {
    let client = dynamodb::client(endpoint);
    let name = format!("contract-{}", uuid::Uuid::new_v4());
    dynamodb::create_table(&client, &name).await;
    let table = Arc::new(Table::with_client(client, &name));
    Stores {
        sessions: table.clone(),
        states: table,
    }
}
