//! The operator's exceptions: services that may be fetched although their addresses are not public.

use std::net::{IpAddr, SocketAddr};

use url::Host;

/// The environment variable that lists the exceptions.
const VARIABLE: &str = "HTTP_TOOLS_ALLOW";

/// The value of `HTTP_TOOLS_ALLOW`: `host:port` or `ip:port`, comma-separated. An unset or blank value has no
/// exceptions.
///
/// If a name is listed, all its addresses are allowed on that port. If an address is listed, every name that has it is
/// allowed on that port.
#[derive(Debug, Default)]
pub(crate) struct Allow(Vec<(Host<String>, u16)>);

/// The reason why the value of `HTTP_TOOLS_ALLOW` cannot be parsed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllowError {
    /// The value is not UTF-8.
    #[error("{VARIABLE} is not UTF-8; write for example `intranet.example:8080, 10.0.0.7:80`")]
    NotUtf8,
    /// One of its entries is wrong.
    #[error(
        "{VARIABLE}: {entry:?} is not a host and a port; write for example `intranet.example:8080`, `10.0.0.7:80` or `[fd00::7]:80`"
    )]
    Entry {
        /// The entry, as written.
        entry: String,
    },
}

impl Allow {
    /// Parses the environment variable of this process.
    pub(crate) fn from_environment() -> Result<Self, AllowError> {
        match std::env::var_os(VARIABLE) {
            None => Ok(Self::default()),
            Some(value) => Self::parse(value.to_str().ok_or(AllowError::NotUtf8)?),
        }
    }

    pub(crate) fn parse(value: &str) -> Result<Self, AllowError> {
        let entries = value.split(',').map(str::trim);
        entries
            .filter(|entry| !entry.is_empty())
            .map(|entry| {
                parse_entry(entry).ok_or_else(|| AllowError::Entry {
                    entry: entry.to_owned(),
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Reports whether connections to this name on this port are allowed, regardless of its addresses.
    pub(crate) fn allows_name(&self, name: &str, port: u16) -> bool {
        let mut entries = self.0.iter();
        entries.any(|(host, on)| *on == port && matches!(host, Host::Domain(host) if host == name))
    }

    /// Reports whether connections to this address are allowed.
    pub(crate) fn allows_address(&self, address: SocketAddr) -> bool {
        let wanted = address.ip().to_canonical();
        self.0.iter().any(|(host, port)| {
            let ip = match host {
                Host::Domain(_) => return false,
                Host::Ipv4(ip) => IpAddr::V4(*ip),
                Host::Ipv6(ip) => IpAddr::V6(*ip).to_canonical(),
            };
            *port == address.port() && ip == wanted
        })
    }
}

/// Parses an entry. The host is parsed as in a URL, so that both are in the same normal form: lower case, punycode, and
/// the usual form of addresses.
fn parse_entry(entry: &str) -> Option<(Host<String>, u16)> {
    let (host, port) = entry.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let host = Host::parse(host).ok()?;
    // `*` has no special meaning here, so an entry with it would never match: reject it.
    let pattern = matches!(&host, Host::Domain(name) if name.contains('*'));
    (!pattern).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_urls_spell_them() {
        let allow = Allow::parse(" Intranet.Example:8080, 10.0.0.7:80,[fd00::7]:443,,0x7f.1:9000,")
            .unwrap();
        assert!(allow.allows_name("intranet.example", 8080));
        assert!(!allow.allows_name("intranet.example", 80));
        assert!(!allow.allows_name("other.example", 8080));
        for (address, allowed) in [
            ("10.0.0.7:80", true),
            ("[::ffff:10.0.0.7]:80", true),
            ("10.0.0.7:81", false),
            ("10.0.0.8:80", false),
            ("[fd00::7]:443", true),
            ("127.0.0.1:9000", true),
        ] {
            assert_eq!(
                allow.allows_address(address.parse().unwrap()),
                allowed,
                "{address}"
            );
        }
    }

    #[test]
    fn a_blank_value_is_none() {
        assert!(Allow::parse("").unwrap().0.is_empty());
        assert!(Allow::parse("  ").unwrap().0.is_empty());
    }

    #[test]
    fn an_invalid_allowed_host_is_named() {
        for entry in [
            "intranet",
            "intranet:",
            "intranet:http",
            "intranet:0",
            "intranet:65536",
            ":80",
            "http://intranet:80",
            "fd00::7:80",
            "*:80",
            "10.0.0.0/8:80",
            "a b:80",
        ] {
            let error = Allow::parse(entry).unwrap_err().to_string();
            assert!(error.contains(&format!("{entry:?}")), "{entry}: {error}");
        }
    }
}
