//! The methods that the server offers, with the parsers of their `params`.
//!
//! To offer more, such as prompts or resources, add a row to [`METHODS`], a variant to [`ClientRequest`] and a member
//! to [`server_capabilities`].

use serde_json::{Value, json};

use crate::{
    CallMeta, ClientRequest, LogLevel, Revision,
    input::InputResume,
    meta::is_object,
    params::{Members, Params, members, text},
};

/// Parses the `params` of a request. The `bool` is `true` in the modern era and `false` in the legacy era. The error
/// describes the problem with `params`.
type ParseParams = for<'a> fn(&Params<'a>, bool) -> Result<ClientRequest<'a>, &'static str>;

/// The eras in which a method exists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Era {
    Modern,
    Legacy,
    Both,
}

/// Every method, with its eras and its parser.
const METHODS: [(&str, Era, ParseParams); 6] = [
    ("server/discover", Era::Modern, |_, _| {
        Ok(ClientRequest::Discover)
    }),
    ("initialize", Era::Legacy, |params, _| initialize(params)),
    ("ping", Era::Legacy, |_, _| Ok(ClientRequest::Ping)),
    ("logging/setLevel", Era::Legacy, |params, _| {
        set_log_level(params)
    }),
    ("tools/list", Era::Both, |params, _| list_tools(params)),
    ("tools/call", Era::Both, call_tool),
];

/// Returns the server's capabilities, as `server/discover` and `initialize` report them.
pub(crate) fn server_capabilities() -> Value {
    json!({ "tools": {}, "logging": {} })
}

/// Returns the parser of a method; `None` if the method does not exist in this era.
pub(crate) fn lookup(method: &str, modern: bool) -> Option<ParseParams> {
    let other = if modern { Era::Legacy } else { Era::Modern };
    let (.., read) = METHODS
        .iter()
        .find(|(name, era, _)| *name == method && *era != other)?;
    Some(*read)
}

/// Parses `initialize`. The server chooses the revision that the client asks for if it is a legacy one, and otherwise
/// the newest legacy revision (L:life, "Version Negotiation"). A client that asks for no revision also gets the newest
/// legacy one.
fn initialize<'a>(params: &Params<'a>) -> Result<ClientRequest<'a>, &'static str> {
    let version = match params.get("protocolVersion")? {
        None => None,
        Some(version) => Some(text(version).ok_or("`params.protocolVersion` must be a string")?),
    };
    let negotiated = version
        .and_then(|version| Revision::parse(&version))
        .filter(|revision| !revision.is_modern())
        .unwrap_or(Revision::LATEST_LEGACY);
    Ok(ClientRequest::Initialize {
        negotiated,
        client: params.get("clientInfo")?,
        capabilities: params.get("capabilities")?.filter(|raw| is_object(raw)),
    })
}

fn set_log_level<'a>(params: &Params<'a>) -> Result<ClientRequest<'a>, &'static str> {
    const UNKNOWN: &str = "`params.level` must be one of debug, info, notice, warning, error, critical, alert, emergency";
    let level = params.get("level")?.ok_or(UNKNOWN)?;
    let level = text(level).and_then(|level| LogLevel::parse(&level));
    Ok(ClientRequest::SetLogLevel(level.ok_or(UNKNOWN)?))
}

fn list_tools<'a>(params: &Params<'a>) -> Result<ClientRequest<'a>, &'static str> {
    let cursor = match params.get("cursor")? {
        None => None,
        Some(cursor) => Some(text(cursor).ok_or("`params.cursor` must be a string")?),
    };
    Ok(ClientRequest::ListTools { cursor })
}

/// Parses `tools/call`: the tool's name, and the arguments. Arguments are optional, but must be an object.
fn call_tool<'a>(params: &Params<'a>, modern: bool) -> Result<ClientRequest<'a>, &'static str> {
    let name = params
        .get("name")?
        .ok_or("`params.name` is missing; send the name of the tool to call")?;
    let name = text(name).ok_or("`params.name` must be a string")?;
    let arguments = params.get("arguments")?;
    if arguments.is_some_and(|arguments| !is_object(arguments)) {
        return Err("`params.arguments` must be an object");
    }
    let meta = match &params.meta {
        None => CallMeta::default(),
        Some(meta) if modern => CallMeta::from_modern(meta),
        Some(meta) => CallMeta::from_legacy(meta),
    };
    let resume = if modern {
        input_resume(params)?
    } else {
        InputResume::default()
    };
    Ok(ClientRequest::CallTool {
        name,
        arguments,
        meta: meta.into(),
        resume: resume.into(),
    })
}

fn input_resume<'a>(params: &Params<'a>) -> Result<InputResume<'a>, &'static str> {
    let responses = match params.get("inputResponses")? {
        None => Members::new(),
        Some(responses) => match members(responses) {
            Ok(Some(responses)) => responses,
            Ok(None) => return Err("`params.inputResponses` must be an object"),
            Err(_) => return Err("`params.inputResponses` has a key twice; send it once"),
        },
    };
    let state = match params.get("requestState")? {
        None => None,
        Some(state) => Some(text(state).ok_or("`params.requestState` must be a string")?),
    };
    Ok(InputResume { responses, state })
}
