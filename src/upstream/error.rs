//! What can go wrong on the way to a legacy file, told to a person, and classed for the caller.
//!
//! 1. Every message names what was asked for (URL or path) and, where there is something to do about it, what.
//! 2. No message repeats its source; the chain is printed by whoever prints the error.
//! 3. The class alone decides what the caller does next; nobody matches on variants for that.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::category::Category;
use crate::error::causes;

/// What a failed fetch means for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// May well succeed when asked again.
    Transient,
    /// The host asked to be left alone; no request leaves before then.
    RateLimited {
        /// The end of the hold.
        until: Timestamp,
    },
    /// Fails the same way until somebody changes something.
    Permanent,
}

/// A legacy file could not be fetched.
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

    #[error("'{category}' has no legacy file upstream, so there is nothing to fetch")]
    NoLegacyFile { category: Category },

    #[error(
        "cannot set up the HTTP client (if certificates are missing: install the package ca-certificates, or set SSL_CERT_FILE)"
    )]
    Client {
        #[source]
        source: HttpCause,
    },

    #[error(
        "not asking for {url}: {host} limits our requests until {until:.0}; no request is sent to it before then, forced or not"
    )]
    Held {
        url: String,
        host: String,
        until: Timestamp,
    },

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

    #[error("{url} answered {status}")]
    Status {
        url: String,
        status: reqwest::StatusCode,
        retry_after: Option<Duration>,
    },

    #[error("cannot connect to {url}{hint}")]
    Connect {
        url: String,
        hint: &'static str,
        #[source]
        source: HttpCause,
    },

    #[error(
        "the certificate behind {url} is not trusted; if a proxy inspects TLS here, add its authority to this system's certificates"
    )]
    Certificate {
        url: String,
        #[source]
        source: HttpCause,
    },

    #[error("{url}: no answer in time ({during}, given up after {:.1} s)", after.as_secs_f64())]
    Timeout {
        url: String,
        during: &'static str,
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

    #[error("{place} is larger than upstream.max_body_bytes allows ({limit} bytes)")]
    TooLarge { place: String, limit: u64 },

    #[error("{place} is empty; an empty reference is never taken")]
    Empty { place: String },

    #[error("the upstream directory {} does not exist or is not a directory; check upstream.url", path.display())]
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

    #[error("{} changed while it was read, twice; it is read again at the next poll", path.display())]
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
            Self::Held { until, .. } | Self::RateLimited { until, .. } => {
                Class::RateLimited { until: *until }
            }
            Self::Status { status, .. } if status.is_server_error() => Class::Transient,
            Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Request { .. }
            | Self::Body { .. }
            | Self::Undecodable { .. }
            | Self::Changing { .. } => Class::Transient,
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => Class::Permanent,
                _ => Class::Transient,
            },
            Self::Address { .. }
            | Self::NoLegacyFile { .. }
            | Self::Client { .. }
            | Self::Missing { .. }
            | Self::Status { .. }
            | Self::Certificate { .. }
            | Self::Redirect { .. }
            | Self::WebPage { .. }
            | Self::Encoding { .. }
            | Self::NotModifiedUnasked { .. }
            | Self::Empty { .. }
            | Self::TooLarge { .. }
            | Self::NoDirectory { .. }
            | Self::NoFile { .. }
            | Self::NotAFile { .. } => Class::Permanent,
        }
    }
}

/// Why the HTTP client failed: its chain of causes as one line, without the layers that say nothing and without the URL.
#[derive(Debug)]
pub struct HttpCause(reqwest::Error);

/// What the layers of the HTTP stack say when the cause is the next one down.
const NOISE: [&str; 8] = [
    "builder error",
    "error sending request",
    "request or response body error",
    "error decoding response body",
    "error following redirect",
    "client error (",
    "tcp connect error",
    "error reading a body from connection",
];

impl HttpCause {
    pub(super) fn new(error: reqwest::Error) -> Self {
        Self(error.without_url())
    }

    /// Whether the server's certificate was refused (a handshake that broke off is not that).
    pub(super) fn is_certificate(&self) -> bool {
        causes(&self.0).any(|mut error| {
            // An I/O error is no link in the chain to what it wraps, and the handshake is wrapped twice.
            while let Some(inner) = error.downcast_ref().and_then(io::Error::get_ref) {
                error = inner;
            }
            let tls = error.downcast_ref::<rustls::Error>();
            matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
        })
    }
}

impl fmt::Display for HttpCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = String::new();
        for error in causes(&self.0) {
            let text = error.to_string();
            let says_nothing = NOISE.iter().any(|noise| text.starts_with(noise));
            // Wrappers repeat what they wrap; each thing is said once.
            if text.is_empty() || last.contains(&text) || (says_nothing && error.source().is_some())
            {
                continue;
            }
            if !last.is_empty() {
                f.write_str(": ")?;
            }
            f.write_str(&text)?;
            last = text;
        }
        Ok(())
    }
}

impl Error for HttpCause {}
