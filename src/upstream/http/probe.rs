//! One look at an upstream, step by step: its name, a connection, an answer; for people who ask, never for a cycle.
//!
//! 1. At most one request leaves, without another attempt: HEAD for a file, GET for the heartbeat of a PRIMARY.
//! 2. A host that asked to be left alone is not asked, nor is a connection made to it.
//! 3. Whatever hangs, a look ends within [`LONGEST`] and a bit.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AGE, AUTHORIZATION, DATE};
use reqwest::{Method, StatusCode};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::address::{Place, Target, without_credentials};
use super::super::error::{During, UpstreamError};
use super::super::{Hosts, Upstream};
use super::client::Client;
use super::{Request, names, text};
use crate::clock;
use crate::config::Layout;
use crate::item::{Form, Item};

/// The most time for one step.
const LONGEST: Duration = Duration::from_secs(15);

/// What a look at an upstream has found.
#[derive(Debug, Default)]
pub struct Probe {
    /// What was asked for, fit to be shown.
    pub place: String,
    /// The host that a connection is made to: the upstream's, or the proxy's.
    pub host: String,
    /// The proxy on the way, without its password, and the variable that names it.
    pub proxy: Option<String>,
    /// The addresses of that host.
    pub addresses: Vec<IpAddr>,
    /// How long a connection took.
    pub connected: Option<Duration>,
    /// The status of the answer, and how long it took.
    pub answered: Option<(u16, Duration)>,
    /// The clock of the upstream, when it answered.
    pub date: Option<Timestamp>,
    /// What went wrong.
    pub trouble: Option<Trouble>,
}

/// The step of a look that failed.
#[derive(Debug)]
pub enum Trouble {
    /// The host asked to be left alone, so it was not asked.
    Limited(Timestamp),
    /// The name has no address.
    Name(io::Error),
    /// No address takes a connection.
    Connection(io::Error),
    /// There was no answer, or one that brings no file.
    Answer(UpstreamError),
}

impl Hosts {
    /// Looks at a server; an upstream that is a directory gives nothing.
    pub async fn probe(&self, upstream: &Upstream, item: &Item, form: Form) -> Option<Probe> {
        let target = match upstream.probed(item, form) {
            Ok(Place::Http(target)) => target,
            Ok(Place::File(_)) => return None,
            Err(error) => {
                return Some(Probe {
                    trouble: Some(Trouble::Answer(error)),
                    ..Probe::default()
                });
            }
        };
        let mut probe = Probe {
            place: target.shown.clone(),
            host: target.host.clone(),
            ..Probe::default()
        };
        let ended = self.walk(upstream, &target, &mut probe).await;
        probe.trouble = ended.err();
        Some(probe)
    }

    async fn walk(
        &self,
        upstream: &Upstream,
        target: &Target,
        probe: &mut Probe,
    ) -> Result<(), Trouble> {
        if let Some(until) = self.limited_until(&target.host) {
            return Err(Trouble::Limited(until));
        }
        let client = self.client().await.map_err(Trouble::Answer)?;
        let mut to = &target.request;
        if let Some(proxy) = client.proxies.of(to) {
            to = &proxy.url;
            let shown = without_credentials(to);
            let shown = shown.trim_end_matches('/');
            probe.proxy = Some(format!("{shown} ({})", proxy.variable));
        }
        to.host_str()
            .unwrap_or_default()
            .clone_into(&mut probe.host);
        let name = probe.host.trim_matches(['[', ']']).to_owned();
        let port = to.port_or_known_default().unwrap_or(1080);
        let patience = LONGEST.min(self.http.connect_timeout);
        let found = timeout(patience, names::addresses(&name, port)).await;
        let found = found.unwrap_or_else(|_| Err(late("the resolver gave no answer", patience)));
        let found = found.map_err(Trouble::Name)?;
        probe.addresses = found.iter().map(std::net::SocketAddr::ip).collect();
        let begun = clock::instant();
        let connected = timeout(patience, TcpStream::connect(found.as_slice())).await;
        let connected = connected.unwrap_or_else(|_| Err(late("no answer", patience)));
        drop(connected.map_err(Trouble::Connection)?);
        probe.connected = Some(clock::since(begun));
        let asked = self.ask_once(upstream, target, client, probe);
        let patience = LONGEST.min(self.http.timeout);
        match timeout(patience, asked).await {
            Ok(ended) => ended.map_err(Trouble::Answer),
            Err(_) => Err(Trouble::Answer(UpstreamError::Timeout {
                url: target.shown.clone(),
                during: During::Waiting,
                after: patience,
            })),
        }
    }

    async fn ask_once(
        &self,
        upstream: &Upstream,
        target: &Target,
        client: &Client,
        probe: &mut Probe,
    ) -> Result<(), UpstreamError> {
        let request = Request {
            client,
            target,
            token: upstream.token()?,
            limit: self.http.max_body_bytes,
            downloaded: &self.traffic.downloaded,
        };
        let method = match upstream.layout() {
            Layout::Primary => Method::GET,
            _ => Method::HEAD,
        };
        let begun = clock::instant();
        let mut asked = client.inner.request(method, target.request.clone());
        if let Some(token) = &request.token {
            asked = asked.header(AUTHORIZATION, token);
        }
        let response = asked.send().await;
        let took = clock::since(begun);
        let response = response.map_err(|error| request.unanswered(error, took))?;
        let headers = response.headers();
        // What a cache keeps has the date of its origin's answer, and its age since.
        let age = text(headers, AGE).and_then(|age| age.trim().parse().ok());
        let date = text(headers, DATE).and_then(|date| httpdate::parse_http_date(date).ok());
        probe.date = date
            .and_then(|date| Timestamp::try_from(date).ok())
            .and_then(|date| date.checked_add(Duration::from_secs(age.unwrap_or(0))).ok());
        probe.answered = Some((response.status().as_u16(), took));
        match response.status() {
            // It answers, and knows no HEAD.
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(request.refusal(response).await),
        }
    }
}

fn late(what: &str, patience: Duration) -> io::Error {
    let text = format!("{what} within {:.0} s", patience.as_secs_f64());
    io::Error::new(io::ErrorKind::TimedOut, text)
}
