//! The `params` of a request, looked into only as far as a method needs.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    Answer, Id,
    jsonrpc::{INVALID_PARAMS, INVALID_REQUEST},
};

/// The members of an object, as they stand. (Not a struct: serde takes an array for one. Not values: a number or a
/// string that Rust cannot hold, somewhere in the arguments, would hide everything else.)
pub(crate) type Members<'a> = BTreeMap<String, &'a RawValue>;

/// The members of `params`, none if there are no `params`; `None` if they are no object.
pub(crate) struct Params<'a> {
    members: Option<Members<'a>>,
    /// `params._meta`, if there is such an object.
    pub(crate) meta: Option<Members<'a>>,
}

impl<'a> Params<'a> {
    /// # Errors
    /// The answer to a message that has a member twice, in `params` or in its `_meta`: of two readers, such as a gateway
    /// and this server, one may take the first and the other the last, so that neither is what was asked for.
    pub(crate) fn parse(id: Option<&Id>, raw: Option<&'a RawValue>) -> Result<Self, Answer> {
        let duplicate = |place: &str, name: &str| {
            let message = format!("{place} has {name:?} twice; send it once");
            Answer::error(400, id, INVALID_REQUEST, &message)
        };
        let members = match raw.map(members) {
            None => Some(Members::new()),
            Some(parsed) => parsed.map_err(|name| duplicate("`params`", &name))?,
        };
        let meta = members.as_ref().and_then(|members| members.get("_meta"));
        let meta = match meta.map(|meta| self::members(meta)) {
            None => None,
            Some(parsed) => parsed.map_err(|name| duplicate("`params._meta`", &name))?,
        };
        Ok(Self { members, meta })
    }

    /// A member, if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        text(self.members.as_ref()?.get(name)?)
    }

    /// A member, if it can be the id of a request.
    pub(crate) fn id(&self, name: &str) -> Option<Id> {
        Id::parse(self.members.as_ref()?.get(name)?)
    }

    /// A member; one that is null counts as absent.
    ///
    /// # Errors
    /// `params` are no object, and what to tell the client of that.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&'a RawValue>, &'static str> {
        let members = self.members.as_ref().ok_or("`params` must be an object")?;
        let member = members.get(name).copied();
        Ok(member.filter(|member| member.get() != "null"))
    }
}

/// The members of an object; `None` if it is none.
///
/// # Errors
/// The name of a member that it has twice.
pub(crate) fn members(raw: &RawValue) -> Result<Option<Members<'_>>, String> {
    match serde_json::from_str::<Object<'_>>(raw.get()) {
        Ok(Object {
            duplicate: Some(name),
            ..
        }) => Err(name),
        Ok(object) => Ok(Some(object.members)),
        Err(_) => Ok(None),
    }
}

#[derive(Default)]
struct Object<'a> {
    members: Members<'a>,
    duplicate: Option<String>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut object = Object::default();
                while let Some((name, value)) = map.next_entry()? {
                    match object.members.entry(name) {
                        Entry::Vacant(vacant) => {
                            vacant.insert(value);
                        }
                        Entry::Occupied(occupied) => {
                            object.duplicate = Some(occupied.key().clone())
                        }
                    }
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// The text of a JSON string.
pub(crate) fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// The answer to parameters that do not fit the method.
pub(crate) fn invalid_params(id: &Id, problem: &str) -> Answer {
    Answer::error(200, Some(id), INVALID_PARAMS, problem)
}
