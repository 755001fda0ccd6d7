//! One contract for every store of sessions and states: memory, and several implementations of DynamoDB.

mod engines;
mod sessions;
mod states;

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use futures_util::FutureExt;
use host::store::{session::SessionStore, tool_state::StateStore};

/// The stores of both.
#[derive(Clone)]
struct Stores {
    sessions: Arc<dyn SessionStore>,
    states: Arc<dyn StateStore>,
}

/// A clause of the contract, with its name.
type Case = (
    &'static str,
    fn(Stores) -> Pin<Box<dyn Future<Output = ()>>>,
);

/// Lists the clauses of these functions.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(crate) const CASES: &[crate::Case] =
            &[$((stringify!($name), |stores| Box::pin($name(stores)))),*];
    };
}
use cases;

/// Checks every clause, each with separate keys.
async fn keeps_the_contract(stores: Stores) {
    let mut broken = Vec::new();
    for (name, case) in [sessions::CASES, states::CASES].concat() {
        if AssertUnwindSafe(case(stores.clone()))
            .catch_unwind()
            .await
            .is_err()
        {
            broken.push(name);
        }
    }
    assert!(broken.is_empty(), "broken: {}", broken.join(", "));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    keeps_the_contract(Stores {
        sessions: Arc::<host::store::session::memory::MemorySessionStore>::default(),
        states: Arc::<host::store::tool_state::memory::MemoryStateStore>::default(),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dynoxide() {
    keeps_the_contract(engines::dynoxide().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moto() {
    let moto = tests::Moto::start();
    keeps_the_contract(engines::at(moto.endpoint()).await).await;
}

/// Another engine, such as DynamoDB itself or DynamoDB Local, if the environment names one.
#[tokio::test(flavor = "multi_thread")]
async fn the_engine_of_the_environment() {
    if let Ok(endpoint) = std::env::var("AWS_ENDPOINT_URL_DYNAMODB") {
        keeps_the_contract(engines::at(&endpoint).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_value_in_a_table_is_an_error() {
    states::assert_a_damaged_value_is_an_error(engines::dynoxide().await).await;
}
