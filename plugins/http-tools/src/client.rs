//! One URL in, one answer out: redirects are followed here, each place checked like the first.

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

/// How long one fetch may take, redirects and body included. Unit: seconds.
/// Source: ours; it leaves room to answer before the 29 s after which API Gateway gives up.
pub(crate) const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);

/// What is left of a call's time for the answer to travel back. Unit: milliseconds.
/// Source: ours.
const RESERVE: Duration = Duration::from_millis(200);

/// How many redirects are followed.
/// Source: ours; sites have one to three, browsers follow 20.
pub(crate) const MAX_REDIRECTS: usize = 10;

/// What all calls share: the operator's exceptions, and what encrypted connections are made with.
pub struct Client {
    allow: Allow,
    lookup: Lookup,
    tls: Tls,
}

impl Client {
    /// A client with the exceptions of `HTTP_TOOLS_ALLOW`. Proxies named in the environment are not used: they would look
    /// names up elsewhere, and connect to addresses that nobody has checked.
    ///
    /// # Errors
    /// When `HTTP_TOOLS_ALLOW` cannot be read: an exception that is silently none would be searched for long.
    pub fn from_environment() -> Result<Self, AllowError> {
        Ok(Self {
            allow: Allow::from_environment()?,
            lookup: system_lookup(),
            tls: Tls::default(),
        })
    }

    /// Any other part of a client than the usual.
    #[cfg(test)]
    pub(crate) fn with(allow: Allow, lookup: Lookup, tls: Tls) -> Self {
        Self { allow, lookup, tls }
    }

    /// Gets a URL, within what remains of the call, and gives back the last answer, and the URL it is from.
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

/// Where an answer redirects to. One that should and does not is the answer.
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
