//! Lambda's API as moto has it, with the parts that moto lacks: invocations of the real `bootstrap`, the content of
//! layers, revisions, and updates that take time.

use std::{
    collections::BTreeMap,
    io::Cursor,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
    header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use lambda_local::{Function, FunctionConfig};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{Moto, bootstrap};

/// The largest answer of moto that is read. Unit: bytes. Source: ours; layers of tests have some megabytes.
const MAX_ANSWER: u64 = 1 << 28;

/// The end of a log that an invocation can ask for. Unit: bytes. Source: AWS Lambda API Reference, "Invoke", `LogType`.
const LOG_TAIL: usize = 4 << 10;

type Answer = Response<Full<Bytes>>;

/// An account with functions that can be invoked.
pub struct LambdaApi {
    endpoint: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
    _moto: Moto,
}

struct Shared {
    moto: String,
    own: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The archives of layers, by the ARNs of their versions.
    layers: BTreeMap<String, Bytes>,
    /// The number of changes of each function.
    revisions: BTreeMap<String, u64>,
    /// Functions with an update in progress.
    updating: Vec<String>,
    /// The requests that would change something.
    changes: Vec<String>,
    /// Whether the next update fails, with all the variables in its message.
    fails_next_update: bool,
    /// Whether somebody else changes a function right before the next update.
    changes_before_update: bool,
    /// Whether downloads of layers are refused.
    denies_downloads: bool,
}

impl LambdaApi {
    /// Starts an empty account.
    pub fn start() -> Self {
        // Built now, so that invocations need not wait for it.
        bootstrap();
        let moto = Moto::start();
        let runtime = Runtime::new().expect("threads");
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.expect("a free port");
        let port = listener.local_addr().expect("a port").port();
        let endpoint = format!("http://127.0.0.1:{port}");
        let shared = Arc::new(Shared {
            moto: moto.endpoint().to_owned(),
            own: endpoint.clone(),
            state: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(Arc::clone(&shared), request));
                    // The CLI may close the connection at any time.
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            endpoint,
            shared,
            _runtime: runtime,
            _moto: moto,
        }
    }

    /// Returns its URL: a value for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the changing requests since the last call, as `METHOD path`.
    pub fn take_changes(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().changes)
    }

    /// Makes the next update fail with a message that quotes the variables, as Lambda does where they are too large.
    pub fn fail_next_update(&self) {
        self.shared.lock().fails_next_update = true;
    }

    /// Makes somebody else change the function right before the next update.
    pub fn change_before_next_update(&self) {
        self.shared.lock().changes_before_update = true;
    }

    /// Refuses downloads of layers, as for an account that may not read them.
    pub fn deny_downloads(&self, is_denied: bool) {
        self.shared.lock().denies_downloads = is_denied;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the revision of a function: another after every change.
    fn revision(&self, function: &str) -> String {
        let number = self.lock().revisions.get(function).copied();
        format!("00000000-0000-0000-0000-{:012}", number.unwrap_or_default())
    }

    fn changed(&self, function: &str) {
        *self
            .lock()
            .revisions
            .entry(function.to_owned())
            .or_default() += 1;
    }

    /// Forwards a request to moto, and waits for its answer.
    fn forward_to_moto(
        &self,
        method: &Method,
        target: &str,
        head: Option<&Parts>,
        body: &[u8],
    ) -> (StatusCode, Vec<(String, String)>, Bytes) {
        let mut request = ureq::http::Request::builder()
            .method(method.as_str())
            .uri(format!("{}{target}", self.moto));
        for (name, value) in head.iter().flat_map(|head| &head.headers) {
            if name != CONTENT_LENGTH && name != TRANSFER_ENCODING {
                request = request.header(name.as_str(), value.as_bytes());
            }
        }
        let request = request.body(body.to_vec()).expect("a request");
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent.run(request).expect("moto answers");
        let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
        let headers = answer.headers().iter();
        let headers = headers
            .filter(|(name, _)| !["content-length", "transfer-encoding"].contains(&name.as_str()));
        let headers = headers
            .map(|(name, value)| {
                (
                    name.to_string(),
                    value.to_str().unwrap_or_default().to_owned(),
                )
            })
            .collect();
        let body = answer.body_mut().with_config().limit(MAX_ANSWER);
        (
            status,
            headers,
            body.read_to_vec().expect("all of it").into(),
        )
    }

    /// Returns moto's configuration of a function or a version.
    fn configuration(&self, head: &Parts, function: &str, qualifier: Option<&str>) -> Value {
        let query = qualifier.map(|qualifier| format!("?Qualifier={qualifier}"));
        let target = format!(
            "/2015-03-31/functions/{function}/configuration{}",
            query.unwrap_or_default()
        );
        let mut asked = head.clone();
        asked.headers.remove(CONTENT_TYPE);
        let (_, _, body) = self.forward_to_moto(&Method::GET, &target, Some(&asked), &[]);
        serde_json::from_slice(&body).expect("JSON")
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Answer, std::convert::Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let body = body.unwrap_or_default();
    let path = percent_decoded(head.uri.path());
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    if let ["2015-03-31", "functions", function, "invocations"] = parts.as_slice() {
        return Ok(invoke(&shared, &head, function, body).await);
    }
    let answered =
        tokio::task::spawn_blocking(move || answer_without_invoking(&shared, &head, &body));
    Ok(answered.await.unwrap_or_else(|error| {
        error_response(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ServiceException",
            &error.to_string(),
        )
    }))
}

fn answer_without_invoking(shared: &Shared, head: &Parts, body: &Bytes) -> Answer {
    let path = percent_decoded(head.uri.path());
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    // Services with one path for all requests name the operation in a header, or, older ones, in the body.
    let target = head.headers.get("x-amz-target");
    let target = target.map_or(&body[..], |target| target.as_bytes());
    let target = String::from_utf8_lossy(target);
    let reads = ["Describe", "Get", "List"].iter().any(|verb| {
        path == "/"
            && (target.contains(&format!(".{verb}"))
                || target.starts_with(&format!("Action={verb}")))
    });
    if head.method != Method::GET && !reads {
        shared
            .lock()
            .changes
            .push(format!("{} {path}", head.method));
    }
    let is = |method: Method| head.method == method;
    match parts.as_slice() {
        ["content", arn] => {
            let content = shared.lock().layers.get(*arn).cloned();
            content.map_or_else(
                || error_response(StatusCode::FORBIDDEN, "AccessDenied", "expired"),
                |content| Response::new(Full::from(content)),
            )
        }
        ["2015-03-31", "functions", function, "configuration"] if is(Method::PUT) => {
            update(shared, head, function, body)
        }
        ["2015-03-31", "functions", function, "versions"] if is(Method::POST) => {
            publish(shared, head, function, body)
        }
        _ => {
            let (status, headers, answered) =
                shared.forward_to_moto(&head.method, &head.uri.to_string(), Some(head), body);
            // Answers of other services stay as they are, to the byte: DynamoDB's have a checksum.
            let is_lambda = matches!(parts.as_slice(), [_, "functions" | "layers", ..]);
            let answered = match serde_json::from_slice(&answered) {
                Ok(value) if is_lambda && status.is_success() => {
                    Bytes::from(complete(shared, &parts, head, body, value).to_string())
                }
                _ => answered,
            };
            response(status, headers, answered)
        }
    }
}

/// Adds the members that Lambda's answers have to an answer of moto.
fn complete(shared: &Shared, parts: &[&str], head: &Parts, body: &[u8], mut value: Value) -> Value {
    let is_get = head.method == Method::GET;
    match parts {
        [_, "functions", function, "configuration"] => {
            settle(shared, function, &mut value);
            if is_get && !head.uri.query().unwrap_or_default().contains("Qualifier=") {
                value["RevisionId"] = shared.revision(function).into();
            }
        }
        [_, "functions", function] if is_get => {
            settle(shared, function, &mut value["Configuration"]);
        }
        [_, "layers", .., "versions"] if head.method == Method::POST => {
            let arn = value["LayerVersionArn"]
                .as_str()
                .expect("an ARN")
                .to_owned();
            let sent: Value = serde_json::from_slice(body).expect("JSON");
            let content = &sent["Content"];
            let content = match content["ZipFile"].as_str() {
                Some(zip) => BASE64_STANDARD.decode(zip).expect("base64").into(),
                None => {
                    let part = |name: &str| content[name].as_str().unwrap_or_default().to_owned();
                    let target = format!("/{}/{}", part("S3Bucket"), part("S3Key"));
                    shared.forward_to_moto(&Method::GET, &target, None, &[]).2
                }
            };
            shared.lock().layers.insert(arn, content);
        }
        [_, "layers", _, "versions", _] if is_get => {
            let arn = value["LayerVersionArn"]
                .as_str()
                .expect("an ARN")
                .to_owned();
            if !shared.lock().denies_downloads {
                value["Content"]["Location"] = format!("{}/content/{arn}", shared.own).into();
            }
        }
        _ => {}
    }
    value
}

/// Completes an update in progress: an update reaches a function some time after it was accepted, here at the first
/// request for the function. Then it has another revision again.
fn settle(shared: &Shared, function: &str, value: &mut Value) {
    let mut state = shared.lock();
    let before = state.updating.len();
    state.updating.retain(|name| name != function);
    let was_updating = state.updating.len() < before;
    drop(state);
    if was_updating {
        value["LastUpdateStatus"] = "InProgress".into();
        shared.changed(function);
    }
}

/// Updates a function. Source: AWS Lambda API Reference, "UpdateFunctionConfiguration".
fn update(shared: &Shared, head: &Parts, function: &str, body: &Bytes) -> Answer {
    let asked: Value = serde_json::from_slice(body).expect("JSON");
    if std::mem::take(&mut shared.lock().changes_before_update) {
        shared.changed(function);
    }
    if let Some(refused) = outdated(shared, function, &asked) {
        return refused;
    }
    if std::mem::take(&mut shared.lock().fails_next_update) {
        let message = format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {}",
            asked["Environment"]["Variables"]
        );
        return error_response(
            StatusCode::BAD_REQUEST,
            "InvalidParameterValueException",
            &message,
        );
    }
    let (status, headers, answered) =
        shared.forward_to_moto(&head.method, &head.uri.to_string(), Some(head), body);
    if !status.is_success() {
        return response(status, headers, answered);
    }
    shared.changed(function);
    shared.lock().updating.push(function.to_owned());
    let mut value: Value = serde_json::from_slice(&answered).expect("JSON");
    value["LastUpdateStatus"] = "InProgress".into();
    value["RevisionId"] = shared.revision(function).into();
    response(status, headers, value.to_string().into())
}

/// Publishes a version. Source: AWS Lambda API Reference, "PublishVersion".
fn publish(shared: &Shared, head: &Parts, function: &str, body: &Bytes) -> Answer {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(refused) = outdated(shared, function, &asked) {
        return refused;
    }
    if shared.lock().updating.iter().any(|name| name == function) {
        let message =
            "The operation cannot be performed at this time. An update is in progress for resource";
        return error_response(StatusCode::CONFLICT, "ResourceConflictException", message);
    }
    let (status, headers, answered) =
        shared.forward_to_moto(&head.method, &head.uri.to_string(), Some(head), body);
    response(status, headers, answered)
}

/// Returns the error for a function that was changed since the requested revision.
fn outdated(shared: &Shared, function: &str, asked: &Value) -> Option<Answer> {
    let named = asked["RevisionId"].as_str()?;
    let message = "The RevisionId provided does not match the latest RevisionId for the Lambda function or alias. Call the GetFunction or the GetAlias API to retrieve the latest RevisionId for your resource.";
    (named != shared.revision(function)).then(|| {
        error_response(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailedException",
            message,
        )
    })
}

/// Runs the function with its layers and variables. Source: AWS Lambda API Reference, "Invoke".
async fn invoke(shared: &Arc<Shared>, head: &Parts, function: &str, event: Bytes) -> Answer {
    let qualifier = qualifier(&head.uri);
    let (asking, asked, name) = (Arc::clone(shared), head.clone(), function.to_owned());
    let configuration = tokio::task::spawn_blocking(move || {
        asking.configuration(&asked, &name, qualifier.as_deref())
    });
    let configuration = configuration.await.expect("moto answers");
    let Some(version) = configuration["Version"].as_str() else {
        return error_response(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            "no such function",
        );
    };
    let opt = tempfile::tempdir().expect("a temporary folder");
    for layer in configuration["Layers"].as_array().into_iter().flatten() {
        let arn = layer["Arn"].as_str().expect("an ARN");
        let content = shared.lock().layers.get(arn).cloned();
        let content = content.unwrap_or_else(|| panic!("{arn} was not published here"));
        let archive = zip::ZipArchive::new(Cursor::new(content));
        let unpacked = archive.and_then(|mut archive| archive.extract(opt.path()));
        unpacked.expect("an archive");
    }
    let mut config = FunctionConfig::new(bootstrap());
    config.name = function.to_owned();
    for (name, value) in configuration["Environment"]["Variables"]
        .as_object()
        .into_iter()
        .flatten()
    {
        config = config.env(name, value.as_str().unwrap_or_default());
    }
    let config = config.env(
        "MCP_PLUGIN_DIR",
        opt.path().join("lib").display().to_string(),
    );
    let function = Function::new(config);
    let answered = function.invoke_bytes(event).await;
    function.stop().await;
    let log = function.logs().join("\n");
    let tail = &log.as_bytes()[log.len().saturating_sub(LOG_TAIL)..];
    let mut headers = vec![
        ("x-amz-executed-version".to_owned(), version.to_owned()),
        ("x-amz-log-result".to_owned(), BASE64_STANDARD.encode(tail)),
    ];
    match answered {
        Ok(invocation) => response(StatusCode::OK, headers, invocation.payload),
        Err(error) => {
            headers.push(("x-amz-function-error".to_owned(), "Unhandled".to_owned()));
            let payload =
                json!({ "errorType": error.error_type(), "errorMessage": error.to_string() });
            response(StatusCode::OK, headers, payload.to_string().into())
        }
    }
}

fn response(status: StatusCode, headers: Vec<(String, String)>, body: Bytes) -> Answer {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(name, value);
    }
    answer.body(Full::from(body)).expect("a response")
}

fn error_response(status: StatusCode, kind: &str, message: &str) -> Answer {
    let headers = vec![("x-amzn-errortype".to_owned(), kind.to_owned())];
    let body = json!({ "Type": "User", "message": message, "Message": message });
    response(status, headers, body.to_string().into())
}

fn qualifier(uri: &Uri) -> Option<String> {
    let mut pairs = uri
        .query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == "Qualifier")?;
    Some(percent_decoded(value))
}

/// Removes percent-encoding.
fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let code = part
            .get(..2)
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                bytes.extend(&part.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
