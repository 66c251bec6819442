//! A real FUSE mount: a change made under it, which the kernel never reports, is seen through it.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test may fail as its test does"
)]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use horde_refd::config::{WatchBackend, WatchConfig};
use horde_refd::depth::Depth;
use horde_refd::trigger::Trigger;
use horde_refd::trigger::watch::{Backend, Watch};

struct Mount {
    bindfs: Child,
    target: PathBuf,
}

impl Mount {
    fn new(root: &tempfile::TempDir) -> (Self, PathBuf) {
        let (source, target) = (root.path().join("under"), root.path().join("mount"));
        fs::create_dir(&source).unwrap();
        fs::create_dir(&target).unwrap();
        let device = || fs::metadata(&target).map(|metadata| metadata.dev()).ok();
        let before = device();
        let bindfs = Command::new("bindfs")
            .arg("-f")
            .arg(&source)
            .arg(&target)
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while device() == before {
            assert!(Instant::now() < deadline, "bindfs does not mount");
            std::thread::yield_now();
        }
        (Self { bindfs, target }, source)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.target).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            let _ = self.bindfs.kill();
        }
        let _ = self.bindfs.wait();
    }
}

#[tokio::test]
#[ignore = "needs root and bindfs"]
async fn a_change_made_under_a_fuse_mount_is_seen_through_it() {
    let root = tempfile::tempdir().unwrap();
    let (mount, source) = Mount::new(&root);
    fs::create_dir(source.join("legacy")).unwrap();
    fs::write(source.join("legacy/lora.json"), "{}").unwrap();
    let trigger = Trigger::new();
    let config = WatchConfig {
        backend: WatchBackend::Auto,
        debounce: Duration::from_millis(10),
        poll_interval: Duration::from_millis(100),
    };
    let directories = vec![mount.target.clone(), mount.target.join("legacy")];
    let watch = Watch::start(directories, &config, trigger.clone()).unwrap();
    assert_eq!(watch.backend(), Backend::Poll);
    for bytes in ["{ }", "{  }"] {
        fs::write(source.join("legacy/lora.json"), bytes).unwrap();
        let reason = tokio::time::timeout(Duration::from_secs(10), trigger.next()).await;
        assert_eq!(reason, Ok(Depth::Disk), "{bytes}");
    }
}
