//! Time limits for stores. The error names the operation that took too long.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{task_local, time::timeout};

use crate::store::session::StoreError;

/// The time limit for extending the expiry of a session or state that was used. Source: ours. A healthy table responds
/// within some ten milliseconds. A slow one must not delay the call, because the next use tries again.
pub(crate) const EXTEND_TIMEOUT: Duration = Duration::from_millis(300);

task_local! {
    /// The operation that was started last.
    static OPERATION: Arc<Mutex<String>>;
}

/// Records the operation that starts now, and its table. If it takes too long, the error for the operator names it.
pub(crate) fn set_operation(what: &str) {
    // This fails if the caller has set no time limit. Then no error will have to name the operation.
    let _ = OPERATION.try_with(|operation| {
        what.clone_into(&mut operation.lock().unwrap_or_else(PoisonError::into_inner));
    });
}

/// Runs `work` with a time limit. If no time is left, `work` is not started.
pub(crate) async fn with_timeout<T>(
    left: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let operation = Arc::<Mutex<String>>::default();
    if !left.is_zero() {
        let work = OPERATION.scope(Arc::clone(&operation), work);
        if let Ok(outcome) = timeout(left, work).await {
            return outcome;
        }
    }
    let operation = operation.lock().unwrap_or_else(PoisonError::into_inner);
    let milliseconds = left.as_millis();
    Err(StoreError(match operation.as_str() {
        "" => format!("no request could be sent within the remaining {milliseconds} ms"),
        operation => {
            format!("{operation}: timed out after the remaining {milliseconds} ms")
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn a_timeout_names_the_last_operation() {
        let left = Duration::from_millis(5);
        let told = with_timeout(left, async { Ok(7) }).await;
        assert_eq!(told.expect("an answer"), 7);
        let hangs = async {
            set_operation("GetItem on table t");
            set_operation("PutItem on table t");
            pending::<Result<(), StoreError>>().await
        };
        let told = with_timeout(left, hangs).await.expect_err("none");
        let words = "PutItem on table t: timed out after the remaining 5 ms";
        assert_eq!(told.to_string(), words);
        let late = with_timeout(Duration::ZERO, async { Ok(()) }).await;
        let words = "no request could be sent within the remaining 0 ms";
        assert_eq!(late.expect_err("none").to_string(), words);
    }
}
