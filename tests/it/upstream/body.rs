//! Which bodies are taken, and which never.

use std::time::Duration;

use horde_refd::upstream::{Class, UpstreamError, What};

use super::{BODY, FILE, always, body, config, fetch, upstream};
use crate::common::scripted::{Action, Scripted, answer_with, raw};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

#[tokio::test]
async fn a_compressed_body_is_decoded_and_counted_decoded() {
    let body_bytes = BODY.repeat(100);
    let packed = gzip(&body_bytes);
    let server = always(answer_with(200, &[("Content-Encoding", "gzip")], &packed));
    let upstream = upstream(&config(&server.url()));
    assert_eq!(body(upstream.fetch(FILE, None).await.unwrap()), body_bytes);
    assert_eq!(upstream.traffic().downloaded_bytes, body_bytes.len() as u64);
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_damaged() {
    let server = always(raw(
        200,
        &[("Content-Length", "100"), ("Connection", "close")],
        b"{}\n",
    ));
    let error = fetch(&server).await.unwrap_err();
    assert!(
        matches!(error.last(), UpstreamError::Body { .. }),
        "{error}"
    );
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_chunked_body_without_its_end_is_damaged() {
    let headers = [("Transfer-Encoding", "chunked"), ("Connection", "close")];
    let server = always(raw(200, &headers, b"3\r\n{}\n\r\n"));
    let error = fetch(&server).await.unwrap_err();
    assert!(
        matches!(error.last(), UpstreamError::Body { .. }),
        "{error}"
    );
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn a_truncated_gzip_body_is_damaged_even_when_its_length_is_right() {
    let mut packed = gzip(&BODY.repeat(100));
    packed.truncate(packed.len() - 9);
    let server = always(answer_with(200, &[("Content-Encoding", "gzip")], &packed));
    let error = fetch(&server).await.unwrap_err();
    assert!(
        matches!(error.last(), UpstreamError::Undecodable { .. }),
        "{error}"
    );
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn a_corrupt_gzip_body_is_damaged() {
    let mut packed = gzip(&BODY.repeat(100));
    let end = packed.len();
    packed[end - 6] ^= 1;
    let server = always(answer_with(200, &[("Content-Encoding", "gzip")], &packed));
    let error = fetch(&server).await.unwrap_err();
    assert!(
        matches!(error.last(), UpstreamError::Undecodable { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_gzip_bomb_ends_at_the_limit() {
    let packed = gzip(&vec![b' '; 64 << 20]);
    assert!(packed.len() < 1 << 20);
    let server = always(answer_with(200, &[("Content-Encoding", "gzip")], &packed));
    let upstream = upstream(&config(&server.url()));
    let error = upstream.fetch(FILE, None).await.unwrap_err();
    assert!(matches!(error, UpstreamError::TooLarge { .. }), "{error}");
    assert_eq!(error.class(), Class::Permanent);
    assert!(upstream.traffic().downloaded_bytes < (1 << 20) + (1 << 17));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_plain_body_over_the_limit_is_refused_and_one_at_the_limit_taken() {
    let server = always(answer_with(200, &[], BODY));
    for (spare, taken) in [(0, true), (-1_i64, false)] {
        let mut config = config(&server.url());
        config.http.max_body_bytes = (BODY.len() as i64 + spare) as u64;
        assert_eq!(upstream(&config).fetch(FILE, None).await.is_ok(), taken);
    }
    let server = always(raw(200, &[("Connection", "close")], &BODY.repeat(1000)));
    let mut config = config(&server.url());
    config.http.max_body_bytes = BODY.len() as u64;
    let error = upstream(&config).fetch(FILE, None).await.unwrap_err();
    assert!(matches!(error, UpstreamError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn an_encoding_that_was_not_asked_for_is_refused() {
    let server = always(answer_with(200, &[("Content-Encoding", "br")], BODY));
    let error = fetch(&server).await.unwrap_err();
    assert!(error.to_string().contains("'br'"), "{error}");
    assert_eq!(error.class(), Class::Permanent);
}

#[tokio::test]
async fn an_empty_body_is_never_taken() {
    let packed = gzip(b"");
    for answer in [
        answer_with(200, &[], b""),
        answer_with(200, &[("Content-Encoding", "gzip")], &packed),
        answer_with(200, &[("Content-Encoding", "gzip")], b""),
    ] {
        let server = always(answer);
        let error = fetch(&server).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Empty { .. }), "{error}");
        assert_eq!(error.class(), Class::Permanent);
        assert_eq!(server.requests().len(), 1, "it was asked again");
    }
}

#[tokio::test]
async fn members_are_read_to_the_last_one_however_they_arrive() {
    let text = BODY.repeat(3);
    let (first, second) = text.split_at(text.len() / 2);
    let packed = [gzip(first), gzip(second)].concat();
    let whole = answer_with(200, &[("Content-Encoding", "gzip")], &packed);
    let pieces = whole.clone();
    for server in [
        always(whole),
        Scripted::start(move |_, _| Action::Drip(pieces.clone(), Duration::ZERO)),
    ] {
        assert_eq!(body(fetch(&server).await.unwrap()), text);
    }
    let followed = [packed, b"<!-- cached -->".to_vec()].concat();
    let server = always(answer_with(200, &[("Content-Encoding", "gzip")], &followed));
    let error = fetch(&server).await.unwrap_err();
    assert!(error.to_string().contains("follow its end"), "{error}");
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn names_of_codings_that_mean_nothing_are_passed_over() {
    for name in ["", "UTF-8", "aws-chunked", "Identity", "identity, utf-8"] {
        let server = always(answer_with(200, &[("Content-Encoding", name)], BODY));
        assert_eq!(body(fetch(&server).await.unwrap()), BODY, "{name:?}");
    }
    for name in ["GZIP", "x-gzip", "gzip, identity"] {
        let answer = answer_with(200, &[("Content-Encoding", name)], &gzip(BODY));
        assert_eq!(
            body(fetch(&always(answer)).await.unwrap()),
            BODY,
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn a_web_page_is_known_by_its_bytes() {
    let pages: [&[u8]; 4] = [
        b"<html>Log in</html>",
        b"\n <!DOCTYPE html><html></html>",
        b"\xef\xbb\xbf<html>",
        b"<?xml version=\"1.0\"?><Error/>",
    ];
    for (page, content_type) in
        pages
            .into_iter()
            .zip(["text/html", "", "text/plain", "application/json"])
    {
        let server = always(answer_with(200, &[("Content-Type", content_type)], page));
        let error = fetch(&server).await.unwrap_err();
        assert!(error.to_string().contains("captive portal"), "{error}");
        assert_eq!(error.class(), Class::Permanent);
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn good_bytes_are_taken_whatever_they_are_called() {
    for answer in [
        answer_with(200, &[("Content-Type", "text/html")], BODY),
        answer_with(203, &[], BODY),
        answer_with(200, &[("X Foo", "bar")], BODY),
        answer_with(200, &[("X-Foo ", "bar")], BODY),
    ] {
        assert_eq!(body(fetch(&always(answer)).await.unwrap()), BODY);
    }
}

#[tokio::test]
async fn a_body_that_only_ends_with_its_connection_may_be_cut() {
    let close = ("Connection", "close");
    let packed = gzip(BODY);
    let chunked = [
        format!("{:x}\r\n", BODY.len()).as_bytes(),
        BODY,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    let cases = [
        (raw(200, &[close], BODY), false),
        (answer_with(200, &[], BODY), true),
        (
            raw(200, &[close, ("Content-Encoding", "gzip")], &packed),
            true,
        ),
        (
            raw(200, &[close, ("Transfer-Encoding", "chunked")], &chunked),
            true,
        ),
    ];
    for (answer, expected) in cases {
        let server = always(answer);
        let What::Body {
            complete, bytes, ..
        } = fetch(&server).await.unwrap()
        else {
            panic!("not modified");
        };
        assert_eq!((complete, bytes.as_slice()), (expected, BODY));
    }
}
