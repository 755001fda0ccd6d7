//! Parts of JSON documents.

use plugin_sdk::serde_json::json;

use super::*;
use crate::Part;

async fn part(
    client: &Client,
    url: String,
    pointer: &str,
    max_bytes: Option<u32>,
) -> Result<Part, FetchError> {
    read::part(client, &url, pointer, max_bytes.unwrap_or(40_000), None).await
}

#[tokio::test]
async fn a_part_is_selected_by_its_pointer() {
    let server = Server::start(|path| match path {
        "/error" => Reply::new(
            "422 Unprocessable Content",
            &["Content-Type: application/problem+json"],
            "\u{feff}{\"title\":\"no\"}",
        ),
        _ => Reply::ok(
            "application/json",
            r#"{"items":[{"name":"a"},{"name":"b"}]}"#,
        ),
    })
    .await;
    let client = Names::default().site("a.test", &server).client();
    let url = |path| format!("http://a.test:{}{path}", server.port);
    let found = part(&client, url("/"), "/items/1", None).await.unwrap();
    assert_eq!((found.status, found.value), (200, json!({ "name": "b" })));
    assert_eq!(found.url, url("/"));
    let found = part(&client, url("/error"), "", None).await.unwrap();
    assert_eq!((found.status, found.value), (422, json!({ "title": "no" })));
}

#[tokio::test]
async fn a_failed_selection_says_which_members_exist() {
    let server = Server::start(|path| match path {
        "/page" => Reply::new("404 Not Found", &["Content-Type: text/html"], "<p>no</p>"),
        "/cut" => Reply::ok("application/json", "{\"a\":"),
        "/deep" => Reply::ok("application/json", "[".repeat(1000) + &"]".repeat(1000)),
        "/long" => Reply::ok("application/json", format!("[{}0]", "0,".repeat(1_500_000))),
        "/zip" => Reply::ok("application/zip", "PK"),
        _ => Reply::ok("application/json", r#"{"items":[1,2,3],"total":3}"#),
    })
    .await;
    let client = Names::default().site("a.test", &server).client();
    let mut messages = Vec::new();
    for (path, pointer, max_bytes) in [
        ("/", "/itmes", None),
        ("/", "items", None),
        ("/", "", Some(20)),
        ("/page", "", None),
        ("/cut", "", None),
        ("/deep", "", None),
        ("/long", "/0", None),
        ("/zip", "", None),
    ] {
        let url = format!("http://a.test:{}{path}", server.port);
        let error = part(&client, url, pointer, max_bytes).await.unwrap_err();
        messages.push(message(&error, &[&server]));
    }
    insta::assert_snapshot!(messages.join("\n"), @r#"
    nothing found at `/itmes`: the document is an object with "items", "total"
    "items" is not a JSON pointer; write for example `/items/0/name`, or leave it out for the whole document
    the document has 27 bytes, more than the 20 of `max_bytes`; select a part of it with `pointer`: it is an object with "items", "total"
    http://a.test:PORT answered 404 with text/html that is not JSON (expected value at line 1 column 1); `fetch` shows it as text
    http://a.test:PORT answered 200 with application/json that is not JSON (EOF while parsing a value at line 1 column 5); `fetch` shows it as text
    the document cannot be read (recursion limit exceeded at line 1 column 128); select a part of it with `pointer`, or see it as text with `fetch`
    http://a.test:PORT answered with more than 2000000 bytes of JSON; `fetch` shows the beginning as text
    http://a.test:PORT answered 200 with application/zip, which is not text and cannot be shown
    "#);
}

#[test]
fn the_tools_are_declared_as_clients_should_see_them() {
    plugin_sdk::testing::plugin().assert_declared_as("src/tests/declaration.json");
}
