//! The service manager's view: READY, RELOADING, STATUS, WATCHDOG, STOPPING over `$NOTIFY_SOCKET`.
//!
//! 1. Without `$NOTIFY_SOCKET` every message is a no-op.
//! 2. One message is one datagram; RELOADING carries its `MONOTONIC_USEC` in the same one, or `systemctl reload` of
//!    systemd 253 and later waits for its timeout.
//! 3. Nothing here blocks or fails: a manager that does not listen is reported once and then left alone.
//! 4. The environment stays as it is, since changing it is unsafe once threads run; `hooks` keeps it from its children.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::clock;
use crate::text::escaped;

/// The longest status line; systemd shows it on one.
const STATUS_BYTES: usize = 512;

/// Speaks to the service manager, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
    deaf: AtomicBool,
}

impl Notifier {
    /// The service manager that `$NOTIFY_SOCKET` and `$WATCHDOG_USEC` name.
    #[must_use]
    pub fn from_env() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self::default();
        };
        Self::at(&name, sd_notify::watchdog_enabled())
    }

    /// The service manager that listens on `name`: a path, or `@` and an abstract name.
    #[must_use]
    pub fn at(name: &OsStr, watchdog: Option<Duration>) -> Self {
        match open(name) {
            Ok(socket) => Self {
                socket: Some(socket),
                watchdog: watchdog.filter(|interval| !interval.is_zero()),
                deaf: AtomicBool::new(false),
            },
            Err(error) => {
                tracing::warn!(
                    socket = %name.display(),
                    %error,
                    "cannot speak to the service manager"
                );
                Self::default()
            }
        }
    }

    /// Whether there is a service manager to speak to.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.socket.is_some()
    }

    /// The service works, or works again after [`Notifier::reloading`].
    pub fn ready(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// A refresh was asked for; [`Notifier::ready`] says when it is done.
    pub fn reloading(&self) {
        let now = i128::from(clock::monotonic_us());
        self.tell(&[NotifyState::Reloading, NotifyState::MonotonicUsec(now)]);
    }

    /// One line for a human, shown by `systemctl status`.
    pub fn status(&self, line: &str) {
        let mut line = escaped(line).into_owned();
        line.truncate(line.floor_char_boundary(STATUS_BYTES));
        self.tell(&[NotifyState::Status(&line)]);
    }

    /// The service ends.
    pub fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// Starting, reloading or stopping goes on for up to `more` from now.
    pub fn extend_timeout(&self, more: Duration) {
        let more = u32::try_from(more.as_micros()).unwrap_or(u32::MAX);
        self.tell(&[NotifyState::ExtendTimeoutUsec(more)]);
    }

    /// The loop turns. Never logs, since a stuck log is one of the things the watchdog is for.
    pub fn watchdog(&self) {
        let _ = self.send(&[NotifyState::Watchdog]);
    }

    /// How often to call [`Notifier::watchdog`]: half of what the manager grants this process, if it does.
    #[must_use]
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|interval| interval / 2)
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        match self.send(states) {
            Ok(()) => self.deaf.store(false, Ordering::Relaxed),
            Err(error) => self.report(&error),
        }
    }

    fn report(&self, error: &io::Error) {
        if !self.deaf.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "the service manager does not listen");
        }
    }

    fn send(&self, states: &[NotifyState<'_>]) -> io::Result<()> {
        let Some((socket, address)) = &self.socket else {
            return Ok(());
        };
        let mut message = String::new();
        for state in states {
            message.push_str(&state.to_string());
            message.push('\n');
        }
        // Not connected: the address outlives a manager that restarts.
        socket.send_to_addr(message.as_bytes(), address).map(|_| ())
    }
}

fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(OsString::from(name))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager() -> (tempfile::TempDir, UnixDatagram, Notifier) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let notifier = Notifier::at(path.as_os_str(), Some(Duration::from_mins(2)));
        (directory, socket, notifier)
    }

    fn receive(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn invariant_2_messages_arrive_whole_and_in_order() {
        let (_directory, socket, notifier) = manager();
        let before = clock::monotonic_us();
        notifier.extend_timeout(Duration::from_secs(30));
        notifier.ready();
        notifier.reloading();
        notifier.ready();
        notifier.status("10 categories fresh");
        notifier.watchdog();
        notifier.stopping();
        assert_eq!(receive(&socket), "EXTEND_TIMEOUT_USEC=30000000\n");
        assert_eq!(receive(&socket), "READY=1\n");
        let reloading = receive(&socket);
        let stamp: u64 = reloading
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .and_then(|rest| rest.trim_end().parse().ok())
            .expect(&reloading);
        assert!((before..=clock::monotonic_us()).contains(&stamp));
        assert_eq!(receive(&socket), "READY=1\n");
        assert_eq!(receive(&socket), "STATUS=10 categories fresh\n");
        assert_eq!(receive(&socket), "WATCHDOG=1\n");
        assert_eq!(receive(&socket), "STOPPING=1\n");
        assert_eq!(notifier.watchdog_interval(), Some(Duration::from_mins(1)));
    }

    #[test]
    fn a_status_is_one_bounded_line() {
        let (_directory, socket, notifier) = manager();
        notifier.status("a\nREADY=1\u{1b}[m");
        assert_eq!(receive(&socket), "STATUS=a\\nREADY=1\\u{1b}[m\n");
        notifier.status(&"ü".repeat(1000));
        assert_eq!(receive(&socket), format!("STATUS={}\n", "ü".repeat(256)));
    }

    #[test]
    fn an_abstract_socket_is_understood() {
        let name = format!("horde-refd-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        Notifier::at(OsStr::new(&format!("@{name}")), None).ready();
        assert_eq!(receive(&socket), "READY=1\n");
    }

    #[test]
    fn invariants_1_and_3_no_manager_listens() {
        let none = Notifier::default();
        none.ready();
        assert!(!none.is_active());
        assert_eq!(none.watchdog_interval(), None);
        let (directory, socket, notifier) = manager();
        drop((directory, socket));
        notifier.ready();
        notifier.reloading();
        notifier.watchdog();
    }

    #[test]
    fn invariant_3_a_manager_that_does_not_read_blocks_nothing() {
        let (_directory, _socket, notifier) = manager();
        for _ in 0..10_000 {
            notifier.watchdog();
        }
    }
}
