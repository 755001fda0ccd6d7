//! Tools that keep something between calls.

use plugin_sdk::{
    serde_json::{Value, json},
    testing::{Tool, plugin},
};

fn keep(session: &str) -> Tool {
    plugin().tool("keep").in_session(session)
}

fn kept(tool: &Tool) -> Value {
    tool.call(json!({ "how": "get" }))
        .text()
        .parse()
        .expect("JSON")
}

#[test]
fn what_a_call_sets_is_kept_if_it_succeeds() {
    let tool = keep("set");
    assert_eq!(kept(&tool), json!(null));
    for (how, after) in [
        ("set", json!("set")),
        ("set and fail", json!("set")),
        ("set and panic", json!("set")),
        ("set and ask", json!("set")),
        ("update", json!("set+")),
        ("set and update", json!("set and update+")),
        ("delete", json!(null)),
        ("update", json!("+")),
    ] {
        tool.call(json!({ "how": how }));
        assert_eq!(kept(&tool), after, "{how}");
    }
    assert_eq!(kept(&keep("another")), json!(null));
}

#[test]
fn what_cannot_be_kept_or_found_is_an_error_of_a_kind() {
    for (tool, how, kind) in [
        (plugin().tool("keep"), "get", "NoSession"),
        (keep("kinds"), "handle", "UnknownHandle"),
        (keep("kinds"), "large", "TooLarge"),
        (keep("kinds"), "type", "Unreadable"),
    ] {
        let outcome = tool.call(json!({ "how": how }));
        let told = outcome.error_text();
        assert!(told.starts_with(kind), "{how}: {told}");
    }
}

#[test]
fn a_handle_leads_to_what_was_kept_under_it_also_outside_of_sessions() {
    let handle = plugin()
        .tool("keep")
        .call(json!({ "how": "create" }))
        .text()
        .to_owned();
    for tool in [plugin().tool("keep"), keep("handles")] {
        let found = tool.call(json!({ "how": "get", "handle": handle }));
        assert_eq!(found.text(), "\"created\"");
    }
}
