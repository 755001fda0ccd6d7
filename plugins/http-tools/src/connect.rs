//! Connects to the server of a URL, if its addresses are allowed.
//!
//! A name is looked up once. Its addresses are checked, and the connection goes to one of them. There is no second
//! lookup, so it does not help an attacker to change the answer of the name server after the check (DNS rebinding).

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

/// The time limit for opening a connection, including TLS. Unit: seconds. Source: ours; a slower server rarely responds
/// within [`TOTAL_TIMEOUT`](crate::client::TOTAL_TIMEOUT) either.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);

/// The maximum number of addresses of one name that are tried. Source: ours; names usually have two to eight.
const MAX_ADDRESSES: usize = 8;

/// A connection, encrypted or not. As both are one type, hyper is compiled only once.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A function that looks up a name.
pub(crate) type Lookup = Arc<dyn Fn(String, u16) -> Addresses + Send + Sync>;

/// A future that returns the addresses of a name.
pub(crate) type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Returns the lookup of the operating system. Each lookup runs on a separate thread, which continues to its end even
/// if the call is cancelled.
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|name, port| {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, port)).await?.collect()) })
    })
}

/// The target of a URL. Its address is not checked yet.
#[derive(Debug)]
pub(crate) struct Target {
    host: Host<String>,
    port: u16,
    https: bool,
    /// Scheme, host and port, for messages.
    pub(crate) site: String,
}

impl Target {
    /// Checks the scheme and the authority of a URL.
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

    /// Connects to one of the host's addresses. All of them must be allowed.
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

    /// Returns every address of the host. If one is not allowed, the whole name is refused. If only that address were
    /// skipped, this plugin might connect to a different server than other programs do. Besides, a name with both
    /// public and private addresses is a mistake or an attack.
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

    /// Connects to the addresses in order. Each gets a share of the remaining time, so that an address that never
    /// responds leaves time for the others.
    async fn tcp(&self, addresses: &[SocketAddr], until: Instant) -> Result<TcpStream, FetchError> {
        let mut reason = "timed out".to_owned();
        for (index, address) in addresses.iter().enumerate() {
            let now = Instant::now();
            let others = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            let share = now + until.saturating_duration_since(now) / others;
            reason = match timeout_at(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // This fails only if the socket is closed, and then the first write reports the error.
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

    /// Returns the name for which the server's certificate must be valid.
    fn server_name(&self) -> Result<ServerName<'static>, FetchError> {
        match &self.host {
            Host::Ipv4(ip) => Ok(ServerName::from(IpAddr::V4(*ip))),
            Host::Ipv6(ip) => Ok(ServerName::from(IpAddr::V6(*ip))),
            Host::Domain(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
                .map_err(|_| FetchError::Tls {
                    site: self.site.clone(),
                    reason: "this name is not valid in a certificate; check its spelling"
                        .to_owned(),
                }),
        }
    }
}
