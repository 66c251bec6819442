//! `horde-refd convert`: a filter from one legacy file to its v2 file, or to the text models' legacy JSON.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;

use super::args::{Common, ConvertArgs};
use super::output::{self, Output};
use super::{Exit, UsageError};
use crate::category::Category;
use crate::convert::convert;
use crate::item::OnInvalidRecord;
use crate::legacy::legacy_view;

pub(super) fn main(common: &Common, args: &ConvertArgs) -> anyhow::Result<Exit> {
    if args.legacy_view && args.category != Category::TextGeneration {
        let category = args.category;
        return Err(UsageError(format!(
            "--legacy-view is for text_generation; the legacy file of {category} is JSON already"
        ))
        .into());
    }
    validate(common)?;
    if !args.category.has_legacy() {
        let category = args.category;
        output::warn(format_args!(
            "{category} has no legacy format: there is nothing to convert"
        ));
        return Ok(Exit::Done);
    }
    let (name, bytes) = input(args.file.as_ref())?;
    let mut out = Output::stdout();
    if args.legacy_view {
        let view = legacy_view(&bytes, !args.no_backend_prefixes)
            .with_context(|| format!("{name} cannot be read as models.csv"))?;
        out.bytes(view.as_bytes())?;
    } else {
        let converted = convert(args.category, &bytes, OnInvalidRecord::Reject)
            .with_context(|| format!("{name} cannot be converted as {}", args.category))?;
        out.bytes(&converted.v2)?;
        if common.verbose > 0 {
            for (model, messages) in converted.issues.iter() {
                for message in messages {
                    let message = message.strip_prefix(model).unwrap_or(&message).trim_start();
                    output::warn(format_args!("{model}: {message}"));
                }
            }
        }
    }
    out.finish()?;
    Ok(Exit::Done)
}

/// Looks at the configuration file that a filter was given, although it needs nothing from it: a wrong one is never
/// passed over.
pub(super) fn validate(common: &Common) -> anyhow::Result<()> {
    if common.config.is_some() {
        common.load()?;
    }
    Ok(())
}

/// The bytes of a file, or of stdin where none is named, and what to call them.
pub(super) fn input(file: Option<&PathBuf>) -> anyhow::Result<(String, Vec<u8>)> {
    if let Some(file) = file.filter(|file| file.as_os_str() != "-") {
        let bytes =
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        return Ok((file.display().to_string(), bytes));
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .context("cannot read stdin")?;
    Ok(("stdin".to_owned(), bytes))
}
