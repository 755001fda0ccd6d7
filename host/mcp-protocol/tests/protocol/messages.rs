//! Ids, headers and parameters in the forms that clients use.

use mcp_protocol::Headers;
use serde_json::{Value, json};

use crate::post::{modern, post, request, seen};

#[test]
fn an_id_is_a_string_or_an_integer_and_comes_back_as_it_was() {
    for (id, read) in [
        ("0", true),
        ("1", true),
        ("-1", true),
        ("9223372036854775807", true),
        ("-9223372036854775808", true),
        ("18446744073709551615", true),
        (r#""1""#, true),
        (r#""""#, true),
        (r#""ü \" \\ 𝄞""#, true),
        (r#""00000000-0000-4000-8000-000000000000""#, true),
        // No 64 bits can hold it: the answer could not repeat it unchanged.
        ("18446744073709551616", false),
        ("-9223372036854775809", false),
        ("1e400", false),
        ("1.0", false),
        ("1.5", false),
        ("1e3", false),
        ("null", false),
        ("true", false),
        ("[]", false),
        (r#"{"id":1}"#, false),
        // Half of a pair: no text.
        (r#""\ud800""#, false),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let expected = if read {
            format!("legacy ping id {id}")
        } else {
            "400 -32600".to_owned()
        };
        assert_eq!(post(None, &body), expected, "body: {body}");
    }
}

#[test]
fn an_escaped_message_is_the_same_message() {
    for body in [
        r#" {"jsonrpc":"2.0","id":1,"method":"p\u0069ng"}"#,
        "\r\n\t{ \"method\" : \"ping\" ,\n\"id\" : 1 , \"jsonrpc\" : \"2.0\" } \n",
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","unknown":{"id":2},"params":{"unknown":1}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
    ] {
        assert_eq!(post(None, body), "legacy ping id 1", "body: {body}");
    }
}

#[test]
fn header_values_are_trimmed_and_else_compared_as_they_are() {
    let mut params = modern();
    params["name"] = json!("greet");
    let body = request("tools/call", params).to_string();
    for (version, method, name, passes) in [
        ("2026-07-28", "tools/call", "greet", true),
        (" 2026-07-28\t", "\ttools/call ", "  greet  ", true),
        ("2026-07-28", "tools/call", " =?base64?Z3JlZXQ=?= ", true),
        ("2026-07-28\u{a0}", "tools/call", "greet", false),
        ("2026-07-28", "tools/call\u{a0}", "greet", false),
        ("2026-07-28", "tools/call", "greet\u{a0}", false),
        ("2026-07-28", "tools/call", "\"greet\"", false),
        ("2026-07-28", "tools/call", "greet, greet", false),
        ("2026-07-28", "tools/call, tools/call", "greet", false),
        ("2026-07-28, 2026-07-28", "tools/call", "greet", false),
    ] {
        let headers = Headers {
            protocol_version: Some(version),
            method: Some(method),
            name: Some(name),
        };
        let expected = if passes {
            "2026-07-28 tools/call greet id 1"
        } else {
            "400 -32020 id 1"
        };
        assert_eq!(
            seen(headers, body.as_bytes()),
            expected,
            "{version:?} {method:?} {name:?}"
        );
    }
}

#[test]
fn a_name_header_may_be_wrapped_in_base64() {
    for (name, header, passes) in [
        ("greet", "=?base64?Z3JlZXQ=?=", true),
        ("über", "=?base64?w7xiZXI=?=", true),
        (" x", "=?base64?IHg=?=", true),
        ("", "=?base64??=", true),
        ("", "", true),
        // Without both ends it is the name itself.
        ("=?BASE64?Z3JlZXQ=?=", "=?BASE64?Z3JlZXQ=?=", true),
        ("=?base64?Z3JlZXQ=", "=?base64?Z3JlZXQ=", true),
        ("=?base64?=", "=?base64?=", true),
        // Another name.
        ("greet", "=?base64?Z3JlZWQ=?=", false),
        ("Z3JlZXQ=", "=?base64?Z3JlZXQ=?=", false),
        // Not base64 of UTF-8 in its one form.
        ("greet", "=?base64?Z3JlZXQ?=", false),
        ("greet", "=?base64?Z3JlZXR=?=", false),
        ("greet", "=?base64?Z3JlZXQ==?=", false),
        ("greet", "=?base64?Z3Jl ZXQ=?=", false),
        ("greet", "=?base64?Z3JlZ=XQ?=", false),
        ("greet", "=?base64?====?=", false),
        ("greet", "=?base64?w7xiZXI_?=", false),
        ("\u{fffd}", "=?base64?/w==?=", false),
    ] {
        let mut params = modern();
        params["name"] = json!(name);
        let body = request("tools/call", params).to_string();
        let headers = Headers {
            protocol_version: Some("2026-07-28"),
            method: Some("tools/call"),
            name: Some(header),
        };
        let expected = if passes {
            format!("2026-07-28 tools/call {name} id 1")
        } else {
            "400 -32020 id 1".to_owned()
        };
        assert_eq!(
            seen(headers, body.as_bytes()),
            expected,
            "name: {name:?}, header: {header:?}"
        );
    }
}

#[test]
fn a_name_header_is_compared_whatever_the_arguments_hold() {
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let meta = &modern()["_meta"];
    for value in ["1e999", r#""\ud800""#, &nested] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"_meta":{meta},"name":"drop_all","arguments":{{"x":{value}}}}}}}"#
        );
        for (name, expected) in [
            ("harmless", "400 -32020 id 1".to_owned()),
            (
                "drop_all",
                format!(r#"2026-07-28 tools/call drop_all {{"x":{value}}} id 1"#),
            ),
        ] {
            let headers = Headers {
                protocol_version: Some("2026-07-28"),
                method: Some("tools/call"),
                name: Some(name),
            };
            assert_eq!(
                seen(headers, body.as_bytes()),
                expected,
                "Mcp-Name: {name}, {value}"
            );
        }
    }
}

#[test]
fn other_methods_with_a_name_compare_it_before_they_are_not_found() {
    for (method, member) in [("prompts/get", "name"), ("resources/read", "uri")] {
        for (header, expected) in [
            (Some("file:///x"), "404 -32601 id 1"),
            (Some("file:///y"), "400 -32020 id 1"),
            (None, "400 -32020 id 1"),
        ] {
            let mut params = modern();
            params[member] = json!("file:///x");
            let body = request(method, params).to_string();
            let headers = Headers {
                protocol_version: Some("2026-07-28"),
                method: Some(method),
                name: header,
            };
            assert_eq!(
                seen(headers, body.as_bytes()),
                expected,
                "{method}, Mcp-Name: {header:?}"
            );
        }
    }
}

#[test]
fn parameters_of_a_call_are_a_name_and_an_object() {
    for (params, expected) in [
        (json!({ "name": "greet" }), "legacy tools/call greet id 1"),
        (
            json!({ "name": "greet", "arguments": {} }),
            "legacy tools/call greet {} id 1",
        ),
        (
            json!({ "name": "greet", "arguments": { "x": [1] } }),
            r#"legacy tools/call greet {"x":[1]} id 1"#,
        ),
        // Treated as absent. The schema does not allow it, but it can mean nothing else.
        (
            json!({ "name": "greet", "arguments": null }),
            "legacy tools/call greet id 1",
        ),
        (
            json!({ "name": "greet", "task": {} }),
            "legacy tools/call greet id 1",
        ),
        (json!({ "name": "" }), "legacy tools/call  id 1"),
        (
            json!({ "name": "greet", "arguments": [] }),
            "in session 200 -32602 id 1",
        ),
        (
            json!({ "name": "greet", "arguments": "{}" }),
            "in session 200 -32602 id 1",
        ),
        (
            json!({ "name": "greet", "arguments": 1 }),
            "in session 200 -32602 id 1",
        ),
        (json!({ "name": 1 }), "in session 200 -32602 id 1"),
        (json!({ "name": null }), "in session 200 -32602 id 1"),
        (json!({ "name": ["greet"] }), "in session 200 -32602 id 1"),
        (json!({}), "in session 200 -32602 id 1"),
        (json!(["greet", {}]), "in session 200 -32602 id 1"),
        (json!("greet"), "in session 200 -32602 id 1"),
        (Value::Null, "in session 200 -32602 id 1"),
    ] {
        let body = request("tools/call", params).to_string();
        assert_eq!(post(None, &body), expected, "body: {body}");
    }
    let bare = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#;
    assert_eq!(post(None, bare), "in session 200 -32602 id 1");
}

#[test]
fn a_cursor_is_any_text_to_the_protocol() {
    for (params, expected) in [
        (json!({}), "legacy tools/list id 1"),
        (json!({ "cursor": null }), "legacy tools/list id 1"),
        (json!({ "cursor": "" }), r#"legacy tools/list "" id 1"#),
        (json!({ "cursor": "2" }), r#"legacy tools/list "2" id 1"#),
        (json!({ "cursor": 2 }), "in session 200 -32602 id 1"),
        (json!({ "cursor": {} }), "in session 200 -32602 id 1"),
        (json!([]), "in session 200 -32602 id 1"),
        (json!([null]), "in session 200 -32602 id 1"),
        (json!(1), "in session 200 -32602 id 1"),
    ] {
        let body = request("tools/list", params).to_string();
        assert_eq!(post(None, &body), expected, "body: {body}");
    }
}

#[test]
fn a_log_level_is_set_by_its_name_and_only_in_the_handshake_era() {
    for (params, expected) in [
        (
            json!({ "level": "debug" }),
            "legacy logging/setLevel debug id 1",
        ),
        (
            json!({ "level": "emergency" }),
            "legacy logging/setLevel emergency id 1",
        ),
        (json!({ "level": "Debug" }), "in session 200 -32602 id 1"),
        (json!({ "level": "loud" }), "in session 200 -32602 id 1"),
        (json!({ "level": 1 }), "in session 200 -32602 id 1"),
        (json!({ "level": null }), "in session 200 -32602 id 1"),
        (json!({}), "in session 200 -32602 id 1"),
        (json!(["debug"]), "in session 200 -32602 id 1"),
    ] {
        let body = request("logging/setLevel", params).to_string();
        assert_eq!(post(None, &body), expected, "body: {body}");
    }
}

#[test]
fn a_member_that_comes_twice_is_refused_where_two_readers_may_take_different_ones() {
    let refused = |params: &str| {
        for (version, headers) in [
            (None, ["tools/call", "first"]),
            (Some("2025-06-18"), ["tools/call", "first"]),
            (Some("2026-07-28"), ["tools/call", "first"]),
            (Some("2026-07-28"), ["tools/call", "last"]),
        ] {
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{params}}}}}"#
            );
            let headers = Headers {
                protocol_version: version,
                method: Some(headers[0]),
                name: Some(headers[1]),
            };
            let outcome = seen(headers, body.as_bytes());
            assert_eq!(outcome, "400 -32600 id 1", "{headers:?}, body: {body}");
        }
    };
    let meta = modern()["_meta"].to_string();
    let inner = &meta[1..meta.len() - 1];
    refused(&format!(r#""name":"first","_meta":{meta},"name":"last""#));
    refused(r#""name":"first","name":"first""#);
    refused(r#""name":"first","n\u0061me":"last""#);
    refused(r#""name":"first","arguments":{},"arguments":{"x":1}"#);
    refused(&format!(r#""name":"first","_meta":{meta},"_meta":{{}}"#));
    refused(&format!(r#""name":"first","_meta":{{{inner},{inner}}}"#));
    // Members that the server does not read do not matter.
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":1,"a":2},"y":{"a":1,"a":2}}}"#;
    assert_eq!(
        post(None, body),
        r#"legacy tools/call x {"a":1,"a":2} id 1"#
    );
}

#[test]
fn a_deeply_nested_message_is_read() {
    let depth = 100_000;
    for (open, close, bare) in [
        ("[", "]", "legacy [400 -32600]"),
        (r#"{"a":"#, "}", "400 -32600"),
    ] {
        let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        for (body, expected) in [
            (nested.clone(), bare),
            (
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":{nested}}}}}"#),
                "legacy ping id 1",
            ),
            (
                format!(
                    r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"_meta":{nested}}}}}"#
                ),
                "legacy ping id 1",
            ),
            (
                format!(r#"{{"jsonrpc":"2.0","id":{nested},"method":"ping"}}"#),
                "400 -32600",
            ),
            (open.repeat(depth), "400 -32700"),
        ] {
            assert_eq!(post(None, &body), expected, "{open}, {}", &body[..60]);
        }
    }
}
