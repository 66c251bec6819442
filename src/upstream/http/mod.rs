//! One conditional HTTP request for one file, and what its answer means.
//!
//! 1. Every request carries the same `Accept-Encoding`, because an `ETag` describes one encoding; validators are stored and
//!    sent byte for byte.
//! 2. A body counts only when it arrived whole, undamaged, not empty and not larger than allowed. What it is, its bytes
//!    tell: a web page is refused whatever it is called, and good bytes are taken whatever they are called.
//! 3. At most three redirects are followed, and none from https to http.
//! 4. Reading a body is bounded three ways: per read, in total time, and in decoded bytes.

pub(super) mod client;
mod coding;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, RETRY_AFTER, TRANSFER_ENCODING,
};
use reqwest::{Client, Response, StatusCode, Version};

use super::address::Target;
use super::error::{HttpCause, UpstreamError};
use super::{Fetched, Validators, retry};
use crate::clock;

/// As much of an error page as is searched for the words "rate limit".
const ERROR_PAGE_BYTES: u64 = 4096;

/// One request for `target`; decoded body bytes are added to `downloaded` as they arrive.
pub(super) async fn get(
    client: &Client,
    target: &Target,
    validators: Option<&Validators>,
    limit: u64,
    downloaded: &AtomicU64,
) -> Result<Fetched, UpstreamError> {
    let started = clock::instant();
    let conditions = validators.map(conditions).unwrap_or_default();
    let unconditional = conditions.is_empty();
    let request = client.get(target.request.clone()).headers(conditions);
    let response = request
        .send()
        .await
        .map_err(|error| request_failure(target, error, clock::since(started)))?;

    let url = || target.shown.clone();
    let status = response.status();
    match status {
        StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION => {}
        StatusCode::NOT_MODIFIED if unconditional => {
            return Err(UpstreamError::NotModifiedUnasked { url: url() });
        }
        StatusCode::NOT_MODIFIED => return Ok(Fetched::NotModified),
        _ => return Err(refusal(target, response).await),
    }

    let headers = response.headers();
    let announced = announces_its_end(response.version(), headers);
    let codings: Vec<String> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .map(|field| String::from_utf8_lossy(field.as_bytes()).into_owned())
        .collect();
    let validators = Validators {
        etag: text(headers, ETAG).map(str::to_owned),
        last_modified: text(headers, LAST_MODIFIED).map(str::to_owned),
    };
    let body = match read(response, limit, downloaded).await {
        Ok(Some(body)) => body,
        Ok(None) => {
            return Err(UpstreamError::TooLarge {
                place: url(),
                limit,
            });
        }
        Err(error) => return Err(body_failure(target, error, clock::since(started))),
    };
    let raw = body.len() as u64;
    let decoded = coding::decode(codings.iter().map(String::as_str), body, limit)
        .map_err(|why| undecodable(target, why, limit))?;
    let (body, complete) = (decoded.bytes, announced || decoded.confirmed);
    // Counted as it came until here; the counter wraps, so this also takes away.
    downloaded.fetch_add((body.len() as u64).wrapping_sub(raw), Ordering::Relaxed);
    if body.is_empty() {
        return Err(UpstreamError::Empty { place: url() });
    }
    if is_markup(&body) {
        return Err(UpstreamError::WebPage { url: url() });
    }
    Ok(Fetched::New {
        body,
        validators,
        complete,
    })
}

/// `If-None-Match` and `If-Modified-Since`; a validator that is no header value (a damaged state file) is left out.
fn conditions(validators: &Validators) -> HeaderMap {
    let pairs = [
        (IF_NONE_MATCH, &validators.etag),
        (IF_MODIFIED_SINCE, &validators.last_modified),
    ];
    pairs
        .into_iter()
        .filter_map(|(name, value)| {
            let value = HeaderValue::from_str(value.as_deref()?).ok()?;
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

/// The body as it came; `None` when it is larger than `limit`.
async fn read(
    mut response: Response,
    limit: u64,
    downloaded: &AtomicU64,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    // A server may also announce what it does not send.
    let announced = response.content_length().unwrap_or_default();
    if announced > limit {
        return Ok(None);
    }
    let mut body = Vec::with_capacity(usize::try_from(announced.min(1 << 20)).unwrap_or_default());
    while let Some(chunk) = response.chunk().await? {
        downloaded.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        if (body.len() + chunk.len()) as u64 > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// What a status other than 200 and 304 means.
async fn refusal(target: &Target, response: Response) -> UpstreamError {
    let url = target.shown.clone();
    let status = response.status();
    let headers = response.headers();
    let now = clock::now();
    let header = text(headers, RETRY_AFTER).map(str::to_owned);
    let reset = text(headers, HeaderName::from_static("x-ratelimit-reset")).map(str::to_owned);
    let limited = match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => {
            header.is_some() || exhausted(headers) || page_tells_of_a_limit(response).await
        }
        _ => false,
    };
    if limited {
        let until = retry::hold(now, header.as_deref(), reset.as_deref());
        let (status, host) = (status.as_u16(), target.host.clone());
        return UpstreamError::RateLimited {
            url,
            status,
            host,
            until,
        };
    }
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            let (status, hint) = (status.as_u16(), target.hint);
            UpstreamError::Missing { url, status, hint }
        }
        _ => {
            let retry_after = header.and_then(|header| retry::retry_after(&header, now));
            UpstreamError::Status {
                url,
                status,
                retry_after,
            }
        }
    }
}

/// GitHub marks a used-up quota with this header; others use the draft standard's name.
fn exhausted(headers: &HeaderMap) -> bool {
    ["x-ratelimit-remaining", "ratelimit-remaining"]
        .into_iter()
        .any(|name| text(headers, HeaderName::from_static(name)).map(str::trim) == Some("0"))
}

/// Whether the page behind a 403 says that it is about a rate limit.
async fn page_tells_of_a_limit(mut response: Response) -> bool {
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

/// A request that got no answer.
fn request_failure(target: &Target, error: reqwest::Error, after: Duration) -> UpstreamError {
    let url = target.shown.clone();
    let (timeout, connect, redirect) =
        (error.is_timeout(), error.is_connect(), error.is_redirect());
    let source = HttpCause::new(error);
    if redirect {
        UpstreamError::Redirect { url, source }
    } else if source.is_certificate() {
        UpstreamError::Certificate { url, source }
    } else if timeout {
        let during = if connect {
            "connecting"
        } else {
            "waiting for the answer"
        };
        UpstreamError::Timeout { url, during, after }
    } else if connect {
        UpstreamError::Connect {
            url,
            hint: proxy_hint(target.request.scheme()),
            source,
        }
    } else {
        UpstreamError::Request { url, source }
    }
}

/// A body that did not arrive.
fn body_failure(target: &Target, error: reqwest::Error, after: Duration) -> UpstreamError {
    let url = target.shown.clone();
    // A timeout is also a decoding error to the client, so it is asked for first.
    if error.is_timeout() {
        return UpstreamError::Timeout {
            url,
            during: "reading the body",
            after,
        };
    }
    UpstreamError::Body {
        url,
        source: HttpCause::new(error),
    }
}

/// A body that arrived and cannot be read.
fn undecodable(target: &Target, why: coding::Undecodable, limit: u64) -> UpstreamError {
    let url = target.shown.clone();
    match why {
        coding::Undecodable::Foreign(encoding) => UpstreamError::Encoding { url, encoding },
        coding::Undecodable::TooLarge => UpstreamError::TooLarge { place: url, limit },
        coding::Undecodable::Damaged(how) => UpstreamError::Undecodable { url, how },
    }
}

/// Says that a proxy is in the way, when the environment names one for this scheme.
fn proxy_hint(scheme: &str) -> &'static str {
    let of_scheme = match scheme {
        "https" => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    let names = of_scheme.into_iter().chain(["ALL_PROXY", "all_proxy"]);
    if names
        .filter_map(std::env::var_os)
        .any(|value| !value.is_empty())
    {
        " (a proxy is set in the environment; check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY)"
    } else {
        ""
    }
}
