//! Where a request comes from, for the bounds of unproved input.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;

use crate::config::Network;

/// The peer's address, put into each request by the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The address that a request counts for: the peer's, or, behind trusted proxies, the last one in `X-Forwarded-For` that
/// is no proxy of ours. Of an IPv6 address the /64 counts: one host has them all. (Connections count for the peer's.)
pub(super) fn source(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut address = peer.to_canonical();
    if is_trusted(address, trusted) {
        let forwarded = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        for hop in hops.into_iter().rev() {
            let Ok(hop) = hop.parse::<IpAddr>() else { break };
            address = hop.to_canonical();
            if !is_trusted(address, trusted) {
                break;
            }
        }
    }
    host(address)
}

/// Whether a peer is a proxy of ours.
pub(super) fn is_trusted(peer: IpAddr, trusted: &[Network]) -> bool {
    let peer = peer.to_canonical();
    trusted.iter().any(|network| network.contains(peer))
}

/// Of an IPv6 address the /64.
pub(super) fn host(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        source(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_our_proxies_are_believed() {
        assert_eq!(of("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(of("10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("10.1.1.1", &["6.6.6.6, 198.51.100.1, 10.2.2.2"]), "198.51.100.1");
        assert_eq!(of("10.1.1.1", &["6.6.6.6", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("10.1.1.1", &["nonsense"]), "10.1.1.1");
        assert_eq!(of("::ffff:203.0.113.9", &[]), "203.0.113.9");
        assert_eq!(of("2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::");
    }
}
