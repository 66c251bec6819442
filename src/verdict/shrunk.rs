//! A draft that lacks too many of the published models is held for a while: nonsense does not last that long, and a real
//! drop is published when the time is over.

/// Whether `removed` of so many published models are more than a category may lose at once. Exactly `max_removed` is not.
#[expect(
    clippy::cast_precision_loss,
    reason = "a category has far fewer models than 2^52"
)]
pub(super) fn objects(published: u64, removed: u64, max_removed: f64, min_models: u64) -> bool {
    published >= min_models && removed as f64 > published as f64 * max_removed
}

#[cfg(test)]
mod tests {
    use super::objects;

    #[test]
    fn only_of_a_category_that_is_large_enough() {
        // published, removed, max_removed, min_models -> held
        for (published, removed, max_removed, min_models, expected) in [
            (20, 15, 0.75, 20, false),
            (20, 16, 0.75, 20, true),
            (19, 19, 0.75, 20, false),
            (19, 15, 0.75, 0, true),
            (231, 54, 0.75, 20, false),
            // The largest drop that really happened: 734 -> 250 text models.
            (734, 484, 0.75, 20, false),
            (734, 551, 0.75, 20, true),
            // The ends of the range: nothing may go, all may.
            (20, 1, 0.0, 20, true),
            (20, 0, 0.0, 20, false),
            (20, 20, 1.0, 20, false),
            (0, 0, 0.0, 0, false),
        ] {
            assert_eq!(
                objects(published, removed, max_removed, min_models),
                expected,
                "{published} {removed} {max_removed} {min_models}"
            );
        }
    }
}
