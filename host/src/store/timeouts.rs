//! How long stores are waited for, and who is to be named when that was too long.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{task_local, time::timeout};

use crate::store::session::StoreError;

/// How long something that was used is waited for to live on. Source: ours. A table that is well answers within some ten
/// milliseconds, and nobody is to wait for one that is not: the next use tries again.
pub(crate) const EXTEND_TIMEOUT: Duration = Duration::from_millis(300);

task_local! {
    /// What was asked last.
    static OPERATION: Arc<Mutex<String>>;
}

/// Say what is asked now, and of whom: if no answer comes, the operator is told that.
pub(crate) fn set_operation(what: &str) {
    // Whoever waits for as long as it takes needs no words.
    let _ = OPERATION.try_with(|operation| {
        what.clone_into(&mut operation.lock().unwrap_or_else(PoisonError::into_inner));
    });
}

/// Wait no longer than this. Whoever has no time left does not even begin.
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
        "" => format!("nothing could be asked within the {milliseconds} ms that were left"),
        operation => {
            format!("{operation}: no answer came within the {milliseconds} ms that were left")
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
        let words = "PutItem on table t: no answer came within the 5 ms that were left";
        assert_eq!(told.to_string(), words);
        let late = with_timeout(Duration::ZERO, async { Ok(()) }).await;
        let words = "nothing could be asked within the 0 ms that were left";
        assert_eq!(late.expect_err("none").to_string(), words);
    }
}
