//! The processes that exist, their environment, and their end.

use lambda_local::{Function, Invocation, InvokeError, ResponseMode};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::harness::{arrival, body_of, event, gone, well_behaved};

#[tokio::test]
async fn a_warm_environment_is_used_again() {
    let function = Function::new(well_behaved());
    let first = function
        .invoke(&event("/echo", ""))
        .await
        .expect("an answer");
    for _ in 0..20 {
        let next = function
            .invoke(&event("/echo", ""))
            .await
            .expect("an answer");
        assert_eq!(body_of(&next)["process"], body_of(&first)["process"]);
        assert_ne!(next.request_id, first.request_id);
    }
    assert_eq!(function.process_ids().len(), 1);
}

#[tokio::test]
async fn after_recycle_and_stop_the_next_invocation_is_a_cold_start() {
    let function = Function::new(well_behaved());
    let mut seen = Vec::new();
    for round in 0..3 {
        let answer = function
            .invoke(&event("/echo", ""))
            .await
            .expect("an answer");
        let process = body_of(&answer)["process"].as_u64().expect("a process id");
        assert!(
            !seen.contains(&process),
            "round {round}: {process} of {seen:?}"
        );
        seen.push(process);
        if round == 0 {
            function.recycle().await;
        } else {
            function.stop().await;
            assert!(function.process_ids().is_empty());
        }
        gone(u32::try_from(process).expect("a process id")).await;
    }
}

#[tokio::test]
async fn warming_up_starts_an_environment_the_next_invocation_uses() {
    let function = Function::new(well_behaved().max_environments(2));
    for _ in 0..3 {
        function.warm_up().await.expect("an environment");
    }
    let warm = function.process_ids();
    assert_eq!(warm.len(), 2, "no more than the maximum");
    let answer = function
        .invoke(&event("/echo", ""))
        .await
        .expect("an answer");
    let process = body_of(&answer)["process"].as_u64().expect("a process id");
    assert!(
        warm.iter().any(|id| u64::from(*id) == process),
        "{process} of {warm:?}"
    );
}

#[tokio::test]
async fn parallel_invocations_use_several_environments() {
    let function = Function::new(well_behaved().max_environments(3));
    let place = tempfile::tempdir().expect("a directory");
    let event = event(
        "/meet",
        &format!("place={}&others=3", place.path().display()),
    );
    // None of them is answered before all three have begun.
    let (a, b, c) = tokio::join!(
        function.invoke(&event),
        function.invoke(&event),
        function.invoke(&event)
    );
    let mut processes: Vec<_> = [a, b, c]
        .into_iter()
        .map(|answer| body_of(&answer.expect("an answer"))["process"].as_u64())
        .collect();
    processes.sort_unstable();
    processes.dedup();
    assert_eq!(processes.len(), 3, "{processes:?}");
}

#[tokio::test]
async fn at_the_maximum_an_invocation_waits_for_an_environment() {
    let function = Function::new(well_behaved().max_environments(1));
    let event = event("/echo", "");
    let (a, b, c) = tokio::join!(
        function.invoke(&event),
        function.invoke(&event),
        function.invoke(&event)
    );
    let process = body_of(&a.expect("an answer"))["process"].clone();
    assert_eq!(body_of(&b.expect("an answer"))["process"], process);
    assert_eq!(body_of(&c.expect("an answer"))["process"], process);
}

#[tokio::test]
async fn an_invocation_sees_the_context_lambda_would_give_it() {
    let function = Function::new(well_behaved());
    let before = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a clock")
        .as_millis();
    let answer = function
        .invoke(&event("/echo", ""))
        .await
        .expect("an answer");
    let seen = body_of(&answer);
    assert_eq!(seen["requestId"], json!(answer.request_id));
    assert_eq!(
        seen["arn"],
        "arn:aws:lambda:us-east-1:123456789012:function:well_behaved_runtime"
    );
    let trace = seen["traceId"].as_str().expect("a trace id");
    assert!(trace.starts_with("Root=1-"), "{trace}");
    let deadline = u128::from(seen["deadline"].as_u64().expect("a deadline"));
    assert!(
        deadline >= before + function.config().timeout.as_millis(),
        "{deadline} {before}"
    );
}

#[tokio::test]
async fn the_process_sees_lambdas_and_the_configured_variables_alone() {
    let function = Function::new(well_behaved().env("MINE", "1"));
    let answer = function
        .invoke(&event("/variables", ""))
        .await
        .expect("an answer");
    let variables = body_of(&answer);
    for name in [
        "_HANDLER",
        "AWS_REGION",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "LAMBDA_TASK_ROOT",
        "LD_LIBRARY_PATH",
        "PATH",
    ] {
        assert!(
            variables[name].is_string(),
            "{name} is missing: {variables}"
        );
    }
    assert_eq!(variables["MINE"], "1");
    // Cargo sets this one for us.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(variables["CARGO_MANIFEST_DIR"].is_null(), "{variables}");
}

#[tokio::test]
async fn output_of_the_process_is_in_the_logs() {
    let function = Function::new(well_behaved());
    function
        .invoke(&event("/print", ""))
        .await
        .expect("an answer");
    function.stop().await;
    let logs = function.logs();
    for line in ["this on stdout", "this on stderr"] {
        assert!(logs.iter().any(|logged| logged == line), "{line}: {logs:?}");
    }
}

#[tokio::test]
async fn no_process_is_left_when_the_last_handle_is_dropped() {
    let function = Function::new(well_behaved());
    function.warm_up().await.expect("an environment");
    function.warm_up().await.expect("an environment");
    let busy = sleeping_invocation(&function).await;
    let processes = function.process_ids();
    assert_eq!(processes.len(), 2);
    // The caller goes away; its invocation does not, as long as there is a handle.
    busy.abort();
    drop(busy.await);
    assert_eq!(function.process_ids(), processes);
    drop(function);
    for process in processes {
        gone(process).await;
    }
}

#[tokio::test]
async fn stopping_fails_running_invocations() {
    let function = Function::new(well_behaved());
    let busy = sleeping_invocation(&function).await;
    function.stop().await;
    assert!(function.process_ids().is_empty());
    let outcome = busy.await.expect("a task");
    assert!(matches!(outcome, Err(InvokeError::Stopped)), "{outcome:?}");
    function
        .invoke(&event("/echo", ""))
        .await
        .expect("an answer");
}

#[tokio::test]
async fn a_streamed_answer_arrives_whole() {
    let function = Function::new(well_behaved().env("MODE", "stream"));
    let answer = function
        .invoke(&event("/answer", ""))
        .await
        .expect("an answer");
    assert_eq!(answer.response_mode, ResponseMode::Streaming);
    let (head, body) = answer.http_stream().expect("an HTTP answer");
    assert_eq!(head["statusCode"], 418);
    assert_eq!(head["cookies"], json!(["a=1", "b=2; Path=/"]));
    assert_eq!(body, "short and stout");
}

/// Starts an invocation that has reached its process and will never end.
async fn sleeping_invocation(function: &Function) -> JoinHandle<Result<Invocation, InvokeError>> {
    let place = tempfile::tempdir().expect("a directory");
    let event = event("/sleep", &format!("place={}", place.path().display()));
    let caller = function.clone();
    let caller = tokio::spawn(async move { caller.invoke(&event).await });
    arrival(place.path()).await;
    caller
}
