//! A small MCP client that supports both eras of MCP, with and without a handshake. `check`, `tools`, `call` and
//! `verify` use it.

use std::{collections::HashSet, net::IpAddr, time::Duration};

use anyhow::Context;
use mcp_protocol::{
    Revision, encode_header,
    jsonrpc::{INVALID_PARAMS, METHOD_NOT_FOUND, UNSUPPORTED_PROTOCOL_VERSION},
};
use serde_json::{Map, Value, json};
use ureq::{
    Agent,
    http::{HeaderMap, Request, Uri},
};

use crate::{
    aws::sigv4::Signer,
    error::CliError,
    mcp::{
        era::Era,
        headers::argument_headers,
        messages::{messages, notification_text},
    },
};

/// The largest response that is read. Unit: bytes. Source: AWS Lambda Developer Guide, "Lambda quotas": 200 MB for a
/// streamed response.
const MAX_RESPONSE: u64 = 200 << 20;

/// The largest page of a list that is read. Unit: bytes. Source: ours; three times as large as the responses that AWS
/// gateways forward.
const MAX_PAGE: u64 = 32 << 20;

/// The maximum number of pages of a list. Source: ours; far more tools than a model can choose from.
const MAX_PAGES: usize = 1000;

/// The time limit for opening a connection. Source: ours.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The time limit for the response to a call. Source: AWS Lambda Developer Guide, "Lambda quotas": a function may run
/// for 15 minutes. The remaining minute is for the transport.
const CALL_TIMEOUT: Duration = Duration::from_secs(16 * 60);

/// The time limit for every other response. Source: ours; it allows for the cold start of a function.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A client of one server.
pub(crate) struct Client {
    url: String,
    headers: Vec<(String, String)>,
    dump: bool,
    agent: Agent,
    era: Era,
    session: Option<Session>,
    signer: Option<Signer>,
    next_id: u64,
}

/// The session that a handshake has opened.
struct Session {
    id: Option<String>,
    revision: String,
    server: Value,
}

/// The member of `_meta` in which a server of the modern era gives its name and version.
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// The name and the version of a server.
#[derive(Debug)]
pub(crate) struct ServerInfo {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The revision of MCP that the client and the server use.
    pub(crate) revision: String,
}

impl ServerInfo {
    fn from_json(info: &Value, revision: &str) -> Self {
        let text = |member: &str| info[member].as_str().unwrap_or("?").to_owned();
        Self {
            name: text("name"),
            version: text("version"),
            revision: revision.to_owned(),
        }
    }
}

/// An error response.
#[derive(Debug)]
struct ErrorResponse {
    status: u16,
    error: Value,
}

/// Reports whether a server is on this machine.
fn is_local(url: &str) -> bool {
    let url = url.parse::<Uri>();
    let host = url.as_ref().ok().and_then(Uri::host).unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

impl Client {
    /// Creates a client that sends these headers with every request. With `dump` it shows requests and responses on
    /// stderr.
    pub(crate) fn new(url: &str, era: Era, headers: &[(String, String)], dump: bool) -> Self {
        let mut agent = Agent::config_builder()
            .http_status_as_error(false)
            // Do not follow redirects: the user trusts only this URL, and the headers are meant only for it.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(REQUEST_TIMEOUT));
        if is_local(url) {
            // Do not use a proxy: it cannot reach this machine, and must not read local requests.
            agent = agent.proxy(None);
        }
        Self {
            url: url.to_owned(),
            headers: headers.to_vec(),
            dump,
            agent: agent.build().into(),
            era,
            session: None,
            signer: None,
            next_id: 1,
        }
    }

    /// Makes the client sign every request.
    pub(crate) fn with_signer(mut self, signer: Signer) -> Self {
        self.signer = Some(signer);
        self
    }

    fn sign<B>(&self, request: Request<B>, body: &[u8]) -> anyhow::Result<Request<B>> {
        match &self.signer {
            Some(signer) => signer.sign(request, body),
            None => Ok(request),
        }
    }

    /// Returns the server's name and version: by `server/discover`, else by a handshake.
    pub(crate) fn server_info(&mut self) -> anyhow::Result<ServerInfo> {
        if let Some(result) = self.try_modern("server/discover", &json!({}), &[])? {
            let info = &result["_meta"][SERVER_INFO];
            return Ok(ServerInfo::from_json(info, Revision::MODERN.as_str()));
        }
        let session = self.session.as_ref().context("there is no session")?;
        Ok(ServerInfo::from_json(&session.server, &session.revision))
    }

    /// Returns the status and the body of another URL of the server.
    pub(crate) fn get(&self, url: &str) -> anyhow::Result<(u16, String)> {
        let mut request = Request::get(url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(()).context("a header cannot be sent")?;
        let answer = self.agent.run(self.sign(request, &[])?);
        let mut answer = answer.map_err(|error| CliError::Unreachable {
            url: url.to_owned(),
            error,
        })?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(MAX_PAGE);
        let body = body.read_to_string();
        Ok((status, body.context("the response cannot be read")?))
    }

    /// Returns all tools, as the server describes them.
    pub(crate) fn tools(&mut self) -> anyhow::Result<Vec<Value>> {
        let mut tools = Vec::new();
        let mut params = json!({});
        let mut cursors = HashSet::new();
        loop {
            let mut page = self.request("tools/list", &params, &[])?;
            if let Some(more) = page["tools"].as_array_mut() {
                tools.append(more);
            }
            match page["nextCursor"].as_str() {
                Some(cursor) => {
                    let is_new = cursors.insert(cursor.to_owned());
                    anyhow::ensure!(
                        is_new && cursors.len() < MAX_PAGES,
                        "the list of tools does not end: the server repeats a cursor, or has more than {MAX_PAGES} pages"
                    );
                    params = json!({ "cursor": cursor });
                }
                None => return Ok(tools),
            }
        }
    }

    /// Calls a tool, and returns its whole result.
    pub(crate) fn call(
        &mut self,
        tool: &Value,
        arguments: &Map<String, Value>,
    ) -> anyhow::Result<Value> {
        let name = tool["name"].as_str().unwrap_or_default();
        let mut headers = vec![("Mcp-Name".to_owned(), encode_header(name).into_owned())];
        headers.extend(argument_headers(&tool["inputSchema"], arguments));
        let params = json!({ "name": name, "arguments": arguments });
        self.request("tools/call", &params, &headers)
    }

    /// Sends one request. `headers` are sent only to servers of the modern era.
    fn request(
        &mut self,
        method: &str,
        params: &Value,
        headers: &[(String, String)],
    ) -> anyhow::Result<Value> {
        if let Some(result) = self.try_modern(method, params, headers)? {
            return Ok(result);
        }
        Ok(self.legacy(method, params)?.map_err(CliError::from)?)
    }

    /// Sends a request in the modern era, and returns its result. `None` means that the server does not support that
    /// era, and that a handshake has opened a session.
    fn try_modern(
        &mut self,
        method: &str,
        params: &Value,
        headers: &[(String, String)],
    ) -> anyhow::Result<Option<Value>> {
        if self.era != Era::Legacy {
            match self.modern(method, params, headers)? {
                Ok(result) => return Ok(Some(result)),
                // The server does not support the modern era, or requires a handshake first.
                Err(response) if self.era == Era::Auto && response.is_era_mismatch() => {
                    self.era = Era::Legacy;
                }
                Err(response) => return Err(response.into()),
            }
        }
        if self.session.is_none() {
            self.handshake()?;
        }
        Ok(None)
    }

    fn modern(
        &mut self,
        method: &str,
        params: &Value,
        headers: &[(String, String)],
    ) -> anyhow::Result<Result<Value, ErrorResponse>> {
        let revision = Revision::MODERN.as_str();
        let mut params = params.clone();
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": revision,
            "io.modelcontextprotocol/clientInfo": client_info(),
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/logLevel": "info",
        });
        if method == "tools/call" {
            params["_meta"]["progressToken"] = self.next_id.into();
        }
        let mut all = vec![
            ("MCP-Protocol-Version".to_owned(), revision.to_owned()),
            ("Mcp-Method".to_owned(), method.to_owned()),
        ];
        all.extend_from_slice(headers);
        Ok(self.exchange(method, &params, &all)?.0)
    }

    fn handshake(&mut self) -> anyhow::Result<()> {
        let params = json!({
            "protocolVersion": Revision::LATEST_LEGACY.as_str(),
            "capabilities": {},
            "clientInfo": client_info(),
        });
        let (result, headers) = self.exchange("initialize", &params, &[])?;
        let mut result = result.map_err(CliError::from)?;
        let id = headers.get("mcp-session-id");
        let id = id.and_then(|id| id.to_str().ok()).map(str::to_owned);
        let revision = result["protocolVersion"].as_str();
        let revision =
            revision.context("the server's response to initialize has no protocolVersion")?;
        let revision = revision.to_owned();
        self.session = Some(Session {
            id,
            revision,
            server: result["serverInfo"].take(),
        });
        let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        self.post(&done, &self.session_headers())?;
        Ok(())
    }

    fn legacy(
        &mut self,
        method: &str,
        params: &Value,
    ) -> anyhow::Result<Result<Value, ErrorResponse>> {
        let headers = self.session_headers();
        Ok(self.exchange(method, params, &headers)?.0)
    }

    fn session_headers(&self) -> Vec<(String, String)> {
        let Some(session) = &self.session else {
            return Vec::new();
        };
        let revision = ("MCP-Protocol-Version".to_owned(), session.revision.clone());
        let id = session
            .id
            .iter()
            .map(|id| ("Mcp-Session-Id".to_owned(), id.clone()));
        [revision].into_iter().chain(id).collect()
    }

    /// Sends a request, and returns the message with its result. Other messages that arrive are shown.
    fn exchange(
        &mut self,
        method: &str,
        params: &Value,
        headers: &[(String, String)],
    ) -> anyhow::Result<(Result<Value, ErrorResponse>, HeaderMap)> {
        let id = self.next_id;
        self.next_id += 1;
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let (status, response_headers, body) = self.post(&message, headers)?;
        for mut message in messages(&response_headers, &body) {
            if message["id"] != id {
                // This is a progress or log message of the tool.
                message!("{}", notification_text(&message));
            } else if message["result"].is_object() {
                return Ok((Ok(message["result"].take()), response_headers));
            } else {
                let error = message["error"].take();
                return Ok((Err(ErrorResponse { status, error }), response_headers));
            }
        }
        let error = json!({ "message": body.trim() });
        Ok((Err(ErrorResponse { status, error }), response_headers))
    }

    fn post(
        &self,
        message: &Value,
        headers: &[(String, String)],
    ) -> anyhow::Result<(u16, HeaderMap, String)> {
        let mut request = Request::post(&self.url)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream");
        for (name, value) in headers.iter().chain(&self.headers) {
            request = request.header(name, value);
        }
        let body = message.to_string();
        if self.dump {
            message!("-> POST {}", self.url);
            for (name, value) in headers {
                message!("-> {name}: {value}");
            }
            // Do not show the values: headers from the command line may be secrets.
            for (name, _) in &self.headers {
                message!("-> {name}: ...");
            }
            message!("-> {body}");
        }
        let bytes = body.clone().into_bytes();
        let request = request.body(body).context("a header cannot be sent")?;
        let request = self.sign(request, &bytes)?;
        let (timeout, limit) = match message["method"].as_str() {
            Some("tools/call") => (CALL_TIMEOUT, MAX_RESPONSE),
            _ => (REQUEST_TIMEOUT, MAX_PAGE),
        };
        let request = self.agent.configure_request(request);
        let request = request.timeout_global(Some(timeout)).build();
        let mut answer = self
            .agent
            .run(request)
            .map_err(|error| CliError::Unreachable {
                url: self.url.clone(),
                error,
            })?;
        let status = answer.status();
        let headers = answer.headers().clone();
        if status.is_redirection() {
            let location = headers.get("location").and_then(|it| it.to_str().ok());
            return Err(CliError::Redirected {
                url: self.url.clone(),
                location: location.unwrap_or("nowhere").to_owned(),
            }
            .into());
        }
        let body = answer
            .body_mut()
            .with_config()
            .limit(limit)
            .read_to_string()
            .context("the response cannot be read")?;
        if self.dump {
            message!("<- {status}");
            for (name, value) in &headers {
                message!("<- {name}: {}", value.to_str().unwrap_or("..."));
            }
            body.lines().for_each(|line| message!("<- {line}"));
        }
        Ok((status.as_u16(), headers, body))
    }
}

impl ErrorResponse {
    /// Reports whether the server rejects the era and not the request itself: a server of the other era does not know
    /// the revision or the method, or requires a session.
    fn is_era_mismatch(&self) -> bool {
        let code = self.error["code"].as_i64();
        let is = |known: i32| code == Some(known.into());
        is(UNSUPPORTED_PROTOCOL_VERSION)
            || is(METHOD_NOT_FOUND)
            || (matches!(self.status, 400 | 404 | 406) && !is(INVALID_PARAMS))
    }
}

impl From<ErrorResponse> for CliError {
    fn from(response: ErrorResponse) -> Self {
        let message = response.error["message"].as_str().unwrap_or_default();
        Self::Answered {
            status: response.status,
            code: response.error["code"].as_i64(),
            message: message.to_owned(),
        }
    }
}

impl From<ErrorResponse> for anyhow::Error {
    fn from(response: ErrorResponse) -> Self {
        CliError::from(response).into()
    }
}

fn client_info() -> Value {
    json!({ "name": "cargo-layer", "version": env!("CARGO_PKG_VERSION") })
}
