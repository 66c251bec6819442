//! Rate limits hold across runs, and against `--force`.

use horde_refd::category::Category;

use crate::common::World;
use crate::common::scripted::{Action, Scripted, answer_with};

#[test]
fn a_429_stops_the_host_and_the_hold_survives_the_process() {
    let world = World::new();
    world.sync(&[]).expect(0);
    let before = world.tree();
    let server = Scripted::start(|_, _| {
        Action::Send(answer_with(429, &[("Retry-After", "3600")], b"slow down"))
    });
    let ran = world.sync_from(&server.url(), &[]).expect(1);
    ran.all("failed", "failed");
    let asked = server.requests().len();
    assert!((1..=4).contains(&asked), "{asked} requests");
    let state = world.state();
    let host = server.address().to_string();
    let until: jiff::Timestamp = state["rate_limits"][&host]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let left = until.as_second() - jiff::Timestamp::now().as_second();
    assert!((3500..=3600).contains(&left), "{left} s");
    for args in [&[][..], &["--force"], &["--force", "blip"]] {
        let ran = world.sync_from(&server.url(), args).expect(1);
        assert_eq!(ran.fared(Category::Blip).0, "failed");
        let error = ran.error(Category::Blip);
        assert!(error.contains(&until.to_string()[..16]), "{error}");
        assert_eq!(server.requests().len(), asked, "it asked all the same");
    }
    for category in Category::with_legacy() {
        let name = std::path::Path::new(category.v2_file());
        assert_eq!(world.tree()[name], before[name], "{category}");
    }
    // Another host is another matter.
    world.sync(&[]).expect(0).all("unchanged", "not_modified");
    assert_eq!(world.state()["rate_limits"], state["rate_limits"]);
}

#[test]
fn a_403_without_limits_is_no_hold() {
    let world = World::new();
    let server = Scripted::start(|_, _| Action::Send(answer_with(403, &[], b"no")));
    world.sync_from(&server.url(), &[]).expect(1);
    assert_eq!(server.requests().len(), 10);
    let state = world.state();
    assert_eq!(state["rate_limits"], serde_json::json!({}), "{state}");
    // Since when each of the ten URLs fails is remembered.
    assert_eq!(state["failing"].as_object().unwrap().len(), 10, "{state}");
}
