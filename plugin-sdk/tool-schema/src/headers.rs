//! The rules for HTTP headers that repeat arguments. Clients ignore a tool that breaks these rules (M:tools,
//! "x-mcp-header"), so they are checked before a client gets the tool.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The keyword whose value is the NAME in the header `Mcp-Param-NAME` of a property.
const KEYWORD: &str = "x-mcp-header";

/// Keywords whose value is an object with names of the author's choice and a schema for each.
const NAMED_SCHEMAS: [&str; 5] = [
    "$defs",
    "definitions",
    "dependentSchemas",
    "patternProperties",
    "properties",
];

/// Keywords whose values are data and not schemas.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];

/// Returns the problems of the headers that an `inputSchema` declares, and its differences from `declared`, a map from
/// names of headers to JSON pointers into the arguments, such as `{"Region": "/region"}`.
#[must_use]
pub fn header_problems(schema: &Value, declared: &BTreeMap<String, String>) -> Vec<String> {
    let (mut headers, mut problems) = (Vec::new(), Vec::new());
    let annotations = annotations(schema);
    for annotation in &annotations {
        match annotation.check() {
            Ok(header) => headers.push(header),
            Err(problem) => problems.push(format!(
                "the {KEYWORD} at {:?} of the inputSchema {problem}",
                annotation.schema_pointer
            )),
        }
    }
    let mut by_name: BTreeMap<String, &str> = BTreeMap::new();
    for &(name, pointer) in &headers {
        if let Some(other) = by_name.insert(name.to_ascii_lowercase(), pointer) {
            problems.push(format!(
                "both {other} and {pointer} have the {KEYWORD} {name:?}; names of headers ignore case"
            ));
        }
    }
    let annotated: BTreeMap<&str, &str> = headers.into_iter().collect();
    for (name, pointer) in declared {
        if annotated.get(name.as_str()) != Some(&pointer.as_str()) {
            problems.push(format!(
                "`headers` has {name:?} for {pointer:?}, but the inputSchema has no such {KEYWORD} there"
            ));
        }
    }
    for (name, pointer) in annotated {
        if !declared.contains_key(name) {
            problems.push(format!(
                "{pointer} has the {KEYWORD} {name:?}, which is missing in `headers`"
            ));
        }
    }
    problems
}

/// Returns the headers that repeat arguments: their names without the prefix `Mcp-Param-`, and JSON pointers into the
/// arguments. This function does not check the annotations; [`header_problems`] does.
#[must_use]
pub fn argument_headers(schema: &Value) -> Vec<(&str, String)> {
    let annotations = annotations(schema).into_iter();
    let headers = annotations.filter_map(|annotation| {
        let argument = annotation
            .argument
            .filter(|argument| !argument.is_empty())?;
        Some((annotation.name.as_str()?, argument))
    });
    headers.collect()
}

/// An occurrence of the keyword in a schema.
struct Annotation<'a> {
    /// The value of the keyword, the header's name.
    name: &'a Value,
    /// The schema with the keyword.
    schema: &'a Map<String, Value>,
    /// A JSON pointer to this schema in the whole schema.
    schema_pointer: String,
    /// A JSON pointer to the argument that the schema describes, if the path to the schema consists only of
    /// `properties`.
    argument: Option<String>,
}

fn annotations(schema: &Value) -> Vec<Annotation<'_>> {
    let mut found = Vec::new();
    collect(schema, "", Some(""), &mut found);
    found
}

/// Collects the annotations of a schema. `schema_pointer` is a JSON pointer to it in the whole schema. `argument` is a
/// JSON pointer to its argument, if the path to the schema consists only of `properties`.
fn collect<'a>(
    schema: &'a Value,
    schema_pointer: &str,
    argument: Option<&str>,
    found: &mut Vec<Annotation<'a>>,
) {
    match schema {
        Value::Object(members) => collect_from_keywords(members, schema_pointer, argument, found),
        Value::Array(schemas) => {
            for (position, schema) in schemas.iter().enumerate() {
                collect(schema, &format!("{schema_pointer}/{position}"), None, found);
            }
        }
        _ => {}
    }
}

fn collect_from_keywords<'a>(
    schema: &'a Map<String, Value>,
    schema_pointer: &str,
    argument: Option<&str>,
    found: &mut Vec<Annotation<'a>>,
) {
    if let Some(name) = schema.get(KEYWORD) {
        found.push(Annotation {
            name,
            schema,
            schema_pointer: schema_pointer.to_owned(),
            argument: argument.map(str::to_owned),
        });
    }
    for (keyword, value) in schema {
        let schema_pointer = format!("{schema_pointer}/{}", escape_pointer(keyword));
        match value {
            _ if DATA.contains(&keyword.as_str()) || keyword == KEYWORD => {}
            Value::Object(schemas) if NAMED_SCHEMAS.contains(&keyword.as_str()) => {
                for (name, schema) in schemas {
                    let name = escape_pointer(name);
                    let argument = argument.filter(|_| keyword == "properties");
                    let argument = argument.map(|argument| format!("{argument}/{name}"));
                    collect(
                        schema,
                        &format!("{schema_pointer}/{name}"),
                        argument.as_deref(),
                        found,
                    );
                }
            }
            schema => collect(schema, &schema_pointer, None, found),
        }
    }
}

impl Annotation<'_> {
    /// Returns the header's name and the argument's pointer.
    ///
    /// # Errors
    /// The reason why clients would not repeat the argument.
    fn check(&self) -> Result<(&str, &str), String> {
        let Some(name) = self.name.as_str() else {
            return Err(format!("is {}, but must be a string", self.name));
        };
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(format!(
                "is {name:?}; a header's name has only letters, digits and !#$%&'*+-.^_`|~"
            ));
        }
        let argument = self.argument.as_deref();
        let Some(argument) = argument.filter(|argument| !argument.is_empty()) else {
            return Err(
                "is not on an argument reached by `properties` alone; headers can repeat only those"
                    .to_owned(),
            );
        };
        let kind = self.schema.get("type").and_then(Value::as_str);
        if !matches!(kind, Some("string" | "integer" | "boolean")) {
            return Err(
                "is on an argument of another type than string, integer or boolean; headers can repeat only those"
                    .to_owned(),
            );
        }
        Ok((name, argument))
    }
}

/// Reports whether a byte is a `tchar` of RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Escapes the name of a member for a JSON pointer (RFC 6901, section 3).
fn escape_pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(schema: &Value, declared: &[(&str, &str)]) -> String {
        let declared = declared.iter();
        let declared = declared.map(|(name, pointer)| ((*name).to_owned(), (*pointer).to_owned()));
        header_problems(schema, &declared.collect()).join("; ")
    }

    fn header(name: &str, kind: &str) -> Value {
        json!({ "type": kind, "x-mcp-header": name })
    }

    #[test]
    fn headers_that_clients_repeat_are_sound() {
        for (properties, declared) in [
            (json!({}), vec![]),
            (
                json!({ "region": header("Region", "string") }),
                vec![("Region", "/region")],
            ),
            (
                json!({
                    "a/b": header("X.1", "integer"),
                    "o": { "type": "object", "properties": { "p": header("Deep", "boolean") } },
                    // A property of this name, and data that looks like an annotation.
                    "x-mcp-header": { "type": "number" },
                    "d": { "default": { "x-mcp-header": "no" }, "enum": [{ "x-mcp-header": 1 }] },
                }),
                vec![("X.1", "/a~1b"), ("Deep", "/o/p")],
            ),
        ] {
            let schema = json!({ "type": "object", "properties": properties });
            assert_eq!(problems(&schema, &declared), "", "{schema}");
        }
    }

    #[test]
    fn the_header_of_an_argument_is_found_by_properties_alone() {
        let schema = json!({
            "x-mcp-header": "None",
            "properties": {
                "a/b": header("Slash", "string"),
                "o": { "properties": { "p": header("Deep", "boolean") } },
                "list": { "items": header("Item", "string") },
                "number": { "x-mcp-header": 1 },
                "unsound": { "x-mcp-header": "Unsound" },
            },
            "$defs": { "r": header("Definition", "string") },
        });
        let mut headers = argument_headers(&schema);
        headers.sort();
        let expected = [
            ("Deep", "/o/p"),
            ("Slash", "/a~1b"),
            ("Unsound", "/unsound"),
        ];
        assert_eq!(
            headers,
            expected.map(|(name, pointer)| (name, pointer.to_owned()))
        );
    }

    #[test]
    fn headers_that_clients_ignore_are_problems() {
        let properties = |properties: Value| json!({ "type": "object", "properties": properties });
        let unreached = "reached by `properties` alone";
        let list = json!({ "type": "array", "items": header("R", "string") });
        let either = json!({ "anyOf": [header("R", "string"), { "type": "null" }] });
        for (schema, declared, part) in [
            (
                properties(json!({ "r": header("", "string") })),
                vec![],
                "is \"\";",
            ),
            (
                properties(json!({ "r": header("a b", "string") })),
                vec![],
                "is \"a b\";",
            ),
            (
                properties(json!({ "r": header("a\r\nb", "string") })),
                vec![],
                "is \"a\\r\\nb\";",
            ),
            (
                properties(json!({ "r": header("ü", "string") })),
                vec![],
                "is \"ü\";",
            ),
            (
                properties(json!({ "r": { "type": "string", "x-mcp-header": 1 } })),
                vec![],
                "must be a string",
            ),
            (
                properties(json!({ "r": header("R", "number") })),
                vec![],
                "another type",
            ),
            (
                properties(json!({ "r": header("R", "array") })),
                vec![],
                "another type",
            ),
            (
                properties(json!({ "r": { "x-mcp-header": "R" } })),
                vec![],
                "another type",
            ),
            (
                properties(json!({ "r": { "type": ["string", "null"], "x-mcp-header": "R" } })),
                vec![],
                "at \"/properties/r\" of the inputSchema is on an argument of another type",
            ),
            (
                json!({ "type": "object", "x-mcp-header": "R" }),
                vec![],
                unreached,
            ),
            (
                properties(json!({ "r": list })),
                vec![],
                "at \"/properties/r/items\"",
            ),
            (properties(json!({ "r": either })), vec![], unreached),
            (
                json!({ "$defs": { "r": header("R", "string") } }),
                vec![],
                unreached,
            ),
            (
                json!({ "allOf": [properties(json!({ "r": header("R", "string") }))] }),
                vec![],
                unreached,
            ),
            (
                json!({ "if": properties(json!({ "r": header("R", "string") })) }),
                vec![],
                unreached,
            ),
            (
                properties(
                    json!({ "r": header("Region", "string"), "s": header("REGION", "string") }),
                ),
                vec![("Region", "/r"), ("REGION", "/s")],
                "both /r and /s have the x-mcp-header \"REGION\"",
            ),
            (
                properties(json!({ "r": header("R", "string") })),
                vec![],
                "/r has the x-mcp-header \"R\", which is missing in `headers`",
            ),
            (
                properties(json!({ "r": header("R", "string") })),
                vec![("R", "/s")],
                "`headers` has \"R\" for \"/s\"",
            ),
            (
                properties(json!({})),
                vec![("R", "/r")],
                "`headers` has \"R\" for \"/r\"",
            ),
        ] {
            let problems = problems(&schema, &declared);
            assert!(problems.contains(part), "{schema}: {problems:?}");
        }
    }
}
