//! The two kinds of URL checks: what Python's `urlparse` refuses, and what pydantic makes of an HTTP URL
//! (docs/conversion.md, sections 7.1 and 6.9).
//!
//! pydantic uses the crate `url`, and so do we; no crate has the few refusals of `urlparse`.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use icu_normalizer::ComposingNormalizer;
use memchr::memchr2;
use url::Url;

use super::coerce::string;
use super::flaw::Flaw;
use super::json::Value;

const MAX_URL_BYTES: usize = 2083;

/// An HTTP URL in normal form.
pub(crate) fn http_url(value: &Value<'_>) -> Result<String, Flaw> {
    let text = string(value)?;
    if text.len() > MAX_URL_BYTES {
        return Err(Flaw::new(format!(
            "must be a URL of at most {MAX_URL_BYTES} bytes, found {}",
            text.len()
        )));
    }
    let url = Url::parse(text).map_err(|error| Flaw::new(format!("must be a URL: {error}")))?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url.into())
    } else {
        Err(Flaw::new(format!(
            "must be an http or https URL, found the scheme {}",
            url.scheme()
        )))
    }
}

/// Why `urlparse` would refuse a download's address. It takes nearly everything.
pub(crate) fn refused_by_urlparse(url: &str) -> Option<&'static str> {
    if url.is_ascii() && memchr2(b'[', b']', url.as_bytes()).is_none() {
        return None;
    }
    let url = url.trim_start_matches(|c| c <= ' ');
    let url = if url.contains(['\t', '\r', '\n']) {
        Cow::Owned(url.replace(['\t', '\r', '\n'], ""))
    } else {
        Cow::Borrowed(url)
    };
    let authority = without_scheme(&url).strip_prefix("//")?;
    let end = authority.find(['/', '?', '#']).unwrap_or(authority.len());
    let host = authority.get(..end)?;
    match (host.contains('['), host.contains(']')) {
        (false, false) => {}
        (true, true) if is_bracketed_host(host) => {}
        (true, true) => return Some("has a bracketed host that is no IPv6 address"),
        _ => return Some("has an unbalanced bracket in its host"),
    }
    if !host.is_ascii() && hides_a_delimiter(host) {
        return Some("has a host whose compatibility form contains a delimiter");
    }
    None
}

fn without_scheme(url: &str) -> &str {
    let Some((scheme, rest)) = url.split_once(':') else {
        return url;
    };
    let known = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if known { rest } else { url }
}

/// Whether the part between the brackets is an IPv6 address or of a future version.
fn is_bracketed_host(host: &str) -> bool {
    let inner = host.split_once('[').map_or("", |(_, after)| after);
    let inner = inner.split_once(']').map_or(inner, |(before, _)| before);
    if let Some(future) = inner.strip_prefix('v') {
        return future.split_once('.').is_some_and(|(version, rest)| {
            !version.is_empty()
                && version.bytes().all(|byte| byte.is_ascii_hexdigit())
                && !rest.is_empty()
        });
    }
    let (address, zone) = match inner.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (inner, None),
    };
    address.parse::<Ipv6Addr>().is_ok()
        && zone.is_none_or(|zone| !zone.is_empty() && !zone.contains('%'))
}

fn hides_a_delimiter(host: &str) -> bool {
    let bare = host.replace(['@', ':', '#', '?'], "");
    let composed = ComposingNormalizer::new_nfkc().normalize(&bare);
    composed != bare && composed.contains(['/', '?', '#', '@', ':'])
}
