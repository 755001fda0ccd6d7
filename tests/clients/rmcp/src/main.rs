//! Exercises an MCP server of the conformance tools as clients do, by the official Rust SDK.
//!
//! Usage: `rmcp-client MODE SERVER`, where MODE is initialize, discover or auto, and SERVER a URL, or a `bootstrap` to start
//! over stdio. Prints what it saw as one JSON object.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rmcp::{
    ClientHandler, ClientLifecycleMode, ClientServiceExt, ErrorData, RoleClient, ServiceError,
    model::{
        CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, ClientRequest,
        ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationCapability,
        Implementation, JsonObject, PingRequest, ProgressNotificationParam, ProtocolVersion,
    },
    service::{NotificationContext, RequestContext, RunningService},
    transport::{StreamableHttpClientTransport, TokioChildProcess},
};
use serde_json::{Value, json};
use tokio::process::Command;

/// A client that keeps the progress it receives, and answers questions.
#[derive(Clone, Default)]
struct User(Arc<Mutex<Vec<Value>>>);

impl User {
    fn heard(&self) -> Vec<Value> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.clone()
    }
}

impl ClientHandler for User {
    fn get_info(&self) -> ClientConfig {
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = Some(ElicitationCapability::default());
        ClientConfig::new(capabilities, Implementation::new("tests", "1.0.0"))
    }

    async fn create_elicitation(
        &self,
        asked: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let ElicitRequestParams::FormElicitationParams {
            requested_schema, ..
        } = asked
        else {
            return Ok(ElicitResult::new(ElicitationAction::Decline));
        };
        let answer = match requested_schema.properties.contains_key("name") {
            true => json!({ "name": "Ada" }),
            false => json!({ "color": "blue" }),
        };
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(answer))
    }

    async fn on_progress(
        &self,
        told: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(json!([
            told.progress as i64,
            told.total.map(|total| total as i64)
        ]));
    }
}

type Client = RunningService<RoleClient, User>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (mode, server) = args.next().zip(args.next()).ok_or("MODE SERVER")?;
    let modern = vec![ProtocolVersion::V_2026_07_28];
    let mode = match mode.as_str() {
        "initialize" => ClientLifecycleMode::Initialize,
        "discover" => ClientLifecycleMode::Discover {
            preferred_versions: modern,
        },
        _ => ClientLifecycleMode::Auto {
            preferred_versions: modern,
            legacy_version: None,
        },
    };
    let user = User::default();
    let client = if server.starts_with("http") {
        let transport = StreamableHttpClientTransport::from_uri(server);
        user.clone().serve_with_lifecycle(transport, mode).await?
    } else {
        let mut command = Command::new(server);
        command.arg("stdio");
        let transport = TokioChildProcess::new(command)?;
        user.clone().serve_with_lifecycle(transport, mode).await?
    };
    println!("{}", exercise(&client, &user).await?);
    client.cancel().await?;
    Ok(())
}

async fn exercise(client: &Client, user: &User) -> Result<Value, Box<dyn Error>> {
    let info = client
        .peer_info()
        .ok_or("the server did not introduce itself")?;
    let revision = info.protocol_version.clone();
    let tools = client.list_all_tools().await?;
    let region = json!({ "region": "eu" });
    let region = region.as_object().cloned().unwrap_or_default();
    let text = call(client, "test_x_mcp_header", region).await?;
    let error = call(client, "test_error_handling", JsonObject::new()).await?;
    call(client, "test_tool_with_progress", JsonObject::new()).await?;
    // Notifications are handled beside the answers.
    for _ in 0..500 {
        if user.heard().len() >= 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let unknown = match call(client, "nothing", JsonObject::new()).await {
        Err(ServiceError::McpError(error)) => Some(error.code.0),
        _ => None,
    };
    // In two rounds, each of which asks.
    let asked = call(
        client,
        "test_input_required_result_multi_round",
        JsonObject::new(),
    );
    let asked = asked.await?;
    let mut ping = None;
    if revision.has_initialize() {
        let request = ClientRequest::PingRequest(PingRequest::default());
        ping = Some(client.send_request(request).await.is_ok());
    }
    let first_text = |result: &CallToolResult| {
        let text = result.content.first().and_then(|block| block.as_text());
        text.map(|text| text.text.clone())
    };
    Ok(json!({
        "revision": revision,
        "tools": tools.iter().map(|tool| &tool.name).collect::<Vec<_>>(),
        "text": first_text(&text),
        "error": [json!(error.is_error), json!(first_text(&error))],
        "progress": user.heard(),
        "unknown": unknown,
        "asked": first_text(&asked),
        "ping": ping,
    }))
}

async fn call(
    client: &Client,
    tool: &'static str,
    arguments: JsonObject,
) -> Result<CallToolResult, ServiceError> {
    let params = CallToolRequestParams::new(tool).with_arguments(arguments);
    client.call_tool(params).await
}
