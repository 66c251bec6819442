//! `horde-refd check`: every issue and every rejection of legacy files, for those who maintain them.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::Exit;
use super::args::{CheckArgs, CheckTarget, Common};
use super::convert::{input, validate};
use super::output::{self, Output};
use crate::category::Category;
use crate::error::chain;
use crate::inspect::lint::lint;
use crate::legacy::Issues;
use crate::mirror::Layout;
use crate::text::escaped;

/// One legacy file as it was found.
struct Checked {
    category: Category,
    file: String,
    issues: Issues,
    /// Why it cannot be converted, or not even be read.
    rejections: Vec<String>,
}

pub(super) fn main(common: &Common, args: &CheckArgs) -> anyhow::Result<Exit> {
    let mut checked = Vec::new();
    for (category, file) in files(common, &args.targets)? {
        if category.has_legacy() {
            checked.push(one(category, &file));
        } else {
            output::warn(format_args!(
                "{category} has no legacy format: there is nothing to check"
            ));
        }
    }
    let mut out = Output::stdout();
    if common.json {
        out.json(&as_json(&checked))?;
    } else {
        for file in &checked {
            file.print(&mut out)?;
        }
        if !checked.is_empty() {
            out.line(summary(&checked))?;
        }
    }
    out.finish()?;
    let rejected = checked.iter().any(|file| !file.rejections.is_empty());
    Ok(if rejected { Exit::Failed } else { Exit::Done })
}

/// The files to check: those named, the mirror's own for a category alone, all of the mirror's for none.
fn files(common: &Common, targets: &[CheckTarget]) -> anyhow::Result<Vec<(Category, PathBuf)>> {
    if let Some(named) = targets
        .iter()
        .map(|target| Some((target.category, target.file.clone()?)))
        .collect::<Option<Vec<_>>>()
        .filter(|named| !named.is_empty())
    {
        validate(common)?;
        return Ok(named);
    }
    let layout = Layout::new(&common.load()?.config.base_path);
    let own = |category| (category, layout.legacy(category));
    Ok(match targets {
        [] => Category::with_legacy().map(own).collect(),
        some => some
            .iter()
            .map(|target| match &target.file {
                Some(file) => (target.category, file.clone()),
                None => own(target.category),
            })
            .collect(),
    })
}

fn one(category: Category, file: &PathBuf) -> Checked {
    let (issues, rejections) = match input(Some(file)) {
        Ok((_, bytes)) => {
            let report = lint(category, &bytes);
            let rejections = report.rejections.iter().map(ToString::to_string).collect();
            (report.issues, rejections)
        }
        // The other files are checked all the same.
        Err(error) => (Issues::default(), vec![chain(error.as_ref())]),
    };
    Checked {
        category,
        file: file.display().to_string(),
        issues,
        rejections,
    }
}

impl Checked {
    fn print(&self, out: &mut Output) -> anyhow::Result<()> {
        if self.rejections.is_empty() && self.issues.is_empty() {
            return Ok(());
        }
        out.line(format_args!("{} ({})", self.category, self.file))?;
        for rejected in &self.rejections {
            out.line(format_args!("  REJECTED {}", escaped(rejected)))?;
        }
        for (model, messages) in self.issues.iter() {
            out.line(format_args!("  {}", escaped(model)))?;
            for message in messages {
                // The messages repeat the model's name, which stands above them.
                let message = message.strip_prefix(model).unwrap_or(&message).trim_start();
                out.line(format_args!("    {}", escaped(message)))?;
            }
        }
        Ok(())
    }
}

/// The machine-readable result (design contract: command line).
fn as_json(checked: &[Checked]) -> Value {
    let mut result: Map<String, Value> = Map::new();
    for category in Category::with_legacy() {
        // A category may be named with several files; what is said of one model in all of them stands together.
        let files: Vec<_> = checked.iter().filter(|f| f.category == category).collect();
        if files.is_empty() {
            continue;
        }
        // In the order of each model's first message.
        let mut issues: Map<String, Value> = Map::new();
        let mut reasons = Vec::new();
        for file in &files {
            for (model, messages) in file.issues.iter() {
                let known = issues.entry(model).or_insert_with(|| json!([]));
                if let Some(known) = known.as_array_mut() {
                    known.extend(messages.map(Value::from));
                }
            }
            for reason in &file.rejections {
                reasons.push(match files.as_slice() {
                    [_] => reason.clone(),
                    _ => format!("{}: {reason}", file.file),
                });
            }
        }
        let mut entry = json!({ "issues": issues });
        if let (false, Some(entry)) = (reasons.is_empty(), entry.as_object_mut()) {
            entry.insert("rejected".to_owned(), reasons.join("; ").into());
        }
        result.insert(category.name().to_owned(), entry);
    }
    result.into()
}

fn summary(checked: &[Checked]) -> String {
    let count = |number: usize, what: &str| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {what}{plural}")
    };
    let issues = checked.iter().map(|file| file.issues.len()).sum();
    let rejected = checked
        .iter()
        .filter(|file| !file.rejections.is_empty())
        .count();
    let rejections = checked.iter().map(|file| file.rejections.len()).sum();
    let rejected = match rejected {
        0 => "none rejected".to_owned(),
        some => format!("{some} rejected for {}", count(rejections, "reason")),
    };
    format!(
        "{} checked: {rejected}, {}",
        count(checked.len(), "file"),
        count(issues, "issue"),
    )
}
