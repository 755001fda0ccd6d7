//! The `params` of a request, parsed only as far as a method needs them.

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

/// The unparsed members of a JSON object. (With serde, a struct would also accept an array. Parsing the values here
/// would reject the whole object if one number or string in the arguments does not fit a Rust type.)
pub(crate) type Members<'a> = BTreeMap<String, &'a RawValue>;

/// The members of `params`: empty if the request has no `params`, `None` if `params` is not an object.
pub(crate) struct Params<'a> {
    members: Option<Members<'a>>,
    /// `params._meta`, if it is an object.
    pub(crate) meta: Option<Members<'a>>,
}

impl<'a> Params<'a> {
    /// Parses `params` and `params._meta`.
    ///
    /// # Errors
    /// The error response to a message with a duplicate member in `params` or in `_meta`. A gateway could read one of
    /// the two values and this server the other, so that they would act on different requests.
    pub(crate) fn parse(id: Option<&Id>, raw: Option<&'a RawValue>) -> Result<Self, Answer> {
        let duplicate = |place: &str, name: &str| {
            let message = format!("{place} has {name:?} twice; send it once");
            Answer::error(400, id, INVALID_REQUEST, &message)
        };
        // Some clients send null instead of omitting `params`.
        let members = match raw.filter(|raw| raw.get() != "null").map(members) {
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

    /// Returns the value of a member if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        text(self.members.as_ref()?.get(name)?)
    }

    /// Returns the value of a member if it is valid as the id of a request.
    pub(crate) fn id(&self, name: &str) -> Option<Id> {
        Id::parse(self.members.as_ref()?.get(name)?)
    }

    /// Returns a member. A member that is null counts as absent.
    ///
    /// # Errors
    /// The message for `params` that are not an object.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&'a RawValue>, &'static str> {
        let members = self.members.as_ref().ok_or("`params` must be an object")?;
        let member = members.get(name).copied();
        Ok(member.filter(|member| member.get() != "null"))
    }
}

/// Returns the members of a JSON object; `None` if the value is not an object.
///
/// # Errors
/// The name of a duplicate member.
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

/// Returns the content of a JSON string; `None` for any other value.
pub(crate) fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// Returns the error response for parameters that do not fit the method.
pub(crate) fn invalid_params(id: &Id, problem: &str) -> Answer {
    Answer::error(200, Some(id), INVALID_PARAMS, problem)
}
