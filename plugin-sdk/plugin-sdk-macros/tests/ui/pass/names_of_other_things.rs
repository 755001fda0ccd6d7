//! A tool may share its name with a module elsewhere, a macro, a crate, a type of std or a variable.

#![deny(warnings)]

use plugin_sdk::prelude::*;

mod tools {
    pub(crate) mod weather {
        pub(crate) fn now() -> &'static str {
            "sun"
        }
    }
}

mod weather_tool {
    use plugin_sdk::prelude::*;

    use crate::tools::weather as inner;

    /// The weather.
    #[tool]
    pub(crate) fn weather() -> &'static str {
        inner::now()
    }
}

/// A macro of this name is there.
#[tool]
fn format(vec: Vec<u8>) -> String {
    format!("{vec:?}")
}

/// A crate of this name is there: both are written with where they stand.
#[tool]
fn serde_json(value: ::plugin_sdk::serde_json::Value) -> String {
    value.to_string()
}

/// A type of this name is there.
#[tool]
fn option(option: Option<u8>) -> Option<u8> {
    let result = option;
    result
}

/// Names that macros like.
#[tool]
fn value_0(call: u8, members: u8, outcome: u8, value_1: u8) -> u32 {
    [call, members, outcome, value_1]
        .into_iter()
        .map(u32::from)
        .sum()
}

export_tools!(
    weather_tool::weather,
    format,
    crate::serde_json,
    option,
    value_0
);

fn main() {
    assert_eq!(weather_tool::weather(), "sun");
}
