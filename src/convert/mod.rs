//! Legacy bytes to v2 bytes, as `horde_model_reference` 8.6.2 converts them: a pure function.
//!
//! 1. All or nothing, as a rule: a file with one bad record gives no v2 file. [`OnInvalidRecord::Skip`] leaves the
//!    record out instead; `Sieve` is the one place that decides it.
//! 2. Each record is read, checked, mapped and written before the next one is looked at; there is no tree of
//!    output values. The records come out in the order of the file.
//! 3. An empty legacy file gives `{}`, as in the reference. (The daemon never gets here with one.)
//! 4. A category without a legacy format converts to no bytes at all: there is nothing to write.
//! 5. It ends as soon as more is written than a v2 file may have: memory stays within a small factor of the file's.
//!
//! The rules are in docs/conversion.md: mapping in section 9, the order of fields in 10, groups of text models in 13.

mod claims;
mod downloads;
mod generic;
mod group;
mod image;
mod licence;
mod text;

use crate::category::Category;
use crate::item::OnInvalidRecord;
use crate::legacy::record::Record;
use crate::legacy::{self, Issues, Rejected};
use crate::python::json::{Flavour, KeyedObject};

/// The result of a conversion that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Converted {
    /// The finished v2 file; no bytes for a category without a legacy format.
    pub v2: Vec<u8>,
    /// How many records it holds.
    pub models: usize,
    /// Lint findings that did not stop the conversion.
    pub issues: Issues,
    /// The records that were left out, in the order of the file: those that [`OnInvalidRecord::Reject`] would have
    /// refused the file for. Rows that the reference itself skips are issues.
    pub dropped: Vec<Rejected>,
    /// The file can be converted and yet is not what an upstream sends whole: it is empty, or a CSV that was cut off or has
    /// other columns. [`parse_check`](legacy::parse_check) says which.
    pub is_part: bool,
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
/// The file cannot be converted; the error names the model, the field and the reason of the first flaw. With
/// [`OnInvalidRecord::Skip`] only a file that is no reference at all cannot, or one of which nothing would be left.
pub fn convert(
    category: Category,
    legacy: &[u8],
    on_invalid: OnInvalidRecord,
) -> Result<Converted, Rejected> {
    let mut sieve = Sieve::new(on_invalid, legacy.len());
    let mut converted = run(category, legacy, &mut sieve)?;
    converted.dropped = sieve.dropped;
    match converted.dropped.first() {
        Some(first) if converted.models == 0 => Err(first.clone()),
        _ => Ok(converted),
    }
}

/// Lints one whole legacy file, past records that cannot be converted.
#[must_use]
pub fn check(category: Category, legacy: &[u8]) -> Report {
    let mut sieve = Sieve::new(OnInvalidRecord::Skip, legacy.len());
    let result = run(category, legacy, &mut sieve);
    let mut rejections = sieve.dropped;
    let issues = match result {
        Ok(converted) => converted.issues,
        Err(rejected) => {
            rejections.push(rejected);
            Issues::default()
        }
    };
    Report { issues, rejections }
}

/// A v2 file may have this many times the bytes of its legacy file; real ones have up to seven times as many.
const GROWTH: usize = 8;

/// A legacy file that is smaller counts as one of this size.
const SMALL: usize = 16 << 20;

/// The most records that are left out of a file.
const MOST_DROPPED: usize = 100_000;

/// Where records that cannot be converted end up, and how large the whole may become.
struct Sieve {
    on_invalid: OnInvalidRecord,
    dropped: Vec<Rejected>,
    most: usize,
}

impl Sieve {
    /// For a legacy file of so many bytes.
    fn new(on_invalid: OnInvalidRecord, bytes: usize) -> Self {
        Self {
            on_invalid,
            dropped: Vec::new(),
            most: bytes.max(SMALL).saturating_mul(GROWTH),
        }
    }

    /// Ends the conversion when it has written too much (invariant 5).
    fn fits(&self, written: usize) -> Result<(), Rejected> {
        if written <= self.most {
            return Ok(());
        }
        let most = self.most;
        Err(Rejected::file(format!(
            "its v2 file would have more than {most} bytes: so many records of so little in them are no reference"
        )))
    }

    /// Ends the conversion, or leaves the record out.
    fn refuse(&mut self, rejected: Rejected) -> Result<(), Rejected> {
        match self.on_invalid {
            OnInvalidRecord::Reject => Err(rejected),
            OnInvalidRecord::Skip if self.dropped.len() >= MOST_DROPPED => Err(Rejected::file(
                format!("more than {MOST_DROPPED} of its records cannot be converted"),
            )),
            OnInvalidRecord::Skip => {
                self.dropped.push(rejected);
                Ok(())
            }
        }
    }
}

fn run(category: Category, legacy: &[u8], sieve: &mut Sieve) -> Result<Converted, Rejected> {
    if !category.has_legacy() {
        return Ok(Converted::default());
    }
    if legacy.is_empty() {
        return Ok(Converted {
            v2: b"{}\n".to_vec(),
            is_part: true,
            ..Converted::default()
        });
    }
    let text = legacy::utf8(legacy)?;
    let (v2, issues, is_whole) = if category == Category::TextGeneration {
        text::convert(text, sieve)?
    } else {
        let (v2, issues) = records(category, text, sieve)?;
        (v2, issues, true)
    };
    let (mut v2, models) = v2.finish();
    v2.push(b'\n');
    Ok(Converted {
        v2,
        models,
        issues,
        dropped: Vec::new(),
        is_part: !is_whole,
    })
}

/// The JSON categories: a record is a member, after duplicate keys are resolved.
fn records(
    category: Category,
    text: &str,
    sieve: &mut Sieve,
) -> Result<(KeyedObject, Issues), Rejected> {
    let records = legacy::records(text)?;
    let mut issues = Issues::default();
    // Real files shrink or grow by less than two thirds.
    let bytes = text.len() / 3 * 5 + 64;
    let mut v2 = KeyedObject::with_capacity(Flavour::V2, bytes, records.len());
    for (key, value) in &records {
        let converted = Record::read(category, value).and_then(|record| {
            v2.member(key, |writer| match category {
                Category::ImageGeneration => image::write(writer, &record),
                _ => generic::write(writer, category, &record),
            })?;
            record.lint(category, key, |finding| issues.about(key, finding));
            Ok(())
        });
        if let Err(flaw) = converted {
            sieve.refuse(Rejected::of_model(key, flaw))?;
        }
        sieve.fits(v2.len())?;
    }
    Ok((v2, issues))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariant_5_many_short_records_end_the_conversion_early() {
        let csv: String = (0..500).fold("name,parameters_bn\n".to_owned(), |csv, number| {
            csv + &format!("m{number},1\n")
        });
        let json: Vec<String> = (0..500)
            .map(|number| format!("\"m{number}\":{{\"name\":\"m{number}\"}}"))
            .collect();
        let json = format!("{{{}}}", json.join(","));
        for (category, legacy) in [(Category::TextGeneration, csv), (Category::Clip, json)] {
            for policy in [OnInvalidRecord::Reject, OnInvalidRecord::Skip] {
                let whole = convert(category, legacy.as_bytes(), policy).unwrap();
                assert_eq!(whole.models, 500);
                let mut sieve = Sieve::new(policy, legacy.len());
                assert_eq!(sieve.most, SMALL * GROWTH);
                sieve.most = whole.v2.len();
                run(category, legacy.as_bytes(), &mut sieve).unwrap();
                sieve.most = whole.v2.len() / 2;
                let refused = run(category, legacy.as_bytes(), &mut sieve).unwrap_err();
                assert!(refused.reason.contains("more than"), "{refused}");
                assert!(sieve.dropped.is_empty());
            }
        }
    }

    #[test]
    fn a_file_of_nothing_but_bad_records_is_refused_before_all_are_kept() {
        let mut sieve = Sieve::new(OnInvalidRecord::Skip, 0);
        let refuse = |sieve: &mut Sieve| sieve.refuse(Rejected::file("bad"));
        for _ in 0..MOST_DROPPED {
            refuse(&mut sieve).unwrap();
        }
        let refused = refuse(&mut sieve).unwrap_err();
        assert!(refused.reason.contains("more than 100000"), "{refused}");
        assert_eq!(sieve.dropped.len(), MOST_DROPPED);
    }
}
