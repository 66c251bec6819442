//! A program on a terminal of its own: 24 rows of 80 columns, as a person sees it.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};

use super::{bare, until};

/// Starts a program on a new terminal and carries bytes to and fro. At the end it writes a line with the program's wait
/// status (minus the signal, where one ended it) and whether the terminal's modes are those of the beginning.
const RELAY: &str = r#"
import fcntl, os, pty, select, struct, sys, termios
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
before = termios.tcgetattr(slave)
child = os.fork()
if child == 0:
    os.close(master)
    os.login_tty(slave)
    os.execvp(sys.argv[1], sys.argv[1:])
typed = 0
while True:
    ready, _, _ = select.select([fd for fd in (master, typed) if fd is not None], [], [], 0.05)
    if typed in ready:
        keys = os.read(typed, 4096)
        if keys:
            os.write(master, keys)
        else:
            typed = None
    if master in ready:
        os.write(1, os.read(master, 65536))
        continue
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        same = termios.tcgetattr(slave) == before
        print(f"\nENDED {os.waitstatus_to_exitcode(status)} {same}", flush=True)
        break
"#;

/// A program that runs on a terminal; killed with it when dropped.
pub struct Terminal {
    relay: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts a program; `python3` is needed for it. It gets `TERM` and nothing else beside `PATH`.
    pub fn start(program: &str, args: &[&str]) -> Self {
        let mut command = bare("python3");
        command.args(["-c", RELAY, program]).args(args);
        command.env("TERM", "xterm-256color");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut relay = command.spawn().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (writes, mut stdout) = (Arc::clone(&shown), relay.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                writes.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        let keys = relay.stdin.take().unwrap();
        Self { relay, keys, shown }
    }

    /// All that was written to the terminal until now.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Waits until what was written is as wanted.
    pub fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        until(what, || wanted(&self.shown()));
        self.shown()
    }

    /// Types on its keyboard.
    pub fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for its end: the exit code, or minus the signal that ended it; and whether it leaves the terminal as it was.
    pub fn ended(mut self) -> (i32, bool) {
        let shown = self.wait("the program ends", |shown| {
            let end = shown.rsplit_once("\nENDED ");
            end.is_some_and(|(_, end)| end.ends_with('\n'))
        });
        self.relay.wait().unwrap();
        let (_, end) = shown.rsplit_once("\nENDED ").unwrap();
        let (code, same) = end.trim().split_once(' ').unwrap();
        (code.parse().unwrap(), same == "True")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Its end closes the terminal, which ends what runs on it.
        let _ = self.relay.kill();
        let _ = self.relay.wait();
    }
}
