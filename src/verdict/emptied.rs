//! A draft that would leave no model where there were some is held until it is accepted, however long that takes: it is
//! what a file looks like that was cut after its beginning, or whose columns were renamed.

/// Whether a draft with so many models would leave none of those that are published.
pub(super) const fn objects(published: u64, draft: u64) -> bool {
    published > 0 && draft == 0
}

#[cfg(test)]
mod tests {
    use super::objects;

    #[test]
    fn only_where_there_were_some() {
        for (published, draft, expected) in [
            (0, 0, false),
            (0, 1, false),
            (1, 0, true),
            (1, 1, false),
            (719, 0, true),
        ] {
            assert_eq!(objects(published, draft), expected, "{published} {draft}");
        }
    }
}
