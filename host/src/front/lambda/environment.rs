//! When an environment is worn out: a tool keeps a thread of it although its call was given up.
//!
//! Such an environment takes no more work, and its process ends as soon as nothing is in flight: after an answer was
//! accepted, so that its client has it. Lambda starts a fresh environment for what comes next. Where invocations come one
//! at a time that is at once. Where several do (`AWS_LAMBDA_MAX_CONCURRENCY`), an invocation that Lambda hands out at the
//! very moment of the end is lost to it, as at any end of a process.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use lambda_http::{
    Error,
    lambda_runtime::LambdaInvocation,
    tower::{Layer, Service, layer::layer_fn},
};
use tokio::sync::Notify;

use crate::app::App;

/// The process, as Lambda knows it.
#[derive(Clone)]
pub(super) struct Environment(Arc<State>);

struct State {
    app: Arc<App>,
    in_flight: AtomicUsize,
    worn_out: AtomicBool,
    end: Notify,
}

impl Environment {
    pub(super) fn of(app: &Arc<App>) -> Self {
        Self(Arc::new(State {
            app: Arc::clone(app),
            in_flight: AtomicUsize::new(0),
            worn_out: AtomicBool::new(false),
            end: Notify::new(),
        }))
    }

    /// What sees every invocation from its arrival until its answer was accepted.
    pub(super) fn layer<S>(&self) -> impl Layer<S, Service = Watched<S>> + use<S> {
        let state = Arc::clone(&self.0);
        layer_fn(move |inner| Watched {
            inner,
            state: Arc::clone(&state),
        })
    }

    /// Wait until the process is to end.
    pub(super) async fn worn_out(&self) {
        self.0.end.notified().await;
    }
}

impl State {
    /// An answer was accepted. Whoever waits for this takes no other invocation before it returns.
    async fn answered(&self) {
        if self.app.has_stuck_tools() {
            self.worn_out.store(true, Ordering::Release);
        }
        let left = self.in_flight.fetch_sub(1, Ordering::AcqRel) - 1;
        if self.worn_out.load(Ordering::Acquire) {
            if left == 0 {
                self.end.notify_one();
            }
            std::future::pending::<()>().await;
        }
    }
}

/// A service, and what becomes of the environment.
#[derive(Clone)]
pub(super) struct Watched<S> {
    inner: S,
    state: Arc<State>,
}

impl<S> Service<LambdaInvocation> for Watched<S>
where
    S: Service<LambdaInvocation, Response = (), Error = Error>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let state = Arc::clone(&self.state);
        state.in_flight.fetch_add(1, Ordering::AcqRel);
        let answered = self.inner.call(invocation);
        Box::pin(async move {
            let outcome = answered.await;
            state.answered().await;
            outcome
        })
    }
}
