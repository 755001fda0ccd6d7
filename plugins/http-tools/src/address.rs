//! Decides whether an address belongs to the public internet. All other addresses are refused, whether the URL contains
//! the address, or its name or a redirect leads to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ranges of IPv4 that are not public: first address, prefix length, description. Source: IANA's registry of
/// special-purpose addresses, and the metadata addresses of clouds.
const IPV4: &[([u8; 4], u32, &str)] = &[
    ([0, 0, 0, 0], 8, "an unspecified address"),
    ([10, 0, 0, 0], 8, "a private address"),
    ([100, 64, 0, 0], 10, "a shared address (RFC 6598)"),
    ([127, 0, 0, 0], 8, "a loopback address"),
    // Link-local range. It contains the metadata endpoints of EC2, ECS and most other clouds, and Lambda's internal
    // services.
    ([169, 254, 0, 0], 16, "a link-local or metadata address"),
    ([172, 16, 0, 0], 12, "a private address"),
    ([192, 0, 0, 0], 24, "an address of protocols"),
    ([192, 0, 2, 0], 24, "a documentation address"),
    ([192, 88, 99, 0], 24, "a 6to4 relay's address"),
    ([192, 168, 0, 0], 16, "a private address"),
    ([198, 18, 0, 0], 15, "a benchmarking address"),
    ([198, 51, 100, 0], 24, "a documentation address"),
    ([203, 0, 113, 0], 24, "a documentation address"),
    ([224, 0, 0, 0], 4, "a multicast address"),
    ([255, 255, 255, 255], 32, "the broadcast address"),
    ([240, 0, 0, 0], 4, "a reserved address"),
    // Azure's metadata endpoint. The address is in a public range, but is reachable only inside of Azure.
    ([168, 63, 129, 16], 32, "a metadata address"),
];

/// Ranges of IPv6 that are not public. The first matching entry applies. An address that matches none must be in
/// 2000::/3, the only range from which public addresses are assigned. So new special ranges outside of it are refused
/// even before they are listed here.
const IPV6: &[([u16; 8], u32, &str)] = &[
    ([0; 8], 128, "an unspecified address"),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "a loopback address"),
    ([0; 8], 96, "an IPv4-compatible address"),
    (
        [0x64, 0xff9b, 1, 0, 0, 0, 0, 0],
        48,
        "a local translation address",
    ),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "a discarding address"),
    // Teredo, ORCHID, benchmarking and other protocols. No web server has such an address.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "an address of protocols"),
    (
        [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0],
        32,
        "a documentation address",
    ),
    // 6to4, deprecated by RFC 7526. Each address contains an IPv4 address, which is not checked: no relays are left
    // that could reach it.
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "a 6to4 address"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "a documentation address"),
    // Unique local addresses. They include fd00:ec2::254, the metadata endpoint of EC2.
    (
        [0xfc00, 0, 0, 0, 0, 0, 0, 0],
        7,
        "a private (unique local) address",
    ),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "a link-local address"),
    (
        [0xfec0, 0, 0, 0, 0, 0, 0, 0],
        10,
        "a private (site-local) address",
    ),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "a multicast address"),
];

/// Returns the reason why an address is refused, such as "a private address"; `None` if it is public.
pub(crate) fn refusal(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refusal_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => refusal_v4(inner),
            None => refusal_v6(address),
        },
    }
}

/// Returns the IPv4 address that a connection to this IPv6 address would really reach, if it is an IPv4-mapped address
/// (`::ffff:a.b.c.d`) or one of NAT64 (`64:ff9b::a.b.c.d`), through which networks without IPv4 reach public servers.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            let [.., a, b, c, d] = address.octets();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

fn refusal_v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    IPV4.iter()
        .find(|(net, prefix, _)| (bits ^ u32::from_be_bytes(*net)) >> (32 - prefix) == 0)
        .map(|(_, _, what)| *what)
}

fn refusal_v6(address: Ipv6Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    let listed = IPV6
        .iter()
        .find(|(net, prefix, _)| (bits ^ Ipv6Addr::from(*net).to_bits()) >> (128 - prefix) == 0)
        .map(|(_, _, what)| *what);
    let public = bits >> 125 == 1;
    listed.or((!public).then_some("a reserved address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_not_refused() {
        for (address, expected) in [
            ("1.1.1.1", None),
            ("8.8.8.8", None),
            ("93.184.215.14", None),
            ("100.63.255.255", None),
            ("100.128.0.0", None),
            ("172.15.255.255", None),
            ("172.32.0.0", None),
            ("192.0.1.0", None),
            ("198.20.0.0", None),
            ("223.255.255.255", None),
            ("168.63.129.15", None),
            ("2606:4700:4700::1111", None),
            ("2a00:1450:4001:80b::200e", None),
            ("2001:200::1", None),
            ("::ffff:1.1.1.1", None),
            ("64:ff9b::1.1.1.1", None),
            ("0.0.0.0", Some("unspecified")),
            ("0.1.2.3", Some("unspecified")),
            ("10.0.0.1", Some("private")),
            ("100.64.0.1", Some("shared")),
            ("100.100.100.200", Some("shared")),
            ("100.127.255.255", Some("shared")),
            ("127.0.0.1", Some("loopback")),
            ("127.255.255.254", Some("loopback")),
            ("169.254.169.254", Some("metadata")),
            ("169.254.170.2", Some("metadata")),
            ("169.254.100.1", Some("metadata")),
            ("172.16.0.1", Some("private")),
            ("172.31.255.255", Some("private")),
            ("192.0.0.192", Some("protocols")),
            ("192.0.2.1", Some("documentation")),
            ("192.88.99.1", Some("6to4")),
            ("192.168.1.1", Some("private")),
            ("198.19.255.255", Some("benchmarking")),
            ("198.51.100.7", Some("documentation")),
            ("203.0.113.7", Some("documentation")),
            ("224.0.0.1", Some("multicast")),
            ("239.255.255.255", Some("multicast")),
            ("240.0.0.1", Some("reserved")),
            ("255.255.255.255", Some("broadcast")),
            ("168.63.129.16", Some("metadata")),
            ("::", Some("unspecified")),
            ("::1", Some("loopback")),
            ("::127.0.0.1", Some("compatible")),
            ("::8.8.8.8", Some("compatible")),
            ("::ffff:127.0.0.1", Some("loopback")),
            ("::ffff:a9fe:a9fe", Some("metadata")),
            ("::ffff:0:127.0.0.1", Some("reserved")),
            ("64:ff9b::10.0.0.1", Some("private")),
            ("64:ff9b::169.254.169.254", Some("metadata")),
            ("64:ff9b:1::1.1.1.1", Some("translation")),
            ("100::1", Some("discarding")),
            ("2001::7f00:1", Some("protocols")),
            ("2001:2::1", Some("protocols")),
            ("2001:db8::1", Some("documentation")),
            ("2002:7f00:1::", Some("6to4")),
            ("2002:808:808::", Some("6to4")),
            ("3fff::1", Some("documentation")),
            ("4000::1", Some("reserved")),
            ("5f00::1", Some("reserved")),
            ("fc00::1", Some("unique local")),
            ("fd00:ec2::254", Some("unique local")),
            ("fe80::1", Some("link-local")),
            ("fec0::1", Some("site-local")),
            ("ff02::1", Some("multicast")),
        ] {
            let refusal = refusal(address.parse().unwrap());
            match expected {
                None => assert_eq!(refusal, None, "{address}"),
                Some(word) => assert!(
                    refusal.is_some_and(|what| what.contains(word)),
                    "{address}: {refusal:?}"
                ),
            }
        }
    }
}
