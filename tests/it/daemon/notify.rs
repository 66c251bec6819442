//! What the service manager hears, on a real socket: READY, RELOADING, STATUS, WATCHDOG, STOPPING.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::common::origin::{Mood, Origin};
use crate::common::{LONG, Setup, World};
use rustix::process::Signal;

/// The service manager's end of the socket: receives what the daemon sends.
struct Receiver {
    socket: UnixDatagram,
    path: std::path::PathBuf,
}

impl Receiver {
    fn of(world: &World) -> Self {
        let path = world.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        Self { socket, path }
    }

    fn of_setup<'a>(&self, setup: Setup<'a>) -> Setup<'a> {
        setup.env("NOTIFY_SOCKET", self.path.to_str().unwrap())
    }

    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("a message");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// The next message that is neither a status line nor asks for patience nor feeds the watchdog.
    fn next_of_state(&self) -> String {
        loop {
            let message = self.next();
            let passing = ["STATUS=", "EXTEND_TIMEOUT_USEC=", "WATCHDOG=1"];
            if !passing.iter().any(|kind| message.starts_with(kind)) {
                return message;
            }
        }
    }

    /// What has arrived until now.
    fn drain(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).unwrap();
        let mut messages = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            messages.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
        self.socket.set_nonblocking(false).unwrap();
        messages
    }
}

fn monotonic_us() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

#[test]
fn ready_comes_after_the_first_cycle_and_a_stop_says_so() {
    let world = World::marked();
    let receiver = Receiver::of(&world);
    let daemon = receiver.of_setup(world.setup()).start();
    assert_eq!(receiver.next_of_state(), "READY=1\n");
    // By then the mirror is complete.
    assert_eq!(world.assert_whole(), 10);
    let status = receiver.next();
    assert!(
        status.starts_with("STATUS=10 fresh (21 models); next poll "),
        "{status}"
    );
    assert!(daemon.stop().0.success());
    assert_eq!(receiver.next_of_state(), "STOPPING=1\n");
    assert_eq!(receiver.drain(), [""; 0]);
}

#[test]
fn ready_comes_at_once_where_good_files_are() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let _ = origin.of(world.setup()).started().stop();
    origin.mood(Mood::Hang);
    let receiver = Receiver::of(&world);
    let daemon = receiver.of_setup(origin.of(world.setup())).start();
    assert_eq!(receiver.next_of_state(), "READY=1\n");
    assert_eq!(daemon.cycles(), 0);
    drop(daemon);
    // A file that is not what the manifest says is no good file; restored, it is, whatever the upstream does.
    fs::write(world.v2("blip.json"), "{}").unwrap();
    let daemon = receiver.of_setup(origin.of(world.setup())).start();
    assert_eq!(receiver.next_of_state(), "READY=1\n");
    assert_eq!(world.assert_whole(), 10);
    daemon.wait_lines(1, &["brought back", "category=blip"]);
    daemon.wait_state("blip", "fresh");
    assert_eq!(daemon.cycles(), 0, "the first poll still hangs");
}

#[test]
fn ready_comes_after_a_failed_first_cycle_too() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Fail(404)));
    let receiver = Receiver::of(&world);
    let _daemon = receiver.of_setup(origin.of(world.setup())).start();
    assert_eq!(receiver.next_of_state(), "READY=1\n");
    let status = receiver.next();
    assert!(status.starts_with("STATUS=10 absent"), "{status}");
}

#[test]
fn ready_waits_for_a_complete_mirror_where_that_is_wanted() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Fail(404)));
    let receiver = Receiver::of(&world);
    let setup = receiver.of_setup(origin.of(world.setup()));
    let daemon = setup.text("ready", "complete").started();
    daemon.signal(Signal::HUP);
    daemon.wait_cycles(2);
    let heard = receiver.drain();
    assert!(
        !heard.iter().any(|message| message.contains("READY")),
        "{heard:?}"
    );
    assert!(
        heard
            .iter()
            .any(|message| message.starts_with("EXTEND_TIMEOUT_USEC=")),
        "{heard:?}"
    );
    origin.mood(Mood::Serve);
    daemon.signal(Signal::HUP);
    assert_eq!(receiver.next_of_state(), "READY=1\n");
    assert_eq!(world.assert_whole(), 10);
}

#[test]
fn a_reload_is_heard_with_its_moment_in_one_datagram_and_ready_ends_it() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
    let receiver = Receiver::of(&world);
    let daemon = receiver.of_setup(origin.of(world.setup())).start();
    assert_eq!(receiver.next_of_state(), "READY=1\n");
    let gate = std::sync::Arc::default();
    origin.mood(Mood::Wait(std::sync::Arc::clone(&gate)));
    let before = monotonic_us();
    daemon.signal(Signal::HUP);
    let reloading = receiver.next_of_state();
    let stamp: i64 = reloading
        .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
        .and_then(|rest| rest.trim_end().parse().ok())
        .expect(&reloading);
    assert!((before..=monotonic_us()).contains(&stamp));
    origin.requests_after(10, 1);
    // READY does not come before the refresh is done, and not before the one that was asked for last is.
    daemon.signal(Signal::HUP);
    assert!(receiver.next_of_state().starts_with("RELOADING=1\n"));
    assert_eq!(origin.requests().len(), 11);
    gate.open();
    assert_eq!(receiver.next_of_state(), "READY=1\n");
    assert_eq!(origin.requests().len(), 30);
    assert_eq!(daemon.begun("force"), 2);
}

#[test]
fn a_cycle_that_no_signal_asked_for_is_no_reload() {
    let world = World::marked();
    let receiver = Receiver::of(&world);
    let daemon = receiver.of_setup(world.setup()).started();
    daemon.cycles_caused_by(|| fs::write(world.v2("blip.json"), "nonsense").unwrap());
    let heard = receiver.drain();
    let states = heard
        .iter()
        .filter(|message| !message.starts_with("STATUS=") && !message.starts_with("EXTEND"));
    assert_eq!(states.collect::<Vec<_>>(), ["READY=1\n"]);
}

#[test]
fn the_watchdog_is_fed_while_the_loop_turns_even_if_the_upstream_hangs() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Hang));
    let receiver = Receiver::of(&world);
    let setup = receiver.of_setup(origin.of(world.setup()));
    let daemon = setup.env("WATCHDOG_USEC", "200000").start();
    let mut fed = 0;
    while fed < 5 {
        fed += usize::from(receiver.next() == "WATCHDOG=1\n");
    }
    origin.requests_after(0, 1);
    // A daemon that stands still feeds no watchdog.
    daemon.signal(Signal::STOP);
    receiver.drain();
    receiver
        .socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    assert!(receiver.socket.recv(&mut [0; 16]).is_err());
    daemon.signal(Signal::CONT);
    receiver.socket.set_read_timeout(Some(LONG)).unwrap();
    while receiver.next() != "WATCHDOG=1\n" {}
}

#[test]
fn a_standby_is_ready_at_once_and_says_what_it_is() {
    let world = World::marked();
    let _writer = world.started();
    let receiver = Receiver::of(&world);
    let _standby = receiver.of_setup(world.setup().runtime("standby")).start();
    assert_eq!(receiver.next_of_state(), "READY=1\n");
    let status = receiver.next();
    assert!(
        status.starts_with("STATUS=on standby: 10 fresh"),
        "{status}"
    );
}

#[test]
fn the_first_word_is_a_status_and_a_sighup_before_ready_does_not_withhold_it() {
    let gate = std::sync::Arc::default();
    // The first poll ends well; the refresh that is asked for meanwhile hangs.
    let mood = Mood::WaitThenHang(std::sync::Arc::clone(&gate), 10);
    let (world, origin) = (World::empty(), Origin::start(mood));
    let receiver = Receiver::of(&world);
    let daemon = receiver.of_setup(origin.of(world.setup())).start();
    let first = receiver.next();
    assert!(
        first.starts_with("STATUS=waiting for the first poll: 10 absent"),
        "{first}"
    );
    origin.requests_after(0, 1);
    daemon.signal(Signal::HUP);
    daemon.wait_lines(1, &["a refresh was asked for"]);
    gate.open();
    assert_eq!(receiver.next_of_state(), "READY=1\n");
    origin.requests_after(10, 1);
    assert!(daemon.status().unwrap()["last_forced"].is_null());
}
