//! A real nginx on a free port, serving one directory the way the README shows it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::need::program_path;

/// The server; it ends, and its scratch directory goes, when dropped.
pub struct Nginx {
    child: Child,
    address: SocketAddr,
    tls: SocketAddr,
    scratch: tempfile::TempDir,
}

impl Nginx {
    /// Serves `root`, with gzip, ETag and Last-Modified.
    pub fn serve(root: &Path) -> Self {
        Self::serve_with(root, "")
    }

    /// The same, with more directives in its `server` block.
    ///
    /// # Panics
    /// When nginx is not installed (a test says `need!("nginx", "openssl")` first), or does not start.
    pub fn serve_with(root: &Path, directives: &str) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        certificates(scratch.path());
        let mut last = String::new();
        // nginx cannot take any free port, so another process may take the one we found.
        for _ in 0..10 {
            let (address, tls) = (free_port(), free_port());
            let config = scratch.path().join("nginx.conf");
            std::fs::write(
                &config,
                configuration(scratch.path(), root, [address, tls], directives),
            )
            .unwrap();
            let mut child =
                Command::new(program_path("nginx").expect("the test says that it needs nginx"))
                    .args(["-p".as_ref(), scratch.path().as_os_str()])
                    .args(["-c".as_ref(), config.as_os_str()])
                    .args(["-e".as_ref(), scratch.path().join("error.log").as_os_str()])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap();
            if answers(&mut child, address) {
                return Self {
                    child,
                    address,
                    tls,
                    scratch,
                };
            }
            let _ = child.kill();
            let _ = child.wait();
            last = std::fs::read_to_string(scratch.path().join("error.log")).unwrap_or_default();
        }
        panic!("nginx did not start: {last}");
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same files over HTTPS (and HTTP/2): `https://127.0.0.1:PORT`.
    pub fn tls_url(&self) -> String {
        format!("https://{}", self.tls)
    }

    /// The authority behind the certificate of [`Self::tls_url`], for `SSL_CERT_FILE`; it is not trusted otherwise.
    pub fn authority(&self) -> PathBuf {
        self.scratch.path().join("ca.pem")
    }

    /// One line a request: `METHOD PATH STATUS BODY-BYTES-SENT CONTENT-ENCODING`.
    pub fn access_log(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.scratch.path().join("access.log")).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    /// The log, once it has at least `count` lines: nginx writes a line after the answer has left.
    pub fn access_log_of(&self, count: usize) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let log = self.access_log();
            if log.len() >= count || Instant::now() > deadline {
                return log;
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// Whether it answers a request before it ends or ten seconds pass.
pub(super) fn answers(child: &mut Child, address: SocketAddr) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
            let asked = stream.write_all(b"GET /.up HTTP/1.0\r\n\r\n");
            let mut answer = String::new();
            let read = stream.read_to_string(&mut answer);
            // The mark is random enough: another server on this port would not send our path.
            if asked.is_ok() && read.is_ok() && answer.contains("horde-refd test server") {
                return true;
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// An authority, and a certificate of it for 127.0.0.1.
fn certificates(scratch: &Path) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(scratch)
            .output()
            .expect("the test says that it needs openssl");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {errors}");
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=test-authority"
    ));
    openssl(&format!(
        "req {key} -keyout leaf.key -out leaf.csr -subj /CN=127.0.0.1"
    ));
    std::fs::write(
        scratch.join("leaf.ext"),
        "subjectAltName=IP:127.0.0.1,DNS:localhost\n",
    )
    .unwrap();
    openssl(
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 -extfile leaf.ext",
    );
}

fn configuration(
    scratch: &Path,
    root: &Path,
    addresses: [SocketAddr; 2],
    directives: &str,
) -> String {
    let [address, tls] = addresses;
    let (scratch, root) = (scratch.display(), root.display());
    // One process, so that killing it ends everything.
    format!(
        "daemon off; master_process off; pid {scratch}/nginx.pid;
         events {{ worker_connections 64; }}
         http {{
           log_format short '$request_method $request_uri $status $body_bytes_sent $sent_http_content_encoding';
           access_log {scratch}/access.log short;
           client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy;
           fastcgi_temp_path {scratch}/fastcgi; uwsgi_temp_path {scratch}/uwsgi; scgi_temp_path {scratch}/scgi;
           types {{ application/json json; text/csv csv; text/html html; }}
           gzip on; gzip_min_length 100; gzip_types application/json text/csv;
           server {{
             listen {address};
             listen {tls} ssl http2;
             ssl_certificate {scratch}/leaf.pem; ssl_certificate_key {scratch}/leaf.key;
             root {root};
             location = /.up {{ access_log off; return 200 'horde-refd test server'; }}
             {directives}
           }}
         }}
        "
    )
}
