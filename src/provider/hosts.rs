//! Which addresses images may be fetched from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Tells whether an address is this machine itself, by its spelling alone.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match ip_of(url) {
        Some(ip) => ip.is_loopback(),
        None => url.host_str() == Some(LOCALHOST),
    }
}

/// The one name that means this machine.
pub(crate) const LOCALHOST: &str = "localhost";

/// The addresses `localhost` stands for here, whatever a hosts file says.
pub(crate) const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

fn ip_of(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

/// The hosts that images may come from.
#[derive(Clone, Debug)]
pub struct Hosts {
    own: Url,
    others: Arc<[String]>,
}

impl Hosts {
    /// Allows the API's own host and others.
    ///
    /// Of the others, one with a leading dot stands for every name below it, and one with a port
    /// allows that port alone.
    #[must_use]
    pub fn new(own: &Url, others: impl IntoIterator<Item = String>) -> Self {
        let others = others.into_iter().map(|host| host.to_ascii_lowercase());
        Self {
            own: own.clone(),
            others: others.collect(),
        }
    }

    /// Checks an address before anything is sent to it.
    ///
    /// # Errors
    /// Gives the reason, without the path or query of the address.
    pub fn check(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!(
                "an image address with a user name, at {host}, is not followed"
            ));
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&self.own) && is_loopback(url) => {}
            other => {
                return Err(format!(
                    "an image address must begin with https, not with {other}"
                ));
            }
        }
        if !is_loopback(&self.own) && ip_of(url).is_some_and(|ip| !is_public(ip)) {
            return Err(format!(
                "{host} is an inner address: nothing is fetched from it"
            ));
        }
        if self.is_own(url) || self.is_listed(url) {
            return Ok(());
        }
        Err(format!(
            "{} is no host that images are fetched from",
            host_and_port(url)
        ))
    }

    fn is_own(&self, url: &Url) -> bool {
        let same_port = url.port_or_known_default() == self.own.port_or_known_default();
        let same_host = url.host_str() == self.own.host_str();
        same_port && (same_host || (is_here(url) && is_here(&self.own)))
    }

    fn is_listed(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        let with_port = host_and_port(url);
        self.others.iter().any(|listed| {
            let asked = if listed.contains(':') {
                with_port.as_str()
            } else if url.port().is_none() {
                host
            } else {
                return false;
            };
            match listed.strip_prefix('.') {
                Some(parent) => asked
                    .strip_suffix(parent)
                    .is_some_and(|below| below.len() > 1 && below.ends_with('.')),
                None => asked == listed,
            }
        })
    }

    /// Tells whether a name is one that images come from; another name can only be a proxy's.
    fn serves_images(&self, name: &str) -> bool {
        let Ok(url) = Url::parse(&format!("https://{name}")) else {
            return true;
        };
        let bare = |listed: &String| listed.split(':').next() == url.host_str();
        url.host_str() == self.own.host_str()
            || self.is_listed(&url)
            || self.others.iter().any(bare)
    }
}

/// Tells whether an address is this machine in one of its three usual spellings.
fn is_here(url: &Url) -> bool {
    match ip_of(url) {
        Some(ip) => LOOPBACK.contains(&ip),
        None => url.host_str() == Some(LOCALHOST),
    }
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Tells whether an address belongs to the open internet.
///
/// Refuses what IANA's special-purpose registries set apart: this machine, private and shared
/// networks, link-local, multicast, documentation and reserved ranges. An IPv6 address that carries
/// an IPv4 address is judged by that one.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let set_apart = match ip.octets() {
        [0 | 10 | 127 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 168, ..]
        | [198, 18 | 19, ..]
        | [192, 88, 99, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => true,
        [100, b, ..] => (64..128).contains(&b),
        [172, b, ..] => (16..32).contains(&b),
        [192, 0, c, _] => c == 0 || c == 2,
        _ => false,
    };
    !set_apart
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => inner(high, low),
        // All unicast addresses given out so far lie in 2000::/3; parts of it are not for hosts.
        [0x2001, 0 | 2 | 0xdb8, ..] => false,
        [0x2001, b, ..] => b >= 0x200,
        [0x3fff, b, ..] => b >= 0x1000,
        [a, ..] => (0x2000..0x4000).contains(&a),
    }
}

/// Finds the addresses of hosts, and of an image's host only those of the open internet.
///
/// The client connects to the very addresses that were looked at, so that a name cannot answer
/// differently the second time.
#[derive(Clone, Debug)]
pub struct Guard(Hosts);

impl Guard {
    /// Guards these hosts.
    #[must_use]
    pub fn new(hosts: Hosts) -> Self {
        Self(hosts)
    }

    fn admits(&self, name: &str, ip: IpAddr) -> bool {
        let own_machine = is_loopback(&self.0.own) && ip.is_loopback();
        is_public(ip) || own_machine || !self.0.serves_images(name)
    }
}

/// Why a host is not connected to.
#[derive(Debug, thiserror::Error)]
#[error("{0} leads to an inner address: nothing is fetched from it")]
pub(crate) struct LeadsInward(String);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let name = name.as_str();
            if name == LOCALHOST && is_loopback(&guard.0.own) {
                let here: Addrs = Box::new(LOOPBACK.map(|ip| (ip, 0).into()).into_iter());
                return Ok(here);
            }
            let found: Vec<_> = tokio::net::lookup_host((name, 0)).await?.collect();
            let (admitted, inner): (Vec<_>, Vec<_>) = found
                .into_iter()
                .partition(|address| guard.admits(name, address.ip()));
            if admitted.is_empty() && !inner.is_empty() {
                return Err(LeadsInward(name.to_owned()).into());
            }
            let admitted: Addrs = Box::new(admitted.into_iter());
            Ok(admitted)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(own: &str) -> Hosts {
        let own = Url::parse(own).expect("an address");
        let others = ["im.runware.ai", ".cdn.example", "pics.example:8443"];
        Hosts::new(&own, others.map(str::to_owned))
    }

    fn allowed(own: &str, image: &str) -> bool {
        hosts(own)
            .check(&Url::parse(image).expect("an address"))
            .is_ok()
    }

    const API: &str = "https://api.runware.ai/v1";
    const HERE: &str = "http://127.0.0.1:4000/v1";

    #[test]
    fn allows_the_hosts_that_are_listed() {
        assert!(allowed(API, "https://im.runware.ai/image/a.jpg"));
        assert!(allowed(API, "https://IM.runware.ai:443/image/a.jpg"));
        assert!(allowed(API, "https://api.runware.ai/image/a.jpg"));
        assert!(allowed(API, "https://a.b.cdn.example/x"));
        assert!(allowed(API, "https://pics.example:8443/x"));
    }

    #[test]
    fn refuses_every_smuggled_address() {
        for image in [
            "http://im.runware.ai/a.jpg",
            "https://im.runware.ai:8443/a.jpg",
            "https://im.runware.ai./a.jpg",
            "https://evil.example/a.jpg",
            "https://im.runware.ai.evil.example/a.jpg",
            "https://xim.runware.ai/a.jpg",
            "https://cdn.example/x",
            "https://evilcdn.example/x",
            "https://.cdn.example/x",
            "https://pics.example/x",
            "https://user@im.runware.ai/a.jpg",
            "https://user:pw@im.runware.ai/a.jpg",
            "https://im.runware.ai@evil.example/a.jpg",
            "https://127.0.0.1/a.jpg",
            "https://2130706433/a.jpg",
            "https://[::1]/a.jpg",
            "https://[::ffff:10.0.0.1]/a.jpg",
            "https://169.254.169.254/latest/meta-data",
            "https://localhost/a.jpg",
            "http://127.0.0.1/a.jpg",
            "file:///etc/passwd",
            "data:image/png;base64,AAAA",
            "ftp://im.runware.ai/a.jpg",
        ] {
            assert!(!allowed(API, image), "{image}");
        }
    }

    #[test]
    fn on_loopback_only_the_own_origin_is_plain() {
        assert!(allowed(HERE, "http://127.0.0.1:4000/image/a.jpg"));
        assert!(allowed(HERE, "http://localhost:4000/image/a.jpg"));
        assert!(allowed(HERE, "http://[::1]:4000/image/a.jpg"));
        assert!(allowed(HERE, "https://im.runware.ai/a.jpg"));
        for image in [
            "http://127.0.0.1:4001/a.jpg",
            "http://127.0.0.1/a.jpg",
            "http://127.0.0.2:4000/a.jpg",
            "http://10.0.0.1:4000/a.jpg",
            "http://im.runware.ai/a.jpg",
            "http://u@127.0.0.1:4000/a.jpg",
        ] {
            assert!(!allowed(HERE, image), "{image}");
        }
    }

    #[test]
    fn tells_the_open_internet_from_the_rest() {
        for ip in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:a00:1::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip.parse().expect("an address")), "{ip}");
        }
        for ip in [
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "192.1.0.1",
            "2606:4700::1",
            "2001:4860:4860::8888",
            "2a00:1450::1",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(ip.parse().expect("an address")), "{ip}");
        }
    }

    #[test]
    fn a_proxy_may_stand_inside() {
        let guard = Guard::new(hosts(API));
        let inner: IpAddr = "10.0.0.8".parse().expect("an address");
        assert!(guard.admits("proxy.studio.lan", inner));
        for name in [
            "im.runware.ai",
            "api.runware.ai",
            "x.cdn.example",
            "pics.example",
        ] {
            assert!(!guard.admits(name, inner), "{name}");
        }
    }

    #[tokio::test]
    async fn an_image_host_that_leads_inward_is_refused() {
        let own = Url::parse(API).expect("an address");
        let guard = Guard::new(Hosts::new(&own, ["localhost".to_owned()]));
        let name = "localhost".parse().expect("a name");
        let Err(refusal) = guard.resolve(name).await else {
            panic!("an inner address was given out");
        };
        assert!(refusal.to_string().contains("inner address"), "{refusal}");
    }
}
