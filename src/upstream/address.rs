//! Where each category's file is: the address in the terms of the layout, and the one a request goes to.
//!
//! 1. `github`: `URL/{owner}/{repository}/refs/heads/{branch}/{file}`; `flat`: `URL/{file}`. Directories follow the same two shapes.
//! 2. Runs of slashes in the file URL's path collapse, so a trailing slash in the configuration changes nothing. A query stays.
//! 3. With a proxy prefix the request goes to `PREFIX/` + the whole file URL; the file's own address stays without it.
//! 4. A user name or a password in a URL goes to the host it is for and is never shown: addresses go into a public
//!    manifest and into logs. With a proxy prefix those of the file URL are left out, those of the prefix are sent.

use std::collections::BTreeMap;
use std::path::PathBuf;

use url::Url;

use super::error::UpstreamError;
use crate::category::{Category, Repository};
use crate::config::{GithubConfig, Layout, Origin, RepositoryConfig, UpstreamConfig};

/// For a directory whose files are in the other layout than the one configured.
const GITHUB_INSTEAD: &str =
    "the directory is laid out like GitHub: use --layout github (layout = \"github\")";
const FLAT_INSTEAD: &str =
    "the files are directly in the directory: use --layout flat (layout = \"flat\")";

/// Where one category's file is.
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
    /// Where the file would be in the other layout, and what to say when it is there.
    pub(super) elsewhere: (PathBuf, &'static str),
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
    /// The host of the request, with its port where that is not the scheme's own: the unit of rate limits.
    pub(super) host: String,
    /// What to check when the file does not exist.
    pub(super) hint: &'static str,
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

/// The places of all categories that have a legacy file.
pub(super) fn places(
    config: &UpstreamConfig,
    github: &GithubConfig,
) -> Result<BTreeMap<Category, Place>, UpstreamError> {
    let mut places = BTreeMap::new();
    for category in Category::ALL {
        let Some(repository) = category.repository() else {
            continue;
        };
        let path = |layout| relative(github, layout, repository, category.legacy_file());
        let place = match &config.origin {
            Origin::Directory(root) => {
                let join = |layout| {
                    path(layout)
                        .iter()
                        .fold(root.clone(), |p, part| p.join(part))
                };
                let elsewhere = match config.layout {
                    Layout::Github => (join(Layout::Flat), FLAT_INSTEAD),
                    _ => (join(Layout::Github), GITHUB_INSTEAD),
                };
                Place::File(LocalFile {
                    root: root.clone(),
                    path: join(config.layout),
                    elsewhere,
                })
            }
            Origin::Http(base) => Place::Http(Target::new(
                &below(base, &path(config.layout)),
                config.proxy_url.as_ref(),
                hint(config.layout, repository),
            )?),
        };
        places.insert(category, place);
    }
    Ok(places)
}

impl Target {
    fn new(file: &Url, prefix: Option<&Url>, hint: &'static str) -> Result<Self, UpstreamError> {
        let request = match prefix {
            None => file.clone(),
            Some(prefix) => {
                let file = without_credentials(file);
                let text = format!("{}/{file}", prefix.as_str().trim_end_matches('/'));
                Url::parse(&text).map_err(|source| UpstreamError::Address { url: file, source })?
            }
        };
        Ok(Self {
            address: without_credentials(file),
            shown: without_credentials(&request),
            host: host(&request),
            request,
            hint,
        })
    }
}

/// The path of a file below the origin, as segments.
fn relative<'a>(
    config: &'a GithubConfig,
    layout: Layout,
    repository: Repository,
    file: &'a str,
) -> Vec<&'a str> {
    let RepositoryConfig {
        owner,
        name,
        branch,
    } = match repository {
        Repository::Image => &config.image,
        Repository::Text => &config.text,
    };
    let mut path = Vec::new();
    if layout == Layout::Github {
        // A branch may contain slashes, and `refs/heads/` is followed by all of them.
        let parts = [owner, name, "refs", "heads", branch];
        path.extend(parts.into_iter().flat_map(|part| part.split('/')));
    }
    path.push(file);
    path.retain(|part| !part.is_empty());
    path
}

/// `base` with its path extended; what its path already has encoded stays as it is.
fn below(base: &Url, path: &[&str]) -> Url {
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

fn host(url: &Url) -> String {
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

fn hint(layout: Layout, repository: Repository) -> &'static str {
    match (layout, repository) {
        (Layout::Github, Repository::Image) => {
            "check the owner, the repository and the branch in [github.image]; a server that has the files directly below its URL needs layout = \"flat\""
        }
        (Layout::Github, Repository::Text) => {
            "check the owner, the repository and the branch in [github.text]; a server that has the files directly below its URL needs layout = \"flat\""
        }
        _ => {
            "check the upstream's url; a server laid out like raw.githubusercontent.com needs layout = \"github\""
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(origin: Origin, layout: Layout, proxy: Option<&str>) -> UpstreamConfig {
        UpstreamConfig {
            proxy_url: proxy.map(|url| url.parse().unwrap()),
            ..UpstreamConfig::new(origin, layout)
        }
    }

    fn github() -> GithubConfig {
        let repository = |name: &str| RepositoryConfig {
            owner: "Haidra-Org".to_owned(),
            name: name.to_owned(),
            branch: "main".to_owned(),
        };
        GithubConfig {
            image: repository("images"),
            text: repository("texts"),
        }
    }

    fn target(config: &UpstreamConfig, category: Category) -> Target {
        target_of(config, &github(), category)
    }

    fn target_of(config: &UpstreamConfig, github: &GithubConfig, category: Category) -> Target {
        match places(config, github).unwrap().remove(&category) {
            Some(Place::Http(target)) => target,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn invariants_1_and_2_urls_follow_the_layout() {
        let cases = [
            // base, layout, category, address
            (
                "https://raw.githubusercontent.com",
                Layout::Github,
                Category::Clip,
                "https://raw.githubusercontent.com/Haidra-Org/images/refs/heads/main/clip.json",
            ),
            (
                "https://raw.githubusercontent.com/",
                Layout::Github,
                Category::TextGeneration,
                "https://raw.githubusercontent.com/Haidra-Org/texts/refs/heads/main/models.csv",
            ),
            (
                "http://mirror.example:8080/a//b/",
                Layout::Flat,
                Category::ImageGeneration,
                "http://mirror.example:8080/a/b/stable_diffusion.json",
            ),
            (
                "http://mirror.example//",
                Layout::Flat,
                Category::Blip,
                "http://mirror.example/blip.json",
            ),
            (
                "http://mirror.example/a%20b?key=1#top",
                Layout::Flat,
                Category::Blip,
                "http://mirror.example/a%20b/blip.json?key=1",
            ),
        ];
        for (base, layout, category, expected) in cases {
            let config = config(Origin::Http(base.parse().unwrap()), layout, None);
            let target = target(&config, category);
            assert_eq!(target.address, expected);
            assert_eq!(target.request.as_str(), expected);
        }
    }

    #[test]
    fn invariant_2_a_branch_may_hold_slashes_and_signs() {
        let cases = [
            ("feature/beta", "feature/beta"),
            ("/feature//beta/", "feature/beta"),
            ("a b#c?d%41", "a%20b%23c%3Fd%2541"),
        ];
        for (branch, encoded) in cases {
            let config = config(
                Origin::Http("http://h.example".parse().unwrap()),
                Layout::Github,
                None,
            );
            let mut github = github();
            github.image.branch = branch.to_owned();
            let target = target_of(&config, &github, Category::Clip);
            assert_eq!(
                target.address,
                format!("http://h.example/Haidra-Org/images/refs/heads/{encoded}/clip.json")
            );
        }
    }

    #[test]
    fn invariant_3_a_proxy_prefix_comes_before_the_whole_url() {
        for proxy in [
            "https://proxy.example",
            "https://proxy.example/",
            "https://proxy.example///",
        ] {
            let origin = Origin::Http("https://raw.example".parse().unwrap());
            let config = config(origin, Layout::Flat, Some(proxy));
            let target = target(&config, Category::Clip);
            assert_eq!(target.address, "https://raw.example/clip.json");
            assert_eq!(
                target.request.as_str(),
                "https://proxy.example/https://raw.example/clip.json"
            );
            assert_eq!(target.host, "proxy.example");
        }
    }

    #[test]
    fn invariant_4_credentials_are_sent_and_not_shown() {
        let origin = Origin::Http("https://me:secret@h.example:8443/x".parse().unwrap());
        let config = config(origin, Layout::Flat, None);
        let target = target(&config, Category::Clip);
        assert_eq!(
            target.request.as_str(),
            "https://me:secret@h.example:8443/x/clip.json"
        );
        assert_eq!(target.address, "https://h.example:8443/x/clip.json");
        assert_eq!(target.shown, target.address);
        assert_eq!(target.host, "h.example:8443");
    }

    #[test]
    fn invariant_4_credentials_stay_hidden_behind_a_proxy_prefix_too() {
        let origin = Origin::Http("https://me:secret@h.example".parse().unwrap());
        let config = config(
            origin,
            Layout::Flat,
            Some("https://you:hidden@proxy.example"),
        );
        let target = target(&config, Category::Clip);
        for shown in [&target.address, &target.shown] {
            assert!(
                !shown.contains("secret") && !shown.contains("hidden"),
                "{shown}"
            );
        }
    }

    #[test]
    fn invariant_1_directories_follow_the_layout() {
        let root = PathBuf::from("/srv/drop");
        let flat = config(Origin::Directory(root.clone()), Layout::Flat, None);
        let nested = config(Origin::Directory(root), Layout::Github, None);
        let address = |config: &UpstreamConfig| {
            places(config, &github()).unwrap()[&Category::TextGeneration].address()
        };
        assert_eq!(address(&flat), "/srv/drop/models.csv");
        assert_eq!(
            address(&nested),
            "/srv/drop/Haidra-Org/texts/refs/heads/main/models.csv"
        );
    }

    #[test]
    fn only_categories_with_a_legacy_file_have_a_place() {
        let config = config(Origin::Directory(PathBuf::from("/d")), Layout::Flat, None);
        let places = places(&config, &github()).unwrap();
        assert!(places.keys().copied().eq(Category::with_legacy()));
    }
}
