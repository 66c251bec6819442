//! One conditional HTTP request for one file, and what its answer means.
//!
//! 1. Every request carries the same `Accept-Encoding`, because an `ETag` describes one encoding; validators are stored and
//!    sent byte for byte.
//! 2. A body counts only when it arrived whole, undamaged, not empty and not larger than allowed. What it is, its bytes
//!    tell: a web page is refused whatever it is called, and good bytes are taken whatever they are called.
//! 3. At most [`client::REDIRECTS`] redirects are followed, and none from https to http.
//! 4. Reading a body is bounded three ways: per read, in total time, and in decoded bytes.

pub(super) mod cause;
pub(super) mod client;
pub(super) mod coding;
mod names;
pub(super) mod probe;
pub(super) mod proxy;
mod trust;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, DATE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RETRY_AFTER, TRANSFER_ENCODING,
};
use reqwest::{Response, StatusCode, Version};

use super::address::Target;
use super::error::{During, HttpCause, UpstreamError};
use super::host::retry;
use super::{Validators, What};
use crate::clock;
use client::Client;

/// As much of an error page as is searched for the words "rate limit".
const ERROR_PAGE_BYTES: u64 = 4096;

/// One request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) client: &'a Client,
    pub(super) target: &'a Target,
    /// Sent as `Authorization: Bearer`.
    pub(super) token: Option<HeaderValue>,
    /// The largest body that is taken, in decoded bytes.
    pub(super) limit: u64,
    /// Bytes of bodies are added as they arrive.
    pub(super) downloaded: &'a AtomicU64,
}

impl Request<'_> {
    /// Sends it, conditionally where `validators` can be sent.
    pub(super) async fn get(&self, validators: Option<&Validators>) -> Result<What, UpstreamError> {
        let started = clock::instant();
        let conditions = validators.map(conditions).unwrap_or_default();
        let unconditional = conditions.is_empty();
        let mut request = self.client.inner.get(self.target.request.clone());
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        let response = request
            .headers(conditions)
            .send()
            .await
            .map_err(|error| self.unanswered(error, clock::since(started)))?;
        let url = || self.target.shown.clone();
        match response.status() {
            StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION => {}
            StatusCode::NOT_MODIFIED if unconditional => {
                return Err(UpstreamError::NotModifiedUnasked { url: url() });
            }
            StatusCode::NOT_MODIFIED => return Ok(What::NotModified),
            _ => return Err(self.refusal(response).await),
        }

        let headers = response.headers();
        let announced = announces_its_end(response.version(), headers);
        let codings: Vec<String> = headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .map(|field| String::from_utf8_lossy(field.as_bytes()).into_owned())
            .collect();
        let validators = Validators::of(
            text(headers, ETAG),
            text(headers, LAST_MODIFIED),
            text(headers, DATE),
            clock::now(),
        );
        let body = match self.read(response).await {
            Ok(Some(body)) => body,
            Ok(None) => return Err(self.too_large()),
            Err(error) => return Err(self.broken(error, clock::since(started))),
        };
        let raw = body.len() as u64;
        let decoded = coding::decode(codings.iter().map(String::as_str), body, self.limit)
            .map_err(|why| self.undecodable(why))?;
        let (bytes, complete) = (decoded.bytes, announced || decoded.confirmed);
        // Counted as it came until here; the counter wraps, so this also takes away.
        self.downloaded
            .fetch_add((bytes.len() as u64).wrapping_sub(raw), Ordering::Relaxed);
        if bytes.is_empty() {
            return Err(UpstreamError::Empty { place: url() });
        }
        if is_markup(&bytes) {
            return Err(UpstreamError::WebPage { url: url() });
        }
        Ok(What::Body {
            bytes,
            validators,
            complete,
        })
    }

    /// The body as it came; `None` when it is larger than the limit.
    async fn read(&self, mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
        // A server may also announce what it does not send.
        let announced = response.content_length().unwrap_or_default();
        if announced > self.limit {
            return Ok(None);
        }
        let mut body =
            Vec::with_capacity(usize::try_from(announced.min(1 << 20)).unwrap_or_default());
        while let Some(chunk) = response.chunk().await? {
            self.downloaded
                .fetch_add(chunk.len() as u64, Ordering::Relaxed);
            if (body.len() + chunk.len()) as u64 > self.limit {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    /// What a status means that brings neither a body nor "not modified".
    async fn refusal(&self, response: Response) -> UpstreamError {
        let url = self.target.shown.clone();
        let status = response.status();
        let headers = response.headers();
        let now = clock::now();
        let header = text(headers, RETRY_AFTER).map(str::to_owned);
        let reset = text(headers, HeaderName::from_static("x-ratelimit-reset")).map(str::to_owned);
        let limited = match status {
            StatusCode::TOO_MANY_REQUESTS => true,
            StatusCode::FORBIDDEN => {
                header.is_some() || exhausted(headers) || page_names_a_limit(response).await
            }
            _ => false,
        };
        if limited {
            return UpstreamError::RateLimited {
                url,
                status: status.as_u16(),
                host: self.target.host.clone(),
                until: retry::limit(now, header.as_deref(), reset.as_deref()),
            };
        }
        // Over https the proxy only passes on what it cannot read.
        let hint = match self.target.request.scheme() {
            "http" => self.client.proxies.hint(&self.target.request),
            _ => String::new(),
        };
        match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => UpstreamError::Missing {
                url,
                status: status.as_u16(),
                hint: self.target.hint,
            },
            StatusCode::UNPROCESSABLE_ENTITY if self.target.unknown_is_422 => {
                UpstreamError::Missing {
                    url,
                    status: status.as_u16(),
                    hint: self.target.hint,
                }
            }
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => UpstreamError::Proxy { url, hint },
            _ => UpstreamError::Status {
                url,
                status,
                hint,
                retry_after: header.and_then(|header| retry::retry_after(&header, now)),
            },
        }
    }

    /// A request that got no answer.
    fn unanswered(&self, error: reqwest::Error, after: Duration) -> UpstreamError {
        let url = self.target.shown.clone();
        let (timeout, connect, redirect) =
            (error.is_timeout(), error.is_connect(), error.is_redirect());
        let source = HttpCause::new(error);
        if redirect {
            UpstreamError::Redirect { url, source }
        } else if source.is_roots() {
            UpstreamError::Roots { url, source }
        } else if source.is_certificate() {
            let hint = self.client.trust.hint();
            UpstreamError::Certificate { url, hint, source }
        } else if timeout {
            let during = if connect {
                During::Connecting
            } else {
                During::Waiting
            };
            UpstreamError::Timeout { url, during, after }
        } else if connect {
            let hint = self.client.proxies.hint(&self.target.request);
            UpstreamError::Connect { url, hint, source }
        } else {
            UpstreamError::Request { url, source }
        }
    }

    /// A body that did not arrive.
    fn broken(&self, error: reqwest::Error, after: Duration) -> UpstreamError {
        let url = self.target.shown.clone();
        // A timeout is also a decoding error to the client, so it is asked for first.
        if error.is_timeout() {
            let during = During::Reading;
            return UpstreamError::Timeout { url, during, after };
        }
        UpstreamError::Body {
            url,
            source: HttpCause::new(error),
        }
    }

    /// A body that arrived and cannot be read.
    fn undecodable(&self, why: coding::Undecodable) -> UpstreamError {
        let url = self.target.shown.clone();
        match why {
            coding::Undecodable::Foreign(encoding) => UpstreamError::Encoding { url, encoding },
            coding::Undecodable::TooLarge => self.too_large(),
            coding::Undecodable::Damaged(how) => UpstreamError::Undecodable { url, how },
        }
    }

    fn too_large(&self) -> UpstreamError {
        UpstreamError::TooLarge {
            place: self.target.shown.clone(),
            limit: self.limit,
        }
    }
}

/// `If-None-Match` and `If-Modified-Since`; a validator that is no header value (a damaged state file) is left out.
fn conditions(validators: &Validators) -> HeaderMap {
    let pairs = [
        (IF_NONE_MATCH, validators.etag.as_ref()),
        (
            IF_MODIFIED_SINCE,
            validators
                .last_modified
                .as_ref()
                .filter(|_| !validators.weak_date),
        ),
    ];
    pairs
        .into_iter()
        .filter_map(|(name, value)| {
            let value = HeaderValue::from_str(value?).ok()?;
            (!value.is_empty()).then_some((name, value))
        })
        .collect()
}

/// Whether a body that is cut would be noticed: by a length, a last chunk, or an end of its stream.
fn announces_its_end(version: Version, headers: &HeaderMap) -> bool {
    version >= Version::HTTP_2
        || headers.contains_key(CONTENT_LENGTH)
        || headers.contains_key(TRANSFER_ENCODING)
}

/// Whether a body is a page: no reference, JSON or CSV, begins with `<`.
fn is_markup(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    body.trim_ascii_start().starts_with(b"<")
}

/// GitHub marks a used-up quota with this header; others use the draft standard's name.
fn exhausted(headers: &HeaderMap) -> bool {
    ["x-ratelimit-remaining", "ratelimit-remaining"]
        .into_iter()
        .any(|name| text(headers, HeaderName::from_static(name)).map(str::trim) == Some("0"))
}

/// Whether the page behind a 403 says that it is about a rate limit.
async fn page_names_a_limit(mut response: Response) -> bool {
    let mut page = Vec::new();
    // Whatever arrives of it is good enough: a page that breaks off is no reason for another error.
    while let Ok(Some(chunk)) = response.chunk().await {
        page.extend_from_slice(&chunk);
        if page.len() as u64 > ERROR_PAGE_BYTES {
            break;
        }
    }
    let page = String::from_utf8_lossy(&page).to_ascii_lowercase();
    ["rate limit", "ratelimit", "rate-limit", "too many requests"]
        .into_iter()
        .any(|words| page.contains(words))
}

/// A header's value, when it is there and is text.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
