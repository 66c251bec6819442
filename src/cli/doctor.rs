//! `horde-refd doctor`: everything that can be wrong around the daemon, each with its cure.

use super::args::{Common, DoctorArgs};
use super::output::{self, Output, wrapped};
use super::startup::runtime;
use super::table::{Palette, Tone};
use super::{Exit, runtime_directory};
use crate::clock;
use crate::inspect::doctor::{Check, Surroundings, examine};
use crate::text::escaped;

pub(super) fn main(common: &Common, args: &DoctorArgs) -> anyhow::Result<Exit> {
    let effective = common.load()?;
    let env = |name: &str| std::env::var_os(name);
    let around = Surroundings {
        effective: &effective,
        runtime_directory: runtime_directory(),
        environment: &env,
        env_file: args.env_file.clone(),
        now: clock::now(),
    };
    let runtime = runtime()?;
    let checks = runtime.block_on(examine(&around));
    // A stuck name look-up must not keep the process.
    runtime.shutdown_background();
    let well = checks.iter().all(|check| check.ok);
    let mut out = Output::stdout();
    if common.json {
        out.json(&checks)?;
    } else {
        let shown = checks.iter().filter(|it| !it.ok || common.quiet == 0);
        let shown: Vec<_> = shown.cloned().collect();
        if !shown.is_empty() {
            out.line(table(
                &shown,
                output::palette(common.color),
                output::width(),
            ))?;
        }
    }
    out.finish()?;
    Ok(if well { Exit::Done } else { Exit::Failed })
}

/// A line a check, with a tick or a cross; below a cross the cure, on a line of its own to copy whole.
fn table(checks: &[Check], palette: Palette, width: Option<usize>) -> String {
    let longest = checks.iter().map(|check| check.check.chars().count());
    let column = longest.max().unwrap_or_default();
    let lines = checks.iter().map(|check| {
        let (mark, tone) = if check.ok {
            ("✓", Tone::Good)
        } else {
            ("✗", Tone::Bad)
        };
        let name = escaped(&check.check);
        let padding = " ".repeat(column.saturating_sub(name.chars().count()));
        let found = wrapped(
            &escaped(&check.found),
            width.map(|width| width.saturating_sub(column + 4).max(20)),
        );
        let indent = format!("\n{}", " ".repeat(column + 4));
        let found = found.replace("\n  ", &indent);
        let mut line = format!("{} {name}{padding}  {found}", palette.paint(mark, tone));
        if let Some(cure) = &check.cure {
            line.push_str(&indent);
            line.push_str(&palette.paint(&format!("cure: {}", escaped(cure)), Tone::Notable));
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cross_has_its_cure_on_a_line_of_its_own() {
        let check = |check: &str, ok, cure: Option<&str>| Check {
            check: check.to_owned(),
            ok,
            found: "one two three four five six".to_owned(),
            cure: cure.map(str::to_owned),
        };
        let checks = [
            check("lock", true, None),
            check("read access", false, Some("chmod o+x /a")),
        ];
        let shown = table(&checks, Palette::Plain, None);
        let expected = "\
✓ lock         one two three four five six
✗ read access  one two three four five six
               cure: chmod o+x /a";
        assert_eq!(shown, expected);
        let shown = table(&checks, Palette::Colored, Some(40));
        assert!(
            shown.contains("\x1b[31m✗\x1b[0m read access  one two three four"),
            "{shown}"
        );
        assert!(shown.contains("\n               six\n"), "{shown}");
    }
}
