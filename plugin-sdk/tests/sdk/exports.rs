//! The exports of `export_tools!`, found as a host finds them: by their symbol.

use insta::assert_snapshot;
use plugin_abi::abi_stable::library::LibHeader;
use plugin_sdk::{
    prelude::*,
    serde_json::{json, to_string_pretty},
};

use crate::host::Plugin;

/// Count the words of a text.
///
/// Words are what spaces separate.
///
/// # Arguments
/// * `text` - The text.
/// * `at_least` - Shorter words do not count.
///   Default: 1.
#[tool(title = "Word count", read_only, open_world = false)]
fn word_count(text: String, at_least: Option<usize>) -> usize {
    let at_least = at_least.unwrap_or(1);
    text.split(' ')
        .filter(|word| word.len() >= at_least)
        .count()
}

/// Another of them.
#[tool(name = "Custom.name-1", destructive, idempotent = true)]
fn named_by_its_author() {}

mod nested {
    use plugin_sdk::prelude::*;

    /**
     * A tool in a module,
     * described by a block comment.
     *
     * # Arguments
     * * `unit` - The unit.
     */
    #[tool]
    pub(super) fn r#move(unit: char) -> char {
        unit
    }
}

export_tools!(word_count, named_by_its_author, nested::r#move);

#[expect(unsafe_code, reason = "a symbol of another scope")]
fn plugin() -> Plugin {
    // SAFETY: `export_tools!` above defines this static, with this type.
    unsafe extern "Rust" {
        safe static _1as_0lib_1header_0root_bmodule_bloader: LibHeader;
    }
    Plugin::from_header(&_1as_0lib_1header_0root_bmodule_bloader)
}

#[test]
fn the_symbol_is_the_one_the_host_looks_for() {
    assert_eq!(
        plugin_abi::ROOT_SYMBOL,
        "_1as_0lib_1header_0root_bmodule_bloader"
    );
}

#[test]
fn the_declaration_says_everything_about_every_tool_in_the_order_of_export() {
    let declaration = plugin().declaration();
    let pretty = to_string_pretty(&declaration).expect("JSON");
    assert_snapshot!(pretty.replace(env!("CARGO_PKG_VERSION"), "[version]"), @r#"
    {
      "payload": 1,
      "crate": {
        "name": "plugin-sdk",
        "version": "[version]"
      },
      "sdk": "[version]",
      "minHost": "[version]",
      "panic": "unwind",
      "tools": [
        {
          "tool": {
            "name": "wordCount",
            "title": "Word count",
            "description": "Count the words of a text.\n\nWords are what spaces separate.",
            "inputSchema": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "text": {
                  "type": "string",
                  "description": "The text."
                },
                "at_least": {
                  "type": [
                    "integer",
                    "null"
                  ],
                  "format": "uint",
                  "minimum": 0,
                  "description": "Shorter words do not count. Default: 1."
                }
              },
              "required": [
                "text"
              ]
            },
            "annotations": {
              "readOnlyHint": true,
              "openWorldHint": false
            }
          },
          "function": "word_count"
        },
        {
          "tool": {
            "name": "Custom.name-1",
            "description": "Another of them.",
            "inputSchema": {
              "type": "object",
              "additionalProperties": false
            },
            "annotations": {
              "destructiveHint": true,
              "idempotentHint": true
            }
          },
          "function": "named_by_its_author"
        },
        {
          "tool": {
            "name": "move",
            "description": "A tool in a module,\ndescribed by a block comment.",
            "inputSchema": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "unit": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1,
                  "description": "The unit."
                }
              },
              "required": [
                "unit"
              ]
            }
          },
          "function": "move",
          "validate": true
        }
      ]
    }
    "#);
}

#[test]
fn tools_are_called_by_their_exported_names() {
    let plugin = plugin();
    for (tool, arguments, text) in [
        ("wordCount", r#"{"text":"a bc def"}"#, "3"),
        ("wordCount", r#"{"text":"a bc def","at_least":2}"#, "2"),
        ("move", r#"{"unit":"m"}"#, "m"),
    ] {
        let result = plugin.call(tool, arguments).expect("a result");
        let content = json!([{"type": "text", "text": text}]);
        assert_eq!(result["content"], content, "call: {tool}({arguments})");
    }
    assert_eq!(
        plugin.call("Custom.name-1", "{}"),
        Ok(json!({"type": "complete", "content": []}))
    );
}

#[test]
fn other_names_are_unknown_tools() {
    let plugin = plugin();
    for tool in [
        "",
        "word_count",
        "named_by_its_author",
        "r#move",
        "wordcount",
    ] {
        let failure = json!({
            "kind": "unavailable",
            "detail": format!("plugin-sdk has no tool {tool}"),
        });
        assert_eq!(plugin.call(tool, "{}"), Err(failure), "tool: {tool:?}");
    }
}
