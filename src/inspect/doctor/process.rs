//! What the kernel shows of a process.

use std::fs;

/// A process's state, as `/proc/PID/stat` has it: `R`, `S`, `D`, `T`, `Z`.
pub(super) fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    state_in(&stat)
}

/// The name of the program, in parentheses, may itself hold some.
fn state_in(stat: &str) -> Option<char> {
    stat.rsplit_once(") ")?.1.chars().next()
}

/// The unit that a process belongs to.
pub(super) fn unit(pid: u32) -> Option<String> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    unit_in(&groups)
}

fn unit_in(groups: &str) -> Option<String> {
    let mut last = groups.lines().filter_map(|line| line.rsplit_once('/'));
    let unit = last.find_map(|(_, last)| last.ends_with(".service").then_some(last));
    unit.map(str::to_owned)
}

/// What a state is in words, where it is one in which nothing goes on.
pub(super) const fn stuck(state: char) -> Option<&'static str> {
    match state {
        'T' | 't' => Some("is stopped"),
        'Z' | 'X' => Some("has ended and is not waited for"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_behind_the_name() {
        assert_eq!(state_in("17 (a) S 1 (b) T 1 17"), Some('T'));
        assert_eq!(state_in(""), None);
        assert!(state(std::process::id()).is_some());
    }

    #[test]
    fn a_unit_is_the_last_part_of_a_group() {
        for (groups, expected) in [
            (
                "0::/system.slice/horde-refd.service\n",
                Some("horde-refd.service"),
            ),
            (
                "12:cpu:/\n1:name=systemd:/system.slice/x.service\n",
                Some("x.service"),
            ),
            ("0::/user.slice/session-1.scope\n", None),
        ] {
            assert_eq!(unit_in(groups).as_deref(), expected);
        }
    }
}
