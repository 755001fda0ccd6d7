//! The `params` of a request, looked into only as far as a method needs.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::{Answer, Ask, CallMeta, Id, jsonrpc::INVALID_PARAMS};

/// The `_meta` key by which a request claims to be modern (M:base).
pub(crate) const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// The members of an object, as they stand. (Not a struct: serde takes an array for one. Not values: a number or a
/// string that Rust cannot hold, somewhere in the arguments, would hide everything else.)
pub(crate) type Members<'a> = BTreeMap<String, &'a RawValue>;

/// The members of `params`, none if there are no `params`; `None` if they are no object.
pub(crate) struct Params<'a>(Option<Members<'a>>);

impl<'a> Params<'a> {
    pub(crate) fn parse(raw: Option<&'a RawValue>) -> Self {
        Self(raw.map_or_else(|| Some(Members::new()), members))
    }

    /// `params._meta`, if there is such an object.
    pub(crate) fn meta(&self) -> Option<Members<'a>> {
        members(self.0.as_ref()?.get("_meta")?)
    }

    /// A member, if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        text(self.0.as_ref()?.get(name)?)
    }

    /// A member; one that is null counts as absent.
    ///
    /// # Errors
    /// `params` are no object, and what to tell the client of that.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&'a RawValue>, &'static str> {
        let members = self.0.as_ref().ok_or("`params` must be an object")?;
        let member = members.get(name).copied();
        Ok(member.filter(|member| member.get() != "null"))
    }
}

fn members(raw: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(raw.get()).ok()
}

/// The text of a JSON string.
pub(crate) fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// `tools/call`: a name, and arguments that are an object if there are any.
pub(crate) fn call_tool<'a>(
    id: &Id,
    params: &Params<'a>,
    meta: CallMeta<'a>,
) -> Result<Ask<'a>, Answer> {
    let asked = || {
        let name = params
            .get("name")?
            .ok_or("`params.name` is missing: which tool is to be called?")?;
        let name = text(name).ok_or("`params.name` must be a string")?;
        match params.get("arguments")? {
            Some(arguments) if !arguments.get().starts_with('{') => {
                Err("`params.arguments` must be an object")
            }
            arguments => Ok(Ask::CallTool {
                name,
                arguments,
                meta: meta.into(),
            }),
        }
    };
    asked().map_err(|problem| invalid(id, problem))
}

/// `tools/list`: the whole list is one page, so no cursor was ever given out.
pub(crate) fn list_tools<'a>(id: &Id, params: &Params<'a>) -> Result<Ask<'a>, Answer> {
    match params.get("cursor") {
        Ok(None) => Ok(Ask::ListTools),
        Ok(Some(_)) => Err(invalid(
            id,
            "`params.cursor` is not a cursor of this server",
        )),
        Err(problem) => Err(invalid(id, problem)),
    }
}

/// The answer to parameters that do not fit the method.
pub(crate) fn invalid(id: &Id, problem: &str) -> Answer {
    Answer::error(200, Some(id), INVALID_PARAMS, problem)
}
