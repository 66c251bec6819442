//! Room for what is published: bytes and inodes, where the mirror and the reports lie.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Check, Scene, quoted};
use crate::disk::mount_point;

/// Less than this is too little whatever is published.
const LEAST_BYTES: u64 = 16 << 20;
/// The files of some cycles: one of each form, its copies, and their temporary names.
const LEAST_INODES: u64 = 200;

pub(super) fn checks(scene: &Scene<'_>) -> Vec<Check> {
    let config = &scene.around.effective.config;
    let report = |path: &Path| path.parent().map(Path::to_owned);
    let mut places: Vec<(PathBuf, u64)> = vec![(scene.base().to_owned(), needed(scene))];
    let status = scene.daemon.as_ref().ok().and_then(|it| report(it.file()));
    let metrics = config.metrics_file.as_deref().and_then(report);
    // A report is a few kilobytes.
    let reports = [status, metrics].into_iter().flatten();
    places.extend(reports.map(|place| (place, 1 << 20)));
    let (mut bytes, mut inodes) = (Vec::new(), Vec::new());
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut found = (Vec::new(), Vec::new());
    for (place, least) in places {
        let Some(there) = place.ancestors().find(|path| path.exists()) else {
            continue;
        };
        let at = mount_point(there);
        let Ok(space) = rustix::fs::statvfs(there) else {
            continue;
        };
        if seen.contains(&at) {
            continue;
        }
        seen.push(at.clone());
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let shown = at.display();
        let text = format!("{} free at {shown}", size(free));
        if free < least {
            let found = format!("{text}, of {} that may be needed", size(least));
            let full = quoted(&at);
            bytes.push((
                found,
                format!("df -h {full} && du -xh -d1 {full} | sort -h"),
            ));
        }
        found.0.push(text);
        if space.f_files > 0 {
            let text = format!("{} free at {shown}", space.f_favail);
            if space.f_favail < LEAST_INODES {
                let full = quoted(&at);
                let cure = format!("df -i {full} && du -x --inodes -d1 {full} | sort -n");
                inodes.push((format!("{text}, less than {LEAST_INODES}"), cure));
            }
            found.1.push(text);
        }
    }
    if found.1.is_empty() {
        found.1.push("no limit".to_owned());
    }
    vec![
        Check::of("free bytes", bytes, || found.0.join(", ")),
        Check::of("free inodes", inodes, || found.1.join(", ")),
    ]
}

/// Twice what is published: a copy of each file, and the temporary one that replaces it.
fn needed(scene: &Scene<'_>) -> u64 {
    let layout = &scene.layout;
    let categories = scene.manifest.iter().flat_map(|it| it.categories.keys());
    let files = categories.flat_map(|category| [layout.v2(*category), layout.legacy(*category)]);
    let sizes = files.filter_map(|file| Some(fs::metadata(file).ok()?.len()));
    sizes.sum::<u64>().saturating_mul(2).max(LEAST_BYTES)
}

/// A number of bytes in the unit that people read.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes;
    let mut rest = 0;
    let mut unit = "bytes";
    for name in UNITS {
        if value < 1024 {
            break;
        }
        rest = value % 1024;
        value /= 1024;
        unit = name;
    }
    format!("{value}.{} {unit}", rest * 10 / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_its_unit() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (16 << 20, "16.0 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
