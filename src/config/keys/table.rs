//! The table of keys.

use std::time::Duration;

use super::{Access, Key, octal, shown, word};
use crate::config::{address, names, rules};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const MONTH: Duration = Duration::from_hours(30 * 24);
const GIB: i64 = 1024 * 1024 * 1024;

/// What a table is for, where its keys do not say it.
pub(super) const TABLES: &[(&str, &str)] = &[
    ("http", "What all requests to upstreams have in common."),
    (
        "github.image",
        "For upstreams of layout github: the repository of every category but text_generation.",
    ),
    (
        "github.text",
        "For upstreams of layout github: the repository of text_generation.",
    ),
];

/// `name => once|each field: rule(bounds), shown [, like "sample"]; "help";`
///
/// `once` is a field of the configuration, `each` one of every `[[upstream]]`.
macro_rules! keys {
    ($($name:literal => $kind:ident $($field:ident).+: $room:ident::$rule:ident($($bound:expr),*), $shown:ident
        $(, like $sample:literal)?; $help:literal;)+) => {
        /// Every key, in the order of the documentation: the top level first, then table by table.
        pub const KEYS: &[Key] = &[$(Key {
            name: $name,
            help: $help,
            sample: keys!(@sample $($sample)?),
            access: keys!(@access $kind {
                set: |config, value| {
                    config.$($field).+ = $room::$rule(value $(, $bound)*)?;
                    Ok(())
                },
                get: |config| $shown(&config.$($field).+),
            }),
        }),+];
    };
    (@sample) => { None };
    (@sample $sample:literal) => { Some($sample) };
    (@access once { $($body:tt)+ }) => { Access::Once { $($body)+ } };
    (@access each { $($body:tt)+ }) => { Access::EachUpstream { $($body)+ } };
}

keys! {
    "base_path" => once base_path: rules::mirror(), shown, like "\"/var/lib/horde-refd/horde_model_reference\"";
    "The mirror: the directory that is published into. Without this key it is the directory horde_model_reference \
     below the first of $AIWORKER_CACHE_HOME, $STATE_DIRECTORY (set by the systemd unit), $XDG_CACHE_HOME and ~/.cache.";

    "replicate_mode" => once replicate_mode: rules::word(), word;
    "\"replica\" follows the upstreams; in \"primary\" the local files are the origin and are never overwritten.";

    "seed" => once seed: rules::boolean(), shown;
    "With replicate_mode = \"primary\": download once what is missing.";

    "ttl" => once ttl: rules::duration_or_never(SECOND, MONTH), shown;
    "How long a loaded category counts as fresh before its file is looked at again, or \"never\": no longer than the file \
     is the one that was loaded.";

    "stale_after" => once stale_after: rules::duration(SECOND, MONTH), shown;
    "A category whose last success is older than this is reported as stale, and \"status --check\" fails.";

    "ready" => once ready: rules::word(), word;
    "What systemd's READY waits for: \"settled\" is good files on disk, or else the end of the first cycle, whatever \
     came of it; \"complete\" is every category published.";

    "on_locked" => once on_locked: rules::word(), word;
    "What a second daemon on the same mirror does: \"standby\" waits and takes over, \"exit\" ends with code 3.";

    "metrics_file" => once metrics_file: rules::optional_path(), shown,
        like "\"/var/lib/prometheus/node-exporter/horde-refd.prom\"";
    "Write Prometheus text here for node_exporter's textfile collector, which reads only names that end in .prom: \
     another name is written all the same, with a warning. Off by default.";

    "file_mode" => once file_mode: rules::mode(0o600, 0o777), octal;
    "Permissions of published files, whatever the umask. Readers are other users. Status and metrics are always 0644.";

    "directory_mode" => once directory_mode: rules::mode(0o700, 0o7777), octal;
    "Permissions of the directories made for them, whatever the umask.";

    "on_invalid_record" => once on_invalid_record: rules::word(), word;
    "What a record that cannot be converted does: \"reject\" rejects its whole file, so that the last good version \
     stays, as the reference package does; \"skip\" leaves the record out and counts it.";

    "extra_files" => once extra_files: names::extra_files(), shown;
    "Other files of the two repositories, passed through to legacy/ byte for byte, like [\"text:db.json\", \
     \"image:diffusers.json\"].";

    "upstream.name" => each name: names::name(), word;
    "What log, status and metrics call it; no two have the same. Default: the layout's name.";

    "upstream.url" => each origin: address::origin(), word;
    "http(s)://, file://, or the absolute path of a directory. Default with layout github: \
     https://raw.githubusercontent.com.";

    "upstream.layout" => each layout: rules::word(), word;
    "\"github\" (default for http and https) is URL/{owner}/{repository}/refs/heads/{branch}/{file}; \"flat\" (default \
     for a directory) is URL/{file}; \"primary\" is the API of a horde_model_reference service, such as \
     https://models.aihorde.net/api; \"mirror\" is another mirror like this one, served over HTTP or in a directory. \
     primary and mirror serve ready-made v2 files, github and flat the legacy files.";

    "upstream.categories" => each categories: names::categories(), shown;
    "The categories that it is asked for. Default: all that the layout serves.";

    "upstream.fallback_after" => each fallback_after: rules::duration(Duration::ZERO, MONTH), shown;
    "How long all upstreams before this one must have failed for a category before this one takes their place; \"0s\": at \
     once. Where nothing is published it does at once. The first of them that answers is taken back.";

    "upstream.proxy_url" => each proxy_url: address::proxy(), shown, like "\"https://proxy.example/\"";
    "Put before the whole file URL, for places where GitHub is blocked. HTTPS_PROXY and NO_PROXY work too. Off by \
     default.";

    "upstream.token_file" => each token_file: rules::credential(), shown, like "\"/etc/horde-refd/token\"";
    "A file with a token, which is sent as \"Authorization: Bearer\": an absolute path, or the name of a file in \
     $CREDENTIALS_DIRECTORY (systemd's LoadCredential). It is read anew for each request. Off by default.";

    "http.concurrency" => once http.concurrency: rules::integer(1, 64), shown;
    "Requests in flight per host, 1 to 64.";

    "http.connect_timeout" => once http.connect_timeout: rules::duration(MS, HOUR), shown;
    "How long to wait for a connection.";

    "http.read_timeout" => once http.read_timeout: rules::duration(MS, HOUR), shown;
    "How long to wait between two reads of an answer.";

    "http.timeout" => once http.timeout: rules::duration(MS, HOUR), shown;
    "How long a whole request may take, body included.";

    "http.retry_attempts" => once http.retry_attempts: rules::integer(1, 10), shown;
    "Attempts per file and poll, 1 to 10. Connection errors (in mid-body too), timeouts and 5xx are tried again; other \
     errors are not.";

    "http.retry_backoff" => once http.retry_backoff: rules::duration(Duration::ZERO, 5 * MINUTE), shown;
    "The first wait between two attempts; it doubles and is jittered. A Retry-After on a 5xx is waited for, 30s at most.";

    "http.max_body_bytes" => once http.max_body_bytes: rules::integer(1, GIB), shown;
    "A larger body is refused, so that a broken upstream cannot fill the memory. In bytes, decoded.";

    "github.image.owner" => once github.image.owner: address::repository(false), word;
    "The account.";

    "github.image.name" => once github.image.name: address::repository(false), word;
    "The repository.";

    "github.image.branch" => once github.image.branch: address::repository(true), word;
    "The branch.";

    "github.text.owner" => once github.text.owner: address::repository(false), word;
    "The account.";

    "github.text.name" => once github.text.name: address::repository(false), word;
    "The repository.";

    "github.text.branch" => once github.text.branch: address::repository(true), word;
    "The branch.";

    "guard.max_removed" => once guard.max_removed: rules::number(0.0, 1.0), shown;
    "The share of a category's published models, 0 to 1, that an update may lack; one that lacks more is held.";

    "guard.min_models" => once guard.min_models: rules::integer(0, 1_000_000), shown;
    "A category with fewer published models is not guarded by max_removed. An update that leaves no model at all is \
     always held.";

    "guard.hold" => once guard.hold: rules::duration(Duration::ZERO, MONTH), shown;
    "What is held for max_removed is published after this long, if the upstream still says so.";

    "history.keep" => once history.keep: rules::integer(1, 1000), shown;
    "How many published versions of a category are kept, the present one included; 1 to 1000.";

    "publish.text_legacy_json" => once publish.text_legacy_json: rules::boolean(), shown;
    "Write legacy/text_generation.json too: models.csv as legacy JSON.";

    "schedule.cron" => once schedule.cron: rules::cron(), word;
    "When to poll: second, minute, hour, day, month, day of the week; in UTC. Below 5 minutes nothing newer can be \
     found on GitHub.";

    "schedule.splay" => once schedule.splay: rules::duration(Duration::ZERO, DAY), shown;
    "A random delay of up to this before each poll, so that a fleet does not strike at once.";

    "watch.backend" => once watch.backend: rules::word(), word;
    "How changes on disk are noticed: \"auto\" polls on network file systems and uses inotify elsewhere; \"inotify\", \
     \"poll\", or \"off\" (then only the schedule finds them; orders are seen all the same).";

    "watch.debounce" => once watch.debounce: rules::duration(Duration::ZERO, MINUTE), shown;
    "Events are gathered for this long from the first one.";

    "watch.poll_interval" => once watch.poll_interval: rules::duration(10 * MS, HOUR), shown;
    "How often the poll backend looks.";

    "hooks.on_change" => once hooks.on_change: rules::command(), shown;
    "Program and arguments to run after a cycle that changed something; HORDE_REFD_CHANGED and HORDE_REFD_BASE_PATH \
     are in its environment.";

    "hooks.on_trouble" => once hooks.on_trouble: rules::command(), shown;
    "Program and arguments to run when a category or an upstream becomes unhealthy or well again; HORDE_REFD_CATEGORY \
     or HORDE_REFD_UPSTREAM, HORDE_REFD_STATE, HORDE_REFD_ERROR and HORDE_REFD_BASE_PATH are in its environment.";

    "hooks.timeout" => once hooks.timeout: rules::duration(MS, DAY), shown;
    "The program is killed after this long.";

    "log.format" => once log.format: rules::word(), word;
    "\"auto\" is the journal under systemd and text on stderr elsewhere; \"journald\", \"text\" or \"json\".";

    "log.level" => once log.level: rules::level(), word;
    "off, error, warn, info, debug, trace, or a filter like \"info,horde_refd=debug\".";
}
