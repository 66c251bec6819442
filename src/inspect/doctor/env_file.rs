//! The files that set a worker's environment: lines for a shell, for `docker --env-file`, or for a unit; pure.
//!
//! 1. The last line that sets a variable counts.
//! 2. Quotes are part of a value for docker, and are taken off by a shell and by systemd; whether a value had some is
//!    named beside it.

/// A variable as a file sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) value: String,
    /// Whether it stood in quotes on a line that docker would take as it stands.
    pub(super) quoted: bool,
}

pub(super) fn read(text: &str, name: &str) -> Option<Set> {
    let mut lines = text.lines().rev();
    lines.find_map(|line| assignment(line, name))
}

fn assignment(line: &str, name: &str) -> Option<Set> {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix("Environment=") {
        // One or more assignments, each perhaps in quotes.
        let (inner, _) = unquoted(rest);
        let found = inner.split("\" \"").find_map(|part| set(part, name));
        let words = || {
            rest.split_ascii_whitespace()
                .find_map(|part| set(part, name))
        };
        return found.or_else(words).map(|set| Set {
            quoted: false,
            ..set
        });
    }
    match line.strip_prefix("export ") {
        Some(rest) => set(rest.trim_start(), name).map(|set| Set {
            quoted: false,
            ..set
        }),
        None => set(line, name),
    }
}

fn set(text: &str, name: &str) -> Option<Set> {
    let (found, value) = text.split_once('=')?;
    if found.trim_start_matches('"') != name {
        return None;
    }
    let (value, quoted) = unquoted(value.trim());
    Some(Set { value, quoted })
}

fn unquoted(text: &str) -> (String, bool) {
    for quote in ['"', '\''] {
        let inner = text
            .strip_prefix(quote)
            .and_then(|it| it.strip_suffix(quote));
        if let Some(inner) = inner {
            return (inner.replace(r"'\''", "'"), true);
        }
    }
    (text.trim_end_matches('"').to_owned(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_line_gives_its_value() {
        for (text, expected) in [
            ("A=/x", Some(("/x", false))),
            ("# A=/no\nA=/x\nB=1\nA=/y", Some(("/y", false))),
            ("A=\"/x\"", Some(("/x", true))),
            ("export A='/it'\\''s'", Some(("/it's", false))),
            ("Environment=\"A=/x\"", Some(("/x", false))),
            ("Environment=\"B=1\" \"A=/x\"", Some(("/x", false))),
            ("Environment=B=1 A=/x", Some(("/x", false))),
            ("AA=/x", None),
            ("", None),
        ] {
            let found = read(text, "A");
            let found = found.as_ref().map(|set| (set.value.as_str(), set.quoted));
            assert_eq!(found, expected, "{text}");
        }
    }
}
