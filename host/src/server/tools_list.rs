//! `tools/list`: the pages of the list, made once.

use std::sync::OnceLock;

use mcp_protocol::{
    Answer, CacheHints, CacheScope, Id, Revision,
    jsonrpc::INTERNAL_ERROR,
    tools::{self, Tool},
};
use serde_json::value::RawValue;

use crate::server::{Incoming, McpServer};

/// What a client hears of a cursor that does not lead to a page.
pub(crate) const UNKNOWN_CURSOR: &str = "`params.cursor` is not a cursor of this list, which may have changed; ask for it again without one";

/// How a cursor begins. The name of the last tool before the page follows: every environment of a function then gives out
/// the same cursors, and one of a list that is no more leads nowhere.
const CURSOR: &str = "after:";

/// The pages of the list, for each revision and scope when they are first asked for.
pub(crate) struct Lists {
    page_size: usize,
    public: [OnceLock<Pages>; Revision::ALL.len()],
    private: [OnceLock<Pages>; Revision::ALL.len()],
}

/// Results of `tools/list`, in their order.
type Pages = Vec<Box<RawValue>>;

impl Lists {
    /// Without `page_size`, all tools are on one page.
    pub(crate) fn new(page_size: Option<usize>) -> Self {
        Self {
            page_size: page_size.unwrap_or(usize::MAX),
            public: Default::default(),
            private: Default::default(),
        }
    }
}

/// The answer with a page, if it comes through the door; else the word that it does not.
pub(crate) fn fitting(incoming: &Incoming<'_>, id: &Id, page: Answer) -> Answer {
    let body = page.body.as_deref().unwrap_or_default();
    let too_large = incoming
        .room
        .and_then(|room| Some((room, room.exceeded(&[body])?)));
    let Some((room, bytes)) = too_large else {
        return page;
    };
    let request_id = incoming.request_id;
    let message = format!(
        "this page of the list of tools has {bytes} bytes as it is sent, and {} takes {}; the operator can make the pages smaller by LIST_PAGE_SIZE, or serve fewer tools by TOOLS_LIST (request id {request_id})",
        room.door, room.bytes
    );
    tracing::error!(request_id, "{message}");
    Answer::error(200, Some(id), INTERNAL_ERROR, &message)
}

impl McpServer {
    /// The page that the cursor leads to, the first without one; `None`: it leads nowhere.
    pub(crate) fn list(
        &self,
        revision: Revision,
        cursor: Option<&str>,
        cache: CacheHints,
    ) -> Option<&RawValue> {
        let number = match cursor {
            None => 0,
            Some(cursor) => self.page_number(cursor)?,
        };
        let lists = match cache.cache_scope {
            CacheScope::Private => &self.lists.private,
            CacheScope::Public => &self.lists.public,
        };
        let pages = lists[revision as usize].get_or_init(|| self.pages(revision, cache));
        pages.get(number).map(AsRef::as_ref)
    }

    fn page_number(&self, cursor: &str) -> Option<usize> {
        let last = self.catalog.position(cursor.strip_prefix(CURSOR)?)?;
        let next = last + 1;
        (next % self.lists.page_size == 0).then(|| next / self.lists.page_size)
    }

    fn pages(&self, revision: Revision, cache: CacheHints) -> Pages {
        let tools: Vec<Tool> = self
            .catalog
            .tools()
            .iter()
            .map(|tool| tool.mcp.clone())
            .collect();
        let page = |start: usize| {
            let end = start.saturating_add(self.lists.page_size).min(tools.len());
            let next = (end < tools.len()).then(|| format!("{CURSOR}{}", tools[end - 1].name));
            let tools = &tools[start..end];
            tools::list(revision, tools, next.as_deref(), &self.server, cache)
        };
        // No tools are one page as well.
        let starts = (0..tools.len().max(1)).step_by(self.lists.page_size);
        starts.map(page).collect()
    }
}
