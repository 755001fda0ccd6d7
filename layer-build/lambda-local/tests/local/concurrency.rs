//! Several invocations at once in one environment.

use lambda_local::{Function, FunctionConfig, InvokeError, Phase};

use crate::harness::{arrival, body_of, event, well_behaved};

fn concurrent(max: usize) -> FunctionConfig {
    let config = well_behaved().env("MODE", "concurrent");
    config.max_environments(1).max_concurrency(max)
}

/// Returns an event of an invocation that ends when so many have begun at this place.
fn meeting(place: &tempfile::TempDir, others: usize) -> serde_json::Value {
    let place = place.path().display();
    event("/meet", &format!("place={place}&others={others}"))
}

#[tokio::test]
async fn invocations_share_an_environment_up_to_its_maximum() {
    let function = Function::new(concurrent(3));
    let mut processes = Vec::new();
    // The second time the environment is warm.
    for _ in 0..2 {
        let place = tempfile::tempdir().expect("a directory");
        let event = meeting(&place, 3);
        // None is answered before all three have begun.
        let (a, b, c) = tokio::join!(
            function.invoke(&event),
            function.invoke(&event),
            function.invoke(&event)
        );
        for answer in [a, b, c] {
            let answer = answer.expect("an answer");
            processes.push(body_of(&answer)["process"].clone());
        }
    }
    processes.dedup();
    assert_eq!(processes.len(), 1, "{processes:?}");
    assert_eq!(function.process_ids().len(), 1);
}

#[tokio::test]
async fn beyond_the_maximum_of_one_environment_another_is_started() {
    let function = Function::new(concurrent(2).max_environments(2));
    let place = tempfile::tempdir().expect("a directory");
    let event = meeting(&place, 4);
    let (a, b, c, d) = tokio::join!(
        function.invoke(&event),
        function.invoke(&event),
        function.invoke(&event),
        function.invoke(&event)
    );
    let mut processes: Vec<_> = [a, b, c, d]
        .into_iter()
        .map(|answer| body_of(&answer.expect("an answer"))["process"].as_u64())
        .collect();
    processes.sort_unstable();
    processes.dedup();
    assert_eq!(processes.len(), 2, "{processes:?}");
}

#[tokio::test]
async fn the_process_reads_its_maximum_only_where_it_is_above_one() {
    for (max, seen) in [(1, None), (2, Some("2"))] {
        let function = Function::new(concurrent(max));
        let answer = function.invoke(&event("/variables", "")).await;
        let variables = body_of(&answer.expect("an answer"));
        assert_eq!(variables["AWS_LAMBDA_MAX_CONCURRENCY"].as_str(), seen);
    }
}

#[tokio::test]
async fn a_process_that_ends_fails_all_its_invocations_and_the_next_gets_another() {
    let function = Function::new(concurrent(2));
    let place = tempfile::tempdir().expect("a directory");
    let sleep = event("/sleep", &format!("place={}", place.path().display()));
    let sleeping = {
        let function = function.clone();
        tokio::spawn(async move { function.invoke(&sleep).await })
    };
    arrival(place.path()).await;
    let processes = function.process_ids();
    let exit = function.exit_status(processes[0]);
    let outcomes = [
        function.invoke(&event("/exit", "")).await,
        sleeping.await.expect("a task"),
    ];
    for outcome in outcomes {
        let error = outcome.expect_err("its process has ended");
        let InvokeError::Exit { phase, status, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!((phase, status.code()), (Phase::Invoke, Some(3)));
    }
    assert_eq!(exit.await.and_then(|status| status.code()), Some(3));
    let next = function.invoke(&event("/echo", "")).await;
    next.expect("an answer");
    assert_ne!(function.process_ids(), processes);
    assert!(function.exit_status(processes[0]).await.is_none());
}

#[tokio::test]
async fn recycling_lets_invocations_in_a_shared_environment_finish() {
    let function = Function::new(concurrent(2));
    let place = tempfile::tempdir().expect("a directory");
    let first = {
        let (function, event) = (function.clone(), meeting(&place, 2));
        tokio::spawn(async move { function.invoke(&event).await })
    };
    arrival(place.path()).await;
    // The other seat is free. The process has to live on for the one that is in use.
    function.recycle().await;
    std::fs::write(place.path().join("another"), "").expect("a file");
    let answer = first.await.expect("a task").expect("an answer");
    function.wait_until_settled().await;
    let next = function.invoke(&event("/echo", "")).await;
    let next = body_of(&next.expect("an answer"))["process"].clone();
    assert_ne!(body_of(&answer)["process"], next);
}
