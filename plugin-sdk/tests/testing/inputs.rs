//! Tools that ask their client.

use plugin_sdk::{
    serde_json::{Value, json},
    testing::{form, plugin},
};

use crate::{Coded, Nested, panic_of};

#[test]
fn answers_reach_a_tool_by_key_over_several_rounds() {
    let trip = plugin().tool("trip");
    let first = trip.call(json!({}));
    assert_eq!(first.input_requests().keys().collect::<Vec<_>>(), ["where"]);
    assert_eq!(
        first.input_requests()["where"]["params"]["message"],
        "Where to?"
    );
    let trip = trip.with_answer("where", json!({ "city": "Lyon", "days": 3, "more": 1 }));
    let second = trip.call(json!({}));
    let keys: Vec<_> = second.input_requests().keys().collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    let model = json!({ "role": "assistant", "model": "m", "content": [
        { "type": "text", "text": "Bon" }, { "type": "text", "text": "voyage" },
    ] });
    let trip = trip
        .with_result("wish", model)
        .with_result("roots", json!({ "roots": [{ "uri": "file:///a" }] }));
    assert_eq!(trip.call(json!({})).text(), "Lyon 3 Bon\nvoyage file:///a");
}

#[test]
fn a_call_that_asks_has_no_result_and_says_what_it_waits_for() {
    let outcome = plugin().tool("trip").call(json!({}));
    let said = panic_of(|| drop(outcome.text()));
    assert!(
        said.contains("where") && said.contains("with_answer"),
        "{said}"
    );
}

#[test]
fn an_answer_that_does_not_fit_is_asked_again() {
    for content in [
        json!({}),
        json!({ "city": 5, "days": 3 }),
        json!({ "city": "Lyon", "days": 400 }),
    ] {
        let trip = plugin().tool("trip").with_answer("where", content.clone());
        assert_eq!(trip.call(json!({})).input_requests().len(), 1, "{content}");
    }
    let neither = json!({ "action": "perhaps" });
    let trip = plugin().tool("trip").with_result("where", neither);
    assert_eq!(trip.call(json!({})).input_requests().len(), 1);
}

#[test]
fn a_form_is_coerced_and_checked_as_by_the_host() {
    let ask = plugin().tool("askWrongly");
    for (content, taken) in [
        (json!({ "code": null, "count": 5.0 }), Some("None 5")),
        (
            json!({ "code": "abc", "count": "5" }),
            Some("Some(\"abc\") 5"),
        ),
        (json!({ "code": "ABC", "count": 5 }), None),
        (json!({ "code": "abc", "count": 500 }), None),
    ] {
        let ask = ask.clone().with_answer("a", content.clone());
        let outcome = ask.call(json!({ "how": "coded" }));
        match taken {
            Some(text) => assert_eq!(outcome.text(), text, "{content}"),
            None => assert_eq!(outcome.input_requests().len(), 1, "{content}"),
        }
    }
}

#[test]
fn the_tool_learns_why_there_is_no_answer() {
    let trip = plugin().tool("trip");
    for (action, message) in [
        ("decline", "the user declined to answer \"where\""),
        ("cancel", "the user dismissed \"where\""),
    ] {
        let refused = trip
            .clone()
            .with_result("where", json!({ "action": action }));
        assert_eq!(refused.call(json!({})).error_text(), message);
    }
    for capabilities in [
        json!({ "roots": {} }),
        json!({ "elicitation": { "url": {} } }),
    ] {
        let unable = trip.clone().with_capabilities(capabilities);
        let said = unable.call(json!({})).error_text();
        assert!(said.contains("elicitation.form"), "{said}");
    }
    for capabilities in [
        json!({ "elicitation": {} }),
        json!({ "elicitation": { "form": {} } }),
    ] {
        let able = trip.clone().with_capabilities(capabilities);
        assert_eq!(able.call(json!({})).input_requests().len(), 1);
    }
}

#[test]
fn an_unsupported_question_is_an_error() {
    let ask = plugin().tool("askWrongly");
    for (how, message) in [
        ("twice", "two questions under the key \"a\""),
        ("nested", "the form \"a\""),
        ("nowhere", "a URL that does not begin with https://"),
    ] {
        let outcome = ask.call(json!({ "how": how }));
        assert_eq!(outcome.input_requests().len(), 0, "{how}");
        let said = outcome.error_text();
        assert!(said.contains(message), "{how}: {said}");
    }
    // The SDK logs problems that the host has not seen.
    let twice = ask.call(json!({ "how": "twice" }));
    let logged = twice.logs();
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(logged[0]["level"], "error", "{logged:?}");
    let read = |content: Value| {
        let outcome = ask.clone().with_answer("a", content);
        outcome.call(json!({ "how": "picky" })).error_text()
    };
    let said = read(json!({ "even": 3 }));
    assert_eq!(said, "the answer to \"a\" cannot be used: 3 is odd");
}

#[test]
fn form_panics_for_a_type_that_no_client_can_show() {
    let coded = form::<Coded>();
    assert_eq!(coded["properties"]["code"], json!({ "type": "string" }));
    let said = panic_of(form::<Nested>);
    assert!(
        said.starts_with(
            "Nested is an invalid form: clients cannot show it: \"inner\" is not a string"
        ),
        "{said}"
    );
}
