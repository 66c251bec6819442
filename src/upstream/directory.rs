//! A file from a directory on this host: another mirror's `legacy/`, an rsync drop, a checkout.
//!
//! 1. A file is taken whole or not at all: its size, its mtime and its inode must be the same before and after the read.
//! 2. A file that changed less than [`REST`] ago may still be written: it is looked at again until it has been at rest for
//!    that long, at most [`PATIENCE`].
//! 3. Only regular files are opened, so a FIFO under a reference's name cannot hang the reader.
//! 4. No more than the configured number of bytes is ever read.
//!
//! It is read on the caller's thread: the files are small and close, and a thread for each costs more than the read.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use super::address::LocalFile;
use super::error::UpstreamError;
use crate::clock;

/// How long a file has not changed when it is taken to be whole.
const REST: Duration = Duration::from_millis(500);

/// How long a file that keeps changing is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the file; at most `limit` bytes.
pub(super) async fn read(file: &LocalFile, limit: u64) -> Result<Vec<u8>, UpstreamError> {
    let mut waited = Duration::ZERO;
    let mut seen = None;
    while waited < PATIENCE {
        let found = std::fs::metadata(&file.path).map_err(|source| failure(file, source))?;
        let found_as = identity(&found);
        if (is_old(&found) || seen == Some(found_as))
            && let Some(body) = read_once(file, limit)?
        {
            return Ok(body);
        }
        seen = Some(found_as);
        waited += REST;
        tokio::time::sleep(REST).await;
    }
    Err(UpstreamError::Changing {
        path: file.path.clone(),
    })
}

/// Whether a file has been at rest long enough at the first look; one from the future is looked at twice.
fn is_old(metadata: &Metadata) -> bool {
    let now = clock::now();
    let age = now.as_nanosecond()
        - (i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()));
    u128::try_from(age).is_ok_and(|age| age >= REST.as_nanos())
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
                let elsewhere = file.elsewhere.as_ref();
                let hint = match elsewhere.filter(|(path, _)| path.is_file()) {
                    Some((_, cure)) => cure,
                    None => "check the upstream's url and layout",
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

    /// On a clock that runs only while it is waited for.
    fn read(root: &Path, path: &Path, limit: u64) -> Result<Vec<u8>, UpstreamError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(super::read(&place(root, path), limit))
    }

    fn place(root: &Path, path: &Path) -> LocalFile {
        LocalFile {
            root: root.to_owned(),
            path: path.to_owned(),
            elsewhere: Some((root.join("elsewhere/clip.json"), "look elsewhere")),
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
    fn invariant_4_a_file_over_the_limit_is_refused() {
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
        assert_eq!(error.class(), Class::NotThere);
        assert!(
            error.to_string().contains("check the upstream's url"),
            "{error}"
        );

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
    fn invariant_3_what_is_not_a_regular_file_is_not_opened() {
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
                if let Some(read) = read_once(&place(root.path(), &path), 1 << 20).unwrap() {
                    assert_eq!(read, body(read[0] - b'0'));
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    }

    #[tokio::test]
    async fn invariant_2_a_file_that_is_being_written_is_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("models.csv");
        fs::write(&path, "a").unwrap();
        let place = place(root.path(), &path);
        let mut read = std::pin::pin!(super::read(&place, 100));
        let mut written = "a".to_owned();
        for _ in 0..10 {
            let pause = tokio::time::sleep(REST / 4);
            tokio::select! {
                body = &mut read => panic!("{:?} was read of {written}", body.unwrap()),
                () = pause => {}
            }
            written.push('b');
            fs::write(&path, &written).unwrap();
        }
        assert_eq!(read.await.unwrap(), written.as_bytes());
    }

    #[tokio::test]
    async fn invariant_2_a_file_at_rest_is_read_at_once() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("models.csv");
        fs::write(&path, "a").unwrap();
        let place = place(root.path(), &path);
        let now = std::time::SystemTime::now();
        for (mtime, at_once) in [
            (now - Duration::from_secs(2), true),
            (now, false),
            (now + Duration::from_hours(24), false),
            (std::time::SystemTime::UNIX_EPOCH, true),
        ] {
            let file = File::options().append(true).open(&path).unwrap();
            file.set_modified(mtime).unwrap();
            let begun = clock::instant();
            assert_eq!(super::read(&place, 100).await.unwrap(), b"a");
            assert_eq!(clock::since(begun) < REST / 2, at_once, "{mtime:?}");
        }
    }
}
