//! Async tools with everything, generic types among arguments and results, and states of every form.

#![deny(warnings, missing_docs)]

use std::collections::BTreeMap;

use plugin_sdk::prelude::*;

/// A page of something.
#[data]
pub struct Page<T> {
    items: Vec<T>,
    next: Option<Box<Page<T>>>,
}

/// One of two.
#[data]
#[serde(untagged)]
pub enum Either<A, B> {
    /// The first.
    One(A),
    /// The second.
    Other(B),
}

type Answer<T> = Result<T, ToolError>;

/// Say it back.
#[tool]
async fn echo(args: Args<Page<Either<u8, String>>>) -> Json<Page<Either<u8, String>>> {
    Json(args.0)
}

/// A map of whatever.
#[tool]
async fn map(
    args: Args<BTreeMap<String, Vec<u8>>>,
    state: State<Shared<String>>,
    context: Context,
) -> Answer<Json<BTreeMap<String, Vec<u8>>>> {
    let _ = (context.request_id(), &state.inner);
    std::future::ready(()).await;
    Ok(Json(args.0))
}

/// One argument of a generic type.
#[tool]
pub(crate) async fn single(
    /// A page.
    #[arg(default = Page { items: vec![], next: None })]
    page: Page<(u8, Option<char>)>,
    mut rest: Vec<Either<bool, f64>>,
) -> Option<Content> {
    rest.truncate(page.items.len());
    rest.is_empty().then(|| Content::text("nothing"))
}

/// What the tools share.
pub struct Shared<T> {
    inner: T,
}

async fn shared() -> anyhow::Result<Shared<String>> {
    Ok(Shared {
        inner: String::new(),
    })
}

/// Sync, beside them.
#[tool]
fn sync(state: State<Shared<String>>) -> [Content; 1] {
    [Content::text(state.inner.as_str())]
}

export_tools!(state = shared, echo, map, single, sync);

fn main() {}
