//! `horde-refd completions`: a shell's completions, from the definitions that parse the command line.

use clap::CommandFactory;
use clap::builder::PossibleValue;
use clap_complete::{Shell as Known, generate};

use super::Exit;
use super::args::{Args, CompletionsArgs, Shell};
use super::output::Output;

pub(super) fn main(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut out = Output::stdout();
    out.bytes(&completions(args.shell))?;
    out.finish()?;
    Ok(Exit::Done)
}

fn completions(shell: Shell) -> Vec<u8> {
    let shell = match shell {
        Shell::Bash => Known::Bash,
        Shell::Zsh => Known::Zsh,
        Shell::Fish => Known::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut Args::command(), "horde-refd", &mut script);
    if shell == Known::Fish {
        script.extend(arguments_for_fish().into_bytes());
    }
    script
}

/// What fish is to offer for arguments that are no flags: `clap_complete` leaves them out there.
fn arguments_for_fish() -> String {
    let command = Args::command();
    let lines = command.get_subcommands().flat_map(|subcommand| {
        let name = subcommand.get_name();
        subcommand.get_positionals().filter_map(move |argument| {
            let values = argument.get_possible_values();
            let words: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
            let words = words.join(" ");
            (!words.is_empty()).then(|| {
                format!(
                    "complete -c horde-refd -n \"__fish_horde_refd_using_subcommand {name}\" -f -a \"{words}\"\n"
                )
            })
        })
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category::Category;

    #[test]
    fn every_shell_is_offered_subcommands_flags_and_categories() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(completions(shell)).unwrap();
            let words = [
                "sync",
                "refresh",
                "base-path",
                "no-backend-prefixes",
                "systemd",
            ];
            let categories = Category::ALL.map(Category::name);
            for word in words.iter().chain(&categories) {
                assert!(script.contains(word), "{shell:?}: {word}");
            }
            // The condition is a function that the script itself defines.
            let condition = "function __fish_horde_refd_using_subcommand";
            assert_eq!(script.contains(condition), shell == Shell::Fish);
        }
    }
}
