//! Takes a body's content codings off: what the field `Content-Encoding` says, and gzip with everything that may follow it.
//!
//! 1. Names are read without regard to case; `x-gzip` is `gzip`; empty names and `identity` mean nothing. A name that is
//!    no coding of bodies (`UTF-8`, `aws-chunked`) means nothing either: the parser guards what is inside.
//! 2. A coding that exists and was not asked for is refused by its name.
//! 3. A gzip body is all of its members, one after the other (RFC 1952 section 2.2). Zeros and white space may follow
//!    the last one; anything else is an error, never silence.
//! 4. A body that is said to be gzip and does not begin like it was not encoded at all: it is taken as it is.
//! 5. No more than the limit is ever decoded.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;

/// How every gzip member begins.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The most members of one body: far more than a compressor in blocks of 64 KiB makes of the largest reference.
const MEMBERS: usize = 10_000;

/// The most times that a body may be said to be encoded.
const LAYERS: usize = 3;

/// The codings of RFC 9110 section 8.4.1 and of the IANA registry that can hide a reference, gzip aside.
const FOREIGN: [&str; 9] = [
    "br",
    "bzip2",
    "compress",
    "dcb",
    "dcz",
    "deflate",
    "exi",
    "x-compress",
    "zstd",
];

/// A body as it was before it was encoded.
#[derive(Debug)]
pub(in crate::upstream) struct Decoded {
    /// The bytes.
    pub(in crate::upstream) bytes: Vec<u8>,
    /// Whether a gzip trailer confirmed that they are all.
    pub(in crate::upstream) confirmed: bool,
}

/// Why a body could not be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::upstream) enum Undecodable {
    /// It is in a coding that was not asked for.
    Foreign(String),
    /// It is larger than the limit.
    TooLarge,
    /// It is damaged, and how.
    Damaged(String),
}

/// Takes off what `fields` (the lines of `Content-Encoding`, in order) say was put on; at most `limit` bytes.
pub(in crate::upstream) fn decode<'a>(
    fields: impl IntoIterator<Item = &'a str>,
    mut bytes: Vec<u8>,
    limit: u64,
) -> Result<Decoded, Undecodable> {
    let mut confirmed = false;
    for _ in 0..layers(fields)? {
        if bytes.starts_with(&MAGIC) {
            bytes = members(&bytes, limit)?;
            confirmed = true;
        }
    }
    Ok(Decoded { bytes, confirmed })
}

/// How many times a body is gzip.
fn layers<'a>(fields: impl IntoIterator<Item = &'a str>) -> Result<usize, Undecodable> {
    let mut layers = 0;
    for name in fields.into_iter().flat_map(|field| field.split(',')) {
        let name = name.trim().to_ascii_lowercase();
        if name == "gzip" || name == "x-gzip" {
            layers += 1;
        } else if FOREIGN.contains(&name.as_str()) {
            return Err(Undecodable::Foreign(name));
        }
    }
    if layers > LAYERS {
        return Err(Undecodable::Damaged(format!(
            "it is said to be gzip {layers} times over"
        )));
    }
    Ok(layers)
}

/// All members of a gzip body.
fn members(packed: &[u8], limit: u64) -> Result<Vec<u8>, Undecodable> {
    let mut bytes = Vec::new();
    let mut rest = packed;
    for _ in 0..MEMBERS {
        let left = limit.saturating_sub(bytes.len() as u64);
        let mut member = GzDecoder::new(rest);
        let read = (&mut member)
            .take(left.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| damaged(&error))?;
        if read as u64 > left {
            return Err(Undecodable::TooLarge);
        }
        rest = member.into_inner();
        if !rest.starts_with(&MAGIC) {
            let stray = rest
                .iter()
                .filter(|byte| **byte != 0 && !byte.is_ascii_whitespace())
                .count();
            return match stray {
                0 => Ok(bytes),
                _ => Err(Undecodable::Damaged(format!(
                    "{} bytes that are not gzip follow its end",
                    rest.len()
                ))),
            };
        }
    }
    Err(Undecodable::Damaged(format!(
        "it has more than {MEMBERS} gzip members"
    )))
}

fn damaged(error: &io::Error) -> Undecodable {
    Undecodable::Damaged(match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends in the middle of its gzip data".to_owned(),
        _ => format!("its gzip data are damaged ({error})"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn taken(fields: &[&str], body: &[u8]) -> Result<Vec<u8>, Undecodable> {
        decode(fields.iter().copied(), body.to_vec(), 100).map(|decoded| decoded.bytes)
    }

    #[test]
    fn invariant_1_names_are_read_generously() {
        let body = b"{}\n".as_slice();
        let packed = gzip(body);
        let plain = [
            "",
            " ",
            ",",
            "identity",
            "Identity",
            "UTF-8",
            "aws-chunked",
            "identity, ",
            "none",
        ];
        for name in plain {
            assert_eq!(taken(&[name], body).unwrap(), body, "{name:?}");
        }
        let gzipped: [&[&str]; 7] = [
            &["gzip"],
            &["GZIP"],
            &["x-gzip"],
            &["gzip, identity"],
            &["aws-chunked,gzip"],
            &["gzip", "identity"],
            &["identity", " X-GZip "],
        ];
        for fields in gzipped {
            assert_eq!(taken(fields, &packed).unwrap(), body, "{fields:?}");
        }
        for fields in [["gzip, gzip"].as_slice(), &["gzip", "gzip"]] {
            assert_eq!(taken(fields, &gzip(&packed)).unwrap(), body, "{fields:?}");
        }
        assert_eq!(taken(&[], &packed).unwrap(), packed);
    }

    #[test]
    fn invariant_2_a_coding_that_was_not_asked_for_is_named() {
        for fields in ["br", "BR", "gzip, zstd", "deflate"] {
            let error = taken(&[fields], b"{}").unwrap_err();
            assert!(matches!(error, Undecodable::Foreign(_)), "{error:?}");
        }
    }

    #[test]
    fn invariant_3_members_are_concatenated_and_what_follows_them_is_judged() {
        let two = [gzip(b"one "), gzip(b"two")].concat();
        let with = |rest: &[u8]| [two.as_slice(), rest].concat();
        for rest in [
            b"".as_slice(),
            b"\0\0\0",
            b"\r\n \n",
            b"\0\n\0",
            &gzip(b""),
            &[gzip(b""), b"\0".to_vec()].concat(),
        ] {
            assert_eq!(
                taken(&["gzip"], &with(rest)).unwrap(),
                b"one two",
                "{rest:?}"
            );
        }
        let cut = gzip(b"three");
        for rest in [
            b"x".as_slice(),
            b"\0\0x",
            b"\x1f",
            &cut[..5],
            &cut[..cut.len() - 1],
        ] {
            let error = taken(&["gzip"], &with(rest)).unwrap_err();
            assert!(
                matches!(error, Undecodable::Damaged(_)),
                "{rest:?} {error:?}"
            );
        }
        let endless = gzip(b"").repeat(MEMBERS + 1);
        assert!(matches!(
            taken(&["gzip"], &endless),
            Err(Undecodable::Damaged(_))
        ));
    }

    #[test]
    fn a_damaged_member_is_never_taken() {
        let packed = gzip(b"a reference");
        for cut in 2..packed.len() {
            let error = taken(&["gzip"], &packed[..cut]).unwrap_err();
            assert!(matches!(error, Undecodable::Damaged(_)), "{cut} {error:?}");
        }
        for at in packed.len() - 8..packed.len() {
            let mut turned = packed.clone();
            turned[at] ^= 1;
            let error = taken(&["gzip"], &turned).unwrap_err();
            assert!(matches!(error, Undecodable::Damaged(_)), "{at} {error:?}");
        }
    }

    #[test]
    fn invariant_4_what_does_not_begin_like_gzip_is_not() {
        let decoded = decode(["gzip"], b"{}".to_vec(), 100).unwrap();
        assert_eq!(decoded.bytes, b"{}");
        assert!(!decoded.confirmed);
        assert!(decode(["gzip"], gzip(b"{}"), 100).unwrap().confirmed);
    }

    #[test]
    fn invariant_5_decoding_ends_at_the_limit() {
        assert_eq!(taken(&["gzip"], &gzip(&[b' '; 100])).unwrap().len(), 100);
        let bomb = gzip(&vec![b' '; 1 << 20]);
        assert_eq!(taken(&["gzip"], &bomb), Err(Undecodable::TooLarge));
        let many = [gzip(&[b' '; 60]), gzip(&[b' '; 60])].concat();
        assert_eq!(taken(&["gzip"], &many), Err(Undecodable::TooLarge));
        assert!(matches!(
            taken(&["gzip, gzip, gzip, gzip"], b"{}"),
            Err(Undecodable::Damaged(_))
        ));
    }
}
