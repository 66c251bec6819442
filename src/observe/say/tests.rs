use super::*;
use crate::category::Category;
use crate::cycle::{Origin, Outcome};
use crate::mirror::Changes;

const BLIP: Item = Item::Category(Category::Blip);
const CLIP: Item = Item::Category(Category::Clip);

fn trouble(outcome: Outcome, error: &str) -> Trouble {
    Trouble {
        outcome,
        error: error.to_owned(),
        limited_until: None,
        failures: 1,
    }
}

fn began(item: Item, error: &str) -> Transition {
    Transition::BeganToFail {
        item,
        trouble: trouble(Outcome::Failed, error),
    }
}

fn recovered(item: Item) -> Transition {
    Transition::Recovered {
        item,
        failures: 2,
        seconds: 60,
    }
}

fn down() -> Transition {
    Transition::UpstreamDown {
        upstream: "github".to_owned(),
        error: "refused".to_owned(),
    }
}

fn moved(item: Item) -> Transition {
    Transition::SourceChanged {
        item,
        from: "primary".to_owned(),
        to: "github".to_owned(),
        why: "refused".to_owned(),
    }
}

fn said(news: &[Transition]) -> Vec<String> {
    let lines = lines(news).into_iter();
    let lines = lines.map(|line| format!("{} {}", line.level.unwrap(), line.message));
    lines.collect()
}

#[test]
fn a_line_says_which_and_why_and_one_cause_is_one_line() {
    let cannot = "cannot be refreshed, the last good file stays";
    let table: Vec<(Vec<Transition>, Vec<String>)> = vec![
        (
            vec![began(BLIP, "refused")],
            vec![format!("WARN blip {cannot}: refused")],
        ),
        (
            vec![began(BLIP, "refused"), began(CLIP, "refused")],
            vec![format!("WARN 2 items (blip, clip) {cannot}: refused")],
        ),
        (
            vec![began(BLIP, "one"), began(CLIP, "two")],
            vec![
                format!("WARN blip {cannot}: one"),
                format!("WARN clip {cannot}: two"),
            ],
        ),
        (
            vec![recovered(BLIP), recovered(CLIP)],
            vec!["INFO 2 items (blip, clip) recovered after 60 s, 2 failed polls".to_owned()],
        ),
        (
            vec![moved(BLIP), moved(CLIP), down()],
            vec![
                "INFO 2 items (blip, clip) now served by github instead of primary: refused"
                    .to_owned(),
                "DEBUG the upstream github is down: refused".to_owned(),
            ],
        ),
        (
            vec![down()],
            vec!["WARN the upstream github is down: refused".to_owned()],
        ),
        (
            vec![down(), began(BLIP, "refused")],
            vec![
                format!("WARN blip {cannot}: refused"),
                "DEBUG the upstream github is down: refused".to_owned(),
            ],
        ),
        (
            vec![Transition::ChangedTrouble {
                item: BLIP,
                trouble: trouble(Outcome::Held, "too few"),
            }],
            vec!["WARN blip held back, the published file stays: too few".to_owned()],
        ),
        (
            vec![Transition::StillFailing {
                item: BLIP,
                trouble: trouble(Outcome::Rejected, "bad"),
            }],
            vec![format!("DEBUG blip still {cannot}: bad")],
        ),
        (
            vec![Transition::Unwritten {
                error: "full".to_owned(),
            }],
            vec!["ERROR the state of the mirror could not be written: full".to_owned()],
        ),
        (
            vec![
                began(BLIP, "no manifest: full"),
                Transition::Unwritten {
                    error: "full".to_owned(),
                },
            ],
            vec![
                format!("WARN blip {cannot}: no manifest: full"),
                "DEBUG the state of the mirror could not be written: full".to_owned(),
            ],
        ),
        (
            vec![Transition::Written],
            vec!["INFO the state of the mirror is written again".to_owned()],
        ),
    ];
    for (news, expected) in table {
        assert_eq!(said(&news), expected);
    }
}

#[test]
fn what_was_published_is_said_with_its_counts_and_where_it_came_from() {
    let report = ItemReport {
        outcome: Outcome::Updated,
        origin: Some(Origin {
            upstream: "github".to_owned(),
            url: "https://h/blip.json".to_owned(),
        }),
        models: Some(2),
        changes: Some(Changes {
            added: 1,
            removed: 2,
            changed: 3,
        }),
        ..ItemReport::unchanged()
    };
    let published = |brought_back| Transition::Published {
        item: BLIP,
        report: Box::new(report.clone()),
        brought_back,
    };
    let back = "WARN a file of blip was damaged or gone and is brought back as it was";
    assert_eq!(said(&[published(true)]), [back]);
    let news = [published(false)];
    let lines = lines(&news);
    let line = lines.first().unwrap();
    assert_eq!(
        line.message,
        "published blip: 2 models, +1 -2 ~3, from github"
    );
    assert_eq!(line.category.as_deref(), Some("blip"));
    assert_eq!(line.url.as_deref(), Some("https://h/blip.json"));
}

#[test]
fn records_that_are_left_out_are_counted_and_the_first_are_named() {
    let left_out = |dropped, first: &[&str]| Transition::LeavesOut {
        item: BLIP,
        dropped,
        first: first.iter().map(ToString::to_string).collect(),
    };
    let one = "model 'a': bad";
    for (news, expected) in [
        (
            left_out(5, &[one, "model 'b': bad"]),
            "WARN blip: 5 records cannot be converted and are left out: model 'a': bad; model 'b': bad; and 3 more",
        ),
        (
            left_out(1, &[one]),
            "WARN blip: 1 record cannot be converted and is left out: model 'a': bad",
        ),
        (
            left_out(2, &[]),
            "WARN blip: 2 records cannot be converted and are left out",
        ),
        (
            left_out(0, &[]),
            "INFO blip: no record is left out any more",
        ),
    ] {
        assert_eq!(said(&[news]), [expected]);
    }
}
