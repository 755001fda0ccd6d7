//! Every event in the packages that read events, `aws_lambda_events` and `lambda_http`, as cargo has them.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use cargo_metadata::{MetadataCommand, camino::Utf8PathBuf};
use serde_json::{Value, json};

use crate::transport::lambda::tests::{
    Function, call, function_url, http_api, invocation, load_balancer, message, rest_api,
};

/// The expected outcome of an event.
enum Row {
    /// The event itself gets this status. With an MCP message in it, at `/mcp` below its own path, the message is
    /// answered.
    Asks(u16),
    /// The invocation fails with this description of the event.
    Refused(&'static str),
    /// The file is no event, but an answer, or no JSON at all.
    NoEvent,
}

use Row::{Asks, NoEvent, Refused};

const AUTHORIZER: Row = Refused("a request for a Lambda authorizer");
const WEB_SOCKET: Row = Refused("an event of a WebSocket API");
const LATTICE: Row = Refused("an event of VPC Lattice");

/// The events of HTTP. (All others are refused.)
#[rustfmt::skip]
const ROWS: [(&str, Row); 58] = [
    // aws_lambda_events
    ("example-alb-lambda-target-request-headers-only.json",                      Asks(405)), // GET /
    ("example-alb-lambda-target-request-multivalue-headers.json",                Asks(405)),
    ("example-alb-lambda-target-response.json",                                  NoEvent),
    ("example-apigw-console-request.json",                                       Asks(404)),
    ("example-apigw-console-test-request.json",                                  Asks(404)), // without headers
    ("example-apigw-custom-auth-request-type-request.json",                      AUTHORIZER),
    ("example-apigw-custom-auth-request.json",                                   AUTHORIZER),
    ("example-apigw-custom-auth-response-with-condition.json",                   NoEvent),
    ("example-apigw-custom-auth-response-with-single-value-action.json",         NoEvent),
    ("example-apigw-custom-auth-response-with-single-value-resource.json",       NoEvent),
    ("example-apigw-custom-auth-response.json",                                  NoEvent),
    ("example-apigw-request-catch-all.json",                                     Asks(404)),
    ("example-apigw-request-multi-value-parameters.json",                        Asks(404)),
    ("example-apigw-request.json",                                               Asks(404)),
    ("example-apigw-response.json",                                              NoEvent),
    ("example-apigw-restapi-openapi-request.json",                               Asks(404)),
    ("example-apigw-sam-http-request.json",                                      Asks(404)),
    ("example-apigw-sam-rest-request.json",                                      Asks(404)),
    ("example-apigw-v2-custom-authorizer-v1-request.json",                       AUTHORIZER),
    ("example-apigw-v2-custom-authorizer-v2-request-null-maps.json",             AUTHORIZER),
    ("example-apigw-v2-custom-authorizer-v2-request-without-cookies.json",       AUTHORIZER),
    ("example-apigw-v2-custom-authorizer-v2-request-without-identity-source.json", AUTHORIZER),
    ("example-apigw-v2-custom-authorizer-v2-request.json",                       AUTHORIZER),
    ("example-apigw-v2-custom-authorizer-websocket-request.json",                AUTHORIZER),
    ("example-apigw-v2-request-iam.json",                                        Asks(404)),
    ("example-apigw-v2-request-jwt-authorizer.json",                             Asks(404)),
    ("example-apigw-v2-request-lambda-authorizer.json",                          Asks(404)),
    ("example-apigw-v2-request-multi-value-parameters.json",                     Asks(404)),
    ("example-apigw-v2-request-no-authorizer.json",                              Asks(405)), // GET /
    ("example-apigw-websocket-request-disconnect-route.json",                    WEB_SOCKET),
    ("example-apigw-websocket-request-without-method.json",                      WEB_SOCKET),
    ("example-apigw-websocket-request.json",                                     WEB_SOCKET),
    ("example-vpc-lattice-response.json",                                        NoEvent),
    ("example-vpc-lattice-v1-request.json",                                      LATTICE),
    ("example-vpc-lattice-v2-request-base64.json",                               LATTICE),
    ("example-vpc-lattice-v2-request-roles-anywhere.json",                       LATTICE),
    ("example-vpc-lattice-v2-request.json",                                      LATTICE),
    // lambda_http
    ("alb_health_check.json",                                                    Asks(405)), // GET /
    ("alb_multi_value_request.json",                                             Asks(405)),
    ("alb_multi_value_request_encoded_query_parameters.json",                    Asks(405)),
    ("alb_no_host.json",                                                         Asks(200)), // GET /v1/health/
    ("alb_request.json",                                                         Asks(405)),
    ("alb_request_encoded_query_parameters.json",                                Asks(405)),
    ("apigw_multi_value_proxy_request.json",                                     Asks(404)),
    ("apigw_no_host.json",                                                       Asks(404)),
    ("apigw_proxy_request.json",                                                 Asks(404)),
    ("apigw_request_path_with_space.json",                                       Asks(404)),
    ("apigw_v2_proxy_request.json",                                              Asks(404)),
    ("apigw_v2_proxy_request_minimal.json",                                      Asks(405)), // GET /
    ("apigw_v2_proxy_request_with_stage_in_path.json",                           Asks(404)),
    ("apigw_v2_sam_local.json",                                                  Asks(404)),
    ("lambda_function_url_request.json",                                         Asks(404)),
    ("svg_logo.svg",                                                             NoEvent),
    ("vpc_lattice_v2_request.json",                                              LATTICE),
    ("vpc_lattice_v2_request_base64.json",                                       LATTICE),
    ("vpc_lattice_v2_request_encoded_query.json",                                LATTICE),
    // A request of AppSync to its authorizer, and one of Amazon Bedrock, which resemble HTTP.
    ("example-appsync-lambda-auth-request.json",      Refused("an object with \"authorizationToken\", \"requestContext\"")),
    ("example-bedrock-agent-runtime-event.json",      Refused("an object with \"actionGroup\", \"agent\", \"apiPath\", \"httpMethod\"")),
];

/// The prefixes of files with events of HTTP. In `lambda_http` all are.
const OF_HTTP: [&str; 3] = ["example-alb-", "example-apigw-", "example-vpc-lattice-"];

#[tokio::test]
async fn every_event_that_ships_with_the_crates_of_aws_is_answered_or_refused_as_the_table_says() {
    let function = Function::start(&[]);
    let mut rows: BTreeMap<_, _> = ROWS.into_iter().collect();
    for (package, folder) in [
        ("aws_lambda_events", "src/fixtures"),
        ("lambda_http", "tests/data"),
    ] {
        for file in files(package, folder) {
            let name = file.file_name().expect("a name");
            let row = rows.remove(name);
            let is_http = package == "lambda_http" || OF_HTTP.iter().any(|of| name.starts_with(of));
            assert!(row.is_some() || !is_http, "{name} of {package} has no row");
            let text = fs_err::read_to_string(&file).expect("a file");
            let Ok(event) = serde_json::from_str::<Value>(&text) else {
                assert!(matches!(row, Some(NoEvent)) || name == "mod.rs", "{name}");
                continue;
            };
            let answer = function.invoke_text(&text, invocation()).await;
            let refused = match row {
                Some(Asks(status)) => {
                    let answer = answer.unwrap_or_else(|error| panic!("{name}: {error:?}"));
                    assert_eq!(answer["statusCode"], status, "{name}: {answer}");
                    message(&answer);
                    answers_messages(&function, name, &event).await;
                    continue;
                }
                Some(Refused(what)) => what,
                Some(NoEvent) | None => "",
            };
            let error = answer.expect_err(name);
            assert_eq!(error.code, "EVENT_UNKNOWN", "{name}");
            let expected = format!("the event is {refused}");
            let told = &error.message;
            assert!(told.starts_with(&expected), "{name}: {told}");
        }
    }
    let gone: Vec<_> = rows.into_keys().collect();
    assert!(gone.is_empty(), "no package has {gone:?} any more");
}

/// Adds null for all members that are missing, as `cargo lambda watch` does.
#[tokio::test]
async fn null_members_do_not_identify_an_event() {
    let function = Function::start(&[]);
    let call = call("reply", json!({ "content": [] }));
    for mut event in [rest_api, http_api, function_url, load_balancer].map(|of| of("/mcp", &call)) {
        for member in [
            "methodArn",
            "routeArn",
            "raw_path",
            "detail-type",
            "Records",
            "triggerSource",
        ] {
            event[member] = Value::Null;
        }
        for member in ["connectionId", "serviceNetworkArn"] {
            event["requestContext"][member] = Value::Null;
        }
        let answer = function.invoke(&event, invocation()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{error:?}\n{event}"));
        assert_eq!(answer["statusCode"], 200, "{answer}\n{event}");
    }
}

/// Returns the event with an MCP message of either era in it.
async fn answers_messages(function: &Function, name: &str, event: &Value) {
    let content = json!([{ "type": "text", "text": "\"so\"" }]);
    let legacy = call("reply", json!({ "content": content }));
    let mut modern = legacy.clone();
    modern["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let headers = [
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "reply"),
    ];
    for (body, headers) in [(legacy, &[][..]), (modern, &headers)] {
        let event = asking(event, &body, headers);
        let answer = function.invoke(&event, invocation()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{name}: {error:?}\n{event}"));
        assert_eq!(answer["statusCode"], 200, "{name}: {answer}\n{event}");
        assert_eq!(message(&answer)["result"]["content"], content, "{name}");
        assert_eq!(answer["isBase64Encoded"], false, "{name}");
    }
}

/// Returns the event as if a client had posted this body.
fn asking(event: &Value, body: &Value, headers: &[(&str, &str)]) -> Value {
    let mut event = event.clone();
    let name = if event.get("rawPath").is_some() {
        "rawPath"
    } else {
        "path"
    };
    let path = event[name]
        .as_str()
        .unwrap_or_default()
        .trim_end_matches('/');
    event[name] = json!(format!("{path}/mcp"));
    match event["requestContext"].get_mut("http") {
        Some(http) => http["method"] = json!("POST"),
        None => {
            event["httpMethod"] = json!("POST");
            event["requestContext"]["httpMethod"] = json!("POST");
        }
    }
    let is_base64 = event["isBase64Encoded"] == true;
    event["body"] = json!(if is_base64 {
        BASE64_STANDARD.encode(body.to_string())
    } else {
        body.to_string()
    });
    let kind = [("Content-Type", "application/json; charset=utf-8")];
    let has = |event: &Value, member: &str| event.get(member).is_some_and(Value::is_object);
    let is_bare = !has(&event, "headers") && !has(&event, "multiValueHeaders");
    // An event without headers needs none for a message that is complete in itself.
    if is_bare && !headers.is_empty() {
        event["headers"] = json!({});
    }
    for (name, value) in kind.iter().chain(headers) {
        for (member, value) in [
            ("headers", json!(value)),
            ("multiValueHeaders", json!([value])),
        ] {
            if has(&event, member) {
                let known = event[member].as_object().into_iter().flatten();
                let mut known = known.map(|(known, _)| known.clone());
                let known = known.find(|known| known.eq_ignore_ascii_case(name));
                event[member][known.as_deref().unwrap_or(name)] = value;
            }
        }
    }
    event
}

fn files(package: &str, folder: &str) -> Vec<Utf8PathBuf> {
    let mut command = MetadataCommand::new();
    command.manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let metadata = command.exec().expect("cargo tells where packages are");
    let package = metadata
        .packages
        .iter()
        .find(|found| found.name.as_str() == package);
    let package = package.expect("the package is in Cargo.lock");
    let folder = package.manifest_path.with_file_name(folder);
    let files = folder.read_dir_utf8().expect("the package ships its tests");
    files
        .map(|file| file.expect("a file").into_path())
        .collect()
}
