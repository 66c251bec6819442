//! `horde-refd man`: the man pages, from the definitions that parse the command line and the sections written beside them.
//!
//! 1. horde-refd(1) has what concerns the program as a whole: files, signals, exit codes, environment, the contract with
//!    readers, examples (`sections.roff`). A page a subcommand has its options and where to read on.
//! 2. Hidden subcommands have no page.
//! 3. horde-refd.toml(5) comes last (`configuration.rs`).

mod configuration;

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;

use super::Exit;
use super::args::{Args, ManArgs};
use super::output::Output;
use crate::disk::{self, Dir, Placement};

/// The hand-written sections of horde-refd(1).
const SECTIONS: &str = include_str!("sections.roff");

/// The end of every subcommand's page.
const SEE_ALSO: &str = ".SH \"EXIT STATUS\"\nSee horde\\-refd(1).\n.SH \"SEE ALSO\"\n.BR horde\\-refd (1),\n.BR horde\\-refd.toml (5)\n";

pub(super) fn main(args: &ManArgs) -> anyhow::Result<Exit> {
    if let Some(directory) = &args.out {
        write(directory)?;
        return Ok(Exit::Done);
    }
    let mut out = Output::stdout();
    if let Some((_, page)) = pages()?.first() {
        out.bytes(page)?;
    }
    out.finish()?;
    Ok(Exit::Done)
}

fn write(directory: &Path) -> anyhow::Result<()> {
    Dir::make(directory, 0o755)?;
    let placement = Placement {
        mode: 0o644,
        previous: None,
        durable: false,
    };
    for (name, page) in pages()? {
        disk::replace(&directory.join(name), &page, placement)?;
    }
    Ok(())
}

/// Every page with its file name, horde-refd(1) first.
fn pages() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut command = Args::command();
    command.build();
    let shown = command.get_subcommands();
    let shown = shown.filter(|command| !command.is_hide_set() && command.get_name() != "help");
    let subcommands: Vec<_> = shown.cloned().collect();
    let first = page(command, |man, page| {
        man.render_subcommands_section(page)?;
        page.extend_from_slice(SECTIONS.as_bytes());
        Ok(())
    });
    let others = subcommands.into_iter().map(|command| {
        page(command, |man, page| {
            man.render_extra_section(page)?;
            page.extend_from_slice(SEE_ALSO.as_bytes());
            Ok(())
        })
    });
    let last = (
        configuration::NAME.to_owned(),
        configuration::page().into_bytes(),
    );
    let pages = std::iter::once(first).chain(others);
    pages.chain(std::iter::once(Ok(last))).collect()
}

/// A page: what every page has, then its end.
fn page(
    command: clap::Command,
    end: impl FnOnce(&Man, &mut Vec<u8>) -> std::io::Result<()>,
) -> anyhow::Result<(String, Vec<u8>)> {
    let source = concat!("horde-refd ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command).source(source).manual("horde-refd");
    let mut page = Vec::new();
    let sections = |page: &mut Vec<u8>| {
        man.render_title(page)?;
        man.render_name_section(page)?;
        man.render_synopsis_section(page)?;
        man.render_description_section(page)?;
        man.render_options_section(page)?;
        end(&man, page)
    };
    sections(&mut page).context("cannot lay out a man page")?;
    Ok((man.get_filename(), page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subcommand_of_the_summary_has_a_page() {
        let pages = pages().unwrap();
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        let help = Args::command().render_help().to_string();
        let (_, commands) = help.split_once("Commands:\n").unwrap();
        let listed: Vec<String> = commands
            .lines()
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
            .map(|name| format!("horde-refd-{name}.1"))
            .collect();
        assert!(listed.len() > 8, "{help}");
        assert_eq!(names[0], "horde-refd.1");
        assert_eq!(names.last(), Some(&configuration::NAME));
        assert_eq!(names[1..names.len() - 1], listed);
        for (name, page) in &pages[..pages.len() - 1] {
            let page = String::from_utf8_lossy(page);
            assert!(
                page.contains(".SH OPTIONS") && page.contains("\\-\\-base\\-path"),
                "{name}"
            );
            assert!(page.contains(".TH "), "{name}");
        }
    }

    #[test]
    fn the_first_page_says_what_no_option_says() {
        let (_, page) = pages().unwrap().remove(0);
        let page = String::from_utf8(page).unwrap();
        for section in [
            "FILES",
            "SIGNALS",
            "EXIT STATUS",
            "ENVIRONMENT",
            "CONTRACT WITH READERS",
            "EXAMPLES",
        ] {
            let heading = format!(".SH \"{section}\"\n");
            assert!(page.contains(&heading), "{section}");
        }
    }

    #[test]
    fn every_variable_that_the_configuration_reads_is_named() {
        // Upper-case words in quotes are variables there, up to the tests.
        let source = include_str!("../../config/environment.rs");
        let (source, _) = source.split_once("#[cfg(test)]").unwrap();
        let upper = |word: &&str| {
            word.len() > 3
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        };
        let variables: Vec<&str> = source.split('"').skip(1).step_by(2).filter(upper).collect();
        assert!(variables.len() > 10, "{variables:?}");
        for variable in variables {
            assert!(SECTIONS.contains(variable), "{variable}");
        }
    }
}
