//! Legacy bytes to v2 bytes, as `horde_model_reference` 8.6.2 converts them: a pure function.
//!
//! 1. All or nothing: a file with one bad record gives no v2 file.
//! 2. Each record is read, checked, mapped and written before the next one is looked at; there is no tree of
//!    output values. The records come out in the order of the file.
//! 3. An empty legacy file gives `{}`, as in the reference. (The daemon never gets here with one.)
//! 4. A category without a legacy format converts to no bytes at all: there is nothing to write.

mod downloads;
mod generic;
mod group;
mod image;
mod licence;
mod text;

use std::ops::ControlFlow;

use crate::category::Category;
use crate::legacy::record::Record;
use crate::legacy::{self, IssueLog, Issues, Rejected};
use crate::python::json::Flavour;
use crate::python::json::push_string;

/// The result of a conversion that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The finished v2 file; no bytes for a category without a legacy format.
    pub v2: Vec<u8>,
    /// How many records it holds.
    pub models: usize,
    /// Lint findings that did not stop the conversion.
    pub issues: Issues,
}

/// Everything that is to be said about a legacy file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Lint findings of the records that can be converted.
    pub issues: Issues,
    /// Why the file cannot be converted: every record at fault, in the order of the file. The first is the one
    /// that [`convert`] returns.
    pub rejections: Vec<Rejected>,
}

/// Converts one whole legacy file.
///
/// # Errors
/// The file cannot be converted; the error names the model, the field and the reason of the first flaw.
pub fn convert(category: Category, legacy: &[u8]) -> Result<Converted, Rejected> {
    run(category, legacy, &mut ControlFlow::Break)
}

/// Lints one whole legacy file, past records that cannot be converted.
#[must_use]
pub fn check(category: Category, legacy: &[u8]) -> Report {
    let mut rejections = Vec::new();
    let result = run(category, legacy, &mut |rejected| {
        rejections.push(rejected);
        ControlFlow::Continue(())
    });
    let issues = match result {
        Ok(converted) => converted.issues,
        Err(rejected) => {
            rejections.push(rejected);
            Issues::default()
        }
    };
    Report { issues, rejections }
}

/// What to do about a record at fault.
type OnRejected<'f> = &'f mut dyn FnMut(Rejected) -> ControlFlow<Rejected>;

fn run(
    category: Category,
    legacy: &[u8],
    on_rejected: OnRejected<'_>,
) -> Result<Converted, Rejected> {
    if !category.has_legacy() {
        return Ok(Converted {
            v2: Vec::new(),
            models: 0,
            issues: Issues::default(),
        });
    }
    if legacy.is_empty() {
        return Ok(Converted {
            v2: b"{}\n".to_vec(),
            models: 0,
            issues: Issues::default(),
        });
    }
    let text = legacy::utf8(legacy)?;
    if category == Category::TextGeneration {
        text::convert(text, on_rejected)
    } else {
        records(category, text, on_rejected)
    }
}

/// The JSON categories.
fn records(
    category: Category,
    text: &str,
    on_rejected: OnRejected<'_>,
) -> Result<Converted, Rejected> {
    let records = legacy::records(text)?;
    let mut log = IssueLog::default();
    // Real files shrink or grow by less than two thirds.
    let mut v2 = Vec::with_capacity(text.len() / 3 * 5 + 64);
    v2.push(b'{');
    let mut models = 0;
    for (key, value) in &records {
        let start = v2.len();
        v2.extend_from_slice(if models == 0 { b"\n    " } else { b",\n    " });
        push_string(&mut v2, key, Flavour::V2);
        v2.extend_from_slice(b": ");
        let written = Record::read(category, value).and_then(|record| {
            if category == Category::ImageGeneration {
                image::write(&mut v2, &record)?;
            } else {
                generic::write(&mut v2, category, &record)?;
            }
            Ok(record)
        });
        match written {
            Ok(record) => {
                models += 1;
                log_findings(&mut log, category, key, &record);
            }
            Err(flaw) => {
                v2.truncate(start);
                if let ControlFlow::Break(rejected) = on_rejected(Rejected::of_model(key, flaw)) {
                    return Err(rejected);
                }
            }
        }
    }
    v2.extend_from_slice(if models == 0 { b"}\n" } else { b"\n}\n" });
    Ok(Converted {
        v2,
        models,
        issues: log.finish(),
    })
}

fn log_findings(log: &mut IssueLog, category: Category, key: &str, record: &Record<'_, '_>) {
    let mut topic = None;
    record.lint(category, key, |finding| {
        let topic = *topic.get_or_insert_with(|| log.open(key));
        log.about(topic, finding);
    });
}
