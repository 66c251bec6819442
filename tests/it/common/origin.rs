//! An HTTP upstream whose behaviour a test changes while the daemon runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::scripted::{Action, Gate, Scripted, answer_with, header, target};
use super::{FILES, LONG, Setup, legacy};

/// What the server does to a request.
#[derive(Clone)]
pub enum Mood {
    /// Answers as a good server: 200 with an `ETag`, or 304.
    Serve,
    /// Takes the request and says nothing until the client hangs up.
    Hang,
    /// Answers well, but for the files named here: those get these bytes, and nothing more.
    HangOn(&'static str, Vec<u8>),
    /// Answers with this status.
    Fail(u16),
    /// Answers 429 with this `Retry-After`.
    Limit(u64),
    /// Answers well when the gate opens.
    Wait(Arc<Gate>),
}

pub struct Origin {
    server: Scripted,
    shared: Arc<Shared>,
}

struct Shared {
    mood: Mutex<Mood>,
    files: Mutex<BTreeMap<String, String>>,
}

impl Origin {
    /// Serves every legacy file, marked `upstream`.
    pub fn start(mood: Mood) -> Self {
        let marks = FILES.map(|(_, file, _)| (file.to_owned(), "upstream".to_owned()));
        let shared = Arc::new(Shared {
            mood: Mutex::new(mood),
            files: Mutex::new(marks.into()),
        });
        let handle = Arc::clone(&shared);
        Self {
            server: Scripted::start(move |head, _| handle.act(head)),
            shared,
        }
    }

    pub fn mood(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    pub fn publish(&self, file: &str, mark: &str) {
        let mut files = self.shared.files.lock().unwrap();
        files.insert(file.to_owned(), mark.to_owned());
    }

    /// The heads of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.server.requests()
    }

    /// Waits for this many requests in all, and returns those after the first `seen`.
    pub fn requests_after(&self, seen: usize, count: usize) -> Vec<String> {
        self.server.wait_for(seen + count, LONG);
        self.requests().split_off(seen)
    }

    /// Makes it the upstream of a daemon: with one attempt a poll, all ten files at once.
    pub fn of<'a>(&self, setup: Setup<'a>) -> Setup<'a> {
        setup
            .text("upstream.url", self.server.url())
            .set("http.retry_attempts", "1")
            .set("http.concurrency", "10")
    }
}

impl Shared {
    fn act(&self, head: &str) -> Action {
        let mood = self.mood.lock().unwrap().clone();
        match mood {
            Mood::Serve => Action::Send(self.answer(head)),
            Mood::Hang => Action::Stall(Vec::new()),
            Mood::HangOn(files, bytes) => {
                let file = target(head).trim_start_matches('/');
                if files.split(' ').any(|name| name == file) {
                    Action::Stall(bytes)
                } else {
                    Action::Send(self.answer(head))
                }
            }
            Mood::Fail(status) => Action::Send(answer_with(status, &[], b"")),
            Mood::Limit(seconds) => {
                let after = seconds.to_string();
                Action::Send(answer_with(429, &[("Retry-After", &after)], b""))
            }
            Mood::Wait(gate) => Action::Gated(gate, self.answer(head)),
        }
    }

    fn answer(&self, head: &str) -> Vec<u8> {
        let file = target(head).trim_start_matches('/');
        let Some(mark) = self.files.lock().unwrap().get(file).cloned() else {
            return answer_with(404, &[], b"");
        };
        let etag = format!("\"{mark}\"");
        let headers = [("ETag", etag.as_str()), ("Content-Type", "text/plain")];
        if header(head, "If-None-Match") == Some(&etag) {
            answer_with(304, &headers, b"")
        } else {
            answer_with(200, &headers, &legacy(file, &mark))
        }
    }
}

/// Whether a request asks whether something changed, rather than for the thing itself.
pub fn is_conditional(head: &str) -> bool {
    header(head, "If-None-Match").is_some() || header(head, "If-Modified-Since").is_some()
}
