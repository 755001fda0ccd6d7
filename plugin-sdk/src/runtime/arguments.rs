//! Decodes the JSON arguments of a call to the parameters of a function.
//!
//! The error messages here are short: the host derives its own message from the schema, and uses these only if the
//! arguments satisfy the schema.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{self, DeserializeOwned, Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
    forward_to_deserialize_any,
};
use serde_json::value::RawValue;

use super::failure::Failure;

/// The arguments of a call by name, not decoded yet. Each name is known and occurs once.
pub struct Arguments<'a>(Vec<(&'static str, &'a RawValue)>);

impl<'a> Arguments<'a> {
    /// Parses the body of a call. A name that is not in `known` is an error.
    pub(crate) fn parse(body: &'a [u8], known: &[&'static str]) -> Result<Self, Failure> {
        let mut json = serde_json::Deserializer::from_slice(or_empty(body));
        let members = json.deserialize_map(MembersVisitor {
            known,
            body: PhantomData,
        });
        let members = members.map_err(decode_failure)?;
        json.end().map_err(decode_failure)?;
        Ok(Self(members))
    }

    fn remove(&mut self, name: &'static str) -> Option<&'a RawValue> {
        let position = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.swap_remove(position).1)
    }

    /// Removes and decodes an argument. A missing argument is an error unless the type accepts that, as `Option` does.
    ///
    /// # Errors
    /// `invalid_arguments`
    pub fn take<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, Failure> {
        match self.remove(name) {
            Some(value) => decode(name, value),
            None => T::deserialize(MissingArgument(name))
                .map_err(|missing| invalid_arguments(missing.0)),
        }
    }

    /// Removes and decodes an argument. If it is missing, returns the default.
    ///
    /// # Errors
    /// `invalid_arguments`
    pub fn take_or<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        default: impl FnOnce() -> T,
    ) -> Result<T, Failure> {
        match self.remove(name) {
            Some(value) => decode(name, value),
            None => Ok(default()),
        }
    }
}

fn decode<T: DeserializeOwned>(name: &str, value: &RawValue) -> Result<T, Failure> {
    serde_json::from_str(value.get()).map_err(|error| {
        // Name the argument by its JSON pointer, as the host's messages do.
        let name = name.replace('~', "~0").replace('/', "~1");
        invalid_arguments(format!("/{name}: {}", without_position(&error)))
    })
}

/// Decodes all arguments as one value. If that is a struct, unknown arguments are errors.
pub(crate) fn decode_args<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let mut json = serde_json::Deserializer::from_slice(or_empty(body));
    let value = T::deserialize(Root(&mut json)).map_err(decode_failure)?;
    json.end().map_err(decode_failure)?;
    Ok(value)
}

/// Returns the names of the fields of `T`, if it is a struct that is decoded from these fields only.
pub(crate) fn members_of<T: DeserializeOwned>() -> Option<&'static [&'static str]> {
    T::deserialize(Probe).err().and_then(|seen| seen.0)
}

/// Replaces an empty body by an empty object.
fn or_empty(body: &[u8]) -> &[u8] {
    if body.is_empty() { b"{}" } else { body }
}

fn invalid_arguments(message: String) -> Failure {
    Failure::invalid_arguments(message)
}

fn decode_failure(error: serde_json::Error) -> Failure {
    invalid_arguments(without_position(&error))
}

/// Returns serde_json's message without "at line 1 column 9", which does not help a model.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

/// A visitor that reads the members of an object. Unknown and duplicate names are errors.
struct MembersVisitor<'a, 'k> {
    known: &'k [&'static str],
    body: PhantomData<&'a ()>,
}

impl<'de: 'a, 'a> Visitor<'de> for MembersVisitor<'a, '_> {
    type Value = Vec<(&'static str, &'a RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTING)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Self::Value::with_capacity(self.known.len());
        while let Some(name) = map.next_key::<String>()? {
            let Some(known) = self.known.iter().find(|known| **known == name) else {
                return Err(A::Error::custom(UnknownArgument(&name, self.known)));
            };
            if members.iter().any(|(read, _)| read == known) {
                return Err(A::Error::custom(format_args!(
                    "duplicate argument `{name}`"
                )));
            }
            members.push((known, map.next_value()?));
        }
        Ok(members)
    }
}

/// The expected content of a body, for messages.
const EXPECTING: &str = "an object of the tool's arguments";

/// The error message about an unknown name, which lists the known names.
struct UnknownArgument<'a>(&'a str, &'a [&'static str]);

impl fmt::Display for UnknownArgument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown argument `{}`; known: ", self.0)?;
        if self.1.is_empty() {
            return f.write_str("none");
        }
        for (position, known) in self.1.iter().enumerate() {
            f.write_str(if position == 0 { "" } else { ", " })?;
            f.write_str(known)?;
        }
        Ok(())
    }
}

/// A deserializer for a missing argument. It works as in serde's derive for a missing field: only types such as
/// `Option` accept it.
struct MissingArgument(&'static str);

/// The error if a type does not accept a missing argument.
struct MissingError(String);

impl<'de> Deserializer<'de> for MissingArgument {
    type Error = MissingError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, MissingError> {
        Err(MissingError(format!("missing argument `{}`", self.0)))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MissingError> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A deserializer for the arguments as a whole. If they are decoded as a struct, unknown names are errors.
struct Root<'a, D>(&'a mut D);

impl<'de, 'a, R> Deserializer<'de> for Root<'a, serde_json::Deserializer<R>>
where
    R: serde_json::de::Read<'de>,
{
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0
            .deserialize_map(KnownMembersVisitor { fields, visitor })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_option(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// A visitor that passes an object on to another visitor, and rejects unknown members.
struct KnownMembersVisitor<V> {
    fields: &'static [&'static str],
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for KnownMembersVisitor<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTING)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let known = KnownMembersAccess {
            fields: self.fields,
            map,
        };
        MapAccessDeserializer::new(known).deserialize_map(self.visitor)
    }
}

/// Access to the members of an object. An unknown name is an error.
struct KnownMembersAccess<A> {
    fields: &'static [&'static str],
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for KnownMembersAccess<A> {
    type Error = A::Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.map.next_key::<String>()? else {
            return Ok(None);
        };
        if !self.fields.contains(&name.as_str()) {
            return Err(A::Error::custom(UnknownArgument(&name, self.fields)));
        }
        seed.deserialize(de::value::StringDeserializer::new(name))
            .map(Some)
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A deserializer that finds out how a type is decoded. It always fails, and its error contains the answer.
struct Probe;

/// The result of a [`Probe`], returned as an error: the names of the fields of a struct, or `None` for any other type.
struct ProbeError(Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Probe {
    type Error = ProbeError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ProbeError> {
        Err(ProbeError(None))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ProbeError> {
        Err(ProbeError(Some(fields)))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

macro_rules! error {
    ($ty:ident: $from:expr) => {
        impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($ty))
            }
        }

        impl fmt::Display for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($ty))
            }
        }

        impl std::error::Error for $ty {}

        impl de::Error for $ty {
            fn custom<T: fmt::Display>(message: T) -> Self {
                let from: fn(String) -> Self = $from;
                from(message.to_string())
            }
        }
    };
}

error!(MissingError: MissingError);
error!(ProbeError: |_| ProbeError(None));
