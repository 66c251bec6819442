//! What can go wrong on the way to a file, said to a person, and classed for the caller.
//!
//! 1. Every message names what was asked for (URL or path) and, where there is something to do about it, what.
//! 2. No message repeats its source; the caller prints the chain.
//! 3. The class alone decides what the caller does next; outside this module no variant does.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::host::breaker::End;
pub use super::http::cause::{During, HttpCause};
use crate::item::{Form, Item};

/// What a failed fetch means for the cycle and for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A failure that may well pass when asked again.
    Transient,
    /// A failure: the host asked to be left alone; no request leaves before then.
    Limited {
        /// The end of the limit.
        until: Timestamp,
    },
    /// A failure that stays until something is changed, here or there.
    Permanent,
    /// The upstream answers and has no such file: its answer, not a failure of its own.
    NotThere,
}

impl Class {
    /// Whether it counts against the upstream (design: a fallback is asked when all before it have been failing).
    #[must_use]
    pub const fn is_failure(self) -> bool {
        !matches!(self, Self::NotThere)
    }
}

/// A file could not be fetched.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "the messages say what each variant and field is"
)]
pub enum UpstreamError {
    #[error("the upstream URL and the proxy prefix make no URL together for {url}")]
    Address {
        url: String,
        #[source]
        source: url::ParseError,
    },

    #[error("the upstream '{upstream}' does not serve {item} ({})", form.as_str())]
    NotServed {
        upstream: String,
        item: Item,
        form: Form,
    },

    #[error("cannot read the token of the upstream '{upstream}' from {}", path.display())]
    Token {
        upstream: String,
        path: PathBuf,
        #[source]
        source: io::Error,
    },

    #[error("the token of the upstream '{upstream}' in {} is not one line of text", path.display())]
    TokenForm { upstream: String, path: PathBuf },

    #[error("cannot set up the HTTP client")]
    Client {
        #[source]
        source: HttpCause,
    },

    #[error("cannot set up TLS")]
    Tls {
        #[source]
        source: rustls::Error,
    },

    #[error(
        "not asking for {url}: {host} limits our requests until {until:.0}; no request is sent to it before then, forced or not"
    )]
    Limited {
        url: String,
        host: String,
        until: Timestamp,
    },

    #[error("not asking for {url}: {host} does not answer in this cycle")]
    Dead { url: String, host: String },

    #[error(
        "{url} was not had within {:.0} s, the time that an upstream has in one cycle",
        after.as_secs_f64()
    )]
    OutOfTime { url: String, after: Duration },

    #[error("{url} answered {status}, a rate limit; no request is sent to {host} until {until:.0}")]
    RateLimited {
        url: String,
        status: u16,
        host: String,
        until: Timestamp,
    },

    #[error("{url} does not exist ({status}); {hint}")]
    Missing {
        url: String,
        status: u16,
        hint: &'static str,
    },

    #[error("the manifest {url} does not name {path}")]
    NotListed { url: String, path: String },

    #[error(
        "there is no manifest at {url}; check the upstream's url: manifest.json is directly below it"
    )]
    NoManifest { url: String },

    #[error(
        "{url} is not the file that the manifest names: its SHA-256 is another one, {attempts} times; is a cache in between that keeps old files?"
    )]
    OtherDigest { url: String, attempts: u32 },

    #[error("{url} answered {status}{hint}")]
    Status {
        url: String,
        status: reqwest::StatusCode,
        hint: String,
        retry_after: Option<Duration>,
    },

    #[error("cannot connect to {url}{hint}")]
    Connect {
        url: String,
        hint: String,
        #[source]
        source: HttpCause,
    },

    #[error("the proxy on the way to {url} wants a user name and a password (407){hint}")]
    Proxy { url: String, hint: String },

    #[error(
        "cannot connect to {url}: there are no certificates to check it with; install the package ca-certificates, or set SSL_CERT_FILE to a file that has them"
    )]
    Roots {
        url: String,
        #[source]
        source: HttpCause,
    },

    #[error(
        "the certificate behind {url} is not trusted{hint}; if a proxy inspects TLS here, add its authority to this system's certificates"
    )]
    Certificate {
        url: String,
        hint: String,
        #[source]
        source: HttpCause,
    },

    #[error("{url}: no answer in time ({during}, given up after {:.1} s)", after.as_secs_f64())]
    Timeout {
        url: String,
        during: During,
        after: Duration,
    },

    #[error("the request for {url} broke off")]
    Request {
        url: String,
        #[source]
        source: HttpCause,
    },

    #[error("the body of {url} arrived damaged or incomplete")]
    Body {
        url: String,
        #[source]
        source: HttpCause,
    },

    #[error("{url} redirects to where we do not follow")]
    Redirect {
        url: String,
        #[source]
        source: HttpCause,
    },

    #[error("the body of {url} arrived damaged: {how}")]
    Undecodable { url: String, how: String },

    #[error(
        "{url} sent a web page instead of a reference; a proxy, a captive portal or a login page answers in its place"
    )]
    WebPage { url: String },

    #[error("{url} is encoded as '{encoding}', which was not asked for (only gzip is)")]
    Encoding { url: String, encoding: String },

    #[error(
        "{url} answered 304 Not Modified to an unconditional request; a cache in between is broken"
    )]
    NotModifiedUnasked { url: String },

    #[error("{place} is larger than http.max_body_bytes allows ({limit} bytes)")]
    TooLarge { place: String, limit: u64 },

    #[error("{place} is empty; an empty reference is never taken")]
    Empty { place: String },

    #[error("the upstream directory {} does not exist or is not a directory; check the upstream's url", path.display())]
    NoDirectory { path: PathBuf },

    #[error("{} does not exist; {hint}", path.display())]
    NoFile { path: PathBuf, hint: &'static str },

    #[error("{} is not a regular file", path.display())]
    NotAFile { path: PathBuf },

    #[error("cannot read {}{hint}", path.display())]
    Read {
        path: PathBuf,
        hint: &'static str,
        #[source]
        source: io::Error,
    },

    #[error("{} keeps changing: it is being written, and read again at the next poll", path.display())]
    Changing { path: PathBuf },

    #[error(transparent)]
    Repeated(Repeated),
}

/// The last of several attempts that failed: its error, which also says how many there were.
#[derive(Debug)]
pub struct Repeated {
    /// How many attempts were made.
    pub attempts: u32,
    /// Why the last one failed.
    pub last: Box<UpstreamError>,
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} attempts)", self.last, self.attempts)
    }
}

/// The last error speaks through it, so the causes are that error's.
impl Error for Repeated {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.last.source()
    }
}

impl UpstreamError {
    /// The error of the last of `attempts` attempts.
    pub(super) fn after(self, attempts: u32) -> Self {
        if attempts < 2 {
            return self;
        }
        let last = Box::new(self);
        Self::Repeated(Repeated { attempts, last })
    }

    /// What went wrong in the last attempt.
    #[must_use]
    pub fn last(&self) -> &Self {
        match self {
            Self::Repeated(repeated) => repeated.last.last(),
            once => once,
        }
    }

    /// What this failure means for the next fetch.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Repeated(repeated) => repeated.last.class(),
            Self::Limited { until, .. } | Self::RateLimited { until, .. } => {
                Class::Limited { until: *until }
            }
            Self::Status { status, .. } if status.is_server_error() => Class::Transient,
            Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Request { .. }
            | Self::Body { .. }
            | Self::Undecodable { .. }
            | Self::Dead { .. }
            | Self::OutOfTime { .. }
            | Self::OtherDigest { .. }
            | Self::Changing { .. } => Class::Transient,
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => Class::Permanent,
                _ => Class::Transient,
            },
            Self::Missing { .. } | Self::NoFile { .. } | Self::NotListed { .. } => Class::NotThere,
            Self::Address { .. }
            | Self::NotServed { .. }
            | Self::NoManifest { .. }
            | Self::Token { .. }
            | Self::TokenForm { .. }
            | Self::Client { .. }
            | Self::Tls { .. }
            | Self::Status { .. }
            | Self::Proxy { .. }
            | Self::Roots { .. }
            | Self::Certificate { .. }
            | Self::Redirect { .. }
            | Self::WebPage { .. }
            | Self::Encoding { .. }
            | Self::NotModifiedUnasked { .. }
            | Self::Empty { .. }
            | Self::TooLarge { .. }
            | Self::NoDirectory { .. }
            | Self::NotAFile { .. } => Class::Permanent,
        }
    }

    /// How the last attempt ended for the breaker; `None` when none was made.
    pub(super) fn end(&self) -> Option<End> {
        Some(match self.last() {
            Self::Connect { .. } | Self::Certificate { .. } | Self::Roots { .. } => {
                End::NoConnection
            }
            Self::Timeout { during, .. } => during.end(),
            Self::Request { .. } => End::NoAnswer,
            Self::Limited { .. }
            | Self::Dead { .. }
            | Self::OutOfTime { .. }
            | Self::Token { .. }
            | Self::TokenForm { .. }
            | Self::Client { .. }
            | Self::Tls { .. } => return None,
            _ => End::Status,
        })
    }

    /// Whether the host was dead or answered with an error of its own.
    pub(super) fn is_trouble(&self) -> bool {
        match self.last() {
            Self::Dead { .. } | Self::OutOfTime { .. } => true,
            Self::Status { status, .. } => status.is_server_error(),
            error => matches!(error.end(), Some(End::NoConnection | End::NoAnswer)),
        }
    }

    /// Whether the answer may mean the conditions of the request, not the file.
    pub(super) fn refuses_conditions(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                matches!(status.as_u16(), 400 | 412 | 416 | 428 | 431 | 501)
            }
            _ => false,
        }
    }

    /// How a request that was sent is counted.
    pub(super) fn code(&self) -> String {
        match self.last() {
            Self::NotModifiedUnasked { .. } => "304".to_owned(),
            Self::Status { status, .. } => status.as_u16().to_string(),
            Self::Proxy { .. } => "407".to_owned(),
            Self::Missing { status, .. } | Self::RateLimited { status, .. } => status.to_string(),
            Self::Timeout { .. } => "timeout".to_owned(),
            Self::Connect { .. }
            | Self::Certificate { .. }
            | Self::Roots { .. }
            | Self::Request { .. }
            | Self::Body { .. }
            | Self::Redirect { .. } => "error".to_owned(),
            // A body that came and was not taken, like one that was.
            _ => "200".to_owned(),
        }
    }
}
