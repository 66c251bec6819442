//! An hour's life in minutes: a writer and one that stands by, polls every second, and everything that goes wrong in
//! months, by chance from a printed seed, while readers parse every file: upstreams, edits, orders, disks, clocks, deaths.
//!
//! 1. `HORDE_REFD_SOAK_SECONDS` is how long, `HORDE_REFD_SOAK_SEED` which life.
//! 2. The first half kills and replaces the daemons; the second has one writer, whose memory and descriptors stay flat.
//! 3. In the end the mirror is what the upstream has, and everything is fresh.

mod ground;
mod life;
mod reader;

use std::fs;
use std::time::{Duration, Instant};

use horde_refd::category::Category;
use horde_refd::convert::convert;
use horde_refd::item::OnInvalidRecord;

use self::life::Life;
use self::reader::Reader;
use crate::common::{FILES, legacy, until};

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap())
}

#[test]
fn a_life_of_faults_ends_with_the_upstreams_mirror_and_flat_memory() {
    let seconds = setting("HORDE_REFD_SOAK_SECONDS").unwrap_or(60);
    let seed = setting("HORDE_REFD_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    // Seen also when the test fails, which is when it is needed.
    println!("soak: {seconds} s from HORDE_REFD_SOAK_SEED={seed}");
    let mut life = Life::begin(seed);
    let reader = Reader::of(life.world());
    let half = Instant::now() + Duration::from_secs(seconds / 2);
    while Instant::now() < half {
        life.event(true);
    }
    life.calm();
    life.warm_up();
    let before = life.weight();
    let end = Instant::now() + Duration::from_secs(seconds / 2);
    while Instant::now() < end {
        life.event(false);
    }
    life.calm();
    life.warm_up();
    let after = life.weight();
    let reads = reader.end();
    println!(
        "soak: {} files read whole; from {before:?} to {after:?} in {} cycles; {}",
        reads,
        life.cycles(),
        life.events()
    );
    assert!(
        after.descriptors <= before.descriptors + 4,
        "{before:?} {after:?}"
    );
    let most = before.kilobytes + before.kilobytes / 5 + (4 << 10);
    assert!(after.kilobytes <= most, "{before:?} {after:?}");
    for (category, file, v2) in FILES {
        let (mark, category) = (life.mark(file), category.parse::<Category>().unwrap());
        let sent = legacy(file, mark);
        let converted = convert(category, &sent, OnInvalidRecord::Reject).unwrap();
        let (stored, published) = (life.world().legacy(file), life.world().v2(v2));
        assert!(
            fs::read(stored).unwrap() == sent,
            "{file} is not the upstream's"
        );
        assert!(fs::read(published).unwrap() == converted.v2, "{v2}");
    }
    until("the mirror is whole", || {
        life.world().mirror().join("manifest.json").is_file()
    });
    assert_eq!(life.world().assert_whole(), 10);
    life.end();
}
