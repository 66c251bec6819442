//! The shipped nginx sites in a real nginx: its master, and workers of the user that Debian gives them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::need::{is_root, program_path};
use super::nginx::{answers, free_port};
use super::{bare, until};

/// Both sites on one mirror. It ends when dropped.
pub struct Sites {
    child: Child,
    mirror: SocketAddr,
    primary: SocketAddr,
    scratch: tempfile::TempDir,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    /// With names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came: compressed, if it was.
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Sites {
    /// Serves a mirror, and opens the way to it for nginx's user.
    ///
    /// # Panics
    /// When nginx is not installed (a test says `need!("nginx", "curl")` first), or does not start.
    pub fn serve(mirror: &Path) -> Self {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(mirror.parent().unwrap(), open).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let mut last = String::new();
        for _ in 0..10 {
            let [control, files, primary] = [free_port(), free_port(), free_port()];
            let sites = [
                site("horde-refd-mirror.conf", "8099", files, mirror),
                site("horde-refd-primary.conf", "8098", primary, mirror),
            ];
            let config = scratch.path().join("nginx.conf");
            let text = configuration(scratch.path(), control, &sites.concat());
            std::fs::write(&config, text).unwrap();
            let mut child = Command::new(program_path("nginx").unwrap())
                .args(["-p".as_ref(), scratch.path().as_os_str()])
                .args(["-c".as_ref(), config.as_os_str()])
                .args(["-e".as_ref(), scratch.path().join("error.log").as_os_str()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // All addresses are bound before any is answered on.
            if answers(&mut child, control) {
                return Self {
                    child,
                    mirror: files,
                    primary,
                    scratch,
                };
            }
            let _ = child.kill();
            let _ = child.wait();
            last = std::fs::read_to_string(scratch.path().join("error.log")).unwrap_or_default();
        }
        panic!("nginx did not start: {last}");
    }

    /// Where the files are, without a slash at the end.
    pub fn files(&self) -> String {
        format!("http://{}", self.mirror)
    }

    /// What clients have as `HORDE_MODEL_REFERENCE_PRIMARY_API_URL`.
    pub fn api(&self) -> String {
        format!("http://{}/api", self.primary)
    }

    /// One line a request so far: `METHOD PATH STATUS`.
    pub fn log(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.scratch.path().join("access.log")).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    /// What `systemctl reload nginx` does; returns when the new workers serve.
    pub fn reload(&self) {
        let workers = || {
            let name = format!("/proc/{0}/task/{0}/children", self.child.id());
            std::fs::read_to_string(name).unwrap()
        };
        let before = workers();
        let old: Vec<&str> = before.split_whitespace().collect();
        self.signal(Signal::HUP);
        until("the workers are new ones", || {
            let now = workers();
            !now.trim().is_empty() && now.split_whitespace().all(|pid| !old.contains(&pid))
        });
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Sites {
    fn drop(&mut self) {
        // The master ends its workers; a killed one would leave them.
        self.signal(Signal::TERM);
        let _ = self.child.wait();
    }
}

/// GET with curl, of the path as it is written.
///
/// # Panics
/// When there is no answer.
pub fn get(url: &str, headers: &[&str]) -> Answer {
    let mut command = bare("curl");
    command.args(["-sS", "--path-as-is", "--max-time", "20", "-i"]);
    for header in headers {
        command.args(["-H", header]);
    }
    let output = command.arg(url).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{url}: {errors}");
    let end = output.stdout.windows(4).position(|at| at == b"\r\n\r\n");
    let (head, body) = output.stdout.split_at(end.unwrap() + 4);
    let head = String::from_utf8(head.to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status: status.parse().unwrap(),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_vec(),
    }
}

/// The status alone.
pub fn status(url: &str) -> u16 {
    get(url, &[]).status
}

/// The shipped text, with its two lines for the administrator changed.
fn site(name: &str, port: &str, address: SocketAddr, mirror: &Path) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging/nginx")
        .join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let put = |text: String, from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{name}: {from}");
        text.replace(from, to)
    };
    let text = put(
        text,
        &format!("\n    listen {port};\n"),
        &format!("\n    listen {address};\n"),
    );
    let root = format!("\n    root {};\n", mirror.display());
    put(
        text,
        "\n    root /var/lib/horde-refd/horde_model_reference;\n",
        &root,
    )
}

fn configuration(scratch: &Path, control: SocketAddr, sites: &str) -> String {
    let user = if is_root() { "user www-data;" } else { "" };
    let scratch = scratch.display();
    // Nothing here that a site could lean on.
    format!(
        "daemon off; {user} worker_processes 2; pid {scratch}/nginx.pid;
         events {{ worker_connections 256; }}
         http {{
           log_format short '$request_method $request_uri $status';
           access_log {scratch}/access.log short;
           client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy;
           fastcgi_temp_path {scratch}/fastcgi; uwsgi_temp_path {scratch}/uwsgi; scgi_temp_path {scratch}/scgi;
           server {{
             listen {control};
             location = /.up {{ access_log off; return 200 'horde-refd test server'; }}
           }}
           {sites}
         }}
        "
    )
}
