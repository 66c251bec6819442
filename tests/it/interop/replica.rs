//! Unmodified clients of the reference package with the shipped PRIMARY site as their PRIMARY.

use std::path::Path;
use std::process::Command;

use horde_refd::category::Category;

use super::{Cached, READER, assert_all_read, need_python, offline};
use crate::common::need::need;
use crate::common::site::Sites;
use crate::common::{FILES, Ran, bare, corpora, fixtures};

/// A client with an empty cache of its own. GitHub is not asked, whatever happens.
fn replica(python: &Path, cached: &Cached, api: &str) -> Command {
    let cache = cached.world.path("replica");
    let _ = std::fs::remove_dir_all(&cache);
    std::fs::create_dir(&cache).unwrap();
    let mut command = bare(python);
    command.arg(READER).current_dir("/");
    command
        .env("AIWORKER_CACHE_HOME", cache)
        .env("HORDE_MODEL_REFERENCE_PRIMARY_API_URL", api)
        .env("HORDE_MODEL_REFERENCE_ENABLE_GITHUB_FALLBACK", "false");
    command
}

#[test]
fn a_replica_reads_through_nginx_what_an_offline_reader_reads_from_the_disk() {
    need!("nginx", "curl");
    let python = need_python!("8.6.2");
    for (upstream, _) in corpora() {
        let cached = Cached::of(&upstream);
        let sites = Sites::serve(&cached.mirror());
        let local = Ran::of(&mut offline(&python, &cached.cache()))
            .expect(0)
            .json();
        for arguments in [&["--v1"][..], &["--v1", "--async"]] {
            let mut client = replica(&python, &cached, &sites.api());
            let read = Ran::of(client.args(arguments)).expect(0).json();
            assert_eq!(read["backend"], "HTTPBackend");
            assert_all_read(&read, &cached);
            for (category, _, _) in FILES {
                let digests = (&read["digests"][category], &local["digests"][category]);
                assert_eq!(digests.0, digests.1, "{category}");
                // Every model has a legacy record; grouped text models have several.
                let v1 = read["v1"][category].as_u64().unwrap();
                assert!(v1 >= cached.models(category.parse().unwrap()) as u64 / 4);
            }
        }
        let log = sites.log();
        for category in Category::with_legacy() {
            for form in ["v1", "v2"] {
                let line = format!("GET /api/model_references/{form}/{category} 200");
                let count = log.iter().filter(|known| **known == line).count();
                assert!(count >= 2, "{line}: {log:#?}");
            }
        }
        assert!(!log.iter().any(|line| line.ends_with(" 503")), "{log:#?}");
    }
}

#[test]
fn an_outage_gives_a_replica_nothing_and_stops_it_not() {
    need!("nginx", "curl");
    let python = need_python!("8.6.2");
    let cached = Cached::of(&fixtures().join("upstream"));
    let sites = Sites::serve(&cached.mirror());
    std::fs::rename(cached.mirror(), cached.world.path("away")).unwrap();
    let mut client = replica(&python, &cached, &sites.api());
    // The asynchronous methods ask for all categories at once; three attempts each, a second apart.
    let read = Ran::of(client.arg("--async")).expect(0).json();
    for (category, _, _) in FILES {
        assert_eq!(read["records"][category], serde_json::Value::Null);
    }
    assert!(sites.log().iter().all(|line| line.ends_with(" 503")));
    std::fs::rename(cached.world.path("away"), cached.mirror()).unwrap();
    let read = Ran::of(&mut replica(&python, &cached, &sites.api())).expect(0);
    assert_all_read(&read.json(), &cached);
}

#[test]
fn an_old_client_reads_through_nginx_as_well() {
    need!("nginx", "curl");
    let python = need_python!("3.0.0");
    let cached = Cached::of(&fixtures().join("upstream"));
    cached.without_unknown_baselines();
    let sites = Sites::serve(&cached.mirror());
    let mut client = replica(&python, &cached, &sites.api());
    let read = Ran::of(client.arg("--v1")).expect(0).json();
    assert_eq!(read["version"], "3.0.0");
    assert_all_read(&read, &cached);
}
