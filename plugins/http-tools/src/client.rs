//! The client: it follows redirects, and checks each target like the first.

use std::time::Duration;

use hyper::{StatusCode, header::LOCATION};
use tokio::time::Instant;
use url::Url;

use crate::{
    allow::{Allow, AllowError},
    connect::{Lookup, Target, system_lookup},
    error::FetchError,
    exchange::Exchange,
    tls::Tls,
};

/// The time limit of a fetch, redirects and body included. Unit: seconds. Source: ours; it leaves time to answer
/// before API Gateway's limit of 29 s.
pub(crate) const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);

/// The part of a call's time that is reserved for sending the answer. Unit: milliseconds. Source: ours.
const RESERVE: Duration = Duration::from_millis(200);

/// The maximum number of redirects. Source: ours; sites have one to three, browsers follow 20.
pub(crate) const MAX_REDIRECTS: usize = 10;

/// State that all calls share: the operator's exceptions, and the configuration of encrypted connections.
pub struct Client {
    allow: Allow,
    lookup: Lookup,
    tls: Tls,
}

impl Client {
    /// Creates a client with the exceptions of `HTTP_TOOLS_ALLOW`. Proxies of the environment are not used: they
    /// would look up names themselves, and connect to unchecked addresses.
    ///
    /// # Errors
    /// If `HTTP_TOOLS_ALLOW` cannot be parsed: an exception that is silently ignored would be hard to find.
    pub fn from_environment() -> Result<Self, AllowError> {
        Ok(Self {
            allow: Allow::from_environment()?,
            lookup: system_lookup(),
            tls: Tls::default(),
        })
    }

    /// Creates a client with other parts than the usual.
    #[cfg(test)]
    pub(crate) fn with(allow: Allow, lookup: Lookup, tls: Tls) -> Self {
        Self { allow, lookup, tls }
    }

    /// Fetches a URL within the remaining time of the call. Returns the last response, and its URL.
    pub(crate) async fn get(
        &self,
        url: &str,
        accept: &'static str,
        remaining: Option<Duration>,
    ) -> Result<(Url, Exchange), FetchError> {
        let limit = remaining.map_or(TOTAL_TIMEOUT, |left| {
            left.saturating_sub(RESERVE).min(TOTAL_TIMEOUT)
        });
        let deadline = Instant::now() + limit;
        let mut url = Url::parse(url.trim())?;
        let mut from = None;
        for _ in 0..=MAX_REDIRECTS {
            url.set_fragment(None);
            let exchange = self.get_once(&url, accept, deadline).await;
            let exchange = match from {
                None => exchange?,
                Some(site) => exchange.map_err(|source| redirected(site, source))?,
            };
            let Some(location) = location(&exchange) else {
                return Ok((url, exchange));
            };
            let next = url.join(&location);
            url = next.map_err(|error| redirected(exchange.site.clone(), error.into()))?;
            from = Some(exchange.site);
        }
        Err(FetchError::Redirects {
            site: from.unwrap_or_default(),
            limit: MAX_REDIRECTS,
        })
    }

    async fn get_once(
        &self,
        url: &Url,
        accept: &'static str,
        deadline: Instant,
    ) -> Result<Exchange, FetchError> {
        let target = Target::from_url(url)?;
        let stream = target
            .connect(&self.allow, &self.lookup, &self.tls, deadline)
            .await?;
        Exchange::get(url, accept, stream, target.site, deadline).await
    }
}

fn redirected(site: String, source: FetchError) -> FetchError {
    FetchError::Redirected {
        site,
        source: Box::new(source),
    }
}

/// Returns the target of a redirect. A redirect without a target is the result.
fn location(exchange: &Exchange) -> Option<String> {
    let redirects = matches!(
        exchange.status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let location = exchange.headers.get(LOCATION).filter(|_| redirects)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}
