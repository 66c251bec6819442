//! The proxy variables of the environment.

use super::{BODY, FILE, always, body, chain, config, ok, upstream};
use crate::common::scripted::{answer_with, header, target};

/// Runs one of the ignored tests below in another environment; a process cannot change its own safely.
fn in_a_child(test: &str, environment: &[(&str, &str)]) {
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    for name in names {
        command
            .env_remove(name)
            .env_remove(name.to_ascii_lowercase());
    }
    let output = command
        .args([
            "--exact",
            &format!("upstream::proxy::{test}"),
            "--ignored",
            "--nocapture",
        ])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{errors}"
    );
}

#[test]
fn the_proxy_of_the_environment_is_used() {
    let proxy = always(ok());
    let environment = [
        ("HTTP_PROXY", proxy.url()),
        ("TEST_URL", "http://upstream.invalid".to_owned()),
    ];
    in_a_child(
        "child_fetches",
        &environment
            .each_ref()
            .map(|(name, value)| (*name, value.as_str())),
    );
    assert_eq!(
        target(&proxy.requests()[0]),
        "http://upstream.invalid/clip.json"
    );
}

#[test]
fn no_proxy_is_honoured() {
    let (proxy, server) = (always(answer_with(404, &[], b"")), always(ok()));
    let environment = [
        ("HTTP_PROXY", proxy.url()),
        ("NO_PROXY", "127.0.0.1".to_owned()),
        ("TEST_URL", server.url()),
    ];
    in_a_child(
        "child_fetches",
        &environment
            .each_ref()
            .map(|(name, value)| (*name, value.as_str())),
    );
    assert!(proxy.requests().is_empty());
}

#[test]
fn a_proxy_that_refuses_is_said_plainly() {
    for (variable, url, first) in [
        (
            "HTTPS_PROXY",
            "https://upstream.invalid",
            "CONNECT upstream.invalid:443 ",
        ),
        (
            "HTTP_PROXY",
            "http://upstream.invalid",
            "GET http://upstream.invalid/clip.json ",
        ),
    ] {
        let proxy = always(answer_with(407, &[], b""));
        // A password may hold what a URL cannot.
        let named = proxy.url().replace("http://", "http://me:se#cret@");
        in_a_child(
            "child_is_refused_by_its_proxy",
            &[(variable, named.as_str()), ("TEST_URL", url)],
        );
        let asked = &proxy.requests()[0];
        assert!(asked.starts_with(first), "{asked}");
        // me:se#cret
        let sent = header(asked, "Proxy-Authorization");
        assert_eq!(sent, Some("Basic bWU6c2UjY3JldA=="), "{asked}");
    }
}

#[tokio::test]
#[ignore = "run by the tests of the environment"]
async fn child_fetches() {
    let upstream = upstream(&config(&std::env::var("TEST_URL").unwrap()));
    assert_eq!(body(upstream.fetch(FILE, None).await.unwrap()), BODY);
}

#[tokio::test]
#[ignore = "run by a_proxy_that_refuses_is_said_plainly"]
async fn child_is_refused_by_its_proxy() {
    let upstream = upstream(&config(&std::env::var("TEST_URL").unwrap()));
    let error = upstream.fetch(FILE, None).await.unwrap_err();
    let text = chain(&error);
    assert!(text.contains("(a proxy is set"), "{text}");
    assert!(
        text.contains("proxy auth") || text.contains("407"),
        "{text}"
    );
    assert!(!text.contains("cret"), "{text}");
}
