//! Legacy files from a directory on this host: another mirror's `legacy/`, an rsync drop, a checkout.
//!
//! 1. A file is taken whole or not at all: its size, its mtime and its inode must be the same before and after the read.
//! 2. Only regular files are opened, so a FIFO under a reference's name cannot hang the reader.
//! 3. No more than the configured number of bytes is ever read.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

use super::address::LocalFile;
use super::error::UpstreamError;

/// Reads the file; at most `limit` bytes.
pub(super) fn read(file: &LocalFile, limit: u64) -> Result<Vec<u8>, UpstreamError> {
    for _ in 0..2 {
        if let Some(body) = read_once(file, limit)? {
            return Ok(body);
        }
    }
    Err(UpstreamError::Changing {
        path: file.path.clone(),
    })
}

/// `None`: the file changed meanwhile.
fn read_once(place: &LocalFile, limit: u64) -> Result<Option<Vec<u8>>, UpstreamError> {
    let path = &place.path;
    let failed = |source| failure(place, source);
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(UpstreamError::NotAFile {
            path: path.to_owned(),
        });
    }
    let mut file = File::open(path).map_err(failed)?;
    let before = file.metadata().map_err(failed)?;
    let mut body = Vec::with_capacity(usize::try_from(before.len().min(limit)).unwrap_or_default());
    let read = (&mut file)
        .take(limit.saturating_add(1))
        .read_to_end(&mut body)
        .map_err(failed)?;
    if read as u64 > limit {
        return Err(UpstreamError::TooLarge {
            place: path.display().to_string(),
            limit,
        });
    }
    let after = file.metadata().map_err(failed)?;
    if identity(&before) != identity(&after) || read as u64 != after.len() {
        return Ok(None);
    }
    if body.is_empty() {
        return Err(UpstreamError::Empty {
            place: path.display().to_string(),
        });
    }
    Ok(Some(body))
}

fn identity(metadata: &Metadata) -> (u64, i64, i64, u64) {
    (
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ino(),
    )
}

/// Tells apart a file that is missing, one that is in the other layout's place, and a directory that is missing.
fn failure(file: &LocalFile, source: io::Error) -> UpstreamError {
    let (root, path) = (&file.root, file.path.clone());
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => match std::fs::metadata(root) {
            Ok(root) if root.is_dir() => {
                let (elsewhere, cure) = &file.elsewhere;
                let hint = if elsewhere.is_file() {
                    cure
                } else {
                    "check upstream.url and upstream.layout"
                };
                UpstreamError::NoFile { path, hint }
            }
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => denied(path, source),
            _ => UpstreamError::NoDirectory { path: root.clone() },
        },
        io::ErrorKind::PermissionDenied => denied(path, source),
        _ => UpstreamError::Read {
            path,
            hint: "",
            source,
        },
    }
}

fn denied(path: std::path::PathBuf, source: io::Error) -> UpstreamError {
    let hint =
        "; the user this runs as needs to read the file and to enter every directory above it";
    UpstreamError::Read { path, hint, source }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::upstream::Class;

    fn read(root: &Path, path: &Path, limit: u64) -> Result<Vec<u8>, UpstreamError> {
        super::read(&place(root, path), limit)
    }

    fn place(root: &Path, path: &Path) -> LocalFile {
        LocalFile {
            root: root.to_owned(),
            path: path.to_owned(),
            elsewhere: (root.join("elsewhere/clip.json"), "look elsewhere"),
        }
    }

    #[test]
    fn a_file_is_read_whole() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("clip.json");
        fs::write(&path, "{\"a\": 1}\n").unwrap();
        assert_eq!(read(root.path(), &path, 9).unwrap(), b"{\"a\": 1}\n");
    }

    #[test]
    fn invariant_3_a_file_over_the_limit_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("clip.json");
        fs::write(&path, "0123456789").unwrap();
        let error = read(root.path(), &path, 9).unwrap_err();
        assert!(
            matches!(error, UpstreamError::TooLarge { limit: 9, .. }),
            "{error}"
        );
        assert_eq!(read(root.path(), &path, 10).unwrap().len(), 10);
        assert_eq!(read(root.path(), &path, u64::MAX).unwrap().len(), 10);
    }

    #[test]
    fn what_is_missing_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("drop");
        let path = root.join("owner/clip.json");
        let error = read(&root, &path, 9).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("directory {} does not", root.display())),
            "{error}"
        );
        assert_eq!(error.class(), Class::Permanent);

        fs::write(&root, "a file where a directory should be").unwrap();
        let error = read(&root, &path, 9).unwrap_err();
        assert!(
            matches!(error, UpstreamError::NoDirectory { .. }),
            "{error}"
        );
        fs::remove_file(&root).unwrap();

        fs::create_dir(&root).unwrap();
        let error = read(&root, &path, 9).unwrap_err();
        assert!(
            error.to_string().starts_with(&path.display().to_string()),
            "{error}"
        );
        assert_eq!(error.class(), Class::Permanent);
        assert!(error.to_string().contains("check upstream.url"), "{error}");

        fs::create_dir(root.join("elsewhere")).unwrap();
        fs::write(root.join("elsewhere/clip.json"), "{}").unwrap();
        let error = read(&root, &path, 9).unwrap_err();
        assert!(error.to_string().ends_with("look elsewhere"), "{error}");
    }

    #[test]
    fn an_empty_file_is_never_taken() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("clip.json");
        fs::write(&path, "").unwrap();
        let error = read(root.path(), &path, 9).unwrap_err();
        assert!(matches!(error, UpstreamError::Empty { .. }), "{error}");
        assert_eq!(error.class(), Class::Permanent);
    }

    #[test]
    fn invariant_2_what_is_not_a_regular_file_is_not_opened() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("clip.json");
        let made = std::process::Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        let error = read(root.path(), &path, 9).unwrap_err();
        assert!(matches!(error, UpstreamError::NotAFile { .. }), "{error}");
    }

    #[test]
    fn denied_says_what_to_do() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = failure(&place(Path::new("/d"), Path::new("/d/clip.json")), denied);
        assert!(
            error
                .to_string()
                .starts_with("cannot read /d/clip.json; the user"),
            "{error}"
        );
        assert_eq!(error.class(), Class::Permanent);
    }

    #[test]
    fn invariant_1_a_read_during_rewrites_is_whole_or_refused() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("clip.json");
        let body = |digit: u8| vec![b'0' + digit; 50_000];
        fs::write(&path, body(0)).unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut digit = 0;
                while !stop.load(Ordering::Relaxed) {
                    digit = (digit + 1) % 10;
                    let staged = root.path().join(".staged");
                    fs::write(&staged, body(digit)).unwrap();
                    fs::rename(&staged, &path).unwrap();
                }
            });
            for _ in 0..300 {
                let read = read(root.path(), &path, 1 << 20).unwrap();
                assert_eq!(read, body(read[0] - b'0'));
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
