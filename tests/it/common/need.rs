//! What a test needs of the machine. A test that cannot run says `SKIPPED` and why, and never passes in silence.
//!
//! 1. In CI (`CI=true`) and as root a skip is a failure: there everything can be installed, and `tests/run` does.
//! 2. Two things may be missing even there, and are said: Python 3.12, where neither the distribution nor
//!    `~/.pyenv/versions` has one, and the real references, which a public clone has not.

use std::io::Write;
use std::path::PathBuf;

/// Ends the test: it cannot run here, for this reason.
macro_rules! skip {
    ($($reason:tt)+) => {{
        $crate::common::need::skipped(&format!($($reason)+), false);
        return;
    }};
}

/// The same for what may be missing in CI as well.
macro_rules! skip_in_ci_too {
    ($($reason:tt)+) => {{
        $crate::common::need::skipped(&format!($($reason)+), true);
        return;
    }};
}

/// Ends the test unless all of these programs are installed.
macro_rules! need {
    ($($program:literal),+) => {
        for program in [$($program),+] {
            if $crate::common::need::program_path(program).is_none() {
                $crate::common::need::skip!("{program} is not installed; tests/run --install does that on Debian");
            }
        }
    };
}

/// The directory of the real references and recorded cases; ends the test where there is none.
macro_rules! need_shared {
    () => {
        match std::env::var_os("HORDE_REFD_SHARED") {
            Some(shared) => std::path::PathBuf::from(shared),
            None => $crate::common::need::skip_in_ci_too!(
                "HORDE_REFD_SHARED does not say where the real references are"
            ),
        }
    };
}

pub(crate) use {need, need_shared, skip, skip_in_ci_too};

/// See [`skip`]. Written past the test harness's capture, which shows nothing of a test that passes.
#[track_caller]
pub fn skipped(reason: &str, may_be: bool) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("SKIPPED {test}: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(may_be || !ci || !is_root(), "SKIPPED in CI: {reason}");
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Where a program is. Debian installs some in directories that are not on every user's PATH.
pub fn program_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).collect::<Vec<_>>();
    places.extend(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from));
    places
        .into_iter()
        .map(|place| place.join(name))
        .find(|program| program.is_file())
}
