//! The one HTTP client of a process: its certificates, timeouts, proxies and `User-Agent`.
//!
//! 1. Every request carries the same `Accept-Encoding`, because an `ETag` describes one encoding.
//! 2. Between polls it holds no connection: idle ones are closed within [`IDLE`].
//! 3. At most [`REDIRECTS`] redirects are followed, and none from https to http.
//! 4. Fields of an answer that are no fields are passed over: what a body is, its bytes say.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::redirect::{Action, Attempt, Policy};

use super::super::address::without_credentials;
use super::super::error::{HttpCause, UpstreamError};
use super::names::Names;
use super::proxy::Proxies;
use super::trust;
use crate::config::HttpConfig;

/// The `User-Agent`: the program, its version, and a page with a contact.
const USER_AGENT: &str = concat!(
    "horde-refd/",
    env!("CARGO_PKG_VERSION"),
    " (+https://github.com/Haidra-Org/horde-refd)"
);

/// How many redirects are followed for one file.
pub(super) const REDIRECTS: usize = 3;

/// How long a connection is kept for the next request: enough for the files of one poll and their retries.
const IDLE: Duration = Duration::from_secs(10);

/// The client, the proxies that it goes through, and the certificates that it trusts.
#[derive(Debug)]
pub(in crate::upstream) struct Client {
    pub(super) inner: reqwest::Client,
    pub(super) proxies: Arc<Proxies>,
    pub(super) trust: Arc<trust::Platform>,
}

impl Client {
    /// A client that asks as configured, through the proxies of the environment.
    pub(in crate::upstream) fn new(http: &HttpConfig) -> Result<Self, UpstreamError> {
        let proxies = Arc::new(Proxies::new(|name| std::env::var(name).ok()));
        for variable in &proxies.unreadable {
            tracing::warn!("{variable} names no proxy that can be used, and is passed over");
        }
        let of = Arc::clone(&proxies);
        let through = reqwest::Proxy::custom(move |url| of.of(url).map(|proxy| proxy.url.clone()));
        let (tls, trust) = trust::tls().map_err(|source| UpstreamError::Tls { source })?;
        let inner = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(HeaderMap::from_iter([(
                ACCEPT_ENCODING,
                HeaderValue::from_static("gzip"),
            )]))
            .tls_backend_preconfigured(tls)
            .proxy(through)
            .dns_resolver(Names)
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .referer(false)
            .redirect(Policy::custom(redirect))
            .connect_timeout(http.connect_timeout)
            .read_timeout(http.read_timeout)
            .timeout(http.timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(http.concurrency)
            .build()
            .map_err(|source| UpstreamError::Client {
                source: HttpCause::new(source),
            })?;
        Ok(Self {
            inner,
            proxies,
            trust,
        })
    }

    /// A client that its owner has set up: proxies, certificates, redirects and timeouts are theirs.
    pub(in crate::upstream) fn given(inner: reqwest::Client) -> Result<Self, UpstreamError> {
        let (_, trust) = trust::tls().map_err(|source| UpstreamError::Tls { source })?;
        Ok(Self {
            inner,
            proxies: Arc::new(Proxies::new(|_| None)),
            trust,
        })
    }
}

fn redirect(attempt: Attempt<'_>) -> Action {
    // The first of the previous URLs is the request itself.
    if attempt.previous().len() > REDIRECTS {
        return attempt.error(Refused::TooMany);
    }
    let secure = attempt.previous().iter().any(|url| url.scheme() == "https");
    if secure && attempt.url().scheme() != "https" {
        let to = without_credentials(attempt.url());
        return attempt.error(Refused::Downgrade { to });
    }
    attempt.follow()
}

/// Why a redirect was not followed.
#[derive(Debug)]
enum Refused {
    TooMany,
    Downgrade { to: String },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(f, "more than {REDIRECTS} redirects"),
            Self::Downgrade { to } => {
                write!(f, "a redirect from https to {to}, which is not encrypted")
            }
        }
    }
}

impl Error for Refused {}
