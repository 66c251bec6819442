# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_horde_refd_global_optspecs
    string join \n c/config= base-path= upstream= layout= json v/verbose q/quiet color= h/help V/version
end

function __fish_horde_refd_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_horde_refd_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_horde_refd_using_subcommand
    set -l cmd (__fish_horde_refd_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c horde-refd -n "__fish_horde_refd_needs_command" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_needs_command" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_needs_command" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_needs_command" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_needs_command" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_needs_command" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "run" -d 'Run the daemon: poll, watch, publish'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "sync" -d 'Refresh the mirror once, then exit (cron, first seed, CI)'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "convert" -d 'Convert one legacy file to v2: a filter, without mirror or network'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "check" -d 'Lint legacy files: every issue and every rejection'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "show" -d 'Print what the mirror holds'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "status" -d 'Show the freshness of every category'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "history" -d 'List the kept generations: when, from where, how many models, what changed'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "diff" -d 'Show which models and fields differ between two generations'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "doctor" -d 'Find what is wrong around the daemon, each with its cure'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "accept" -d 'Publish what the guard holds'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "rollback" -d 'Publish an earlier generation and pin it'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "unpin" -d 'Follow the upstream again'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "refresh" -d 'Ask the running daemon for a forced refresh'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "config" -d 'Print the configuration in effect, and where each value came from'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "env" -d 'Print what a worker\'s environment needs to read this mirror'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "man" -d 'Write the man pages, made from the same definitions as this help'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "completions" -d 'Print a shell\'s completions'
complete -c horde-refd -n "__fish_horde_refd_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand run" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand run" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand run" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand run" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand run" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand run" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand run" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand run" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand run" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -l force -d 'Download everything anew, whether it changed or not'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -l dry-run -d 'Say what would become of each category, and write nothing; works beside a daemon'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -l legacy-view -d 'Print the legacy JSON view of models.csv instead of v2 (category `text_generation`)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -l no-backend-prefixes -d 'In the legacy view: one record a model, without its copies under the backends\' prefixes'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand check" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand check" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand check" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand check" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand check" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand check" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand check" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand check" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand check" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand show" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand show" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand show" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand show" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand show" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand show" -l legacy -d 'The legacy file instead of v2'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand show" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand show" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand show" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand show" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -l wait -d 'Wait until no listed category is absent, at most this long, e.g. 2m; exit 1 when the time is over' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -l check -d 'One line for monitoring; exit 1 when a category is not healthy or no daemon runs'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -l watch -d 'Show it again every second until interrupted'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand status" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand history" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand history" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand history" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand history" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand history" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand history" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand history" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand history" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand history" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -l incoming -d 'Compare the present version with what a sync would publish if nothing held it; nothing is written'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -l exit-code -d 'Exit with 1 when they differ'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand doctor" -l env-file -d 'The file that sets the workers\' environment, instead of this process\'s environment' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand doctor" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand doctor" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand doctor" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand doctor" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand doctor" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand doctor" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand doctor" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand doctor" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand accept" -l timeout -d 'Give up waiting for a daemon after this long; the order stays written' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand accept" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand accept" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand accept" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand accept" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand accept" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand accept" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand accept" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand accept" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand accept" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand accept" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -l to -d 'The generation, by 4 or more of its first digits [default: the next older one]' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -l timeout -d 'Give up waiting for a daemon after this long; the order stays written' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand unpin" -l timeout -d 'Give up waiting for a daemon after this long; the order stays written' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand unpin" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand unpin" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand unpin" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand unpin" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand unpin" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand unpin" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand unpin" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand unpin" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand unpin" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand unpin" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand refresh" -l timeout -d 'Give up waiting after this long, e.g. 90s' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand refresh" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand refresh" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand refresh" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand refresh" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand refresh" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand refresh" -l wait -d 'Return when the refresh is done, with the exit code of sync'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand refresh" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand refresh" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand refresh" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand refresh" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand refresh" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand config" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand config" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand config" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand config" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand config" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand config" -l default -d 'The defaults, whatever the files and the environment say'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand config" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand config" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand config" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand config" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand env" -l format -d 'What the lines are for' -r -f -a "sh\t'For a shell to eval'
systemd\t'For the service section of a systemd unit'
docker\t'For `docker run --env-file`'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand env" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand env" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand env" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand env" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand env" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand env" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand env" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand env" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand env" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand env" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand man" -l out -d 'Write every page into this directory, instead of horde-refd(1) to stdout' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand man" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand man" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand man" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand man" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand man" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand man" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand man" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand man" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand man" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand completions" -s c -l config -d 'The configuration file [default: /etc/horde-refd/config.toml, if it exists]' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand completions" -l base-path -d 'The mirror: the directory that is published into' -r -F
complete -c horde-refd -n "__fish_horde_refd_using_subcommand completions" -l upstream -d 'Where references come from, instead of the configured upstreams: a URL or a directory' -r
complete -c horde-refd -n "__fish_horde_refd_using_subcommand completions" -l layout -d 'How --upstream lays its files out [default: github for a URL, flat for a directory]' -r -f -a "github\t''
flat\t''
primary\t''
mirror\t''"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand completions" -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand completions" -l json -d 'Print the result as JSON (sync, check, status, history, diff, doctor, config)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand completions" -s v -l verbose -d 'Log more; twice: everything'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand completions" -s q -l quiet -d 'Log less and print no result table, only troubles; twice: log errors only'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand completions" -s V -l version -d 'Print version'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "run" -d 'Run the daemon: poll, watch, publish'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "sync" -d 'Refresh the mirror once, then exit (cron, first seed, CI)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "convert" -d 'Convert one legacy file to v2: a filter, without mirror or network'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "check" -d 'Lint legacy files: every issue and every rejection'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "show" -d 'Print what the mirror holds'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "status" -d 'Show the freshness of every category'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "history" -d 'List the kept generations: when, from where, how many models, what changed'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "diff" -d 'Show which models and fields differ between two generations'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "doctor" -d 'Find what is wrong around the daemon, each with its cure'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "accept" -d 'Publish what the guard holds'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "rollback" -d 'Publish an earlier generation and pin it'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "unpin" -d 'Follow the upstream again'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "refresh" -d 'Ask the running daemon for a forced refresh'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "config" -d 'Print the configuration in effect, and where each value came from'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "env" -d 'Print what a worker\'s environment needs to read this mirror'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "man" -d 'Write the man pages, made from the same definitions as this help'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "completions" -d 'Print a shell\'s completions'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand help; and not __fish_seen_subcommand_from run sync convert check show status history diff doctor accept rollback unpin refresh config env man completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c horde-refd -n "__fish_horde_refd_using_subcommand sync" -f -a "blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand convert" -f -a "blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand show" -f -a "blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand history" -f -a "blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand diff" -f -a "blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand accept" -f -a "blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand rollback" -f -a "blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand unpin" -f -a "blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti"
complete -c horde-refd -n "__fish_horde_refd_using_subcommand completions" -f -a "bash zsh fish"
