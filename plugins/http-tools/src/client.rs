//! The HTTP client. It follows redirects, and checks the target of each like the first URL.

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

/// The time limit of a fetch, including redirects and the body. Unit: seconds. Source: ours; it leaves time to respond
/// before API Gateway's limit of 29 s.
pub(crate) const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);

/// The part of the call's remaining time that is reserved for sending the response. Unit: milliseconds. Source: ours.
const RESERVE: Duration = Duration::from_millis(200);

/// The maximum number of redirects. Source: ours; sites usually need one to three, and browsers follow up to 20.
pub(crate) const MAX_REDIRECTS: usize = 10;

/// State that all calls share: the operator's exceptions, and the configuration of encrypted connections.
pub struct Client {
    allow: Allow,
    lookup: Lookup,
    tls: Tls,
}

impl Client {
    /// Creates a client with the exceptions of `HTTP_TOOLS_ALLOW`. Proxies that environment variables name are not
    /// used: a proxy would look up names itself, and connect to addresses that were not checked.
    ///
    /// # Errors
    /// If `HTTP_TOOLS_ALLOW` cannot be parsed. It is not ignored, because the operator would not notice that an
    /// exception is missing.
    pub fn from_environment() -> Result<Self, AllowError> {
        Ok(Self {
            allow: Allow::from_environment()?,
            lookup: system_lookup(),
            tls: Tls::default(),
        })
    }

    /// Creates a client from these parts, for tests.
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

/// Returns the target if the response is a redirect. A redirect without a target is treated as an ordinary response.
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
