//! The operator's orders: whether they can be read. A file that holds none is as none, so a category that was pinned follows
//! its upstream.

use super::{Check, Scene, quoted};
use crate::error::chain;
use crate::mirror::intent::{self, IntentError};

pub(super) fn check(scene: &Scene<'_>) -> Check {
    let path = scene.layout.intent();
    match intent::read(&scene.layout) {
        Ok(read) => {
            let (pins, accepted) = (read.intent.pin.len(), read.intent.accept.len());
            Check::good("orders", format!("{pins} pinned, {accepted} accepted"))
        }
        Err(error @ IntentError::Form { .. }) => {
            let aside = path.with_extension("json.unreadable");
            Check::bad(
                "orders",
                format!("{}; no pin holds, give the orders anew", chain(&error)),
                format!("mv -- {} {}", quoted(&path), quoted(&aside)),
            )
        }
        Err(error) => Check::bad(
            "orders",
            chain(&error),
            format!("sudo {}", scene.command("doctor")),
        ),
    }
}
