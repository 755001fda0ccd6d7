//! `tools/list`: the pages of the list, each of which is built only once.

use std::sync::OnceLock;

use mcp_protocol::{
    Answer, CacheHints, CacheScope, Id, Revision, ServerInfo,
    jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS},
    tools::{self, Tool},
};
use serde_json::value::RawValue;

use crate::{
    plugin::{Caller, Catalog},
    server::request::IncomingRequest,
};

/// The message for a cursor that belongs to no page.
const UNKNOWN_CURSOR: &str = "`params.cursor` is not a cursor of this list, which may have changed; request the list again without a cursor";

/// The prefix of a cursor. It is followed by the name of the last tool on the previous page. So every execution
/// environment of a function issues the same cursors, and a cursor of an outdated list is recognized.
const CURSOR_PREFIX: &str = "after:";

/// The pages of the list. For each revision and cache scope, they are built at the first request.
pub(crate) struct ToolsListCache {
    page_size: usize,
    /// How long a client may cache a page. Unit: milliseconds.
    ttl_ms: u64,
    public: [OnceLock<Pages>; Revision::ALL.len()],
    private: [OnceLock<Pages>; Revision::ALL.len()],
}

/// The results of `tools/list`, one for each page, in order.
type Pages = Vec<Box<RawValue>>;

impl ToolsListCache {
    /// Returns an empty cache. If `page_size` is `None`, all tools are on one page.
    pub(crate) fn new(page_size: Option<usize>, ttl_ms: u64) -> Self {
        Self {
            page_size: page_size.unwrap_or(usize::MAX),
            ttl_ms,
            public: Default::default(),
            private: Default::default(),
        }
    }

    /// Returns the cache hints for a list. If the caller is a known principal, the list is private: the gateway or its
    /// authorizer may show other callers something else.
    pub(crate) fn cache(&self, caller: &Caller) -> CacheHints {
        CacheHints {
            ttl_ms: self.ttl_ms,
            cache_scope: match caller.principal {
                Some(_) => CacheScope::Private,
                None => CacheScope::Public,
            },
        }
    }

    /// Returns the response with the page after `cursor`. If there is no cursor, it is the first page.
    pub(crate) fn answer(
        &self,
        incoming: &IncomingRequest<'_>,
        id: &Id,
        revision: Revision,
        cursor: Option<&str>,
        source: ListSource<'_>,
    ) -> Answer {
        match self.page(revision, cursor, self.cache(&incoming.caller), source) {
            Some(page) => enforce_limit(incoming, id, Answer::success(id, page)),
            None => Answer::error(200, Some(id), INVALID_PARAMS, UNKNOWN_CURSOR),
        }
    }

    /// Returns the page; `None` if the cursor belongs to no page.
    fn page(
        &self,
        revision: Revision,
        cursor: Option<&str>,
        cache: CacheHints,
        source: ListSource<'_>,
    ) -> Option<&RawValue> {
        let number = match cursor {
            None => 0,
            Some(cursor) => self.page_number(cursor, source.catalog)?,
        };
        let lists = match cache.cache_scope {
            CacheScope::Private => &self.private,
            CacheScope::Public => &self.public,
        };
        let pages = lists[revision as usize].get_or_init(|| self.pages(revision, cache, source));
        pages.get(number).map(AsRef::as_ref)
    }

    fn page_number(&self, cursor: &str, catalog: &Catalog) -> Option<usize> {
        let last = catalog.position(cursor.strip_prefix(CURSOR_PREFIX)?)?;
        let next = last + 1;
        (next % self.page_size == 0).then(|| next / self.page_size)
    }

    fn pages(&self, revision: Revision, cache: CacheHints, source: ListSource<'_>) -> Pages {
        let tools: Vec<Tool> = source
            .catalog
            .tools()
            .iter()
            .map(|tool| tool.mcp.clone())
            .collect();
        let page = |start: usize| {
            let end = start.saturating_add(self.page_size).min(tools.len());
            let next =
                (end < tools.len()).then(|| format!("{CURSOR_PREFIX}{}", tools[end - 1].name));
            let tools = &tools[start..end];
            tools::list_result(revision, tools, next.as_deref(), source.server, cache)
        };
        // An empty list still has one page.
        let starts = (0..tools.len().max(1)).step_by(self.page_size);
        starts.map(page).collect()
    }
}

/// The tools to list, and the server that lists them.
#[derive(Clone, Copy)]
pub(crate) struct ListSource<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) server: &'a ServerInfo,
}

/// Returns the response with a page, or an error response if the page is too large for the front door.
fn enforce_limit(incoming: &IncomingRequest<'_>, id: &Id, page: Answer) -> Answer {
    let body = page.body.as_deref().unwrap_or_default();
    let too_large = incoming
        .response_limit
        .and_then(|limit| Some((limit, limit.excess(&[body])?)));
    let Some((limit, bytes)) = too_large else {
        return page;
    };
    let request_id = incoming.request_id;
    let message = format!(
        "this page of the list of tools has {bytes} bytes as sent, and {} accepts {}; the operator can make the pages smaller with MCP_LIST_PAGE_SIZE, or serve fewer tools with TOOLS_LIST (request id {request_id})",
        limit.front_door, limit.bytes
    );
    tracing::error!(request_id, "{message}");
    Answer::error(200, Some(id), INTERNAL_ERROR, &message)
}
