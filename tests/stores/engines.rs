//! Several implementations of DynamoDB.

use std::sync::Arc;

use host::store::dynamodb::Table;
use tests::{Dynamo, dynamodb};

use crate::Stores;

/// Returns stores in this process, behind its HTTP server.
pub(crate) async fn dynoxide() -> Stores {
    // It lives as long as the process.
    let dynamo: &'static Dynamo = Box::leak(Box::new(Dynamo::start().await));
    at(dynamo.endpoint()).await
}

/// Returns stores behind this endpoint, in a separate table.
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
