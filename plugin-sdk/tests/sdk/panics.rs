//! A panic fails one call, and only the operator's log has its message.

use std::{
    panic,
    sync::{Barrier, mpsc},
    thread,
    time::Duration,
};

use plugin_sdk::{
    prelude::*,
    serde_json::{Value, json},
};

use crate::host::{Plugin, call};

/// The detail of the panic of a tool with this body.
macro_rules! panic_of {
    ($body:expr) => {{
        #[tool(description = "-")]
        fn f() {
            $body
        }
        detail(&call::<f>("").expect_err("a panic"))
    }};
}

/// The message of a panic, its line and column left out.
fn detail(failure: &Value) -> String {
    assert_eq!(failure["kind"], "panic", "{failure}");
    assert_eq!(
        failure.get("public"),
        None,
        "a panic's message is not for the model"
    );
    let detail = failure["detail"].as_str().expect("a detail");
    match detail.split_once(".rs:") {
        Some((file, _)) => format!("{file}.rs"),
        None => detail.to_owned(),
    }
}

const HERE: &str = concat!(" at ", file!());

#[test]
fn the_operator_reads_the_message_and_the_place() {
    for (detail, message) in [
        (panic_of!(panic!("a str")), "a str"),
        (panic_of!(panic!("a {}", "String")), "a String"),
        (
            panic_of!(panic::panic_any(42_u8)),
            "a panic with a payload that is not a string",
        ),
        (
            panic_of!({
                let list: Vec<u8> = Vec::new();
                let _ = list[list.len()];
            }),
            "index out of bounds: the len is 0 but the index is 0",
        ),
        (
            panic_of!(panic!("two\nlines \"quoted\" é")),
            "two\nlines \"quoted\" é",
        ),
    ] {
        assert_eq!(detail, format!("{message}{HERE}"));
    }
}

/// Panics wherever it ends.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("dropped");
        }
    }
}

#[test]
fn a_payload_that_panics_when_dropped_is_caught() {
    assert_eq!(
        panic_of!(panic::panic_any(PanicsWhenDropped)),
        format!("a panic with a payload that is not a string{HERE}")
    );
}

#[test]
fn a_panic_of_a_destructor_is_caught_as_well() {
    assert_eq!(panic_of!(drop(PanicsWhenDropped)), format!("dropped{HERE}"));
}

#[test]
fn a_panic_without_hook_is_reported_by_its_payload() {
    assert_eq!(
        panic_of!(panic::resume_unwind(Box::new("resumed"))),
        "resumed"
    );
    assert_eq!(
        panic_of!(panic::resume_unwind(Box::new(String::from("resumed")))),
        "resumed"
    );
}

#[test]
fn a_caught_panic_is_not_reported_with_a_later_one() {
    #[tool(description = "-")]
    fn catches() -> bool {
        panic::catch_unwind(|| panic!("caught by the tool")).is_err()
    }

    let result = call::<catches>("").expect("a result");
    assert_eq!(result["content"][0]["text"], "true");
    assert_eq!(
        panic_of!(panic::resume_unwind(Box::new("another"))),
        "another"
    );
}

#[test]
fn the_next_call_is_served_on_the_same_thread() {
    #[tool(description = "-")]
    fn half(number: u8) -> u8 {
        assert!(number.is_multiple_of(2), "odd");
        number / 2
    }

    let plugin = Plugin::of::<half>();
    for _ in 0..3 {
        let failure = plugin.call("half", r#"{"number":3}"#).expect_err("a panic");
        assert_eq!(detail(&failure), format!("odd{HERE}"));
        let result = plugin.call("half", r#"{"number":4}"#).expect("a result");
        assert_eq!(result["content"][0]["text"], "2");
    }
}

#[test]
fn a_panic_while_decoding_or_encoding_is_caught_as_well() {
    #[derive(JsonSchema)]
    #[schemars(crate = "plugin_sdk::schemars")]
    struct Explosive;

    impl<'de> Deserialize<'de> for Explosive {
        fn deserialize<D: plugin_sdk::serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("while decoding")
        }
    }

    impl Serialize for Explosive {
        fn serialize<S: plugin_sdk::serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("while encoding")
        }
    }

    #[tool(description = "-")]
    fn take(_explosive: Explosive) {}

    #[tool(description = "-")]
    fn give() -> Json<Explosive> {
        Json(Explosive)
    }

    let failure = call::<take>(r#"{"_explosive":1}"#).expect_err("a panic");
    assert_eq!(detail(&failure), format!("while decoding{HERE}"));
    let failure = call::<give>("").expect_err("a panic");
    assert_eq!(detail(&failure), format!("while encoding{HERE}"));
}

#[test]
fn a_panic_of_a_started_thread_does_not_fail_the_call() {
    #[tool(description = "-")]
    fn forks() -> Result<String, ToolError> {
        let thread = thread::Builder::new().name("forked".to_owned());
        let forked = thread.spawn(|| -> String { panic!("in a thread of the tool") })?;
        forked
            .join()
            .map_err(|_| ToolError::new("a thread panicked"))
    }

    let result = call::<forks>("").expect("a result");
    assert_eq!(result["isError"], true);
    assert_eq!(result["content"][0]["text"], "a thread panicked");
}

#[test]
fn a_call_within_a_call_has_its_own_panic() {
    #[tool(description = "-")]
    fn inner() {
        panic!("inner");
    }

    #[tool(description = "-")]
    fn outer() {
        let failure = call::<inner>("").expect_err("a panic");
        panic!("outer, after a {}", failure["kind"]);
    }

    let failure = call::<outer>("").expect_err("a panic");
    assert_eq!(detail(&failure), format!("outer, after a \"panic\"{HERE}"));
}

#[test]
fn two_threads_call_at_once_and_do_not_disturb_each_other() {
    static BOTH: Barrier = Barrier::new(2);

    /// Goes on only when it runs twice at once.
    #[tool]
    fn meet(explode: bool) -> &'static str {
        BOTH.wait();
        if explode {
            panic!("one of two");
        }
        BOTH.wait();
        "the other"
    }

    let plugin = Plugin::of::<meet>();
    let (done, results) = mpsc::channel();
    for explode in [true, false] {
        let done = done.clone();
        thread::spawn(move || {
            let result = plugin.call("meet", &json!({ "explode": explode }).to_string());
            if explode {
                // The other call ends only after this one has.
                BOTH.wait();
            }
            let _ = done.send((explode, result));
        });
    }
    for _ in 0..2 {
        let wait = Duration::from_secs(30);
        match results.recv_timeout(wait).expect("both calls end") {
            (true, result) => assert_eq!(
                detail(&result.expect_err("a panic")),
                format!("one of two{HERE}")
            ),
            (false, result) => {
                assert_eq!(result.expect("a result")["content"][0]["text"], "the other")
            }
        }
    }
}
