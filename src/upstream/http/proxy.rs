//! Which proxy the environment names for a URL; pure.
//!
//! 1. `HTTP_PROXY` for http, `HTTPS_PROXY` for https, `ALL_PROXY` for what has no own; lower case counts like upper case,
//!    which comes first. In a CGI program (`REQUEST_METHOD` is set) a client's header could name `HTTP_PROXY`: it is
//!    passed over there.
//! 2. `NO_PROXY` is read as Go's `httpproxy` reads it: `*` anywhere in the list is everything; a name is itself and its
//!    subdomains; `.suffix` and `*.suffix` are subdomains alone; addresses and CIDR ranges are addresses; `:port` narrows
//!    a name or an address to it. Blanks around an entry mean nothing. Unlike there, loopback is not exempt by itself.
//! 3. A proxy is written as a URL or as `host:port` (http). Signs that a URL cannot hold in its user name or password,
//!    `#` and `/` among them, count as they are. SOCKS is `socks5h` (the proxy resolves names), `socks5`, `socks4a`,
//!    `socks4`; `socks` is `socks5h`.

use std::fmt::Write as _;
use std::net::IpAddr;

use url::{Host, Url};

/// The proxies of the environment.
#[derive(Debug, Default)]
pub(in crate::upstream) struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    except: Exceptions,
    /// The variables that name no proxy, with what they say.
    pub(super) unreadable: Vec<String>,
}

/// One proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::upstream) struct Proxy {
    /// Where it is, with user name and password.
    pub(in crate::upstream) url: Url,
    /// The variable that names it.
    pub(super) variable: &'static str,
}

impl Proxies {
    /// The proxies that the variables name.
    pub(in crate::upstream) fn new(variable: impl Fn(&'static str) -> Option<String>) -> Self {
        let mut unreadable = Vec::new();
        let mut first = |names: &[&'static str]| {
            let set = |name: &&'static str| {
                let value = variable(name)?;
                let value = value.trim();
                (!value.is_empty()).then(|| (*name, value.to_owned()))
            };
            let (variable, value) = names.iter().find_map(set)?;
            let url = parse(&value);
            if url.is_none() {
                unreadable.push(variable.to_owned());
            }
            Some(Proxy {
                url: url?,
                variable,
            })
        };
        let cgi = variable("REQUEST_METHOD").is_some();
        let http: &[&str] = if cgi {
            &["http_proxy", "ALL_PROXY", "all_proxy"]
        } else {
            &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        };
        Self {
            http: first(http),
            https: first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
            except: ["NO_PROXY", "no_proxy"]
                .into_iter()
                .find_map(&variable)
                .map(|list| Exceptions::parse(&list))
                .unwrap_or_default(),
            unreadable,
        }
    }

    /// The proxy on the way to `url`.
    pub(in crate::upstream) fn of(&self, url: &Url) -> Option<&Proxy> {
        let proxy = match url.scheme() {
            "https" => self.https.as_ref(),
            "http" => self.http.as_ref(),
            _ => None,
        }?;
        (!self.except.has(url)).then_some(proxy)
    }

    /// Words for an error on the way to `url`, when a proxy is on it.
    pub(in crate::upstream) fn hint(&self, url: &Url) -> String {
        let Some(Proxy { url, variable }) = self.of(url) else {
            return String::new();
        };
        let host = url.host_str().unwrap_or_default();
        let port = url
            .port()
            .map_or_else(String::new, |port| format!(":{port}"));
        format!(
            " (a proxy is set in the environment: {variable} names {}://{host}{port}; check it, and NO_PROXY)",
            url.scheme()
        )
    }
}

/// The URL of a proxy.
fn parse(value: &str) -> Option<Url> {
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "socks" => "socks5h".to_owned(),
        known @ ("http" | "https" | "socks5h" | "socks5" | "socks4a" | "socks4") => {
            known.to_owned()
        }
        _ => return None,
    };
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (format!("{}@", encoded(user)), host),
        None => (String::new(), rest),
    };
    let url = Url::parse(&format!("{scheme}://{user}{host}")).ok()?;
    url.host_str().filter(|host| !host.is_empty())?;
    Some(url)
}

/// A user name and a password with everything encoded that a URL cannot hold; what is encoded already stays.
fn encoded(user: &str) -> String {
    let is_code = |at: usize| {
        user.get(at + 1..at + 3)
            .is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let mut text = String::new();
    for (at, byte) in user.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric()
            || b"-._~!$&'()*+,;=:".contains(&byte)
            || (byte == b'%' && is_code(at));
        if plain {
            text.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// The list of `NO_PROXY`.
#[derive(Debug, Default)]
struct Exceptions {
    all: bool,
    entries: Vec<(Pattern, Option<u16>)>,
}

/// What one entry means.
#[derive(Debug)]
enum Pattern {
    Address(IpAddr),
    Range(IpAddr, u32),
    /// A name's end, with the dot before it, and whether the name itself counts.
    Suffix(String, bool),
}

impl Exceptions {
    fn parse(list: &str) -> Self {
        let mut exceptions = Self::default();
        for entry in list.split(',').map(str::trim) {
            if entry == "*" {
                exceptions.all = true;
            }
            exceptions
                .entries
                .extend(pattern(&entry.to_ascii_lowercase()));
        }
        exceptions
    }

    fn has(&self, url: &Url) -> bool {
        if self.all {
            return true;
        }
        let port = url.port_or_known_default();
        self.entries
            .iter()
            .filter(|(_, only)| only.is_none() || *only == port)
            .any(|(pattern, _)| match url.host() {
                Some(Host::Ipv4(address)) => pattern.has_address(address.into()),
                Some(Host::Ipv6(address)) => pattern.has_address(address.into()),
                Some(Host::Domain(name)) => pattern.has_name(name),
                None => false,
            })
    }
}

/// What an entry means; `None` for an empty or a malformed one.
fn pattern(entry: &str) -> Option<(Pattern, Option<u16>)> {
    if let Some((address, bits)) = entry.split_once('/') {
        let address: IpAddr = address.parse().ok()?;
        let bits: u32 = bits.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        return (bits <= most).then_some((Pattern::Range(address, bits), None));
    }
    let (host, port) = match entry.rsplit_once(':') {
        // An IPv6 address without brackets has more than one colon and no port.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, Some(port.parse().ok()?))
        }
        _ => (entry, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse() {
        return Some((Pattern::Address(address), port));
    }
    let host = host
        .strip_prefix('*')
        .filter(|rest| rest.starts_with('.'))
        .unwrap_or(host);
    let suffix = match host.strip_prefix('.') {
        Some("") | None if host.is_empty() || host == "." => return None,
        Some(_) => Pattern::Suffix(host.to_owned(), false),
        None => Pattern::Suffix(format!(".{host}"), true),
    };
    Some((suffix, port))
}

impl Pattern {
    fn has_address(&self, address: IpAddr) -> bool {
        match self {
            Self::Address(only) => *only == address.to_canonical() || *only == address,
            Self::Range(network, bits) => in_range(address, *network, *bits),
            Self::Suffix(..) => false,
        }
    }

    fn has_name(&self, name: &str) -> bool {
        let Self::Suffix(suffix, itself) = self else {
            return false;
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        name.ends_with(suffix.as_str()) || (*itself && suffix.strip_prefix('.') == Some(&name))
    }
}

fn in_range(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address.to_canonical(), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Variables<'a> = &'a [(&'a str, &'a str)];

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::new(|name| {
            let set = variables.iter().find(|(set, _)| *set == name);
            set.map(|(_, value)| (*value).to_owned())
        })
    }

    fn of(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let proxies = proxies(variables);
        let proxy = proxies.of(&url.parse().unwrap())?;
        Some(proxy.url.to_string())
    }

    #[test]
    fn invariant_1_each_scheme_has_its_variable() {
        let http = [("HTTP_PROXY", "http://a.test")];
        let https = [("https_proxy", "http://b.test")];
        let all = [("ALL_PROXY", "socks5://c.test:1080")];
        let cases: [(Variables<'_>, &str, Option<&str>); 9] = [
            (&http, "http://x.test", Some("http://a.test/")),
            (&http, "https://x.test", None),
            (&https, "https://x.test", Some("http://b.test/")),
            (&https, "http://x.test", None),
            (&all, "http://x.test", Some("socks5://c.test:1080")),
            (&all, "https://x.test", Some("socks5://c.test:1080")),
            (&[http[0], all[0]], "http://x.test", Some("http://a.test/")),
            (
                &[("HTTP_PROXY", " "), all[0]],
                "http://x.test",
                Some("socks5://c.test:1080"),
            ),
            (&[http[0], ("REQUEST_METHOD", "GET")], "http://x.test", None),
        ];
        for (variables, url, expected) in cases {
            assert_eq!(
                of(variables, url).as_deref(),
                expected,
                "{variables:?} {url}"
            );
        }
    }

    #[test]
    fn invariant_2_no_proxy_is_read_as_go_reads_it() {
        let cases = [
            // NO_PROXY, URL, asked without the proxy
            ("*", "http://127.0.0.1:80", true),
            ("*", "http://x.test", true),
            ("foo,*", "http://x.test", true),
            ("", "http://x.test", false),
            (" , ,", "http://x.test", false),
            ("x.test", "http://x.test", true),
            ("x.test", "http://a.x.test", true),
            ("x.test", "http://ax.test", false),
            ("X.Test", "http://x.tesT", true),
            (".x.test", "http://x.test", false),
            (".x.test", "http://a.x.test", true),
            ("*.x.test", "http://x.test", false),
            ("*.x.test", "http://a.b.x.test", true),
            (" x.test , foo", "http://x.test", true),
            ("x.test:80", "http://x.test", true),
            ("x.test:80", "https://x.test", false),
            ("x.test:443", "https://x.test", true),
            ("x.test:8080", "http://x.test:8080", true),
            ("x.test:8080", "http://x.test", false),
            ("x.test:", "http://x.test", false),
            ("127.0.0.1", "http://127.0.0.1:5", true),
            ("127.0.0.1:5", "http://127.0.0.1:5", true),
            ("127.0.0.1:6", "http://127.0.0.1:5", false),
            ("127.0.0.0/8", "http://127.9.9.9", true),
            ("127.0.0.0/8", "http://128.0.0.1", false),
            ("0.0.0.0/0", "http://9.9.9.9", true),
            ("10.0.0.0/33", "http://10.0.0.1", false),
            ("::1", "http://[::1]:5", true),
            ("[::1]", "http://[::1]:5", true),
            ("[::1]:5", "http://[::1]:5", true),
            ("[::1]:6", "http://[::1]:5", false),
            ("fd00::/8", "http://[fd12::1]", true),
            ("fd00::/8", "http://[fe80::1]", false),
            ("10.0.0.0/8", "http://localhost", false),
            ("localhost", "http://127.0.0.1", false),
            ("foo", "http://localhost", false),
            ("foo", "http://127.0.0.1", false),
            (":80", "http://x.test", false),
            ("*x.test", "http://ax.test", false),
            (".", "http://x.test", false),
        ];
        for (list, url, expected) in cases {
            let variables = [("ALL_PROXY", "http://p.test"), ("NO_PROXY", list)];
            assert_eq!(of(&variables, url).is_none(), expected, "{list:?} {url}");
        }
    }

    #[test]
    fn invariant_3_a_proxy_is_written_generously() {
        let cases = [
            ("p.test:3128", Some("http://p.test:3128/")),
            ("p.test", Some("http://p.test/")),
            ("HTTP://p.test", Some("http://p.test/")),
            (
                "http://me:se#c/r?et@p.test:3128",
                Some("http://me:se%23c%2Fr%3Fet@p.test:3128/"),
            ),
            ("http://me:a@b@p.test", Some("http://me:a%40b@p.test/")),
            (
                "http://me:a%40b%@p.test",
                Some("http://me:a%40b%25@p.test/"),
            ),
            ("socks5h://127.0.0.1:1080", Some("socks5h://127.0.0.1:1080")),
            ("socks://127.0.0.1:1080", Some("socks5h://127.0.0.1:1080")),
            ("ftp://p.test", None),
            ("http://", None),
            ("http://p.test:port", None),
        ];
        for (value, expected) in cases {
            let variables = [("HTTP_PROXY", value)];
            assert_eq!(
                of(&variables, "http://x.test").as_deref(),
                expected,
                "{value}"
            );
            assert_eq!(
                proxies(&variables).unreadable.is_empty(),
                expected.is_some()
            );
        }
    }

    #[test]
    fn a_hint_names_the_proxy_without_its_password() {
        let proxies = proxies(&[("HTTP_PROXY", "http://me:secret@p.test:3128")]);
        let hint = proxies.hint(&"http://x.test".parse().unwrap());
        assert!(
            hint.contains("HTTP_PROXY names http://p.test:3128"),
            "{hint}"
        );
        assert!(!hint.contains("secret"), "{hint}");
        assert_eq!(proxies.hint(&"https://x.test".parse().unwrap()), "");
    }
}
