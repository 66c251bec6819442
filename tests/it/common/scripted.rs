//! An HTTP/1.1 server that does to each request what a test tells it to, faults included.
//!
//! It runs on a thread of its own, so it serves tests of the library and of the binary alike, and ends when dropped.
//! Connections are handled one thread each; a connection serves one request and is closed.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What to do with a request.
pub enum Action {
    /// Send these bytes, then close.
    Send(Vec<u8>),
    /// Send these bytes, then neither send nor close anything until the client hangs up.
    Stall(Vec<u8>),
    /// Send the bytes one at a time, with this pause between them.
    Drip(Vec<u8>, Duration),
    /// Close without a byte.
    Close,
    /// Send the bytes when the gate opens.
    Gated(Arc<Gate>, Vec<u8>),
}

/// Holds answers back until a test opens it.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let mut open = self.open.lock().unwrap();
        while !*open {
            open = self.opened.wait(open).unwrap();
        }
    }
}

/// The server; everything it was asked is in [`Scripted::requests`].
pub struct Scripted {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    stop: AtomicBool,
    requests: Mutex<Vec<String>>,
    arrived: Condvar,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Scripted {
    /// `script` gets the request's head as text and its number, counted from 0.
    pub fn start(script: impl Fn(&str, usize) -> Action + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            requests: Mutex::default(),
            arrived: Condvar::new(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        });
        let (script, handle) = (Arc::new(script), Arc::clone(&shared));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if handle.stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (script, shared) = (Arc::clone(&script), Arc::clone(&handle));
                std::thread::spawn(move || shared.serve(stream, script.as_ref()));
            }
        });
        Self { address, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of all requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Waits until at least `count` requests have arrived.
    pub fn wait_for(&self, count: usize, at_most: Duration) {
        let requests = self.shared.requests.lock().unwrap();
        let (requests, _) = self
            .shared
            .arrived
            .wait_timeout_while(requests, at_most, |requests| requests.len() < count)
            .unwrap();
        assert!(
            requests.len() >= count,
            "{} of {count} requests in {at_most:?}",
            requests.len()
        );
    }

    /// The largest number of requests that were being answered at one time.
    pub fn most_in_flight(&self) -> usize {
        self.shared.most_in_flight.load(Ordering::SeqCst)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread so that it sees the flag and lets the port go.
        drop(TcpStream::connect_timeout(
            &self.address,
            Duration::from_secs(1),
        ));
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream, script: &dyn Fn(&str, usize) -> Action) {
        let Some(head) = head(&mut stream) else {
            return;
        };
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.push(head.clone());
            requests.len() - 1
        };
        self.arrived.notify_all();
        let action = script(&head, number);
        if let Action::Gated(gate, _) = &action {
            gate.pass();
        }
        // Before the last byte leaves: the client may ask again the moment it has it.
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        // A client that hangs up early (a body over its limit, a timeout) is no fault of the server.
        let _ = answer(&mut stream, action);
    }
}

/// The request's head, with lines ending in `\n` only.
fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap().replace("\r\n", "\n"))
}

fn answer(stream: &mut TcpStream, action: Action) -> std::io::Result<()> {
    match action {
        Action::Send(bytes) | Action::Gated(_, bytes) => stream.write_all(&bytes),
        Action::Close => Ok(()),
        Action::Stall(bytes) => {
            stream.write_all(&bytes)?;
            // Returns when the client closes, which is what it is waited for.
            stream.read(&mut [0]).map(drop)
        }
        Action::Drip(bytes, pause) => {
            stream.set_nodelay(true)?;
            for byte in bytes {
                stream.write_all(&[byte])?;
                let next = Instant::now() + pause;
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
            Ok(())
        }
    }
}

/// A whole answer: status line, these headers, `Content-Length`, `Connection: close`, body.
pub fn answer_with(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let framing = [("Content-Length", length.as_str()), ("Connection", "close")];
    let mut all = headers.to_vec();
    // 304 has no body, and a length would be the one of the body that it stands for.
    all.extend(framing.into_iter().skip(usize::from(status == 304)));
    raw(status, &all, body)
}

/// An answer with exactly these headers, for faults in the framing.
pub fn raw(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Whatever\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The value of a header in a request's head.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The request line's target.
pub fn target(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}
