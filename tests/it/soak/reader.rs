//! A reader beside a life: what it sees is whole at every moment.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use super::life::DAMAGED;
use crate::common::{FILES, World, models};

/// Reads and parses every file that no event damages.
pub(super) struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Reader {
    pub(super) fn of(world: &World) -> Self {
        let whole = FILES.into_iter().filter(|(_, _, v2)| !DAMAGED.contains(v2));
        let files: Vec<_> = whole.map(|(_, _, v2)| (world.v2(v2), models(v2))).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut reads = 0;
            while !ends.load(Ordering::Relaxed) {
                for (path, models) in &files {
                    let bytes = fs::read(path).unwrap();
                    let value: Value = serde_json::from_slice(&bytes).unwrap();
                    assert_eq!(value.as_object().unwrap().len(), *models, "{path:?}");
                    reads += 1;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            reads
        });
        Self { stop, thread }
    }

    pub(super) fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .expect("a reader saw less than a whole file")
    }
}
