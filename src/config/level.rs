//! How much to log: the one reading of `log.level`.
//!
//! 1. A plain word (or its number) is the level of our own lines. Libraries stay at warnings, or a level below ours when
//!    ours is `trace`.
//! 2. Anything else is a list of `level` and `target=level`, with commas between. A filter on fields (`[{field}]`) is
//!    refused. A lone word that is no level is refused too: a misspelt level is more likely than the name of a target.

use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// The target of our own lines.
const OWN_TARGET: &str = "horde_refd";

const LEVELS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

/// A checked `log.level`.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    text: String,
    filter: Filter,
}

#[derive(Debug, Clone, PartialEq)]
enum Filter {
    Own(LevelFilter),
    Listed(Targets),
}

impl Level {
    /// The default: what changes, and troubles.
    #[must_use]
    pub fn info() -> Self {
        Self {
            text: "info".to_owned(),
            filter: Filter::Own(LevelFilter::INFO),
        }
    }

    /// Reads a level.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, String> {
        const RULE: &str = "must be error, warn, info, debug, trace, off, or a filter like \"info,horde_refd=debug\"";
        let parts: Vec<_> = text.split(',').map(str::trim).collect();
        let filter = match parts.as_slice() {
            [""] => return Err(RULE.to_owned()),
            // Read as the name of a target where it is not read as a filter.
            parts if parts.iter().any(|part| part.contains('[')) => return Err(RULE.to_owned()),
            [word] if !word.contains('=') => {
                Filter::Own(word.parse().map_err(|_| RULE.to_owned())?)
            }
            parts => Filter::Listed(
                parts
                    .join(",")
                    .parse()
                    .map_err(|error| format!("{RULE} ({error})"))?,
            ),
        };
        let text = text.to_owned();
        Ok(Self { text, filter })
    }

    /// What is logged when the verbosity moves the level of our own lines, or of a list's default, up or down.
    #[must_use]
    pub fn targets(&self, verbosity: i8) -> Targets {
        match &self.filter {
            Filter::Own(own) => {
                let own = moved(*own, verbosity);
                let others = match own {
                    LevelFilter::TRACE => LevelFilter::DEBUG,
                    own => own.min(LevelFilter::WARN),
                };
                Targets::new()
                    .with_target(OWN_TARGET, own)
                    .with_default(others)
            }
            Filter::Listed(targets) if verbosity == 0 => targets.clone(),
            Filter::Listed(targets) => {
                let default = targets.default_level().unwrap_or(LevelFilter::OFF);
                targets.clone().with_default(moved(default, verbosity))
            }
        }
    }
}

impl Eq for Level {}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn moved(level: LevelFilter, by: i8) -> LevelFilter {
    let at = LEVELS.iter().position(|known| *known == level).unwrap_or(3);
    let to = at
        .saturating_add_signed(isize::from(by))
        .min(LEVELS.len() - 1);
    LEVELS.get(to).copied().unwrap_or(level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level as L;

    #[test]
    fn what_is_no_level_is_refused() {
        for (text, good) in [
            ("info", true),
            ("WARN", true),
            ("off", true),
            (" debug ", true),
            ("info,horde_refd=debug", true),
            ("info, horde_refd = debug", false),
            ("warn, horde_refd=debug", true),
            ("horde_refd::daemon=trace", true),
            ("", false),
            (" ", false),
            ("verbose", false),
            ("horde_refd", false),
            ("horde_refd=loud", false),
            ("info,horde_refd[{category=clip}]=debug", false),
            ("info,horde_refd[", false),
        ] {
            let read = Level::parse(text);
            assert_eq!(read.is_ok(), good, "{text:?}: {read:?}");
        }
        assert_eq!(Level::parse("info"), Ok(Level::info()));
    }

    #[test]
    fn verbosity_moves_the_level() {
        for (level, verbosity, own, library) in [
            ("info", 0, Some(L::INFO), Some(L::WARN)),
            ("info", 1, Some(L::DEBUG), Some(L::WARN)),
            ("info", 2, Some(L::TRACE), Some(L::DEBUG)),
            ("info", 99, Some(L::TRACE), Some(L::DEBUG)),
            ("INFO", -1, Some(L::WARN), Some(L::WARN)),
            ("warn", -1, Some(L::ERROR), Some(L::ERROR)),
            ("info", -3, None, None),
            ("info", -128, None, None),
            ("warn,horde_refd=debug", 0, Some(L::DEBUG), Some(L::WARN)),
            ("warn, horde_refd=debug", 0, Some(L::DEBUG), Some(L::WARN)),
            ("warn,horde_refd=debug", 1, Some(L::DEBUG), Some(L::INFO)),
        ] {
            let targets = Level::parse(level).unwrap().targets(verbosity);
            let most = |target: &str| {
                [L::TRACE, L::DEBUG, L::INFO, L::WARN, L::ERROR]
                    .into_iter()
                    .find(|level| targets.would_enable(target, level))
            };
            assert_eq!(most("horde_refd::daemon"), own, "{level} {verbosity}");
            assert_eq!(most("hyper::client"), library, "{level} {verbosity}");
        }
    }
}
