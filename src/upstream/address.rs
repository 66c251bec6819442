//! The address of a file: its own, the one a request goes to, and the one that is shown.
//!
//! 1. Runs of slashes in the file URL's path collapse, so a trailing slash in the configuration changes nothing. A query stays.
//! 2. With a proxy prefix the request goes to the prefix + the whole file URL, with one slash between, or none after a
//!    prefix that has a query (`?url=`); the file's own address stays without it.
//! 3. A user name or a password in a URL goes to the host it is for and is never shown: addresses go into a public
//!    manifest and into logs. With a proxy prefix those of the file URL are left out, those of the prefix are sent.

use std::path::{Path, PathBuf};

use url::Url;

use super::error::UpstreamError;

/// Where one file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Http(Target),
    File(LocalFile),
}

/// A file in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalFile {
    pub(super) root: PathBuf,
    pub(super) path: PathBuf,
    /// Where the file would be in another layout, and what to say when it is there.
    pub(super) elsewhere: Option<(PathBuf, &'static str)>,
}

/// A file on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The file's own URL, fit to be shown.
    pub(super) address: String,
    /// What the request asks for, proxy prefix and credentials included.
    pub(super) request: Url,
    /// [`Self::request`], fit to be shown.
    pub(super) shown: String,
    /// The host of the request, with its port where that is not the scheme's own: the unit of limits and breakers.
    pub(super) host: String,
    /// What to check when the file does not exist.
    pub(super) hint: &'static str,
    /// Whether 422 is this server's word for a category that it does not know.
    pub(super) unknown_is_422: bool,
}

impl Place {
    /// The place as the manifest and the status name it.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Http(target) => target.address.clone(),
            Self::File(file) => file.path.display().to_string(),
        }
    }
}

impl Target {
    pub(super) fn new(
        file: &Url,
        prefix: Option<&Url>,
        hint: &'static str,
    ) -> Result<Self, UpstreamError> {
        let request = match prefix {
            None => file.clone(),
            Some(prefix) => {
                let file = without_credentials(file);
                let text = match prefix.query() {
                    Some(_) => format!("{prefix}{file}"),
                    None => format!("{}/{file}", prefix.as_str().trim_end_matches('/')),
                };
                Url::parse(&text).map_err(|source| UpstreamError::Address { url: file, source })?
            }
        };
        Ok(Self {
            address: without_credentials(file),
            shown: without_credentials(&request),
            host: host(&request),
            request,
            hint,
            unknown_is_422: false,
        })
    }
}

/// `root` with a path below it.
pub(super) fn joined(root: &Path, path: &[String]) -> PathBuf {
    path.iter()
        .fold(root.to_owned(), |root, part| root.join(part))
}

/// `base` with its path extended; what its path already has encoded stays as it is.
pub(super) fn below(base: &Url, path: &[String]) -> Url {
    let segments = base.path().split('/').map(str::to_owned);
    let added = path.iter().map(|part| part.replace('%', "%25"));
    let joined: Vec<String> = segments
        .chain(added)
        .filter(|part| !part.is_empty())
        .collect();
    let mut url = base.clone();
    url.set_fragment(None);
    url.set_path(&joined.join("/"));
    url
}

pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

pub(super) fn without_credentials(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot hold credentials in the first place.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(base: &str, path: &[&str], prefix: Option<&str>) -> Target {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        let prefix: Option<Url> = prefix.map(|prefix| prefix.parse().unwrap());
        Target::new(&below(&base.parse().unwrap(), &path), prefix.as_ref(), "").unwrap()
    }

    #[test]
    fn invariant_1_slashes_collapse_and_what_is_encoded_stays() {
        let cases: [(&str, &[&str], &str); 6] = [
            (
                "https://h.test",
                &["a", "b.json"],
                "https://h.test/a/b.json",
            ),
            ("https://h.test/", &["b.json"], "https://h.test/b.json"),
            (
                "http://h.test:8080/a//b/",
                &["c.json"],
                "http://h.test:8080/a/b/c.json",
            ),
            ("http://h.test//", &["c.json"], "http://h.test/c.json"),
            (
                "http://h.test/a%20b?key=1#top",
                &["c.json"],
                "http://h.test/a%20b/c.json?key=1",
            ),
            (
                "http://h.test",
                &["a b#c?d%41", "c.json"],
                "http://h.test/a%20b%23c%3Fd%2541/c.json",
            ),
        ];
        for (base, path, expected) in cases {
            let target = target(base, path, None);
            assert_eq!(target.address, expected);
            assert_eq!(target.request.as_str(), expected);
        }
    }

    #[test]
    fn invariant_2_a_proxy_prefix_comes_before_the_whole_url() {
        let cases = [
            (
                "https://p.test",
                "https://p.test/https://raw.test/clip.json",
            ),
            (
                "https://p.test/",
                "https://p.test/https://raw.test/clip.json",
            ),
            (
                "https://p.test///",
                "https://p.test/https://raw.test/clip.json",
            ),
            (
                "https://p.test/x",
                "https://p.test/x/https://raw.test/clip.json",
            ),
            (
                "https://p.test/?url=",
                "https://p.test/?url=https://raw.test/clip.json",
            ),
            (
                "https://p.test?url=",
                "https://p.test/?url=https://raw.test/clip.json",
            ),
            (
                "https://p.test/f?",
                "https://p.test/f?https://raw.test/clip.json",
            ),
            (
                "https://p.test/f?k=1&u=",
                "https://p.test/f?k=1&u=https://raw.test/clip.json",
            ),
        ];
        for (prefix, request) in cases {
            let target = target("https://raw.test", &["clip.json"], Some(prefix));
            assert_eq!(target.address, "https://raw.test/clip.json");
            assert_eq!(target.request.as_str(), request);
            assert_eq!(target.host, "p.test");
        }
    }

    #[test]
    fn invariant_3_credentials_are_sent_and_not_shown() {
        let base = "https://me:secret@h.test:8443/x";
        let direct = target(base, &["clip.json"], None);
        let request = "https://me:secret@h.test:8443/x/clip.json";
        assert_eq!(direct.request.as_str(), request);
        assert_eq!(direct.address, "https://h.test:8443/x/clip.json");
        assert_eq!(direct.shown, direct.address);
        assert_eq!(direct.host, "h.test:8443");
        for prefix in [
            "https://you:hidden@p.test",
            "https://you:hidden@p.test/?url=",
        ] {
            let target = target(base, &["clip.json"], Some(prefix));
            assert!(target.request.as_str().contains("hidden"));
            for shown in [&target.address, &target.shown, &target.request.to_string()] {
                assert!(!shown.contains("secret"), "{shown}");
            }
            assert!(!target.shown.contains("hidden"), "{}", target.shown);
        }
    }
}
