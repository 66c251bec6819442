//! The real thing: validators, compression and TLS as nginx does them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use horde_refd::config::Layout;
use horde_refd::upstream::{Class, UpstreamError, Validators, What};

use super::{Asker, FILE, config};
use crate::common::need::need;
use crate::common::nginx::Nginx;

fn upstream(url: &str, layout: Layout) -> Asker {
    let mut config = config(url);
    config.layout = layout;
    config.http.retry_attempts = 1;
    Asker::new(&config, BTreeMap::new())
}

/// A reference that is worth compressing.
fn reference() -> String {
    let records: Vec<_> = (0..200)
        .map(|n| format!("  \"model {n}\": {{\"name\": \"model {n}\"}}"))
        .collect();
    format!("{{\n{}\n}}\n", records.join(",\n"))
}

fn root_with(path: &str, content: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
    root
}

async fn new(upstream: &Asker, validators: Option<&Validators>) -> (Vec<u8>, Validators) {
    match upstream.fetch(FILE, validators).await.unwrap() {
        What::Body {
            bytes, validators, ..
        } => (bytes, validators),
        What::NotModified => panic!("not modified"),
    }
}

#[tokio::test]
async fn a_file_comes_compressed_once_and_then_not_at_all() {
    need!("nginx", "openssl");
    let root = root_with("clip.json", &reference());
    // A date as young as the answer would not be sent.
    let file = fs::File::options()
        .append(true)
        .open(root.path().join("clip.json"))
        .unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_mins(1))
        .unwrap();
    let nginx = Nginx::serve(root.path());
    let upstream = upstream(&nginx.url(), Layout::Flat);

    let (body, validators) = new(&upstream, None).await;
    assert_eq!(body, reference().as_bytes());
    // nginx weakens the ETag of what it compresses.
    assert!(
        validators.etag.as_deref().unwrap().starts_with("W/\""),
        "{validators:?}"
    );
    assert!(
        validators
            .last_modified
            .as_deref()
            .unwrap()
            .ends_with(" GMT"),
        "{validators:?}"
    );

    let only_etag = Validators {
        last_modified: None,
        ..validators.clone()
    };
    let only_date = Validators {
        etag: None,
        ..validators.clone()
    };
    for validators in [&validators, &only_etag, &only_date] {
        let again = upstream.fetch(FILE, Some(validators)).await.unwrap();
        assert_eq!(again, What::NotModified);
    }
    assert_eq!(upstream.traffic().downloaded_bytes, body.len() as u64);

    let log = nginx.access_log_of(4);
    let parts: Vec<Vec<&str>> = log.iter().map(|line| line.split(' ').collect()).collect();
    assert_eq!(parts[0][..3], ["GET", "/clip.json", "200"]);
    assert_eq!(parts[0][4], "gzip");
    let on_the_wire: usize = parts[0][3].parse().unwrap();
    assert!(
        on_the_wire < body.len() / 2,
        "{on_the_wire} of {} bytes",
        body.len()
    );
    for part in &parts[1..] {
        assert_eq!(part[..4], ["GET", "/clip.json", "304", "0"]);
    }
}

#[tokio::test]
async fn a_changed_file_comes_anew() {
    need!("nginx", "openssl");
    let root = root_with("clip.json", &reference());
    let nginx = Nginx::serve(root.path());
    let upstream = upstream(&nginx.url(), Layout::Flat);
    let (_, first) = new(&upstream, None).await;

    let changed = reference().replace("model 7", "model seven");
    let file = root.path().join("clip.json");
    fs::write(&file, &changed).unwrap();
    // nginx's ETag is made of size and mtime in whole seconds; the size has changed for certain.
    let (body, second) = new(&upstream, Some(&first)).await;
    assert_eq!(body, changed.as_bytes());
    assert_ne!(first.etag, second.etag);
}

#[tokio::test]
async fn the_github_layout_is_served_from_a_checkout() {
    need!("nginx", "openssl");
    let root = root_with(
        "Haidra-Org/AI-Horde-image-model-reference/refs/heads/main/clip.json",
        &reference(),
    );
    let nginx = Nginx::serve(root.path());
    let (body, _) = new(&upstream(&nginx.url(), Layout::Github), None).await;
    assert_eq!(body, reference().as_bytes());
}

#[tokio::test]
async fn a_missing_file_is_not_there_and_named() {
    need!("nginx", "openssl");
    let root = root_with("clip.json", &reference());
    let nginx = Nginx::serve(root.path());
    let error = upstream(&nginx.url(), Layout::Github)
        .fetch(FILE, None)
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::NotThere);
    let url = format!(
        "{}/Haidra-Org/AI-Horde-image-model-reference/refs/heads/main/clip.json",
        nginx.url()
    );
    assert!(error.to_string().starts_with(&url), "{error}");
    assert!(error.to_string().contains("[github.image]"), "{error}");
    assert_eq!(nginx.access_log_of(1).len(), 1);
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_is_said_plainly() {
    need!("nginx", "openssl");
    let root = root_with("clip.json", &reference());
    let nginx = Nginx::serve(root.path());
    let url = nginx.url().replace("http:", "https:");
    let error = upstream(&url, Layout::Flat)
        .fetch(FILE, None)
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(
        error.to_string(),
        format!("cannot connect to {url}/clip.json")
    );
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        source,
        "received corrupt message of type InvalidContentType"
    );
}

#[tokio::test]
async fn a_certificate_without_an_authority_is_refused_and_not_asked_again() {
    need!("nginx", "openssl");
    let root = root_with("clip.json", &reference());
    let nginx = Nginx::serve(root.path());
    let error = upstream(&nginx.tls_url(), Layout::Flat)
        .fetch(FILE, None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, UpstreamError::Certificate { .. }),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Permanent);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("UnknownIssuer"), "{source}");
}

#[test]
fn tls_works_with_the_platforms_trust_store() {
    need!("nginx", "openssl");
    let root = root_with("clip.json", &reference());
    let nginx = Nginx::serve(root.path());
    in_a_child_that_trusts(
        &nginx.authority(),
        &nginx.tls_url(),
        "child_fetches_over_tls",
    );
}

#[test]
fn a_redirect_from_https_to_http_is_not_followed() {
    need!("nginx", "openssl");
    let root = root_with("other.json", &reference());
    let downgrade = "location = /clip.json { return 302 http://127.0.0.1:1/other.json; }";
    let nginx = Nginx::serve_with(root.path(), downgrade);
    in_a_child_that_trusts(
        &nginx.authority(),
        &nginx.tls_url(),
        "child_is_redirected_to_http",
    );
}

/// Runs one of the ignored tests below with another trust store; a process cannot change its own environment safely.
fn in_a_child_that_trusts(authority: &Path, url: &str, test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("upstream::nginx::{test}"),
            "--ignored",
            "--nocapture",
        ])
        .env("SSL_CERT_FILE", authority)
        .env_remove("SSL_CERT_DIR")
        .env("TEST_URL", url)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[tokio::test]
#[ignore = "run by tls_works_with_the_platforms_trust_store"]
async fn child_fetches_over_tls() {
    let upstream = upstream(&std::env::var("TEST_URL").unwrap(), Layout::Flat);
    let (body, validators) = new(&upstream, None).await;
    assert_eq!(body, reference().as_bytes());
    assert_eq!(
        upstream.fetch(FILE, Some(&validators)).await.unwrap(),
        What::NotModified
    );
}

#[tokio::test]
#[ignore = "run by a_redirect_from_https_to_http_is_not_followed"]
async fn child_is_redirected_to_http() {
    let upstream = upstream(&std::env::var("TEST_URL").unwrap(), Layout::Flat);
    let error = upstream.fetch(FILE, None).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Redirect { .. }), "{error:?}");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        source,
        "a redirect from https to http://127.0.0.1:1/other.json, which is not encrypted"
    );
}
