//! Async tools: how calls share the plugin's runtime, and how they end.

use std::{
    future::{Future, pending, poll_fn},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Barrier, LazyLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    task::Poll,
    thread,
    time::{Duration, SystemTime},
};

use plugin_abi::host_op;
use plugin_sdk::{
    LogLevel,
    prelude::*,
    serde_json::{Value, json},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::host::{Call, Plugin, process_logs};

fn text(result: Result<Value, Value>) -> String {
    let result = result.expect("a result");
    result["content"][0]["text"]
        .as_str()
        .expect("one text")
        .to_owned()
}

fn cancelled() -> Result<Value, Value> {
    Err(json!({"kind": "cancelled"}))
}

/// A call with a tool that can report a point in its run.
fn call() -> Call {
    Call::new().with_context(json!({"logLevel": "debug"}))
}

/// Sends a message: the tool has reached this point.
fn so_far(context: &Context) {
    context.log(LogLevel::Info, "so far");
}

fn wait_for(call: &Call) {
    while call.host_requests(host_op::MESSAGE).is_empty() {
        thread::yield_now();
    }
}

/// Sets it when it is dropped.
struct Sets(&'static AtomicBool);

impl Drop for Sets {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The log's lines of the process that mention this.
fn lines_with(word: &str) -> usize {
    let lines = process_logs().into_iter();
    lines
        .filter(|line| {
            line["message"]
                .as_str()
                .is_some_and(|message| message.contains(word))
        })
        .count()
}

#[test]
fn calls_at_once_wait_for_each_other_without_a_thread_more() {
    static MEET: LazyLock<tokio::sync::Barrier> = LazyLock::new(|| tokio::sync::Barrier::new(8));

    /// Goes on only when eight calls do.
    #[tool]
    async fn meet(number: u32) -> u32 {
        for _ in 0..3 {
            MEET.wait().await;
        }
        number
    }

    let plugin = Plugin::of::<meet>();
    thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|number| {
                scope.spawn(move || {
                    text(plugin.call("meet", &json!({ "number": number }).to_string()))
                })
            })
            .collect();
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(call.join().expect("no panic"), number.to_string());
        }
    });
}

#[test]
fn a_cancelled_call_ends_and_what_its_future_had_is_dropped() {
    static DROPPED: AtomicBool = AtomicBool::new(false);

    #[tool(description = "-")]
    async fn hold(context: Context) {
        let _guard = Sets(&DROPPED);
        so_far(&context);
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }

    let plugin = Plugin::of::<hold>();
    let call = call();
    thread::scope(|scope| {
        let result = scope.spawn(|| call.of(plugin, "hold", ""));
        wait_for(&call);
        assert!(!DROPPED.load(Ordering::SeqCst));
        plugin.cancel(call.id);
        assert_eq!(result.join().expect("no panic"), cancelled());
        assert!(DROPPED.load(Ordering::SeqCst));
    });
    // It is over: there is nothing to cancel.
    plugin.cancel(call.id);
}

/// The host calls again under the same number, when it has corrected the arguments.
#[test]
fn a_reused_call_number_is_not_cancelled() {
    let plugin = Plugin::of::<sleep>();
    let call = Call::new();
    assert!(call.of(plugin, "sleep", r#"{"ms":"1"}"#).is_err());
    plugin.cancel(call.id);
    assert_eq!(text(call.of(plugin, "sleep", r#"{"ms":1}"#)), "1");
    plugin.cancel(call.id);
    assert_eq!(text(call.of(plugin, "sleep", r#"{"ms":0}"#)), "0");
}

#[test]
fn cancel_reaches_only_the_named_call() {
    static GO_ON: tokio::sync::Notify = tokio::sync::Notify::const_new();

    #[tool(description = "-")]
    async fn notified(context: Context) -> &'static str {
        so_far(&context);
        GO_ON.notified().await;
        "notified"
    }

    let plugin = Plugin::of::<notified>();
    let (one, other) = (call(), call());
    thread::scope(|scope| {
        let first = scope.spawn(|| one.of(plugin, "notified", ""));
        let second = scope.spawn(|| other.of(plugin, "notified", ""));
        wait_for(&one);
        wait_for(&other);
        plugin.cancel(one.id);
        assert_eq!(first.join().expect("no panic"), cancelled());
        GO_ON.notify_waiters();
        assert_eq!(text(second.join().expect("no panic")), "notified");
    });
}

#[test]
fn a_call_cancelled_before_its_first_poll_does_not_begin() {
    static BEGAN: AtomicBool = AtomicBool::new(false);

    #[tool(description = "-")]
    async fn begin(#[arg(default = own_cancel())] _cancelled: bool) {
        BEGAN.store(true, Ordering::SeqCst);
    }

    thread_local! {
        static OWN: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }

    /// The call cancels itself while its arguments are decoded.
    fn own_cancel() -> bool {
        Plugin::of::<begin>().cancel(OWN.get());
        true
    }

    let call = Call::new();
    OWN.set(call.id);
    assert_eq!(call.of(Plugin::of::<begin>(), "begin", ""), cancelled());
    assert!(!BEGAN.load(Ordering::SeqCst));
}

/// The host has not notified the plugin then: the plugin did not know the call yet.
#[test]
fn a_call_cancelled_before_it_arrived_does_not_begin() {
    let plugin = Plugin::of::<sleep>();
    let deadline = SystemTime::now() + Duration::from_secs(3600);
    let body = r#"{"ms":0}"#;
    let late = Call::new().until(deadline).cancelled();
    assert_eq!(late.of(plugin, "sleep", body), cancelled());
    let in_time = Call::new().until(deadline);
    assert_eq!(text(in_time.of(plugin, "sleep", body)), "0");
    assert_eq!(in_time.host_requests(host_op::CANCELLED), [Value::Null]);
    // Without a limit the host is not asked.
    let endless = Call::new();
    assert_eq!(text(endless.of(plugin, "sleep", body)), "0");
    assert!(endless.host_requests(host_op::CANCELLED).is_empty());
    // A host that does not say, or says nothing of use.
    let unheard = Call::new().until(deadline).forgotten();
    assert_eq!(text(unheard.of(plugin, "sleep", body)), "0");
}

#[test]
fn a_call_cancelled_as_it_ends_either_succeeds_or_is_cancelled() {
    #[tool(description = "-")]
    async fn race(context: Context, steps: u32) -> &'static str {
        so_far(&context);
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
        "done"
    }

    let plugin = Plugin::of::<race>();
    let (mut ends, rounds) = ([0, 0], 300);
    for round in 0..rounds {
        let call = call();
        let body = json!({ "steps": round % 10 }).to_string();
        let result = thread::scope(|scope| {
            let result = scope.spawn(|| call.of(plugin, "race", &body));
            if round % 2 == 0 {
                wait_for(&call);
            }
            plugin.cancel(call.id);
            result.join().expect("no panic")
        });
        if result == cancelled() {
            ends[0] += 1;
        } else {
            assert_eq!(text(result), "done");
            ends[1] += 1;
        }
    }
    assert_eq!(ends[0] + ends[1], rounds, "{ends:?}");
}

#[test]
fn a_panic_anywhere_fails_only_its_call() {
    #[tool(description = "-")]
    async fn explode(after: bool, drop: bool) {
        struct Explosive;

        impl Drop for Explosive {
            fn drop(&mut self) {
                if !thread::panicking() {
                    panic!("while it is dropped");
                }
            }
        }

        let _explosive = drop.then(|| Explosive);
        if after {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
            if !drop {
                panic!("after an await");
            }
        } else if !drop {
            panic!("before any await");
        }
    }

    let plugin = Plugin::of::<explode>();
    for (after, drop, message) in [
        (false, false, "before any await at "),
        (true, false, "after an await at "),
        (true, true, "while it is dropped at "),
        (false, true, "while it is dropped at "),
    ] {
        let body = json!({"after": after, "drop": drop}).to_string();
        let failure = plugin.call("explode", &body).expect_err("a panic");
        assert_eq!(failure["kind"], "panic", "{body}");
        let detail = failure["detail"].as_str().expect("a detail");
        assert!(detail.starts_with(message), "{body}: {detail}");
    }
    // The runtime goes on.
    assert_eq!(
        text(Plugin::of::<sleep>().call("sleep", r#"{"ms":1}"#)),
        "1"
    );
}

/// Sleep.
#[tool]
async fn sleep(ms: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    ms
}

#[test]
fn a_panic_while_a_cancelled_future_is_dropped_is_a_panic_of_its_call() {
    #[tool(description = "-")]
    async fn drops_badly(context: Context) {
        struct Explosive;

        impl Drop for Explosive {
            fn drop(&mut self) {
                panic!("cancelled badly");
            }
        }

        let _explosive = Explosive;
        so_far(&context);
        pending().await
    }

    let plugin = Plugin::of::<drops_badly>();
    let call = call();
    thread::scope(|scope| {
        let result = scope.spawn(|| call.of(plugin, "drops_badly", ""));
        wait_for(&call);
        plugin.cancel(call.id);
        let failure = result.join().expect("no panic").expect_err("a panic");
        assert_eq!(failure["kind"], "panic");
    });
}

#[test]
fn a_panic_of_a_task_is_logged_and_reaches_its_awaiter() {
    #[tool(description = "-")]
    async fn awaits() -> Result<(), String> {
        let task = tokio::spawn(async { panic!("in an awaited task") });
        task.await
            .map_err(|error| format!("is panic: {}", error.is_panic()))
    }

    #[tool(description = "-")]
    async fn forgets() -> &'static str {
        drop(tokio::spawn(async { panic!("in a forgotten task") }));
        // The task has its turn.
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        "done"
    }

    #[tool(description = "-")]
    async fn resumes() {
        let task = tokio::spawn(async { assert!(lines_with("never") > 0, "in a resumed task") });
        let Err(error) = task.await else {
            return;
        };
        std::panic::resume_unwind(error.into_panic());
    }

    Plugin::of::<awaits>().declaration();
    let result = Plugin::of::<awaits>().call("awaits", "");
    assert_eq!(text(result), "is panic: true");
    assert_eq!(text(Plugin::of::<forgets>().call("forgets", "")), "done");
    let failure = Plugin::of::<resumes>()
        .call("resumes", "")
        .expect_err("a panic");
    let detail = failure["detail"].as_str().expect("a detail");
    assert!(detail.starts_with("in a resumed task"), "{detail}");
    // Another call may have run the task, and reports that at its end.
    for word in ["in an awaited task", "in a forgotten task"] {
        let mut waited = 0;
        while lines_with(word) == 0 && waited < 1000 {
            thread::sleep(Duration::from_millis(10));
            waited += 1;
        }
        assert_eq!(lines_with(word), 1, "{word}");
    }
}

#[test]
fn sockets_and_timers_work() {
    /// Say something to oneself over a socket.
    #[tool]
    async fn over_a_socket(text: String) -> Result<String, ToolError> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await?;
            let mut text = String::new();
            socket.read_to_string(&mut text).await?;
            std::io::Result::Ok(text)
        });
        let mut client = tokio::net::TcpStream::connect(address).await?;
        client.write_all(text.as_bytes()).await?;
        client.shutdown().await?;
        drop(client);
        Ok(tokio::time::timeout(Duration::from_secs(30), server).await???)
    }

    let plugin = Plugin::of::<over_a_socket>();
    assert_eq!(
        text(plugin.call("over_a_socket", r#"{"text":"hello"}"#)),
        "hello"
    );
    thread::scope(|scope| {
        let calls: Vec<_> = (0..4)
            .map(|number| {
                let body = json!({ "text": number.to_string() }).to_string();
                scope.spawn(move || text(plugin.call("over_a_socket", &body)))
            })
            .collect();
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(call.join().expect("no panic"), number.to_string());
        }
    });
}

/// The thread of one call drives the timers of all: when it ends, another takes over.
#[test]
fn a_call_goes_on_when_the_one_that_drives_the_runtime_ends() {
    static END: tokio::sync::Notify = tokio::sync::Notify::const_new();

    #[tool(description = "-")]
    async fn drive(panics: bool, context: Context) {
        so_far(&context);
        END.notified().await;
        assert!(!panics, "ends badly");
    }

    #[tool(description = "-")]
    async fn follow(context: Context) -> &'static str {
        so_far(&context);
        END.notify_one();
        // Runs out only after the driver has ended, as it was begun later.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (send, receive) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let _ = send.send(());
        });
        receive.await.map_or("lost", |()| "went on")
    }

    for panics in [false, true] {
        let (driver, follower) = (call(), call());
        let body = json!({ "panics": panics }).to_string();
        thread::scope(|scope| {
            let drives = scope.spawn(|| driver.of(Plugin::of::<drive>(), "drive", &body));
            wait_for(&driver);
            let follows = scope.spawn(|| follower.of(Plugin::of::<follow>(), "follow", ""));
            assert_eq!(text(follows.join().expect("no panic")), "went on");
            assert_eq!(drives.join().expect("no panic").is_err(), panics);
        });
    }
}

#[test]
fn blocking_work_runs_on_threads_of_its_own() {
    static MEET: Barrier = Barrier::new(3);

    #[tool(description = "-")]
    async fn blocks() -> Result<bool, ToolError> {
        let own = thread::current().id();
        let other = tokio::task::spawn_blocking(|| {
            MEET.wait();
            thread::current().id()
        });
        Ok(other.await? != own)
    }

    let plugin = Plugin::of::<blocks>();
    thread::scope(|scope| {
        let calls: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| text(plugin.call("blocks", ""))))
            .collect();
        for call in calls {
            assert_eq!(call.join().expect("no panic"), "true");
        }
    });
}

#[test]
fn a_destructor_of_a_cancelled_call_may_spawn() {
    static CLEANED: AtomicBool = AtomicBool::new(false);

    struct Cleans;

    impl Drop for Cleans {
        fn drop(&mut self) {
            tokio::spawn(async { CLEANED.store(true, Ordering::SeqCst) });
        }
    }

    #[tool(description = "-")]
    async fn cleans(context: Context) {
        let _cleans = Cleans;
        so_far(&context);
        pending().await
    }

    let plugin = Plugin::of::<cleans>();
    let call = call();
    thread::scope(|scope| {
        let result = scope.spawn(|| call.of(plugin, "cleans", ""));
        wait_for(&call);
        plugin.cancel(call.id);
        assert_eq!(result.join().expect("no panic"), cancelled());
    });
    // A spawned task pauses until the next call.
    assert_eq!(
        text(Plugin::of::<sleep>().call("sleep", r#"{"ms":5}"#)),
        "5"
    );
    assert!(CLEANED.load(Ordering::SeqCst));
}

#[test]
fn blocking_on_a_runtime_within_a_tool_is_a_panic_and_no_hang() {
    #[tool(description = "-")]
    async fn handle() {
        tokio::runtime::Handle::current().block_on(async {});
    }

    #[tool(description = "-")]
    async fn another() -> Result<(), ToolError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(async {});
        Ok(())
    }

    for failure in [
        Plugin::of::<handle>().call("handle", ""),
        Plugin::of::<another>().call("another", ""),
    ] {
        let failure = failure.expect_err("a panic");
        assert_eq!(failure["kind"], "panic");
        let detail = failure["detail"].as_str().expect("a detail");
        assert!(
            detail.contains("Cannot start a runtime from within a runtime"),
            "{detail}"
        );
    }
    assert_eq!(
        text(Plugin::of::<sleep>().call("sleep", r#"{"ms":1}"#)),
        "1"
    );
}

#[test]
fn a_sync_tool_has_no_runtime_and_may_have_its_own() {
    #[tool(description = "-")]
    fn own_runtime() -> Result<u8, ToolError> {
        let none = tokio::runtime::Handle::try_current().is_err();
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(runtime.block_on(async { u8::from(none) }))
    }

    assert_eq!(
        text(Plugin::of::<own_runtime>().call("own_runtime", "")),
        "1"
    );
}

#[test]
fn futures_need_not_be_send() {
    #[tool(description = "-")]
    async fn local(words: Vec<String>) -> usize {
        let shared = std::rc::Rc::new(std::cell::Cell::new(0));
        for word in &words {
            tokio::task::yield_now().await;
            shared.set(shared.get() + word.len());
        }
        shared.get()
    }

    let plugin = Plugin::of::<local>();
    assert_eq!(text(plugin.call("local", r#"{"words":["a","bc"]}"#)), "3");
}

#[test]
fn a_tool_may_catch_a_panic_of_its_own_future() {
    #[tool(description = "-")]
    async fn catches() -> bool {
        let mut inner = pin!(async { panic!("caught by its own tool") });
        poll_fn(|context| {
            let polled =
                std::panic::catch_unwind(AssertUnwindSafe(|| inner.as_mut().poll(context)));
            Poll::Ready(polled.is_err())
        })
        .await
    }

    let plugin = Plugin::of::<catches>();
    plugin.declaration();
    let call = Call::new();
    assert_eq!(text(call.of(plugin, "catches", "")), "true");
    assert_eq!(call.host_requests(host_op::LOG).len(), 1, "on its call");
}

#[test]
fn a_result_of_an_async_tool_is_as_any_other() {
    #[tool(description = "-")]
    async fn fails(protocol: bool) -> Result<Json<u8>, ToolError> {
        Err(if protocol {
            ToolError::protocol(5, "p")
        } else {
            ToolError::new("no")
        })
    }

    let plugin = Plugin::of::<fails>();
    assert_eq!(
        plugin.call("fails", r#"{"protocol":true}"#),
        Err(json!({"kind": "protocol", "code": 5, "public": "p"}))
    );
    assert_eq!(
        plugin
            .call("fails", r#"{"protocol":false}"#)
            .expect("a result")["isError"],
        true
    );
    assert_eq!(
        plugin.call("fails", "").expect_err("no argument")["kind"],
        "invalid_arguments"
    );
}

#[test]
fn many_calls_leave_nothing_behind() {
    static RUNNING: AtomicU32 = AtomicU32::new(0);

    struct Counted;

    impl Drop for Counted {
        fn drop(&mut self) {
            RUNNING.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[tool(description = "-")]
    async fn mixed(number: u32, context: Context) -> Result<u32, ToolError> {
        RUNNING.fetch_add(1, Ordering::SeqCst);
        let _counted = Counted;
        so_far(&context);
        match number % 4 {
            0 => pending().await,
            1 => {
                tokio::time::sleep(Duration::from_millis(number.into())).await;
                Ok(number)
            }
            2 => panic!("{number}"),
            _ => tokio::spawn(async move { Ok(number) }).await?,
        }
    }

    let plugin = Plugin::of::<mixed>();
    thread::scope(|scope| {
        for number in 0..24_u32 {
            scope.spawn(move || {
                let call = call();
                let body = json!({ "number": number }).to_string();
                let (done, end) = mpsc::channel();
                thread::scope(|scope| {
                    let (call, body) = (&call, &body);
                    scope.spawn(move || done.send(call.of(plugin, "mixed", body)));
                    if number % 4 == 0 {
                        wait_for(call);
                        plugin.cancel(call.id);
                    }
                    let result = end
                        .recv_timeout(Duration::from_secs(60))
                        .expect("every call ends");
                    match number % 4 {
                        0 => assert_eq!(result, cancelled()),
                        2 => assert_eq!(result.expect_err("a panic")["kind"], "panic"),
                        _ => assert_eq!(text(result), number.to_string()),
                    }
                });
            });
        }
    });
    assert_eq!(RUNNING.load(Ordering::SeqCst), 0);
    assert_eq!(text(Plugin::of::<wait_not>().call("wait_not", "")), "");
}

/// Wait for nothing at all.
#[tool]
async fn wait_not() -> String {
    String::new()
}
