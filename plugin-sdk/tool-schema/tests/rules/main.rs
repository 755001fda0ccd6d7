//! Tests of the arguments that a tool gets, and of the messages for the model, with the schemas that the SDK makes of Rust
//! types.

mod bounds;
mod properties;
mod refusals;
mod types;

use std::cell::RefCell;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tool_schema::{ArgumentRules, Attempt, LazySchema};

/// A tool that takes a `T`.
struct Tool {
    schema_text: String,
    schema: LazySchema,
    validate: bool,
    strict: bool,
    decode: fn(&str) -> Result<(), String>,
    got: RefCell<Vec<String>>,
}

impl Tool {
    fn of<T: DeserializeOwned + JsonSchema>() -> Self {
        let (schema, validate) = plugin_sdk::__private::parameters_schema::<T>().expect("a schema");
        Self {
            schema_text: schema.to_string(),
            schema: LazySchema::default(),
            validate,
            strict: false,
            decode: |text| {
                let decoded = serde_json::from_str::<T>(text);
                decoded.map(drop).map_err(|error| error.to_string())
            },
            got: RefCell::default(),
        }
    }

    fn strict<T: DeserializeOwned + JsonSchema>() -> Self {
        Self {
            strict: true,
            ..Self::of::<T>()
        }
    }

    /// The text it took, or why it did not.
    fn call(&self, arguments: &str) -> Result<String, String> {
        let rules = ArgumentRules {
            tool: "t",
            schema_text: &self.schema_text,
            schema: &self.schema,
            validate: self.validate,
            strict: self.strict,
        };
        let outcome = rules.call_with(arguments, |text| {
            self.got.borrow_mut().push(text.to_owned());
            match (self.decode)(text) {
                Ok(()) => Attempt::Accepted(text.to_owned()),
                Err(message) => Attempt::DecodeFailed { message },
            }
        });
        outcome.map_err(|refusal| {
            let text = refusal.to_string();
            text.strip_prefix("Invalid arguments for tool t: ")
                .map(str::to_owned)
                .unwrap_or(text)
        })
    }
}
