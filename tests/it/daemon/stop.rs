//! SIGTERM and SIGINT: at once, whatever the upstream does, with nothing half-written.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::World;
use crate::common::need::need;
use crate::common::origin::{Mood, Origin};
use rustix::process::Signal;

const AT_ONCE: Duration = Duration::from_secs(1);

#[test]
fn a_hanging_upstream_delays_no_stop() {
    for signal in [Signal::TERM, Signal::INT] {
        let (world, origin) = (World::empty(), Origin::start(Mood::Serve));
        let mut daemon = origin.of(world.setup()).started();
        origin.mood(Mood::Hang);
        daemon.signal(Signal::HUP);
        origin.requests_after(10, 1);
        let begun = Instant::now();
        daemon.signal(signal);
        let status = daemon.wait();
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
        assert_eq!(status.code(), Some(0));
        assert_eq!(world.assert_whole(), 10);
    }
}

#[test]
fn a_stop_amid_the_first_poll_leaves_what_has_come_whole() {
    for stalled in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{\"first\": ",
    ] {
        let stalled = stalled.as_bytes().to_vec();
        let (world, origin) = (
            World::empty(),
            Origin::start(Mood::HangOn(
                "models.csv stable_diffusion.json clip.json",
                stalled,
            )),
        );
        let daemon = origin.of(world.setup()).start();
        origin.requests_after(0, 10);
        for file in [
            "blip.json",
            "miscellaneous.json",
            "controlnet.json",
            "esrgan.json",
        ] {
            world.wait_v2(file, "upstream");
        }
        for file in ["codeformer.json", "gfpgan.json", "safety_checker.json"] {
            world.wait_v2(file, "upstream");
        }
        let (status, elapsed) = daemon.stop();
        assert!(elapsed < AT_ONCE, "{elapsed:?}");
        assert_eq!(status.code(), Some(0));
        assert_eq!(world.assert_whole(), 7);
    }
}

#[test]
fn a_stop_in_a_backoff_is_at_once() {
    let (world, origin) = (World::empty(), Origin::start(Mood::Fail(500)));
    let setup = origin.of(world.setup());
    let daemon = setup
        .set("http.retry_attempts", "3")
        .set("http.retry_backoff", "\"5m\"")
        .start();
    daemon.wait_lines(10, &["waiting to try again"]);
    let (status, elapsed) = daemon.stop();
    assert!(elapsed < AT_ONCE, "{elapsed:?}");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_stop_at_rest_and_a_stop_with_a_hook_at_work_are_at_once() {
    let world = World::marked();
    let (status, elapsed) = world.started().stop();
    assert!(elapsed < AT_ONCE && status.success(), "{elapsed:?}");
    let world = World::marked();
    let pid = world.path("pid");
    let script = format!("trap '' TERM; echo $$ > {}; sleep 600", pid.display());
    let hook = serde_json::json!(["sh", "-c", script]).to_string();
    let daemon = world.setup().set("hooks.on_change", &hook).started();
    crate::common::until("the hook runs", || pid.exists());
    let (status, elapsed) = daemon.stop();
    assert!(elapsed < AT_ONCE && status.success(), "{elapsed:?}");
}

/// Sends signals to one thread, in this order: `kill` leaves it to the kernel which thread of the process takes which.
const TO_THREAD: &str = r"
import ctypes, sys
pid, thread, *signals = map(int, sys.argv[1:])
for signal in signals:
    assert ctypes.CDLL(None).tgkill(pid, thread, signal) == 0
";

#[test]
fn a_second_signal_kills() {
    need!("python3");
    let world = World::marked();
    let mut daemon = world.started();
    // Both wait for the thread that the loop runs on before it goes on, so it handles both before the loop can take the
    // first as the order to stop. Two threads that take one each would both be the first.
    daemon.signal(Signal::STOP);
    let stat = format!("/proc/{0}/task/{0}/stat", daemon.pid());
    crate::common::until("the loop's thread is stopped", || {
        std::fs::read_to_string(&stat).unwrap().contains(") T ")
    });
    let pid = daemon.pid().to_string();
    let signals = [Signal::TERM, Signal::INT].map(|signal| signal.as_raw().to_string());
    let mut sender = Command::new("python3");
    sender.args(["-c", TO_THREAD, &pid, &pid]).args(signals);
    assert!(sender.status().unwrap().success());
    daemon.signal(Signal::CONT);
    let code = daemon.wait().code();
    assert!(code == Some(128 + 15) || code == Some(128 + 2), "{code:?}");
    // It may have been about to write its status: the next start removes what that leaves.
    world.sync(&[]).expect(0);
    assert_eq!(world.assert_whole(), 10);
}
