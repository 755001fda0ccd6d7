//! A plugin with the AWS SDK. Its client is built at the first call, or earlier with `MCP_PRELOAD`.

use aws_sdk_dynamodb::{
    Client,
    error::{DisplayErrorContext, SdkError},
    operation::list_tables::ListTablesError,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use plugin_sdk::prelude::*;

async fn client() -> Client {
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let config = aws_config::from_env().http_client(http);
    Client::new(&config.load().await)
}

/// List the tables of DynamoDB.
#[tool(read_only)]
pub async fn tables(client: State<Client>) -> Result<String, String> {
    let listed = client.list_tables().send().await;
    let listed = listed
        .map_err(|error: SdkError<ListTablesError>| DisplayErrorContext(error).to_string())?;
    Ok(listed.table_names().join(", "))
}

export_tools!(state = client, tables);
