//! The one HTTP client of an upstream: its trust, its timeouts, its manners.
//!
//! 1. A client is built at the first request and not before: a directory upstream and a command that asks nothing never
//!    load the platform's certificates.
//! 2. Between polls it holds no connection: idle ones are closed within [`IDLE`].

use std::error::Error;
use std::fmt;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Client, ClientBuilder};
use rustls::crypto::{CryptoProvider, ring};
use url::Url;

use super::super::address::without_credentials;
use super::super::error::{HttpCause, UpstreamError};
use crate::config::UpstreamConfig;

/// Who we are and where to complain.
const USER_AGENT: &str = concat!(
    "horde-refd/",
    env!("CARGO_PKG_VERSION"),
    " (+https://github.com/Haidra-Org/horde-refd)"
);

/// How many redirects are followed for one file.
const REDIRECTS: usize = 3;

/// How long a connection is kept for the next request: enough for the files of one poll and their retries.
const IDLE: Duration = Duration::from_secs(10);

/// Builds the client for requests to `first`.
pub(in crate::upstream) fn build(
    config: &UpstreamConfig,
    first: &Url,
) -> Result<Client, UpstreamError> {
    if CryptoProvider::get_default().is_none() {
        // Fails only when another thread was faster, and then there is one as well.
        let _ = ring::default_provider().install_default();
    }
    let failed = |source| UpstreamError::Client {
        source: HttpCause::new(source),
    };
    match builder(config).build() {
        // Plain http needs no certificates, so a machine without any can still mirror from its neighbour.
        Err(_) if first.scheme() == "http" => {
            builder(config).tls_certs_only([]).build().map_err(failed)
        }
        built => built.map_err(failed),
    }
}

fn builder(config: &UpstreamConfig) -> ClientBuilder {
    Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(HeaderMap::from_iter([(
            ACCEPT_ENCODING,
            HeaderValue::from_static("gzip"),
        )]))
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .referer(false)
        .redirect(Policy::custom(redirect))
        .connect_timeout(config.connect_timeout)
        .read_timeout(config.read_timeout)
        .timeout(config.timeout)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(config.concurrency)
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
