//! From a URL to a connection that leads to where it may lead.
//!
//! A name is looked up once; its addresses are checked, and one of these very addresses is connected to. Nothing looks it
//! up again in between, so that a name server that gives another answer the second time (DNS rebinding) gains nothing.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::rustls::pki_types::ServerName;
use url::{Host, Position, Url};

use crate::{address, allow::Allow, error::FetchError, tls::Tls};

/// How long a connection may take, TLS included. Unit: seconds.
/// Source: ours; a server that needs longer rarely answers within [`TOTAL_TIMEOUT`](crate::client::TOTAL_TIMEOUT) either.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);

/// How many addresses of one name are tried.
/// Source: ours; names have two to eight.
const MAX_ADDRESSES: usize = 8;

/// A connection, whether encrypted or not: one type, so that hyper is compiled for one.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Looks a name up.
pub(crate) type Lookup = Arc<dyn Fn(String, u16) -> Addresses + Send + Sync>;

/// What a name leads to, once known.
pub(crate) type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// The system's way to look names up. It has a thread of its own, which a call given up leaves behind until it is done.
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|name, port| {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, port)).await?.collect()) })
    })
}

/// Where a URL leads: a place of the web, not yet checked for its address.
#[derive(Debug)]
pub(crate) struct Target {
    host: Host<String>,
    port: u16,
    https: bool,
    /// Scheme, host and port, for messages.
    pub(crate) site: String,
}

impl Target {
    pub(crate) fn from_url(url: &Url) -> Result<Self, FetchError> {
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(FetchError::Scheme(other.to_owned())),
        };
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        let site = format!("{}://{authority}", url.scheme());
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Credentials { site });
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(FetchError::NotAUrl(url::ParseError::EmptyHost));
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            https,
            site,
        })
    }

    /// Connects to one of the addresses, all of which must be allowed.
    pub(crate) async fn connect(
        &self,
        allow: &Allow,
        lookup: &Lookup,
        tls: &Tls,
        deadline: Instant,
    ) -> Result<Box<dyn Stream>, FetchError> {
        let start = Instant::now();
        let deadline = deadline.min(start + CONNECT_TIMEOUT);
        let connect_timeout = |_| FetchError::Time {
            site: self.site.clone(),
            what: "connect",
            limit: deadline - start,
        };
        let addresses = timeout_at(deadline, self.addresses(allow, lookup))
            .await
            .map_err(connect_timeout)??;
        let tcp = self.tcp(&addresses, deadline).await?;
        if !self.https {
            return Ok(Box::new(tcp));
        }
        let encrypted = tls.connect(self.server_name()?, tcp, &self.site);
        let stream = timeout_at(deadline, encrypted)
            .await
            .map_err(connect_timeout)??;
        Ok(Box::new(stream))
    }

    /// Every address of the host. One that is not allowed makes the whole name refused: leaving it out would mean that
    /// the same URL leads elsewhere from here than for everyone else, and names with public and private addresses at
    /// once are mistakes or attacks.
    async fn addresses(
        &self,
        allow: &Allow,
        lookup: &Lookup,
    ) -> Result<Vec<SocketAddr>, FetchError> {
        let (addresses, verb) = match &self.host {
            Host::Ipv4(ip) => (vec![SocketAddr::from((*ip, self.port))], "is"),
            Host::Ipv6(ip) => (vec![SocketAddr::from((*ip, self.port))], "is"),
            Host::Domain(name) => {
                let found = lookup(name.clone(), self.port).await.unwrap_or_default();
                if allow.allows_name(name, self.port) {
                    return self.non_empty(found);
                }
                (found, "leads to")
            }
        };
        for address in &addresses {
            if let Some(what) = address::refusal(address.ip())
                && !allow.allows_address(*address)
            {
                return Err(FetchError::Forbidden {
                    site: self.site.clone(),
                    what: format!("{verb} {what}"),
                });
            }
        }
        self.non_empty(addresses)
    }

    fn non_empty(&self, mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, FetchError> {
        if addresses.is_empty() {
            return Err(FetchError::NoAddress {
                site: self.site.clone(),
            });
        }
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }

    /// One after the other; each has its share of the time left, so that one that swallows everything leaves some.
    async fn tcp(&self, addresses: &[SocketAddr], until: Instant) -> Result<TcpStream, FetchError> {
        let mut reason = "timed out".to_owned();
        for (index, address) in addresses.iter().enumerate() {
            let now = Instant::now();
            let others = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            let share = now + until.saturating_duration_since(now) / others;
            reason = match timeout_at(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Fails only for sockets that are gone, which the first write tells as well.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => error.kind().to_string(),
                Err(_) => "timed out".to_owned(),
            };
        }
        Err(FetchError::Connect {
            site: self.site.clone(),
            reason,
        })
    }

    /// Whom the certificate must be for.
    fn server_name(&self) -> Result<ServerName<'static>, FetchError> {
        match &self.host {
            Host::Ipv4(ip) => Ok(ServerName::from(IpAddr::V4(*ip))),
            Host::Ipv6(ip) => Ok(ServerName::from(IpAddr::V6(*ip))),
            Host::Domain(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
                .map_err(|_| FetchError::Tls {
                    site: self.site.clone(),
                    reason: "no certificate can be made out for this name; check its spelling"
                        .to_owned(),
                }),
        }
    }
}
