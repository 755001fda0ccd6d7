//! Shared state: built once, at the first call that needs it.

use std::{
    error::Error,
    fmt,
    sync::{
        Barrier, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use plugin_abi::op;
use plugin_sdk::{
    __private::{Build, ExportedTool, Exports, Names, StateCell, ToolFn},
    prelude::*,
    serde_json::{Value, json},
};
use tokio::sync::Notify;

use crate::host::{Call, Plugin};

/// `export_tools!(names = "as_written", state = ..., ...)`. A binary can have only one.
macro_rules! plugin {
    (state = $state:path, $($tool:ident),+) => {{
        struct Exporting;
        impl Exports for Exporting {
            const CRATE_NAME: &'static str = "stateful";
            const CRATE_VERSION: &'static str = "0.0.0";
            const NAMES: Names = Names {
                prefix: "",
                as_written: true,
            };
            const TOOLS: &'static [ExportedTool] = &[$(ExportedTool {
                tool: $tool::TOOL,
                state: || Build::<<$tool as ToolFn>::State, _>::build($state),
            }),+];

            fn state() -> &'static StateCell {
                static STATE: StateCell = StateCell::new();
                &STATE
            }
        }
        Plugin::exporting::<Exporting>()
    }};
}

fn text(result: Result<Value, Value>) -> String {
    let result = result.expect("a result");
    result["content"][0]["text"]
        .as_str()
        .expect("one text")
        .to_owned()
}

/// The shared state of the tools of this module.
#[derive(Debug)]
struct Counter(AtomicU32);

/// Count.
#[tool]
fn count(counter: State<Counter>) -> u32 {
    counter.0.fetch_add(1, Ordering::Relaxed)
}

/// Count as well.
#[tool]
async fn count_later(step: u32, counter: State<Counter>) -> u32 {
    tokio::task::yield_now().await;
    counter.0.fetch_add(step, Ordering::Relaxed)
}

/// Needs nothing.
#[tool]
fn need_nothing() -> &'static str {
    "nothing"
}

/// A constructor that counts how often it runs.
macro_rules! builds {
    ($(#[$async:ident])? $name:ident -> $ty:ty, $run:ident => $body:expr) => {
        static RUNS: AtomicU32 = AtomicU32::new(0);

        $($async)? fn $name() -> $ty {
            let $run = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
            $body
        }
    };
}

#[test]
fn the_first_call_that_needs_it_builds_it_and_all_tools_share_it() {
    builds!(build -> Counter, _run => Counter(AtomicU32::new(10)));

    let plugin = plugin!(state = build, count, need_nothing, count_later);
    plugin.declaration();
    assert_eq!(text(plugin.call("need_nothing", "")), "nothing");
    // Arguments are decoded first: a call that does not run needs no state.
    assert!(plugin.call("count", r#"{"x":1}"#).is_err());
    assert!(plugin.call("count_later", "{}").is_err());
    assert_eq!(RUNS.load(Ordering::Relaxed), 0, "nobody needed it");
    assert_eq!(text(plugin.call("count", "")), "10");
    assert_eq!(text(plugin.call("count_later", r#"{"step":5}"#)), "11");
    assert_eq!(text(plugin.call("count", "")), "16");
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[test]
fn first_calls_at_once_build_it_once() {
    static MEET: Barrier = Barrier::new(8);
    builds!(build -> Counter, _run => {
        thread::sleep(Duration::from_millis(20));
        Counter(AtomicU32::new(0))
    });

    let plugin = plugin!(state = build, count);
    let mut counts: Vec<u32> = thread::scope(|scope| {
        let call = || {
            scope.spawn(|| {
                MEET.wait();
                text(plugin.call("count", ""))
            })
        };
        let calls: Vec<_> = (0..8).map(|_| call()).collect();
        let calls = calls.into_iter();
        calls
            .map(|call| call.join().expect("no panic").parse().expect("a number"))
            .collect()
    });
    counts.sort_unstable();
    assert_eq!(counts, (0..8).collect::<Vec<_>>());
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[test]
fn preparing_builds_it_before_the_first_call() {
    builds!(build -> Counter, _run => Counter(AtomicU32::new(10)));

    let plugin = plugin!(state = build, need_nothing, count, count_later);
    for _ in 0..2 {
        assert_eq!(plugin.invoke(op::PREPARE, "", "{}"), Ok(json!({})));
        assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    }
    assert_eq!(text(plugin.call("count", "")), "10");
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[test]
fn a_failed_preparation_fails_no_call() {
    builds!(build -> Result<Counter, NoDatabase>, run => match run {
        1 => Err(NoDatabase(fmt::Error)),
        2 => panic!("a builder that panics"),
        _ => Ok(Counter(AtomicU32::new(run))),
    });

    let plugin = plugin!(state = build, count);
    for kind in ["unavailable", "panic"] {
        let failure = plugin.invoke(op::PREPARE, "", "{}").expect_err("no state");
        assert_eq!(failure["kind"], kind);
    }
    assert_eq!(text(plugin.call("count", "")), "3");
}

#[test]
fn a_plugin_without_state_has_nothing_to_prepare() {
    let plugin = Plugin::of::<need_nothing>();
    assert_eq!(plugin.invoke(op::PREPARE, "", "{}"), Ok(json!({})));
}

/// A failure with a cause.
#[derive(Debug)]
struct NoDatabase(fmt::Error);

impl fmt::Display for NoDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no database at db.internal:5432")
    }
}

impl Error for NoDatabase {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn a_failure_costs_the_call_and_the_next_one_tries_again() {
    builds!(build -> Result<Counter, NoDatabase>, run => match run {
        1 | 2 => Err(NoDatabase(fmt::Error)),
        _ => Ok(Counter(AtomicU32::new(run))),
    });

    let plugin = plugin!(state = build, count);
    for _ in 0..2 {
        let failure = plugin.call("count", "").expect_err("no state");
        assert_eq!(failure["kind"], "unavailable");
        assert_eq!(
            failure.get("public"),
            None,
            "the reason is for the operator only"
        );
        let detail = failure["detail"].as_str().expect("a detail");
        assert!(
            detail.contains("cannot be built: no database at db.internal:5432"),
            "{detail}"
        );
        assert!(
            detail.contains(&fmt::Error.to_string()),
            "its cause: {detail}"
        );
    }
    assert_eq!(text(plugin.call("count", "")), "3");
    assert_eq!(RUNS.load(Ordering::Relaxed), 3);
}

#[test]
fn errors_of_every_type_have_a_message() {
    fn of_anyhow() -> anyhow::Result<Counter> {
        Err(anyhow::Error::new(fmt::Error).context("outer"))
    }

    fn boxed() -> Result<Counter, Box<dyn Error>> {
        Err(NoDatabase(fmt::Error))?
    }

    fn of_sdk() -> Result<Counter, ToolError> {
        Err(NoDatabase(fmt::Error))?
    }

    fn words() -> Result<Counter, &'static str> {
        Err("just words")
    }

    let (cause, database) = (fmt::Error.to_string(), "no database at db.internal:5432");
    for (plugin, words) in [
        (plugin!(state = of_anyhow, count), format!("outer: {cause}")),
        (
            plugin!(state = boxed, count),
            format!("{database}: {cause}"),
        ),
        (
            plugin!(state = of_sdk, count),
            format!("{database}: {cause}"),
        ),
        (plugin!(state = words, count), "just words".to_owned()),
    ] {
        let failure = plugin.call("count", "").expect_err("no state");
        let detail = format!("the plugin's state cannot be built: {words}");
        assert_eq!(failure, json!({"kind": "unavailable", "detail": detail}));
    }
}

#[test]
fn a_panic_costs_the_call_and_the_next_one_tries_again() {
    builds!(build -> Counter, run => {
        assert!(run > 1, "no state today");
        Counter(AtomicU32::new(7))
    });

    let plugin = plugin!(state = build, count);
    let failure = plugin.call("count", "").expect_err("a panic");
    assert_eq!(failure["kind"], "panic");
    let detail = failure["detail"].as_str().expect("a detail");
    assert!(detail.starts_with("no state today at "), "{detail}");
    assert_eq!(text(plugin.call("count", "")), "7");
}

#[test]
fn an_async_function_builds_the_state_on_the_plugins_runtime() {
    async fn build() -> Counter {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let start = tokio::spawn(async { 3 }).await;
        Counter(AtomicU32::new(start.unwrap_or_default()))
    }

    let plugin = plugin!(state = build, count, count_later);
    assert_eq!(text(plugin.call("count_later", r#"{"step":2}"#)), "3");
    assert_eq!(text(plugin.call("count", "")), "5");
}

#[test]
fn an_async_function_may_fail_or_panic() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    async fn build() -> Result<Counter, ToolError> {
        tokio::task::yield_now().await;
        match RUNS.fetch_add(1, Ordering::Relaxed) {
            0 => Err(ToolError::new("not yet")),
            1 => panic!("nor now"),
            run => Ok(Counter(AtomicU32::new(run))),
        }
    }

    let plugin = plugin!(state = build, count);
    let failure = plugin.call("count", "").expect_err("no state");
    assert_eq!(failure["kind"], "unavailable");
    let failure = plugin.call("count", "").expect_err("no state");
    assert_eq!(failure["kind"], "panic");
    assert_eq!(text(plugin.call("count", "")), "2");
}

#[test]
fn a_state_is_built_to_its_end_after_its_call_timed_out() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    static GO_ON: Notify = Notify::const_new();

    async fn build() -> Counter {
        RUNS.fetch_add(1, Ordering::Relaxed);
        GO_ON.notified().await;
        Counter(AtomicU32::new(7))
    }

    let plugin = plugin!(state = build, count);
    let (first, second) = (Call::new(), Call::new());
    thread::scope(|scope| {
        let one = scope.spawn(|| first.of(plugin, "count", ""));
        while RUNS.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        let other = scope.spawn(|| second.of(plugin, "count", ""));
        plugin.cancel(first.id);
        GO_ON.notify_one();
        let cancelled = Err(json!({"kind": "cancelled"}));
        assert_eq!(one.join().expect("no panic"), cancelled);
        assert_eq!(text(other.join().expect("no panic")), "7");
    });
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[test]
fn init_does_not_build_the_state() {
    fn build() -> Result<Counter, &'static str> {
        Err("never")
    }

    let plugin = plugin!(state = build, count, need_nothing);
    let declaration = plugin.invoke(op::INIT, "", r#"{"payloads":[1]}"#);
    assert_eq!(
        declaration.expect("a declaration")["tools"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(text(plugin.call("need_nothing", "")), "nothing");
}

#[test]
fn two_plugins_of_one_process_have_states_of_their_own() {
    fn one() -> Counter {
        Counter(AtomicU32::new(1))
    }

    fn hundred() -> Counter {
        Counter(AtomicU32::new(100))
    }

    let (ones, hundreds) = (plugin!(state = one, count), plugin!(state = hundred, count));
    assert_eq!(text(ones.call("count", "")), "1");
    assert_eq!(text(hundreds.call("count", "")), "100");
    assert_eq!(text(ones.call("count", "")), "2");
}

/// A tool may keep what it was handed.
#[test]
fn a_state_lives_as_long_as_the_process() {
    static KEPT: Mutex<Option<&'static Counter>> = Mutex::new(None);

    #[tool(description = "-")]
    fn keep(counter: State<Counter>) -> String {
        *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = Some(counter.get());
        format!("{counter:?}")
    }

    fn build() -> Counter {
        Counter(AtomicU32::new(4))
    }

    let plugin = plugin!(state = build, keep);
    assert_eq!(text(plugin.call("keep", "")), "Counter(4)");
    let kept = KEPT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .expect("kept");
    assert_eq!(kept.0.load(Ordering::Relaxed), 4);
}
