//! Events as entries of the journal, in its native protocol.
//!
//! 1. `MESSAGE` is the line that a terminal would show, values included: `journalctl` and `systemctl status` show nothing else.
//! 2. Each value is a field beside it, named in capitals: `CATEGORY`, `OUTCOME`, `URL`, `ELAPSED_MS`.
//! 3. An entry is one datagram, which the queue's thread sends: a journal that hangs stops nothing else.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::line::{Visitor, priority};
use super::queue::Queue;

/// Where the journal listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";
/// Our name in the journal.
const IDENTIFIER: &str = "horde-refd";
/// For a journal that is there and does not read.
const PROBE: Duration = Duration::from_millis(500);

/// A socket for entries of the journal that listens on `path`.
pub(super) fn connect(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PROBE))?;
    match socket.send_to(&[], path) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
        // A journal that hangs may come back.
        Ok(_) | Err(_) => {}
    }
    socket.set_write_timeout(None)?;
    Ok(socket)
}

/// Puts events into the queue before the journal.
pub(super) struct Journal(pub(super) Queue);

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.push(entry(event));
    }
}

fn entry(event: &Event<'_>) -> Vec<u8> {
    let metadata = event.metadata();
    let mut visitor = Visitor::with_values();
    event.record(&mut visitor);
    let mut entry = Vec::with_capacity(512);
    put(&mut entry, "MESSAGE", &visitor.line());
    put(
        &mut entry,
        "PRIORITY",
        &priority(*metadata.level()).to_string(),
    );
    put(&mut entry, "SYSLOG_IDENTIFIER", IDENTIFIER);
    put(&mut entry, "TARGET", metadata.target());
    if let (Some(file), Some(line)) = (metadata.file(), metadata.line()) {
        put(&mut entry, "CODE_FILE", file);
        put(&mut entry, "CODE_LINE", &line.to_string());
    }
    for (name, value) in visitor.values() {
        put(&mut entry, &field_name(name), value);
    }
    entry
}

/// The name as the journal takes it: capitals, digits and underscores, a letter first.
fn field_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    if name.is_empty() {
        "FIELD".to_owned()
    } else {
        name.to_owned()
    }
}

fn put(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use tracing_subscriber::layer::SubscriberExt;

    struct Fake {
        _directory: tempfile::TempDir,
        socket: UnixDatagram,
        queue: Queue,
    }

    impl Fake {
        fn start() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("socket");
            let socket = UnixDatagram::bind(&path).unwrap();
            socket
                .set_read_timeout(Some(Duration::from_secs(5)))
                .unwrap();
            let sender = connect(&path).unwrap();
            let queue = Queue::start(
                move |entry| sender.send_to(entry, &path).map(|_| ()),
                |_| (),
            )
            .unwrap();
            let fake = Self {
                _directory: directory,
                socket,
                queue,
            };
            assert_eq!(fake.receive(), b"", "the probe");
            fake
        }

        fn log(&self, events: impl Fn()) {
            let journal = Journal(self.queue.clone());
            tracing::subscriber::with_default(tracing_subscriber::registry().with(journal), events);
        }

        fn receive(&self) -> Vec<u8> {
            let mut buffer = [0; 8192];
            let length = self.socket.recv(&mut buffer).unwrap();
            buffer[..length].to_vec()
        }
    }

    #[test]
    fn invariants_1_and_2_the_message_says_which_and_why_and_fields_stand_beside_it() {
        let fake = Fake::start();
        let error = io::Error::other("connection refused");
        fake.log(|| {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(
                category = "blip",
                elapsed_ms = 12,
                error,
                "cannot be refreshed"
            );
        });
        let entry = String::from_utf8(fake.receive()).unwrap();
        let lines: Vec<_> = entry.lines().collect();
        let message =
            "MESSAGE=cannot be refreshed category=blip elapsed_ms=12 error=\"connection refused\"";
        assert_eq!(lines[0], message);
        for line in [
            "PRIORITY=4",
            "SYSLOG_IDENTIFIER=horde-refd",
            "CATEGORY=blip",
            "ELAPSED_MS=12",
            "ERROR=connection refused",
        ] {
            assert!(lines.contains(&line), "{line}: {lines:?}");
        }
    }

    #[test]
    fn a_value_of_many_lines_is_one_field_and_makes_no_other() {
        let fake = Fake::start();
        fake.log(|| tracing::info!(line = "a\nPRIORITY=0", "it says"));
        let entry = fake.receive();
        let mut expected = b"LINE\n".to_vec();
        expected.extend_from_slice(&12_u64.to_le_bytes());
        expected.extend_from_slice(b"a\nPRIORITY=0\n");
        assert!(
            entry.ends_with(&expected),
            "{}",
            String::from_utf8_lossy(&entry)
        );
        assert!(entry.starts_with(b"MESSAGE=it says line=\"a\\nPRIORITY=0\"\n"));
    }

    #[test]
    fn invariant_3_a_journal_that_does_not_read_holds_nothing_up() {
        let fake = Fake::start();
        let begun = clock::instant();
        fake.log(|| {
            for number in 0..20_000 {
                tracing::info!(number, "a line");
            }
        });
        fake.queue.flush(Duration::from_millis(50));
        assert!(clock::since(begun) < Duration::from_secs(10));
        assert!(fake.receive().starts_with(b"MESSAGE=a line number=0\n"));
    }

    #[test]
    fn a_journal_that_is_not_there_is_an_error() {
        assert!(connect(Path::new("/nonexistent/socket")).is_err());
    }

    #[test]
    fn names_are_made_fit() {
        for (name, expected) in [
            ("category", "CATEGORY"),
            ("log.target", "LOG_TARGET"),
            ("_PID", "PID"),
            ("4xx", "XX"),
            ("__", "FIELD"),
        ] {
            assert_eq!(field_name(name), expected);
        }
    }
}
