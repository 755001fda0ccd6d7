//! The handshake, and the declaration.

use insta::assert_snapshot;
use plugin_abi::op;
use plugin_sdk::{
    __private::{ExportedTool, Exports, Names, StateCell, ToolFn},
    prelude::*,
    schemars::{Schema, SchemaGenerator},
    serde_json::{Value, json},
};

use crate::host::{Plugin, stateless};

/// Do nothing.
#[tool]
fn do_nothing() {}

#[test]
fn a_host_that_speaks_the_payload_version_gets_the_declaration() {
    for facts in [
        json!({"payloads": [1]}),
        json!({"payloads": [3, 1, 2]}),
        json!({"payloads": [1], "host": {"name": "of the future"}, "more": [null]}),
    ] {
        let declaration = Plugin::of::<do_nothing>().invoke(op::INIT, "", &facts.to_string());
        let declaration = declaration.expect("a declaration");
        assert_eq!(declaration["payload"], 1, "facts: {facts}");
        assert_eq!(
            declaration["crate"],
            json!({"name": "only", "version": "1.2.3"}),
            "facts: {facts}"
        );
        assert_eq!(
            declaration["sdk"],
            env!("CARGO_PKG_VERSION"),
            "facts: {facts}"
        );
        assert_eq!(declaration["panic"], "unwind", "facts: {facts}");
    }
}

#[test]
fn the_error_for_another_payload_version_names_both_sides() {
    for (facts, host) in [
        (r#"{"payloads":[]}"#, "[]"),
        (r#"{"payloads":[2]}"#, "[2]"),
        (r#"{"payloads":[0,2,4294967295]}"#, "[0, 2, 4294967295]"),
    ] {
        let failure = json!({
            "kind": "unavailable",
            "detail": format!(
                "the plugin speaks payload version 1, the host {host}; rebuild the plugin with the host's plugin-sdk"
            ),
        });
        assert_eq!(
            Plugin::of::<do_nothing>().invoke(op::INIT, "", facts),
            Err(failure),
            "facts: {facts}"
        );
    }
}

#[test]
fn facts_that_cannot_be_read_are_an_error_that_says_why() {
    for (facts, why) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{", "EOF while parsing an object at line 1 column 1"),
        (
            "null",
            "invalid type: null, expected struct Init at line 1 column 4",
        ),
        ("{}", "missing field `payloads` at line 1 column 2"),
        (
            r#"{"payloads":["1"]}"#,
            "invalid type: string \"1\", expected u32 at line 1 column 16",
        ),
    ] {
        let failure = json!({
            "kind": "unavailable",
            "detail": format!("the host's facts cannot be read: {why}"),
        });
        assert_eq!(
            Plugin::of::<do_nothing>().invoke(op::INIT, "", facts),
            Err(failure),
            "facts: {facts}"
        );
    }
}

#[test]
fn an_unknown_operation_is_an_error_of_its_own_kind() {
    for op in [4, u32::MAX] {
        let failure = json!({
            "kind": "unknown_op",
            "detail": format!("plugin-sdk {} does not support operation {op}", env!("CARGO_PKG_VERSION")),
        });
        assert_eq!(
            Plugin::of::<do_nothing>().invoke(op, "", "not even JSON"),
            Err(failure),
            "op: {op}"
        );
    }
}

#[test]
fn names_are_camel_case_by_default() {
    #[tool(description = "-", name = "As_Given")]
    fn named_by_its_author() {}

    #[tool(description = "-")]
    fn r#virtual() {}

    macro_rules! plugin {
        ($prefix:literal, $as_written:literal) => {{
            struct Exporting;
            impl Exports for Exporting {
                const CRATE_NAME: &'static str = "names";
                const CRATE_VERSION: &'static str = "0.0.0";
                const NAMES: Names = Names {
                    prefix: $prefix,
                    as_written: $as_written,
                };
                const TOOLS: &'static [ExportedTool] = &[
                    stateless(do_nothing::TOOL),
                    stateless(named_by_its_author::TOOL),
                    stateless(r#virtual::TOOL),
                ];

                fn state() -> &'static StateCell {
                    static STATE: StateCell = StateCell::new();
                    &STATE
                }
            }
            Plugin::exporting::<Exporting>()
        }};
    }

    for (plugin, names) in [
        (plugin!("", false), ["doNothing", "As_Given", "virtual"]),
        (plugin!("", true), ["do_nothing", "As_Given", "virtual"]),
        (
            plugin!("names.", false),
            ["names.doNothing", "names.As_Given", "names.virtual"],
        ),
    ] {
        let declaration = plugin.declaration();
        for (position, name) in names.into_iter().enumerate() {
            let declared = &declaration["tools"][position];
            assert_eq!(declared["tool"]["name"], name, "names: {names:?}");
            let functions = ["do_nothing", "named_by_its_author", "virtual"];
            assert_eq!(declared["function"], functions[position]);
            assert!(plugin.call(name, "").is_ok(), "name: {name}");
        }
    }
}

/// The declared Tool of MCP of a function with these attributes.
macro_rules! declared {
    ($(#[$attribute:meta])*) => {{
        $(#[$attribute])*
        fn f() {}
        Plugin::of::<f>().declaration()["tools"][0]["tool"].clone()
    }};
}

#[test]
fn hints_are_annotations_only_where_they_were_given() {
    for (tool, annotations) in [
        (declared!(#[tool(description = "-")]), Value::Null),
        (
            declared!(#[tool(description = "-", title = "Title")]),
            Value::Null,
        ),
        (
            declared!(#[tool(description = "-", read_only)]),
            json!({"readOnlyHint": true}),
        ),
        (
            declared!(#[tool(description = "-", destructive = false, idempotent)]),
            json!({"destructiveHint": false, "idempotentHint": true}),
        ),
        (
            declared!(#[tool(
                description = "-",
                open_world = true,
                idempotent = false,
                destructive,
                read_only = false
            )]),
            json!({
                "readOnlyHint": false,
                "destructiveHint": true,
                "idempotentHint": false,
                "openWorldHint": true,
            }),
        ),
    ] {
        assert_eq!(tool["annotations"], annotations, "tool: {tool}");
    }
}

#[test]
fn a_title_is_declared_only_where_it_was_given() {
    assert_snapshot!(
        declared!(#[tool(description = "Do.", title = "A \"title\"")]),
        @r#"{"name":"f","title":"A \"title\"","description":"Do.","inputSchema":{"type":"object","additionalProperties":false}}"#
    );
    assert_snapshot!(declared!(#[tool(description = "Do.")]), @r#"{"name":"f","description":"Do.","inputSchema":{"type":"object","additionalProperties":false}}"#);
}

/// The description and those of the arguments `x` and `y`.
macro_rules! described {
    ($(#[$attribute:meta])*) => {{
        $(#[$attribute])*
        fn f(x: i64, y: i64) -> i64 {
            x * y
        }
        let tool = Plugin::of::<f>().declaration()["tools"][0]["tool"].clone();
        let argument = |name: &str| match &tool["inputSchema"]["properties"][name]["description"] {
            Value::String(text) => text.clone(),
            _ => "(none)".to_owned(),
        };
        let description = tool["description"].as_str().expect("a description");
        format!("{description}\nx: {}\ny: {}", argument("x"), argument("y"))
    }};
}

#[test]
fn a_doc_comment_is_split_into_description_and_arguments() {
    assert_snapshot!(
        described!(
            /// Multiply two numbers.
            #[tool]
        ),
        @r"
    Multiply two numbers.
    x: (none)
    y: (none)
    "
    );
    assert_snapshot!(
        described!(
            /// Multiply two numbers.
            ///
            /// Exactly, unless the product does
            /// not fit.
            ///
            /// # Arguments
            ///
            /// * `x` - The first factor, which
            ///   may be negative.
            /// * `y`: The second.
            ///
            /// # Errors
            /// None.
            #[tool]
        ),
        @r"
    Multiply two numbers.

    Exactly, unless the product does
    not fit.

    # Errors
    None.
    x: The first factor, which may be negative.
    y: The second.
    "
    );
    assert_snapshot!(
        described!(
            /// Multiply.
            ///
            /// ## Parameters
            /// - x - the first
            #[tool]
        ),
        @r"
    Multiply.
    x: the first
    y: (none)
    "
    );
}

#[test]
fn an_argument_keeps_its_paragraphs_and_the_tool_the_rest() {
    assert_snapshot!(
        described!(
            /// Multiply.
            ///
            /// # Arguments
            /// Both are whole.
            ///
            /// * `x` - One of:
            ///   * 1, for nothing to happen
            ///   * anything else
            ///
            ///   It may be negative.
            /// * `y`
            #[tool]
        ),
        @r"
    Multiply.

    Both are whole.
    x: One of:
    * 1, for nothing to happen
    * anything else

    It may be negative.
    y: (none)
    "
    );
}

#[test]
fn block_comments_are_doc_comments() {
    assert_snapshot!(
        described!(
            /** Multiply two numbers.

                Exactly.

                # Arguments
                * `x` - The first.
                * `y` - The second.
            */
            #[tool]
        ),
        @r"
    Multiply two numbers.

    Exactly.
    x: The first.
    y: The second.
    "
    );
    assert_snapshot!(
        described!(
            /**
             * Multiply two numbers.
             *
             * # Arguments
             * - `x`: The first.
             */
            #[tool]
        ),
        @r"
    Multiply two numbers.
    x: The first.
    y: (none)
    "
    );
}

#[test]
fn a_description_given_as_attribute_keeps_the_arguments_of_the_comment() {
    assert_snapshot!(
        described!(
            /// For those who read the source.
            ///
            /// # Arguments
            /// * `y` - The second.
            #[tool(description = "For the model.")]
        ),
        @r"
    For the model.
    x: (none)
    y: The second.
    "
    );
}

#[test]
fn a_panic_while_declaring_is_an_error_as_in_a_call() {
    #[derive(Deserialize)]
    #[serde(crate = "plugin_sdk::serde")]
    struct NoSchema;

    impl JsonSchema for NoSchema {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "NoSchema".into()
        }

        fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
            panic!("no schema for today")
        }
    }

    #[tool(description = "-")]
    fn take(_thing: NoSchema) {}

    let failure = Plugin::of::<take>()
        .invoke(op::INIT, "", r#"{"payloads":[1]}"#)
        .expect_err("a panic");
    assert_eq!(failure["kind"], "panic");
    let detail = failure["detail"].as_str().expect("a detail");
    assert!(detail.starts_with("no schema for today at "), "{detail}");
}
