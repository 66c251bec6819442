//! The configuration of where references come from: `[[upstream]]`, `[http]`, `[github.image]`, `[github.text]`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::{address, words};
use crate::category::{Category, Repository};
use crate::item::{self, Item};

/// `upstream.layout`: how an upstream lays its files out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `URL/{owner}/{repository}/refs/heads/{branch}/{file}`: legacy files and extra files.
    Github,
    /// `URL/{file}`: legacy files and extra files.
    Flat,
    /// `URL/model_references/v2/{category}`: the PRIMARY API; v2.
    Primary,
    /// `URL/manifest.json` and the files that it names: legacy, v2 and extra files.
    Mirror,
}

words!(Layout { "github" => Github, "flat" => Flat, "primary" => Primary, "mirror" => Mirror });

impl Layout {
    /// The categories that an upstream of this layout can serve, in the reference's order.
    pub fn categories(self) -> impl Iterator<Item = Category> {
        let v2 = matches!(self, Self::Primary | Self::Mirror);
        let serves = move |category: &Category| v2 || category.has_legacy();
        Category::ALL.into_iter().filter(serves)
    }

    /// Whether the files may lie in a directory; the others need a server.
    #[must_use]
    pub const fn reads_directories(self) -> bool {
        !matches!(self, Self::Primary)
    }
}

/// Where `upstream.url` points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An HTTP(S) server.
    Http(url::Url),
    /// A directory on this host.
    Directory(PathBuf),
}

impl Origin {
    /// The layout of an upstream whose configuration names none.
    #[must_use]
    pub const fn default_layout(&self) -> Layout {
        match self {
            Self::Http(_) => Layout::Github,
            Self::Directory(_) => Layout::Flat,
        }
    }
}

/// Shows the address to people: a password in it is not shown.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The slash of an empty path is the parser's addition.
            Self::Http(url) if url.path() == "/" => {
                f.write_str(address::without_password(url).trim_end_matches('/'))
            }
            Self::Http(url) => f.write_str(&address::without_password(url)),
            Self::Directory(path) => path.display().fmt(f),
        }
    }
}

/// `[[upstream]]`: one place that references come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// What log, status and metrics call it; no two have the same.
    pub name: String,
    /// The server or directory.
    pub origin: Origin,
    /// How files are laid out below it.
    pub layout: Layout,
    /// The categories that it is asked for, in the reference's order.
    pub categories: Vec<Category>,
    /// How long all upstreams before it must have been failing for a category before it is asked in their place. Where
    /// nothing is published it is asked in the same cycle.
    pub fallback_after: Duration,
    /// Put before the whole file URL, for places where GitHub is blocked.
    pub proxy_url: Option<url::Url>,
    /// A file with the token that is sent as `Authorization: Bearer`.
    pub token_file: Option<PathBuf>,
}

/// `[http]`: what all requests have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Requests in flight per host.
    pub concurrency: usize,
    /// Time to establish a connection.
    pub connect_timeout: Duration,
    /// Time between two reads of a response.
    pub read_timeout: Duration,
    /// Time for a whole request, body included.
    pub timeout: Duration,
    /// Attempts per file and poll, the first included.
    pub retry_attempts: u32,
    /// The first wait between attempts; doubles per attempt, jittered.
    pub retry_backoff: Duration,
    /// The largest body accepted, in decoded bytes.
    pub max_body_bytes: u64,
}

/// `[github.image]` and `[github.text]`: the repositories of upstreams of layout `github`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubConfig {
    /// Where image categories are.
    pub image: RepositoryConfig,
    /// Where text categories are.
    pub text: RepositoryConfig,
}

/// One GitHub repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryConfig {
    /// The account, e.g. `Haidra-Org`.
    pub owner: String,
    /// The repository, e.g. `AI-Horde-image-model-reference`.
    pub name: String,
    /// The branch, e.g. `main`.
    pub branch: String,
}

/// One entry of `extra_files`: a file that is passed through to `legacy/`, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraFile {
    /// The repository that has it.
    pub repository: Repository,
    /// Its name, there and in `legacy/`.
    pub file: String,
}

impl ExtraFile {
    /// What is fetched and published as a unit.
    #[must_use]
    pub fn item(&self) -> Item {
        Item::File(item::ExtraFile {
            repository: self.repository,
            name: self.file.clone(),
        })
    }
}

impl fmt::Display for ExtraFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repository = match self.repository {
            Repository::Image => "image",
            Repository::Text => "text",
        };
        write!(f, "{repository}:{}", self.file)
    }
}
