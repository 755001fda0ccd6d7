//! Answers that are too large for their front door.

use plugin_abi::host_op::PROGRESS;
use serde_json::{Value, json};

use crate::server::{
    http::response_limit::ResponseLimit,
    tests::server::{Sent, Server, legacy, modern},
};

/// Sets a front door with this limit, besides the envelope of an answer.
fn through(mut sent: Sent, bytes: usize) -> Sent {
    sent.response_limit = Some(ResponseLimit {
        front_door: "a needle's eye",
        bytes: 4096 + bytes,
        is_json_escaped: false,
    });
    sent
}

#[tokio::test]
async fn a_list_that_is_too_large_is_an_error_that_names_the_remedy() {
    for (variables, fits) in [(&[][..], false), (&[("MCP_LIST_PAGE_SIZE", "1")], true)] {
        let server = Server::start(variables);
        for listing in [modern("", json!({})), legacy("", json!({}))] {
            let sent = through(listing.listing(), 700);
            let answer = server.answer(&sent).await.json();
            assert_eq!(answer.get("result").is_some(), fits, "{answer}");
            if !fits {
                assert_eq!(answer["error"]["code"], -32603);
                let told = answer["error"]["message"].as_str().expect("words");
                let end = " bytes as sent, and a needle's eye accepts 4796; the operator can make the pages smaller with MCP_LIST_PAGE_SIZE, or serve fewer tools with TOOLS_LIST (request id request-1)";
                assert!(told.ends_with(end), "{told}");
            }
        }
    }
}

#[tokio::test]
async fn notifications_are_dropped_before_the_result_is() {
    let server = Server::start(&[]);
    let said = "x".repeat(500);
    let call = || {
        let ops = json!([[PROGRESS, { "progress": 1, "message": said }]]);
        legacy("ask", json!({ "ops": ops })).meta("progressToken", json!(1))
    };
    let whole = server.answer(&through(call(), 2000)).await;
    assert_eq!(whole.events().len(), 2);
    let answer = server.answer(&through(call(), 500)).await.json();
    assert_eq!(answer["result"].get("isError"), None, "{answer}");
    let answer = server.answer(&through(call(), 50)).await.json();
    assert_eq!(answer["result"]["isError"], true, "{answer}");
}

#[tokio::test]
async fn a_batch_with_too_large_answers_must_be_split() {
    let server = Server::start(&[]);
    let mut sent = legacy("", json!({}));
    let reply = json!({ "content": [{ "type": "text", "text": "x".repeat(300) }] });
    sent.body = (0..3)
        .map(|id| {
            let mut call = legacy("reply", reply.clone()).body;
            call["id"] = json!(id);
            call
        })
        .collect::<Value>();
    let answered = server.answer(&through(sent, 1000)).await;
    assert_eq!(answered.status(), 400);
    let told = answered.json()["error"]["message"].clone();
    let told = told.as_str().expect("words");
    assert!(
        told.ends_with(
            " bytes together, and a needle's eye accepts 5096; send its messages one by one"
        ),
        "{told}"
    );
}
