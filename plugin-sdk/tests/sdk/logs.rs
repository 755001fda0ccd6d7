//! Lines of the crate `log` go to the operator's log, with the call that they belong to.

use std::{env, panic, process::Command, sync::Barrier, thread};

use plugin_abi::{host_op, op};
use plugin_sdk::{
    log::{self, LevelFilter},
    prelude::*,
    serde_json::{Value, json},
};

use crate::host::{Call, Plugin, process_logs};

/// The plugin of a tool, after its `init`. The level of logs is global; the first `init` of this process has set it.
fn started<T: plugin_sdk::__private::ToolFn + 'static>() -> Plugin {
    let plugin = Plugin::of::<T>();
    plugin.declaration();
    log::set_max_level(LevelFilter::Trace);
    plugin
}

/// The lines of this process that mention this.
fn lines_with(word: &str) -> Vec<Value> {
    let mut lines = process_logs();
    lines.retain(|line| {
        line["message"]
            .as_str()
            .is_some_and(|message| message.contains(word))
    });
    lines
}

/// The messages, without those of the reactor of async tools, which a package of the workspace may enable.
fn messages(lines: &[Value]) -> Vec<&str> {
    let is_ours = |line: &&Value| {
        line["target"]
            .as_str()
            .is_none_or(|target| !target.starts_with("mio"))
    };
    let messages = lines
        .iter()
        .filter(is_ours)
        .map(|line| line["message"].as_str());
    messages.map(|message| message.expect("a text")).collect()
}

#[test]
fn a_line_has_level_target_and_plugin() {
    #[tool(description = "-")]
    fn logs(count: u8) {
        log::error!("an error");
        log::warn!("a warning of {count}");
        log::info!(target: "of.its.own", "an \"info\"\n\u{0}");
        log::debug!("a detail");
        log::trace!("a step");
    }

    let plugin = started::<logs>();
    let call = Call::new();
    assert!(call.of(plugin, "logs", r#"{"count":2}"#).is_ok());
    let lines = call.host_requests(host_op::LOG);
    // The name of the first plugin of this process: a library has but one.
    let name = lines[0]["plugin"].clone();
    assert!(name.is_string(), "{lines:?}");
    let line = |level: &str, target: &str, message: &str| json!({"level": level, "target": target, "message": message, "plugin": name});
    assert_eq!(
        lines,
        [
            line("error", module_path!(), "an error"),
            line("warn", module_path!(), "a warning of 2"),
            line("info", "of.its.own", "an \"info\"\n\u{0}"),
            line("debug", module_path!(), "a detail"),
            line("trace", module_path!(), "a step"),
        ]
    );
}

#[test]
fn a_started_thread_logs_for_the_process() {
    #[tool(description = "-")]
    fn forks() -> bool {
        thread::spawn(|| log::info!("from a thread of its own"))
            .join()
            .is_ok()
    }

    let plugin = started::<forks>();
    let call = Call::new();
    assert!(call.of(plugin, "forks", "").is_ok());
    assert!(call.host_requests(host_op::LOG).is_empty());
    assert_eq!(lines_with("from a thread of its own").len(), 1);
}

#[test]
fn a_line_outside_of_calls_belongs_to_the_process() {
    #[tool(description = "-")]
    fn nothing() {}

    started::<nothing>();
    log::info!("outside of calls");
    assert_eq!(lines_with("outside of calls").len(), 1);
}

#[test]
fn a_line_of_an_ended_call_belongs_to_the_process() {
    #[tool(description = "-")]
    fn late() {
        log::info!("forgotten by the host");
    }

    let plugin = started::<late>();
    assert!(Call::new().forgotten().of(plugin, "late", "").is_ok());
    assert_eq!(lines_with("forgotten by the host").len(), 1);
}

#[test]
fn async_calls_at_once_each_log_on_their_own() {
    static MEET: Barrier = Barrier::new(4);

    /// Wait a little, and say so, again and again.
    #[tool]
    async fn chats(name: String) {
        MEET.wait();
        for step in 0..20 {
            log::info!("{name} {step}");
            tokio::task::yield_now().await;
            if step % 5 == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
    }

    let plugin = started::<chats>();
    thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            scope.spawn(move || {
                let call = Call::new();
                let body = json!({ "name": name }).to_string();
                assert!(call.of(plugin, "chats", &body).is_ok());
                let mut lines = call.host_requests(host_op::LOG);
                lines.retain(|line| line["target"] == module_path!());
                let expected: Vec<_> = (0..20).map(|step| format!("{name} {step}")).collect();
                assert_eq!(messages(&lines), expected, "call of {name}");
            });
        }
    });
}

#[test]
fn a_spawned_task_logs_for_the_process() {
    #[tool(description = "-")]
    async fn spawns() -> bool {
        tokio::spawn(async { log::info!("from a spawned task") })
            .await
            .is_ok()
    }

    let plugin = started::<spawns>();
    let call = Call::new();
    let result = call.of(plugin, "spawns", "").expect("a result");
    assert_eq!(result["content"][0]["text"], "true");
    assert_eq!(lines_with("from a spawned task").len(), 1);
}

#[test]
fn a_future_that_is_dropped_logs_on_its_call() {
    struct Farewell;

    impl Drop for Farewell {
        fn drop(&mut self) {
            log::info!("farewell");
        }
    }

    #[tool(description = "-")]
    async fn waits(context: Context) {
        let _farewell = Farewell;
        context.log(plugin_sdk::LogLevel::Info, "started");
        std::future::pending().await
    }

    let plugin = started::<waits>();
    let call = Call::new().with_context(json!({"logLevel": "info"}));
    thread::scope(|scope| {
        let result = scope.spawn(|| call.of(plugin, "waits", ""));
        while call.host_requests(host_op::MESSAGE).is_empty() {
            thread::yield_now();
        }
        plugin.cancel(call.id);
        assert_eq!(
            result.join().expect("no panic"),
            Err(json!({"kind": "cancelled"}))
        );
    });
    assert_eq!(messages(&call.host_requests(host_op::LOG)), ["farewell"]);
}

#[test]
fn a_panic_of_a_thread_is_a_line_with_message_and_place() {
    #[tool(description = "-")]
    fn forks() -> bool {
        thread::spawn(|| panic!("in a forked thread"))
            .join()
            .is_err()
    }

    let plugin = started::<forks>();
    assert!(plugin.call("forks", "").is_ok());
    let lines = lines_with("in a forked thread");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["level"], "error");
    assert_eq!(lines[0]["target"], "panic");
    let message = lines[0]["message"].as_str().expect("a text");
    let place = format!("a panic: in a forked thread at {}:", file!());
    assert!(message.starts_with(&place), "{message}");
}

#[test]
fn every_panic_that_a_tool_catches_itself_is_a_line_of_its_call() {
    #[tool(description = "-")]
    fn catches() -> usize {
        let caught = |text| panic::catch_unwind(|| panic!("{text}")).is_err();
        ["caught first", "caught second"]
            .into_iter()
            .filter(|text| caught(*text))
            .count()
    }

    let plugin = started::<catches>();
    let call = Call::new();
    let result = call.of(plugin, "catches", "").expect("a result");
    assert_eq!(result["content"][0]["text"], "2");
    let lines = call.host_requests(host_op::LOG);
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, message) in messages(&lines)
        .iter()
        .zip(["caught first", "caught second"])
    {
        assert!(
            line.starts_with(&format!("a panic: {message} at ")),
            "{line}"
        );
    }
}

#[test]
fn a_panic_after_a_caught_one_has_its_own_message() {
    #[tool(description = "-")]
    fn twice(resume: bool) {
        let _ = panic::catch_unwind(|| panic!("caught before"));
        if resume {
            panic::resume_unwind(Box::new("resumed after"));
        }
        panic!("uncaught after");
    }

    let plugin = started::<twice>();
    for (body, message) in [
        (r#"{"resume":true}"#, "resumed after"),
        (r#"{"resume":false}"#, "uncaught after"),
    ] {
        let call = Call::new();
        let failure = call.of(plugin, "twice", body).expect_err("a panic");
        let detail = failure["detail"].as_str().expect("a detail");
        assert!(detail.starts_with(message), "{body}: {detail}");
        let lines = call.host_requests(host_op::LOG);
        assert_eq!(lines.len(), 1, "{body}: {lines:?}");
        assert!(
            messages(&lines)[0].starts_with("a panic: caught before at "),
            "{lines:?}"
        );
    }
}

#[test]
fn tracing_events_are_log_lines() {
    #[tool(description = "-")]
    fn traces(count: u8) {
        tracing::warn!(count, "traced");
        let _span = tracing::info_span!("work", step = 1).entered();
        tracing::debug!(target: "of.its.own", "inside");
    }

    let plugin = started::<traces>();
    let call = Call::new();
    assert!(call.of(plugin, "traces", r#"{"count":2}"#).is_ok());
    let lines = call.host_requests(host_op::LOG);
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["level"].as_str(),
                line["target"].as_str(),
                line["message"].as_str(),
            )
        })
        // tracing also reports when a span is entered and left.
        .filter(|(_, target, _)| !target.is_some_and(|target| target.starts_with("tracing::")))
        .collect();
    assert_eq!(
        lines,
        [
            (Some("warn"), Some(module_path!()), Some("traced count=2")),
            (Some("info"), Some(module_path!()), Some("work; step=1")),
            (Some("debug"), Some("of.its.own"), Some("inside")),
        ]
    );
}

#[test]
fn a_line_within_a_line_is_written_as_well() {
    struct Talkative;

    impl std::fmt::Display for Talkative {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            log::info!("inner");
            f.write_str("outer")
        }
    }

    #[tool(description = "-")]
    fn talks() {
        log::info!("{Talkative}");
    }

    let plugin = started::<talks>();
    let call = Call::new();
    assert!(call.of(plugin, "talks", "").is_ok());
    assert_eq!(
        messages(&call.host_requests(host_op::LOG)),
        ["inner", "outer"]
    );
}

/// Says the level, to the process of its own that the test needs: levels are global, and said once.
const SAID: &str = "PLUGIN_SDK_TEST_LOG";

#[test]
fn the_host_sets_the_log_level() {
    #[tool(description = "-")]
    fn of_every_level() {
        log::error!("e");
        log::warn!("w");
        log::info!("i");
        log::debug!("d");
        log::trace!("t");
    }

    let heard = |said: &str| match said {
        "off" => "",
        "error" => "e",
        "warn" | "WARN" => "ew",
        "debug" => "ewid",
        "trace" => "ewidt",
        // `info`, or what no host says.
        _ => "ewi",
    };
    if let Ok(said) = env::var(SAID) {
        let plugin = Plugin::of::<of_every_level>();
        let facts = match said.as_str() {
            "nothing" => json!({"payloads": [1]}),
            said => json!({"payloads": [1], "log": said}),
        };
        assert!(plugin.invoke(op::INIT, "", &facts.to_string()).is_ok());
        // A later one changes nothing.
        assert!(
            plugin
                .invoke(op::INIT, "", r#"{"payloads":[1],"log":"trace"}"#)
                .is_ok()
        );
        let call = Call::new();
        assert!(call.of(plugin, "of_every_level", "").is_ok());
        assert_eq!(
            messages(&call.host_requests(host_op::LOG)).concat(),
            heard(&said),
            "log: {said}"
        );
        return;
    }
    for said in [
        "nothing", "error", "warn", "WARN", "info", "debug", "trace", "off", "loud", "",
    ] {
        let test = "logs::the_host_sets_the_log_level";
        let child = Command::new(env::current_exe().expect("this binary"))
            .args(["--exact", test])
            .env(SAID, said)
            .output()
            .expect("this binary runs");
        assert!(
            child.status.success(),
            "{}",
            String::from_utf8_lossy(&child.stdout)
        );
    }
}
