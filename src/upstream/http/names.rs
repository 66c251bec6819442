//! How host names become addresses: as the system has them, and `localhost` with all below it as loopback.
//!
//! 1. `localhost` names are loopback whether or not the system's resolver knows them (RFC 6761 section 6.3).
//! 2. A look-up that hangs holds one thread of the runtime's pool; it ends with its request or with the process.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The resolver.
#[derive(Debug)]
pub(super) struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is the connector's business.
            let found: Addrs = Box::new(addresses(name.as_str(), 0).await?.into_iter());
            Ok(found)
        })
    }
}

/// The addresses of a name.
pub(super) async fn addresses(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if is_below_localhost(name) {
        let loopback = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        let loopback = loopback.map(|address| SocketAddr::new(address, port));
        return Ok(loopback.to_vec());
    }
    Ok(tokio::net::lookup_host((name, port)).await?.collect())
}

/// Whether a name is one of those that only loopback has; `localhost` itself may be in the hosts file.
fn is_below_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let end = name.len().checked_sub(".localhost".len());
    end.and_then(|end| name.get(end..))
        .is_some_and(|end| end.eq_ignore_ascii_case(".localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_below_localhost_are_loopback_everywhere() {
        for (name, below) in [
            ("x.localhost", true),
            ("a.b.LocalHost.", true),
            ("localhost", false),
            ("xlocalhost", false),
            ("localhost.test", false),
            ("", false),
        ] {
            assert_eq!(is_below_localhost(name), below, "{name}");
        }
        let mut found = Names.resolve("x.localhost".parse().unwrap()).await.unwrap();
        assert!(found.all(|address| address.ip().is_loopback()));
        let mut found = Names.resolve("127.0.0.1".parse().unwrap()).await.unwrap();
        assert_eq!(found.next().unwrap().ip(), Ipv4Addr::LOCALHOST);
    }
}
