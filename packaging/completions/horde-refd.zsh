#compdef horde-refd

autoload -U is-at-least

_horde-refd() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_horde-refd_commands" \
"*::: :->horde-refd" \
&& ret=0
    case $state in
    (horde-refd)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:horde-refd-command-$line[1]:"
        case $line[1] in
            (run)
_arguments "${_arguments_options[@]}" : \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(sync)
_arguments "${_arguments_options[@]}" : \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--force[Download everything anew, whether it changed or not]' \
'--dry-run[Say what would become of each category, and write nothing; works beside a daemon]' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'*::categories -- Only these categories \[default\: all\]:(blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti)' \
&& ret=0
;;
(convert)
_arguments "${_arguments_options[@]}" : \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--legacy-view[Print the legacy JSON view of models.csv instead of v2 (category \`text_generation\`)]' \
'--no-backend-prefixes[In the legacy view\: one record a model, without its copies under the backends'\'' prefixes]' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':category -- The category whose format the input has:(blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti)' \
'::file -- The legacy file \[default\: stdin\]:_files' \
&& ret=0
;;
(check)
_arguments "${_arguments_options[@]}" : \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'*::targets -- What to check\: a category as the mirror has it, or a file of a category \[default\: the whole mirror\]:_default' \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--legacy[The legacy file instead of v2]' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':category -- The category to print:(blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti)' \
'::model -- Only the record of this model:_default' \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
'--wait=[Wait until no listed category is absent, at most this long, e.g. 2m; exit 1 when the time is over]:DURATION:_default' \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--check[One line for monitoring; exit 1 when a category is not healthy or no daemon runs]' \
'(--check)--watch[Show it again every second until interrupted]' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(history)
_arguments "${_arguments_options[@]}" : \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::category -- Only this category \[default\: all\]:(blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti)' \
&& ret=0
;;
(diff)
_arguments "${_arguments_options[@]}" : \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'()--incoming[Compare the present version with what a sync would publish if nothing held it; nothing is written]' \
'--exit-code[Exit with 1 when they differ]' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':category -- The category to compare:(blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti)' \
'::from -- The older generation\: at least 4 of its digits \[default\: the next older one\]:_default' \
'::to -- The newer generation \[default\: the present one\]:_default' \
&& ret=0
;;
(doctor)
_arguments "${_arguments_options[@]}" : \
'--env-file=[The file that sets the workers'\'' environment, instead of this process'\''s environment]:FILE:_files' \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(accept)
_arguments "${_arguments_options[@]}" : \
'--timeout=[Give up waiting for a daemon after this long; the order stays written]:DURATION:_default' \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'*::categories -- The categories whose held update is published:(blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti)' \
&& ret=0
;;
(rollback)
_arguments "${_arguments_options[@]}" : \
'--to=[The generation, by 4 or more of its first digits \[default\: the next older one\]]:GENERATION:_default' \
'--timeout=[Give up waiting for a daemon after this long; the order stays written]:DURATION:_default' \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':category -- The category to put back:(blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti)' \
&& ret=0
;;
(unpin)
_arguments "${_arguments_options[@]}" : \
'--timeout=[Give up waiting for a daemon after this long; the order stays written]:DURATION:_default' \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'*::categories -- The categories that follow the upstream again:(blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation text_generation video_generation audio_generation miscellaneous lora ti)' \
&& ret=0
;;
(refresh)
_arguments "${_arguments_options[@]}" : \
'--timeout=[Give up waiting after this long, e.g. 90s]:DURATION:_default' \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--wait[Return when the refresh is done, with the exit code of sync]' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(config)
_arguments "${_arguments_options[@]}" : \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--default[The defaults, whatever the files and the environment say]' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(env)
_arguments "${_arguments_options[@]}" : \
'--format=[What the lines are for]:FORMAT:((sh\:"For a shell to eval"
systemd\:"For the service section of a systemd unit"
docker\:"For \`docker run --env-file\`"))' \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(man)
_arguments "${_arguments_options[@]}" : \
'--out=[Write every page into this directory, instead of horde-refd(1) to stdout]:DIR:_files' \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
'-c+[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--config=[The configuration file \[default\: /etc/horde-refd/config.toml, if it exists\]]:FILE:_files' \
'--base-path=[The mirror\: the directory that is published into]:DIR:_files' \
'--upstream=[Where references come from, instead of the configured upstreams\: a URL or a directory]:URL|DIR:_default' \
'--layout=[How --upstream lays its files out \[default\: github for a URL, flat for a directory\]]:LAYOUT:(github flat primary mirror)' \
'--color=[When to use colours]:WHEN:((auto\:"On a terminal, unless \`NO_COLOR\` is set"
always\:"Always"
never\:"Never"))' \
'--json[Print the result as JSON (sync, check, status, history, diff, doctor, config)]' \
'(-q --quiet)*-v[Log more; twice\: everything]' \
'(-q --quiet)*--verbose[Log more; twice\: everything]' \
'*-q[Log less and print no result table, only troubles; twice\: log errors only]' \
'*--quiet[Log less and print no result table, only troubles; twice\: log errors only]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':shell -- The shell:((bash\:"bash"
zsh\:"zsh"
fish\:"fish"))' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_horde-refd__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:horde-refd-help-command-$line[1]:"
        case $line[1] in
            (run)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(sync)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(convert)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(check)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(history)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(diff)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(doctor)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(accept)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(rollback)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(unpin)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(refresh)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(config)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(env)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(man)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
}

(( $+functions[_horde-refd_commands] )) ||
_horde-refd_commands() {
    local commands; commands=(
'run:Run the daemon\: poll, watch, publish' \
'sync:Refresh the mirror once, then exit (cron, first seed, CI)' \
'convert:Convert one legacy file to v2\: a filter, without mirror or network' \
'check:Lint legacy files\: every issue and every rejection' \
'show:Print what the mirror holds' \
'status:Show the freshness of every category' \
'history:List the kept generations\: when, from where, how many models, what changed' \
'diff:Show which models and fields differ between two generations' \
'doctor:Find what is wrong around the daemon, each with its cure' \
'accept:Publish what the guard holds' \
'rollback:Publish an earlier generation and pin it' \
'unpin:Follow the upstream again' \
'refresh:Ask the running daemon for a forced refresh' \
'config:Print the configuration in effect, and where each value came from' \
'env:Print what a worker'\''s environment needs to read this mirror' \
'man:Write the man pages, made from the same definitions as this help' \
'completions:Print a shell'\''s completions' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'horde-refd commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__accept_commands] )) ||
_horde-refd__subcmd__accept_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd accept commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__check_commands] )) ||
_horde-refd__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd check commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__completions_commands] )) ||
_horde-refd__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd completions commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__config_commands] )) ||
_horde-refd__subcmd__config_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd config commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__convert_commands] )) ||
_horde-refd__subcmd__convert_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd convert commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__diff_commands] )) ||
_horde-refd__subcmd__diff_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd diff commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__doctor_commands] )) ||
_horde-refd__subcmd__doctor_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd doctor commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__env_commands] )) ||
_horde-refd__subcmd__env_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd env commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help_commands] )) ||
_horde-refd__subcmd__help_commands() {
    local commands; commands=(
'run:Run the daemon\: poll, watch, publish' \
'sync:Refresh the mirror once, then exit (cron, first seed, CI)' \
'convert:Convert one legacy file to v2\: a filter, without mirror or network' \
'check:Lint legacy files\: every issue and every rejection' \
'show:Print what the mirror holds' \
'status:Show the freshness of every category' \
'history:List the kept generations\: when, from where, how many models, what changed' \
'diff:Show which models and fields differ between two generations' \
'doctor:Find what is wrong around the daemon, each with its cure' \
'accept:Publish what the guard holds' \
'rollback:Publish an earlier generation and pin it' \
'unpin:Follow the upstream again' \
'refresh:Ask the running daemon for a forced refresh' \
'config:Print the configuration in effect, and where each value came from' \
'env:Print what a worker'\''s environment needs to read this mirror' \
'man:Write the man pages, made from the same definitions as this help' \
'completions:Print a shell'\''s completions' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'horde-refd help commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__accept_commands] )) ||
_horde-refd__subcmd__help__subcmd__accept_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help accept commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__check_commands] )) ||
_horde-refd__subcmd__help__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help check commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__completions_commands] )) ||
_horde-refd__subcmd__help__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help completions commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__config_commands] )) ||
_horde-refd__subcmd__help__subcmd__config_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help config commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__convert_commands] )) ||
_horde-refd__subcmd__help__subcmd__convert_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help convert commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__diff_commands] )) ||
_horde-refd__subcmd__help__subcmd__diff_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help diff commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__doctor_commands] )) ||
_horde-refd__subcmd__help__subcmd__doctor_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help doctor commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__env_commands] )) ||
_horde-refd__subcmd__help__subcmd__env_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help env commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__help_commands] )) ||
_horde-refd__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help help commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__history_commands] )) ||
_horde-refd__subcmd__help__subcmd__history_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help history commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__man_commands] )) ||
_horde-refd__subcmd__help__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help man commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__refresh_commands] )) ||
_horde-refd__subcmd__help__subcmd__refresh_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help refresh commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__rollback_commands] )) ||
_horde-refd__subcmd__help__subcmd__rollback_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help rollback commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__run_commands] )) ||
_horde-refd__subcmd__help__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help run commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__show_commands] )) ||
_horde-refd__subcmd__help__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help show commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__status_commands] )) ||
_horde-refd__subcmd__help__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help status commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__sync_commands] )) ||
_horde-refd__subcmd__help__subcmd__sync_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help sync commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__help__subcmd__unpin_commands] )) ||
_horde-refd__subcmd__help__subcmd__unpin_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd help unpin commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__history_commands] )) ||
_horde-refd__subcmd__history_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd history commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__man_commands] )) ||
_horde-refd__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd man commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__refresh_commands] )) ||
_horde-refd__subcmd__refresh_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd refresh commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__rollback_commands] )) ||
_horde-refd__subcmd__rollback_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd rollback commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__run_commands] )) ||
_horde-refd__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd run commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__show_commands] )) ||
_horde-refd__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd show commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__status_commands] )) ||
_horde-refd__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd status commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__sync_commands] )) ||
_horde-refd__subcmd__sync_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd sync commands' commands "$@"
}
(( $+functions[_horde-refd__subcmd__unpin_commands] )) ||
_horde-refd__subcmd__unpin_commands() {
    local commands; commands=()
    _describe -t commands 'horde-refd unpin commands' commands "$@"
}

if [ "$funcstack[1]" = "_horde-refd" ]; then
    _horde-refd "$@"
else
    compdef _horde-refd horde-refd
fi
