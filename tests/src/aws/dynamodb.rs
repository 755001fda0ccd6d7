//! DynamoDB for tests: engines that speak its wire protocol, and tables in them.

use std::net::Ipv4Addr;

use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
    types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        TimeToLiveSpecification,
    },
};
use tokio::{net::TcpListener, runtime::Runtime};

/// An engine in this process.
pub struct Dynamo {
    endpoint: String,
    // A runtime that serves as long as this value exists, unless the caller's does.
    _runtime: Option<Runtime>,
}

impl Dynamo {
    /// Starts one on the runtime of the caller.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a port"));
        let database = dynoxide::Database::memory().expect("memory");
        tokio::spawn(async move { dynoxide::server::serve_on(listener, database).await });
        Self {
            endpoint,
            _runtime: None,
        }
    }

    /// Starts one with a table of this name, on a separate runtime.
    pub fn with_table(name: &str) -> Self {
        let runtime = Runtime::new().expect("threads");
        let dynamo = runtime.block_on(async {
            let dynamo = Self::start().await;
            create_table(&client(&dynamo.endpoint), name).await;
            dynamo
        });
        Self {
            _runtime: Some(runtime),
            ..dynamo
        }
    }

    /// Returns its URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

/// Returns a client of an engine that accepts any credentials.
pub fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("tests", "tests", None, None, "tests"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// Creates a table as `docs/operator/sessions.md` shows.
pub async fn create_table(client: &Client, name: &str) {
    let key = AttributeDefinition::builder()
        .attribute_name("session_id")
        .attribute_type(ScalarAttributeType::S);
    let hash = KeySchemaElement::builder()
        .attribute_name("session_id")
        .key_type(KeyType::Hash);
    let created = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(key.build().expect("complete"))
        .key_schema(hash.build().expect("complete"))
        .send()
        .await;
    created.expect("the table can be created");
    let ttl = TimeToLiveSpecification::builder()
        .attribute_name("expires_at")
        .enabled(true);
    let limited = client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(ttl.build().expect("complete"))
        .send()
        .await;
    limited.expect("a TTL can be set");
}
