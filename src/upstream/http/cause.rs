//! Why a request or its body did not arrive, as the HTTP client tells it, without the layers that say nothing.

use std::error::Error;
use std::fmt;
use std::io;

use super::super::host::breaker::End;
use super::trust::NoRoots;
use crate::error::causes;

/// What a request was waiting for when its time was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum During {
    /// A connection.
    Connecting,
    /// The head of the answer.
    Waiting,
    /// The rest of the body.
    Reading,
}

impl During {
    pub(in crate::upstream) const fn end(self) -> End {
        match self {
            Self::Connecting => End::NoConnection,
            Self::Waiting => End::NoAnswer,
            Self::Reading => End::Status,
        }
    }
}

impl fmt::Display for During {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Waiting => "waiting for the answer",
            Self::Reading => "reading the body",
        })
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
    pub(in crate::upstream) fn new(error: reqwest::Error) -> Self {
        Self(error.without_url())
    }

    /// Whether the server's certificate was refused (a handshake that broke off is not that).
    pub(super) fn is_certificate(&self) -> bool {
        self.tls()
            .any(|error| matches!(error, rustls::Error::InvalidCertificate(_)))
    }

    /// Whether there was nothing to check the server's certificate with.
    pub(super) fn is_roots(&self) -> bool {
        self.tls().any(|error| match error {
            rustls::Error::Other(other) => other.0.downcast_ref::<NoRoots>().is_some(),
            _ => false,
        })
    }

    fn tls(&self) -> impl Iterator<Item = &rustls::Error> {
        causes(&self.0).filter_map(|mut error| {
            // An I/O error is no link in the chain to what it wraps, and the handshake is wrapped twice.
            while let Some(inner) = error.downcast_ref().and_then(io::Error::get_ref) {
                error = inner;
            }
            error.downcast_ref()
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
