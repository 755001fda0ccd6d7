//! Tools that keep something between calls.

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
        (
            keep("kinds"),
            "no number",
            "Unreadable: what is to be kept has no form in JSON: the number NaN",
        ),
        (
            keep("kinds").with_state_failing(StateErrorKind::Unavailable),
            "get",
            "Unavailable: what is kept cannot be reached",
        ),
        (
            keep("kinds").with_state_failing(StateErrorKind::SessionEnded),
            "set",
            "SessionEnded",
        ),
        (
            plugin()
                .tool("keep")
                .with_state_failing(StateErrorKind::Unavailable),
            "create",
            "Unavailable",
        ),
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

#[test]
fn what_is_kept_is_its_principals_alone() {
    let by = |tool: Tool, name: &str| tool.by_principal(name, json!({}));
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
        let told = stranger.call(get.clone()).error_text();
        assert!(told.starts_with("UnknownHandle"), "{told}");
        let told = stranger.call(json!({ "how": "get" })).error_text();
        assert!(told.starts_with("SessionEnded"), "{told}");
    }
}

#[test]
fn a_call_whose_changes_another_one_has_overtaken_fails() {
    let lost = "another call has changed meanwhile what tool keep keeps, so that this one's changes are lost; call it again";
    let tool = keep("overtaken");
    for (how, told, after) in [
        ("overtaken", lost.to_owned(), "+"),
        ("overtaken in an update", format!("Overtaken: {lost}"), "++"),
    ] {
        assert_eq!(tool.call(json!({ "how": how })).error_text(), told, "{how}");
        assert_eq!(kept(&tool), after, "{how}");
    }
}

#[test]
fn an_update_that_refuses_keeps_nothing() {
    let tool = keep("refusing");
    tool.call(json!({ "how": "update" }));
    let spend = || tool.call(json!({ "how": "spend" }));
    assert_eq!(spend().text(), "");
    tool.call(json!({ "how": "set" }));
    assert_eq!(spend().error_text(), "nothing is left");
    assert_eq!(kept(&tool), "set");
}

#[test]
fn a_call_that_is_over_keeps_nothing_and_is_told_so() {
    assert_eq!(keep("late").call(json!({ "how": "late" })).text(), "done");
    let heard = super::LATE.lock().expect("no panic").take();
    let late = heard.expect("somebody tells").recv().expect("told");
    let error = late.expect_err("the call is over");
    assert_eq!(error.kind(), StateErrorKind::CallEnded);
    assert_eq!(
        error.to_string(),
        "the call is over: nothing is kept for it any more"
    );
}
