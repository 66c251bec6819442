//! What a backend says about itself.

use horde_refd::backend::{Capabilities, GithubBackend, Role};
use horde_refd::category::Category;
use horde_refd::config::ReplicateMode;

use super::Library;
use crate::common::scripted::{Action, Scripted, answer_with, header};

#[tokio::test]
async fn paths_and_capabilities() {
    let library = Library::new();
    let backend = library.open();
    assert_eq!(
        backend.capabilities(),
        Capabilities {
            writes: false,
            legacy_writes: false,
            any_writes: false,
            metadata: false,
            health_checks: true,
            statistics: true,
            cache_warming: true
        }
    );
    assert_eq!(backend.replicate_mode(), ReplicateMode::Replica);
    let paths = backend.all_category_file_paths();
    assert_eq!(paths.len(), Category::ALL.len());
    for (category, path) in paths {
        assert_eq!(path, library.world.mirror().join(category.v2_file()));
        assert_eq!(path, backend.category_file_path(category));
    }
}

#[tokio::test]
async fn warming_loads_everything_and_then_nothing_is_asked() {
    let library = Library::new();
    let backend = library.open();
    assert!(!backend.health().healthy);
    assert_eq!(backend.warm_cache().await, 10);
    assert_eq!(library.asked(), 10);
    for category in Category::with_legacy() {
        assert!(backend.is_cache_valid(category), "{category}");
        backend.fetch_category(category, false).await.unwrap();
    }
    assert_eq!(library.asked(), 10);
    let health = backend.health();
    assert!(health.healthy && health.role == Role::Writer);
    assert_eq!(health.categories.len(), 10);
    for (category, health) in &health.categories {
        assert!(health.published && health.cache_valid, "{category}");
        assert_eq!(health.last_error, None);
    }
    let statistics = backend.statistics();
    assert_eq!(statistics.cache_hits, 10);
    assert_eq!(statistics.failures, 0);
    let sent: u64 = Category::with_legacy()
        .map(|category| {
            std::fs::metadata(library.world.sent(category))
                .unwrap()
                .len()
        })
        .sum();
    assert_eq!(statistics.traffic.downloaded_bytes, sent);
    library.break_down(true);
    assert_eq!(backend.warm_cache().await, 10, "all of it is fresh already");
    backend.mark_stale(Category::Clip);
    assert_eq!(backend.warm_cache().await, 9);
    assert!(!backend.health().healthy);
}

#[tokio::test]
async fn a_rate_limit_shows_in_the_health() {
    let library = Library::synced();
    let limited =
        Scripted::start(|_, _| Action::Send(answer_with(429, &[("Retry-After", "600")], b"")));
    let mut config = library.config();
    let url = limited.url();
    config.upstreams[0].origin = horde_refd::config::Origin::Http(url.parse().unwrap());
    let backend = GithubBackend::open(config).unwrap();
    let clip = backend.fetch_category(Category::Clip, true).await;
    assert!(clip.unwrap().unwrap().is_stale());
    let held = backend.health().limited_until;
    let hosts: Vec<&String> = held.keys().collect();
    assert_eq!(hosts, [&limited.address().to_string()]);
    let clip = backend.fetch_category(Category::Clip, true).await;
    assert!(clip.unwrap().unwrap().is_stale());
    assert_eq!(limited.requests().len(), 1, "it asked a host that is held");
}

#[tokio::test]
async fn a_client_of_ones_own_asks_and_its_headers_count() {
    let library = Library::new();
    // reqwest is built without a crypto provider of its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().user_agent("a program of its own/1");
    let backend = GithubBackend::open_with(library.config(), client.build().unwrap()).unwrap();
    backend.fetch_category(Category::Clip, false).await.unwrap();
    backend.mark_stale(Category::Clip);
    backend.fetch_category(Category::Clip, false).await.unwrap();
    let requests = library.server.requests();
    let agents = requests.iter().map(|head| header(head, "user-agent"));
    assert!(
        agents.eq([Some("a program of its own/1"); 2]),
        "{requests:?}"
    );
    assert!(header(&requests[1], "if-none-match").is_some());
    assert_eq!(backend.statistics().traffic.by_upstream.len(), 1);
}
