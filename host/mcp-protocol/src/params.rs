//! The `params` of a request, looked into only as far as a method needs.

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{Answer, Ask, Id, jsonrpc::INVALID_PARAMS};

/// The `_meta` key by which a request claims to be modern (M:base).
pub(crate) const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// `params._meta`, if there is such an object.
pub(crate) fn meta(params: Option<&RawValue>) -> Option<Map<String, Value>> {
    #[derive(Deserialize)]
    struct WithMeta {
        _meta: Option<Map<String, Value>>,
    }
    serde_json::from_str::<WithMeta>(params?.get()).ok()?._meta
}

#[derive(Deserialize)]
struct CallTool<'a> {
    name: String,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// `tools/call`: a name, and arguments that are an object if there are any.
pub(crate) fn call_tool<'a>(id: &Id, params: Option<&'a RawValue>) -> Result<Ask<'a>, Answer> {
    let refuse = |message: &str| Err(Answer::error(200, Some(id), INVALID_PARAMS, message));
    let Some(params) = params else {
        return refuse("`params.name` is missing: which tool is to be called?");
    };
    match serde_json::from_str::<CallTool<'a>>(params.get()) {
        Ok(CallTool {
            arguments: Some(arguments),
            ..
        }) if !arguments.get().starts_with('{') => refuse("`params.arguments` must be an object"),
        Ok(CallTool { name, arguments }) => Ok(Ask::CallTool { name, arguments }),
        Err(error) => refuse(&format!("`params` of tools/call: {error}")),
    }
}

/// `tools/list`: the whole list is one page, so no cursor was ever given out.
pub(crate) fn list_tools<'a>(id: &Id, params: Option<&'a RawValue>) -> Result<Ask<'a>, Answer> {
    #[derive(Deserialize)]
    struct ListTools {
        cursor: Option<Value>,
    }
    match params.map(|params| serde_json::from_str::<ListTools>(params.get())) {
        Some(Ok(ListTools { cursor: Some(_) })) => Err(Answer::error(
            200,
            Some(id),
            INVALID_PARAMS,
            "`params.cursor` is not a cursor of this server",
        )),
        Some(Err(error)) => Err(Answer::error(
            200,
            Some(id),
            INVALID_PARAMS,
            &format!("`params` of tools/list: {error}"),
        )),
        None | Some(Ok(_)) => Ok(Ask::ListTools),
    }
}
