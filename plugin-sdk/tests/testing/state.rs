//! Tools that store state between calls.

use plugin_sdk::{
    StateErrorKind,
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
fn set_is_kept_only_if_the_call_succeeds() {
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
fn state_errors_have_a_kind() {
    for (tool, how, kind) in [
        (plugin().tool("keep"), "get", "NoSession"),
        (keep("kinds"), "handle", "UnknownHandle"),
        (keep("kinds"), "large", "TooLarge"),
        (keep("kinds"), "type", "Unreadable"),
        (
            keep("kinds"),
            "no number",
            "Unreadable: the new state cannot be serialized as JSON: the number NaN",
        ),
        (
            keep("kinds").with_state_error(StateErrorKind::Unavailable),
            "get",
            "Unavailable: the stored state is not available",
        ),
        (
            keep("kinds").with_state_error(StateErrorKind::SessionEnded),
            "set",
            "SessionEnded",
        ),
        (
            plugin()
                .tool("keep")
                .with_state_error(StateErrorKind::Unavailable),
            "create",
            "Unavailable",
        ),
    ] {
        let outcome = tool.call(json!({ "how": how }));
        let message = outcome.error_text();
        assert!(message.starts_with(kind), "{how}: {message}");
    }
}

#[test]
fn a_handle_finds_its_state_outside_of_sessions() {
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

#[test]
fn state_belongs_to_its_principal() {
    let by = |tool: Tool, name: &str| tool.with_principal(name, json!({}));
    let handle = by(plugin().tool("keep"), "alice").call(json!({ "how": "create" }));
    let handle = handle.text();
    by(keep("hers"), "alice").call(json!({ "how": "set" }));
    assert_eq!(kept(&by(keep("hers"), "alice")), "set");
    let get = json!({ "how": "get", "handle": handle });
    assert_eq!(
        by(keep("any"), "alice").call(get.clone()).text(),
        "\"created\""
    );
    for stranger in [by(keep("hers"), "bob"), keep("hers")] {
        let message = stranger.call(get.clone()).error_text();
        assert!(message.starts_with("UnknownHandle"), "{message}");
        let message = stranger.call(json!({ "how": "get" })).error_text();
        assert!(message.starts_with("SessionEnded"), "{message}");
    }
}

#[test]
fn a_call_fails_when_another_one_changed_its_state_first() {
    let lost = "another call has changed the state of tool keep meanwhile, so this call's changes are lost; call it again";
    let tool = keep("overtaken");
    for (how, message, after) in [
        ("overtaken", lost.to_owned(), "+"),
        ("overtaken in an update", format!("Conflict: {lost}"), "++"),
    ] {
        assert_eq!(
            tool.call(json!({ "how": how })).error_text(),
            message,
            "{how}"
        );
        assert_eq!(kept(&tool), after, "{how}");
    }
}

#[test]
fn a_refused_update_keeps_nothing() {
    let tool = keep("refusing");
    tool.call(json!({ "how": "update" }));
    let spend = || tool.call(json!({ "how": "spend" }));
    assert_eq!(spend().text(), "");
    tool.call(json!({ "how": "set" }));
    assert_eq!(spend().error_text(), "nothing is left");
    assert_eq!(kept(&tool), "set");
}

#[test]
fn state_of_an_ended_call_is_refused() {
    assert_eq!(keep("late").call(json!({ "how": "late" })).text(), "done");
    let heard = super::LATE.lock().expect("no panic").take();
    let late = heard.expect("somebody tells").recv().expect("told");
    let error = late.expect_err("the call is over");
    assert_eq!(error.kind(), StateErrorKind::CallEnded);
    assert_eq!(
        error.to_string(),
        "the call has ended: it can no longer store state"
    );
}
