use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::category::Category;
use crate::config::HttpConfig;
use crate::config::RepositoryConfig;

fn github() -> GithubConfig {
    let repository = |name: &str| RepositoryConfig {
        owner: "owner".to_owned(),
        name: name.to_owned(),
        branch: "main".to_owned(),
    };
    GithubConfig {
        image: repository("images"),
        text: repository("texts"),
    }
}

fn upstream(origin: Origin, layout: Layout) -> Upstream {
    let config = UpstreamConfig {
        name: "here".to_owned(),
        origin,
        layout,
        categories: Category::ALL.to_vec(),
        fallback_after: Duration::ZERO,
        proxy_url: None,
        token_file: None,
    };
    Upstream::new(&config, &github()).unwrap()
}

fn hosts() -> Arc<Hosts> {
    let http = HttpConfig {
        concurrency: 0,
        connect_timeout: Duration::ZERO,
        read_timeout: Duration::ZERO,
        timeout: Duration::ZERO,
        retry_attempts: 3,
        retry_backoff: Duration::from_hours(1),
        max_body_bytes: 100,
    };
    Arc::new(Hosts::new(&http, BTreeMap::new()))
}

fn text() -> Item {
    Category::TextGeneration.into()
}

#[tokio::test]
async fn a_directory_answers_whole_files_and_where_they_came_from() {
    let root = tempfile::tempdir().unwrap();
    let nested = root.path().join("owner/texts/refs/heads/main");
    std::fs::create_dir_all(&nested).unwrap();
    std::fs::create_dir(root.path().join("legacy")).unwrap();
    std::fs::write(root.path().join("models.csv"), "flat").unwrap();
    std::fs::write(nested.join("models.csv"), "nested").unwrap();
    std::fs::write(root.path().join("legacy/models.csv"), "mirrored").unwrap();
    for (layout, path, expected) in [
        (Layout::Flat, "models.csv", "flat"),
        (
            Layout::Github,
            "owner/texts/refs/heads/main/models.csv",
            "nested",
        ),
        (Layout::Mirror, "legacy/models.csv", "mirrored"),
    ] {
        let upstream = upstream(Origin::Directory(root.path().to_owned()), layout);
        let hosts = hosts();
        // Validators of another origin mean nothing here.
        let foreign = Validators {
            etag: Some("\"x\"".to_owned()),
            ..Validators::default()
        };
        let round = Round::new(&hosts);
        let text = text();
        let answer = round.fetch(&upstream, &text, Form::Legacy, Some(&foreign));
        let answer = answer.await.unwrap();
        let source = Source {
            upstream: "here".to_owned(),
            url: root.path().join(path).display().to_string(),
        };
        assert_eq!(upstream.source(&text, Form::Legacy), Some(source.clone()));
        let expected = Answer {
            source,
            form: Form::Legacy,
            what: What::Body {
                bytes: expected.into(),
                validators: Validators::default(),
                complete: true,
            },
        };
        assert_eq!(answer, expected);
        assert_eq!(hosts.traffic(), Traffic::default());
        assert!(!round.is_troubled());
    }
}

#[tokio::test]
async fn a_file_missing_from_a_directory_is_not_there() {
    let root = tempfile::tempdir().unwrap();
    let upstream = upstream(Origin::Directory(root.path().to_owned()), Layout::Flat);
    let round = Round::new(&hosts());
    let item = Category::Clip.into();
    let error = round.fetch(&upstream, &item, Form::Legacy, None).await;
    let error = error.unwrap_err();
    let url = upstream.source(&item, Form::Legacy).unwrap().url;
    let text = error.to_string();
    assert!(text.starts_with(&format!("{url} does not exist")), "{text}");
    assert_eq!(error.class(), Class::NotThere);
    assert!(!error.class().is_failure());
}

#[tokio::test]
async fn what_an_upstream_does_not_serve_is_not_asked_for() {
    let origin = || Origin::Http("http://h.test/api".parse().unwrap());
    let table = [
        // layout, form of the text category, served
        (Layout::Github, Form::Legacy, true),
        (Layout::Github, Form::V2, false),
        (Layout::Primary, Form::Legacy, false),
        (Layout::Primary, Form::V2, true),
        (Layout::Mirror, Form::Legacy, true),
        (Layout::Mirror, Form::V2, true),
    ];
    for (layout, form, served) in table {
        let upstream = upstream(origin(), layout);
        assert_eq!(
            upstream.serves(&text(), form),
            served,
            "{layout:?} {form:?}"
        );
        assert_eq!(upstream.source(&text(), form).is_some(), served);
        assert_eq!(upstream.host().as_deref(), Some("h.test"));
        if !served {
            let round = Round::new(&hosts());
            let error = round.fetch(&upstream, &text(), form, None).await;
            let error = error.unwrap_err();
            assert!(matches!(error, UpstreamError::NotServed { .. }), "{error}");
        }
    }
    let mut upstream = upstream(origin(), Layout::Github);
    upstream.categories = vec![Category::Clip];
    assert!(!upstream.serves(&text(), Form::Legacy));
    assert!(upstream.serves(&Category::Clip.into(), Form::Legacy));
}

#[test]
fn a_token_is_one_line_and_read_anew() {
    let root = tempfile::tempdir().unwrap();
    let mut upstream = upstream(Origin::Directory(root.path().to_owned()), Layout::Flat);
    assert_eq!(upstream.token().unwrap(), None);
    let path = root.path().join("token");
    upstream.token_file = Some(path.clone());
    let missing = upstream.token().unwrap_err();
    assert!(missing.to_string().contains("token"), "{missing}");
    for (text, sent) in [
        ("secret\n", Some("Bearer secret")),
        (" other ", Some("Bearer other")),
        ("", None),
        ("two\nlines", None),
    ] {
        std::fs::write(&path, text).unwrap();
        let token = upstream.token();
        match sent {
            Some(sent) => assert_eq!(token.unwrap().unwrap(), sent),
            None => assert!(matches!(token, Err(UpstreamError::TokenForm { .. }))),
        }
    }
}

#[tokio::test]
async fn a_mirror_is_asked_for_its_manifest() {
    let root = tempfile::tempdir().unwrap();
    let mirror = upstream(Origin::Directory(root.path().to_owned()), Layout::Mirror);
    let round = Round::new(&hosts());
    let missing = round.manifest(&mirror, None).await.unwrap_err();
    assert_eq!(missing.class(), Class::NotThere);
    let path = root.path().join("manifest.json");
    std::fs::write(&path, "{}").unwrap();
    let (source, what) = round.manifest(&mirror, None).await.unwrap();
    assert_eq!(source.url, path.display().to_string());
    assert_eq!(mirror.manifest_source(), Some(source));
    assert!(matches!(what, What::Body { bytes, .. } if bytes == b"{}"));
    let flat = upstream(Origin::Directory(root.path().to_owned()), Layout::Flat);
    assert_eq!(flat.manifest_source(), None);
}
