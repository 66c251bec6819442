//! Gives `fuzz/` the private functions that read a server's header fields and bodies and the proxy variables of the
//! environment; no part of the library's API.
//!
//! 1. Each calls the function that a request calls.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::Validators;
use super::host::retry;
use super::http::{coding, proxy::Proxies};

/// What `Retry-After` asks for, and until when a host is left alone because of it and of `X-RateLimit-Reset`.
#[must_use]
pub fn retry_after(
    header: &str,
    reset: Option<&str>,
    now: Timestamp,
) -> (Option<Duration>, Timestamp) {
    let asked = retry::retry_after(header, now);
    (asked, retry::limit(now, Some(header), reset))
}

/// A body without the codings that the fields `Content-Encoding` name, and whether its end was confirmed.
///
/// # Errors
/// It cannot be decoded, and why.
pub fn decode(fields: &[&str], body: Vec<u8>, limit: u64) -> Result<(Vec<u8>, bool), String> {
    let decoded = coding::decode(fields.iter().copied(), body, limit);
    let decoded = decoded.map_err(|why| format!("{why:?}"))?;
    Ok((decoded.bytes, decoded.confirmed))
}

/// The validators of a body that came with these headers, and whether they are due a day later.
#[must_use]
pub fn validators(
    etag: Option<&str>,
    last_modified: Option<&str>,
    date: Option<&str>,
    now: Timestamp,
) -> (Validators, bool) {
    let validators = Validators::of(etag, last_modified, date, now);
    let day = Duration::from_hours(24);
    let later = now.checked_add(day).unwrap_or(Timestamp::MAX);
    let due = validators.are_due("https://upstream.example/clip.json", later);
    (validators, due)
}

/// The proxy for a URL where the environment has these `ALL_PROXY` and `NO_PROXY`, and the words of an error about it.
#[must_use]
pub fn proxy(all: &str, except: &str, url: &Url) -> (Option<String>, String) {
    let proxies = Proxies::new(|name| match name {
        "ALL_PROXY" => Some(all.to_owned()),
        "NO_PROXY" => Some(except.to_owned()),
        _ => None,
    });
    let proxy = proxies.of(url).map(|proxy| proxy.url.to_string());
    (proxy, proxies.hint(url))
}
