//! Checks that all numbers of a value can be written as JSON, with a serializer that produces no output.

use std::fmt::{self, Display};

use serde::{Serialize, ser};

/// Checks every number of a value.
///
/// # Errors
/// A number is infinite or NaN, or the `Serialize` of the value fails.
pub(crate) fn check<T: Serialize + ?Sized>(value: &T) -> Result<(), NotJson> {
    value.serialize(FiniteCheck)
}

/// The reason why a value cannot be written as JSON.
#[derive(Debug)]
pub(crate) struct NotJson(String);

impl Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotJson {}

impl ser::Error for NotJson {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// The serializer, which only checks that numbers are finite.
struct FiniteCheck;

macro_rules! accept {
    ($($method:ident($($ty:ty),*))*) => {$(
        fn $method(self, $(_: $ty),*) -> Result<(), NotJson> {
            Ok(())
        }
    )*};
}

macro_rules! compound {
    ($($method:ident($($ty:ty),*) -> $compound:ident)*) => {$(
        fn $method(self, $(_: $ty),*) -> Result<Self, NotJson> {
            Ok(self)
        }
    )*};
}

impl ser::Serializer for FiniteCheck {
    type Ok = ();
    type Error = NotJson;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    accept! {
        serialize_bool(bool) serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
        serialize_none() serialize_unit() serialize_unit_struct(&'static str)
        serialize_unit_variant(&'static str, u32, &'static str)
    }

    compound! {
        serialize_seq(Option<usize>) -> SerializeSeq
        serialize_tuple(usize) -> SerializeTuple
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant
        serialize_map(Option<usize>) -> SerializeMap
        serialize_struct(&'static str, usize) -> SerializeStruct
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant
    }

    fn serialize_f32(self, number: f32) -> Result<(), NotJson> {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Result<(), NotJson> {
        match number.is_finite() {
            true => Ok(()),
            false => Err(NotJson(format!(
                "the number {number} cannot be written in JSON"
            ))),
        }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NotJson> {
        check(value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        check(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        check(value)
    }

    fn collect_str<T: Display + ?Sized>(self, _: &T) -> Result<(), NotJson> {
        Ok(())
    }
}

macro_rules! members {
    ($($compound:ident: $method:ident($($name:ty)?))*) => {$(
        impl ser::$compound for FiniteCheck {
            type Ok = ();
            type Error = NotJson;

            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<(), NotJson> {
                check(value)
            }

            fn end(self) -> Result<(), NotJson> {
                Ok(())
            }
        }
    )*};
}

members! {
    SerializeSeq: serialize_element()
    SerializeTuple: serialize_element()
    SerializeTupleStruct: serialize_field()
    SerializeTupleVariant: serialize_field()
    SerializeStruct: serialize_field(&'static str)
    SerializeStructVariant: serialize_field(&'static str)
}

impl ser::SerializeMap for FiniteCheck {
    type Ok = ();
    type Error = NotJson;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NotJson> {
        check(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        check(value)
    }

    fn end(self) -> Result<(), NotJson> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize)]
    enum Kinds {
        Unit,
        Newtype(Option<f32>),
        Tuple(u8, f64),
        Struct { a: f64 },
    }

    #[derive(Serialize)]
    struct All {
        text: &'static str,
        map: BTreeMap<u8, f64>,
        kinds: Vec<Kinds>,
        pair: (f32, ()),
        wide: (i128, u128),
    }

    fn all(numbers: [f64; 5]) -> All {
        let [map, newtype, tuple, member, pair] = numbers;
        All {
            text: "NaN",
            map: [(1, map)].into(),
            kinds: vec![
                Kinds::Unit,
                Kinds::Newtype(None),
                Kinds::Newtype(Some(newtype as f32)),
                Kinds::Tuple(1, tuple),
                Kinds::Struct { a: member },
            ],
            pair: (pair as f32, ()),
            wide: (i128::MIN, u128::MAX),
        }
    }

    #[test]
    fn a_number_outside_of_json_is_found_at_any_depth() {
        assert!(check(&all([f64::MAX, 0.0, -0.0, f64::MIN, 1.5])).is_ok());
        for place in 0..5 {
            for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut numbers = [1.0; 5];
                numbers[place] = number;
                let message = check(&all(numbers)).expect_err("none").to_string();
                assert_eq!(
                    message,
                    format!("the number {number} cannot be written in JSON"),
                    "{place}"
                );
            }
        }
    }

    #[test]
    fn an_error_of_serialize_is_passed_on() {
        struct Shy;
        impl Serialize for Shy {
            fn serialize<S: ser::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(ser::Error::custom("not today"))
            }
        }
        assert_eq!(check(&[Shy]).expect_err("none").to_string(), "not today");
    }
}
