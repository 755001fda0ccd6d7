//! The promises of `plugin_sdk::testing` to authors. It has a process of its own, because it is the host here, and a
//! plugin has only one.

mod calls;
mod declarations;
mod inputs;
mod state;

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, mpsc::Receiver},
    time::Duration,
};

use plugin_sdk::{
    Elicit, Handle, InputError, LogLevel, Roots, Sample, StateError, log, prelude::*,
    serde_json::json, testing::plugin,
};

/// Return the facts of the context.
///
/// # Arguments
/// * `header` - A header's name.
#[tool(read_only, timeout = "60m")]
fn look(context: Context, header: Option<String>) -> Json<Vec<String>> {
    let client = context
        .client()
        .map(|client| format!("{} {}", client.name, client.version));
    Json(vec![
        client.unwrap_or_default(),
        json!(context.client_capabilities()).to_string(),
        context.principal().unwrap_or_default().to_owned(),
        json!(context.claims()).to_string(),
        header
            .and_then(|name| context.header(&name).map(str::to_owned))
            .unwrap_or_default(),
        context.trace().traceparent.clone().unwrap_or_default(),
        context.protocol_version().to_owned(),
        context
            .remaining()
            .map_or(0, |left| left.as_secs().div_ceil(60))
            .to_string(),
    ])
}

/// Send progress and messages of all kinds.
#[tool]
fn tell(context: Context) -> ToolResult {
    context.progress(1.0, Some(2.0), Some("half"));
    context.progress(2.0, None, None);
    context.log(LogLevel::Debug, json!({"a": 1}));
    log::info!(target: "of.tests", "a line");
    log::trace!(target: "of.tests", "a detail");
    ToolResult::text("one")
        .with("two")
        .with_meta("example.com/a", 1)
}

/// Fail in a way.
#[tool]
fn fail(how: String) -> Result<Json<u8>, ToolError> {
    match how.as_str() {
        "protocol" => Err(ToolError::protocol(7, "of the protocol")),
        "panic" => panic!("a panic of the tool"),
        "own" => Err(ToolError::new("an error")),
        _ => Ok(Json(1)),
    }
}

/// Wait for long.
#[tool]
async fn wait(seconds: u64) -> &'static str {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    "waited"
}

/// Wait for longer than it may.
#[tool(timeout = "20ms")]
async fn wait_too_long() {
    std::future::pending().await
}

/// Work until the call is cancelled.
#[tool]
fn work(context: Context) -> &'static str {
    while !context.cancelled() {
        std::thread::yield_now();
    }
    "stopped"
}

/// Work for longer than it may, and do not ask.
#[tool(timeout = "200ms")]
fn stubborn(count: u8, context: Context) -> &'static str {
    context.progress(f64::from(count), None, None);
    log::info!("begun");
    std::thread::sleep(Duration::from_secs(3));
    "done"
}

/// Give what its schema does not say.
#[tool(
    output_schema = r#"{"type":"object","required":["a"],"properties":{"a":{"type":"integer"}}}"#
)]
fn structured(how: u8) -> Result<ToolResult, ToolError> {
    let result = ToolResult::text("structured");
    Ok(match how {
        0 => result.with_structured(&json!({"a": 1})),
        1 => result.with_structured(&json!({"a": "1"})),
        2 => result.with_structured(&json!({})),
        3 => result,
        4 => result.as_error(),
        5 => return Err(ToolError::protocol(1, "none")),
        _ => panic!("none"),
    })
}

/// Numbers within limits.
#[tool]
fn numbers(#[schemars(range(min = 1, max = 10))] count: u8, list: Vec<i64>) -> String {
    format!("{count} {list:?}")
}

/// A number that is one.
#[tool(strict)]
fn strictly(count: u8) -> u8 {
    count
}

/// A place, and for how long.
#[data]
struct Destination {
    city: String,
    #[schemars(range(max = 365))]
    days: u16,
}

/// Plan a trip.
#[tool]
fn trip(context: Context) -> Result<String, ToolError> {
    let Destination { city, days } = context.elicit("where", "Where to?")?;
    let (wish, roots) = context.ask((Sample::new("wish", "A wish, please.", 10), Roots))?;
    let roots: Vec<_> = roots.into_iter().map(|root| root.uri).collect();
    Ok(format!("{city} {days} {} {}", wish.text(), roots.join(" ")))
}

#[data]
struct Nested {
    inner: Destination,
}

#[data]
struct Coded {
    #[schemars(regex(pattern = "^[a-z]+$"))]
    code: Option<String>,
    count: u8,
}

#[data]
struct Picky {
    #[serde(deserialize_with = "even")]
    even: u8,
}

fn even<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let number: u8 = Deserialize::deserialize(deserializer)?;
    match number % 2 {
        0 => Ok(number),
        _ => Err(serde::de::Error::custom(format!("{number} is odd"))),
    }
}

/// Ask as one should not.
#[tool]
fn ask_wrongly(how: String, context: Context) -> Result<String, InputError> {
    Ok(match how.as_str() {
        "twice" => {
            let question = |text| Elicit::<Picky>::new("a", text);
            let (one, two) = context.ask((question("one"), question("two")))?;
            (one.even + two.even).to_string()
        }
        "nested" => context.elicit::<Nested>("a", "")?.inner.city,
        "nowhere" => {
            context.elicit_url("a", "Please sign in.", "/sign-in")?;
            String::new()
        }
        "coded" => {
            let Coded { code, count } = context.elicit("a", "")?;
            format!("{code:?} {count}")
        }
        _ => context.elicit::<Picky>("a", "")?.even.to_string(),
    })
}

/// The shared state of the tools.
struct Built(std::sync::atomic::AtomicU32);

async fn build() -> Result<Built, std::num::ParseIntError> {
    tokio::task::yield_now().await;
    Ok(Built(std::sync::atomic::AtomicU32::new("5".parse()?)))
}

/// Count on.
#[tool]
async fn count(state: State<Built>) -> u32 {
    state.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// The outcome of a call of `keep` after its end.
static LATE: Mutex<Option<Receiver<Late>>> = Mutex::new(None);

type Late = Result<Option<String>, StateError>;

/// Keep something in a way.
#[tool]
fn keep(how: String, handle: Option<Handle>, context: Context) -> Result<String, String> {
    let state = match &handle {
        Some(handle) => context.state().at(handle),
        None => context.state(),
    };
    let with_kind = |error: StateError| format!("{:?}: {error}", error.kind());
    if how == "spend" {
        // Nothing is kept of what was refused.
        let spend = |text: &mut String| match text.pop() {
            Some('+') => Ok(text.clone()),
            _ => Err(ToolError::new("nothing is left")),
        };
        return state.try_update(spend).map_err(|error| error.to_string());
    }
    if how.starts_with("overtaken") {
        state.set(&how).map_err(with_kind)?;
        // Another call, while this one goes on.
        let other = || {
            plugin()
                .tool("keep")
                .in_session("overtaken")
                .call(json!({ "how": "update" }))
        };
        std::thread::spawn(other).join().map_err(|_| "a panic")?;
        if how == "overtaken in an update" {
            let add = |text: &mut String| text.push('+');
            state.update(add).map_err(with_kind)?;
        }
        return Ok("not noticed".to_owned());
    }
    if how.starts_with("set") {
        state.set(&how).map_err(with_kind)?;
    }
    match how.as_str() {
        "get" => {
            let kept: Option<String> = state.get().map_err(with_kind)?;
            return Ok(json!(kept).to_string());
        }
        "set and fail" => return Err("failed".to_owned()),
        "set and panic" => panic!("a panic"),
        "set and ask" => {
            return context
                .roots()
                .map(|_| how)
                .map_err(|error| error.to_string());
        }
        "update" | "set and update" => {
            let add = |text: &mut String| text.push('+');
            state.update(add).map_err(with_kind)?;
        }
        "delete" => state.delete().map_err(with_kind)?,
        "create" => return Ok(state.create("created").map_err(with_kind)?.to_string()),
        "large" => state.set(&"x".repeat(400_000)).map_err(with_kind)?,
        "handle" => {
            let handle = "never".parse().map_err(|_| "no handle")?;
            let found: Option<String> = context.state().at(&handle).get().map_err(with_kind)?;
            return Ok(format!("{found:?}"));
        }
        "no number" => state.set(&[1.0, f64::NAN]).map_err(with_kind)?,
        "late" => {
            // The call has ended, so it cannot be stored any more.
            let (sender, heard) = std::sync::mpsc::channel();
            LATE.lock().map_err(|_| "a panic")?.replace(heard);
            let state = state.clone();
            std::thread::spawn(move || {
                while state.get::<String>().is_ok() {
                    std::thread::yield_now();
                }
                sender.send(state.get::<String>())
            });
        }
        "type" => {
            state.set(&1).map_err(with_kind)?;
            state.get::<Vec<u8>>().map_err(with_kind)?;
        }
        _ => {}
    }
    Ok("done".to_owned())
}

export_tools!(
    state = build,
    look,
    tell,
    fail,
    wait,
    wait_too_long,
    work,
    stubborn,
    structured,
    numbers,
    strictly,
    trip,
    ask_wrongly,
    count,
    keep
);

/// The message of the panic that this is to be.
fn panic_of<T>(work: impl FnOnce() -> T) -> String {
    let Err(panic) = panic::catch_unwind(AssertUnwindSafe(work)) else {
        panic!("no panic");
    };
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast_ref::<&str>().expect("a text").to_string(),
    }
}
