//! Three tools, or with `TOOLS=100` a hundred, compiled into a function by the official Rust SDK, as its documentation does
//! it: without sessions, answers as JSON.

use std::sync::Arc;

use lambda_http::{Error, Request, run, service_fn};
use rmcp::{
    ServerHandler,
    handler::server::{
        router::tool::{ToolRoute, ToolRouter},
        wrapper::Parameters,
    },
    schemars::JsonSchema,
    tool, tool_handler, tool_router,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Person {
    /// Who is greeted.
    name: String,
}

#[derive(Deserialize, JsonSchema)]
struct Factors {
    /// The first factor.
    x: i64,
    /// The second factor.
    y: i64,
}

#[derive(Deserialize, JsonSchema)]
struct Summands {
    /// The first summand.
    a: i64,
    /// The second summand.
    b: i64,
}

#[derive(Clone)]
struct Tools {
    tool_router: ToolRouter<Self>,
}

#[tool_router]
impl Tools {
    /// Greet someone by name.
    #[tool(annotations(read_only_hint = true))]
    fn greet(&self, Parameters(Person { name }): Parameters<Person>) -> String {
        format!("Hello, {name}!")
    }

    /// Multiply two numbers.
    #[tool(annotations(read_only_hint = true))]
    fn multiply(
        &self,
        Parameters(Factors { x, y }): Parameters<Factors>,
    ) -> Result<String, String> {
        let product = x.checked_mul(y);
        product
            .map(|product| product.to_string())
            .ok_or_else(|| "the product does not fit into 64 bits".to_owned())
    }

    /// Add two numbers.
    #[tool(annotations(read_only_hint = true))]
    fn add(&self, Parameters(Summands { a, b }): Parameters<Summands>) -> Result<String, String> {
        let sum = a.checked_add(b);
        sum.map(|sum| sum.to_string())
            .ok_or_else(|| "the sum does not fit into 64 bits".to_owned())
    }

    fn hundred() -> ToolRouter<Self> {
        (0..100).fold(ToolRouter::new(), |router, number| {
            let mut attributes = Self::add_tool_attr();
            attributes.name = format!("tool{number:03}").into();
            router.with_route(ToolRoute::new(attributes, Self::add))
        })
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Tools {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let tool_router = match std::env::var("TOOLS").as_deref() {
        Ok("100") => Tools::hundred(),
        _ => Tools::tool_router(),
    };
    let tools = Tools { tool_router };
    let mut config = StreamableHttpServerConfig::default();
    config.legacy_session_mode = false;
    config.json_response = true;
    config.allowed_hosts = Vec::new();
    let server = StreamableHttpService::new(
        move || Ok(tools.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    run(service_fn(move |request: Request| {
        let server = server.clone();
        async move { Ok::<_, Error>(server.handle(request).await) }
    }))
    .await
}
