//! Services that say what a test gives them to say: one of these tests, and the scripted one of the shared tools.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::common::scripted::{Action, Scripted, answer_with, raw, target};
use crate::common::{bare, until};

/// One answer; the defaults are those of the shared tool.
#[derive(Clone)]
pub(super) struct Says {
    pub(super) status: u16,
    pub(super) body: &'static str,
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) close: bool,
    pub(super) hang: bool,
    pub(super) claim: Option<usize>,
}

pub(super) const fn says(status: u16, body: &'static str) -> Says {
    Says {
        status,
        body,
        headers: &[],
        close: false,
        hang: false,
        claim: None,
    }
}

pub(super) const fn with(status: u16, headers: &'static [(&'static str, &'static str)]) -> Says {
    let mut answer = says(status, "");
    answer.headers = headers;
    answer
}

pub(super) const fn closes() -> Says {
    let mut answer = says(200, "");
    answer.close = true;
    answer
}

pub(super) const fn hangs() -> Says {
    let mut answer = says(200, super::GOOD);
    answer.hang = true;
    answer
}

pub(super) const fn cut() -> Says {
    let mut answer = says(200, super::GOOD);
    answer.claim = Some(1000);
    answer
}

impl Says {
    fn action(&self) -> Action {
        let body = self.body.as_bytes();
        if self.close {
            Action::Close
        } else if self.hang {
            Action::Stall(Vec::new())
        } else if let Some(claim) = self.claim {
            Action::Send(raw(200, &[("Content-Length", &claim.to_string())], body))
        } else {
            Action::Send(answer_with(self.status, self.headers, body))
        }
    }

    fn script(&self) -> Value {
        let mut script = json!({"status": self.status, "body": self.body, "close": self.close});
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (*name, json!(value)));
        script["headers"] = Value::Object(
            headers
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        );
        if self.hang {
            script["sleep"] = json!(5);
        }
        if let Some(claim) = self.claim {
            script["claim"] = json!(claim);
        }
        script
    }
}

/// A PRIMARY service that says what it is given to say.
pub(super) trait Service {
    fn url(&self) -> String;
    /// From now on a path is answered so, one answer a request; the last one is repeated.
    fn say(&self, path: &str, answers: &[Says]);
    /// The paths that it was asked for.
    fn asked(&self) -> Vec<String>;
}

type Scripts = BTreeMap<String, (Vec<Says>, usize)>;

pub(super) struct Ours {
    server: Scripted,
    scripts: Arc<Mutex<Scripts>>,
}

impl Ours {
    pub(super) fn start() -> Self {
        let scripts = Arc::<Mutex<Scripts>>::default();
        let acting = Arc::clone(&scripts);
        let server = Scripted::start(move |head, _| {
            let mut scripts = acting.lock().unwrap();
            let Some((answers, seen)) = scripts.get_mut(target(head)) else {
                return says(404, "{\"detail\":\"Not Found\"}").action();
            };
            let answer = &answers[(*seen).min(answers.len() - 1)];
            *seen += 1;
            answer.action()
        });
        Self { server, scripts }
    }
}

impl Service for Ours {
    fn url(&self) -> String {
        self.server.url()
    }

    fn say(&self, path: &str, answers: &[Says]) {
        let mut scripts = self.scripts.lock().unwrap();
        scripts.insert(path.to_owned(), (answers.to_vec(), 0));
    }

    fn asked(&self) -> Vec<String> {
        let requests = self.server.requests();
        requests
            .iter()
            .map(|head| target(head).to_owned())
            .collect()
    }
}

/// `fake_primary.py`.
pub(super) struct Fake {
    child: Child,
    directory: PathBuf,
    port: u16,
}

impl Fake {
    pub(super) fn start(shared: &Path, directory: PathBuf) -> Self {
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("script.json"), "{}").unwrap();
        std::fs::write(directory.join("log"), "").unwrap();
        // The tool wants its port given: one that the kernel had free a moment before.
        let port = {
            let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            probe.local_addr().unwrap().port()
        };
        let child = bare("python3")
            .arg(shared.join("tools/primary/fake_primary.py"))
            .arg(port.to_string())
            .arg(directory.join("script.json"))
            .arg(directory.join("log"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let fake = Self {
            child,
            directory,
            port,
        };
        until("the service listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        fake
    }
}

impl Service for Fake {
    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn say(&self, path: &str, answers: &[Says]) {
        let file = self.directory.join("script.json");
        let mut all = crate::common::json(&file);
        let scripts: Vec<_> = answers.iter().map(Says::script).collect();
        all[path] = match &scripts[..] {
            [one] => one.clone(),
            several => json!({ "seq": several }),
        };
        // It is read anew for every request.
        crate::common::replace(&self.directory, &file, all.to_string().as_bytes());
    }

    fn asked(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap();
        let lines = log.lines().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["path"].as_str().unwrap().to_owned()
        });
        lines.collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
