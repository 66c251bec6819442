//! The licence of a model or of one of its files (docs/conversion.md, section 8.1).
//!
//! Unknown members are errors, unlike everywhere else, and the identifiers of the expression have to be exactly
//! those that are listed.

use std::collections::BTreeSet;

use crate::python::coerce::{
    filled_string, list, object, optional, optional_string, required, strings, unknown_member, word,
};
use crate::python::dates::date;
use crate::python::flaw::{At as _, Flaw};
use crate::python::identifiers;
use crate::python::json::Value;

/// What may be done with a model.
pub(crate) const PERMISSIONS: [&str; 4] = [
    "allowed",
    "allowed_with_conditions",
    "prohibited",
    "unknown",
];
/// What it takes to use one.
pub(crate) const OBLIGATIONS: [&str; 7] = [
    "attribution",
    "include_license",
    "share_alike",
    "disclose_source",
    "network_source_disclosure",
    "responsible_use_restrictions",
    "other",
];

/// A checked licence.
#[derive(Debug)]
pub(crate) struct Licensing<'t> {
    pub(crate) license_expression: &'t str,
    pub(crate) license_ids: Vec<&'t str>,
    pub(crate) commercial_use: &'t str,
    pub(crate) redistribution: &'t str,
    pub(crate) obligations: Vec<&'t str>,
    pub(crate) attribution: Option<&'t str>,
    pub(crate) evidence: Vec<Evidence<'t>>,
    pub(crate) reviewed_by: Option<&'t str>,
    pub(crate) reviewed_at: Option<String>,
    pub(crate) notes: Option<&'t str>,
    /// Licences of single files; only a model's licence has them.
    pub(crate) files: Vec<(&'t str, Licensing<'t>)>,
}

/// Where a claim about a licence comes from.
#[derive(Debug)]
pub(crate) struct Evidence<'t> {
    pub(crate) source: &'t str,
    pub(crate) description: Option<&'t str>,
    pub(crate) checked_at: Option<String>,
}

/// The licence of a model.
pub(crate) fn licensing<'t>(value: &'t Value<'_>) -> Result<Licensing<'t>, Flaw> {
    read(value, true)
}

fn read<'t>(value: &'t Value<'_>, of_model: bool) -> Result<Licensing<'t>, Flaw> {
    let (mut expression, mut commercial_use, mut redistribution) = (None, None, None);
    let (mut license_ids, mut obligations, mut evidence, mut files) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut attribution, mut reviewed_by, mut reviewed_at, mut notes) = (None, None, None, None);
    for (key, value) in object(value)? {
        let mut member = || -> Result<(), Flaw> {
            match key {
                "license_expression" => expression = Some(filled_string(value)?),
                "license_ids" => license_ids = strings(value)?,
                "commercial_use" => commercial_use = Some(word(value, &PERMISSIONS)?),
                "redistribution" => redistribution = Some(word(value, &PERMISSIONS)?),
                "obligations" => obligations = list(value, |item| word(item, &OBLIGATIONS))?,
                "attribution" => attribution = optional_string(value)?,
                "evidence" => evidence = list(value, read_evidence)?,
                "reviewed_by" => reviewed_by = optional_string(value)?,
                "reviewed_at" => reviewed_at = optional(value, date)?,
                "notes" => notes = optional_string(value)?,
                "files" if of_model => {
                    files = object(value)?
                        .iter()
                        .map(|(name, value)| Ok((name, read(value, false).at(name)?)))
                        .collect::<Result<_, Flaw>>()?;
                }
                _ => return Err(Flaw::new("is not a known member")),
            }
            Ok(())
        };
        member().at(key)?;
    }
    let licensing = Licensing {
        license_expression: required(expression, "license_expression")?,
        license_ids,
        commercial_use: required(commercial_use, "commercial_use")?,
        redistribution: required(redistribution, "redistribution")?,
        obligations,
        attribution,
        evidence,
        reviewed_by,
        reviewed_at,
        notes,
        files,
    };
    check_identifiers(&licensing)?;
    Ok(licensing)
}

fn read_evidence<'t>(value: &'t Value<'_>) -> Result<Evidence<'t>, Flaw> {
    let (mut source, mut description, mut checked_at) = (None, None, None);
    for (key, value) in object(value)? {
        match key {
            "source" => source = Some(filled_string(value).at(key)?),
            "description" => description = optional_string(value).at(key)?,
            "checked_at" => checked_at = optional(value, date).at(key)?,
            _ => return unknown_member(key),
        }
    }
    Ok(Evidence {
        source: required(source, "source")?,
        description,
        checked_at,
    })
}

fn check_identifiers(licensing: &Licensing<'_>) -> Result<(), Flaw> {
    let expression = licensing.license_expression;
    let Some(found) = identifiers(expression) else {
        return Err(Flaw::new(format!(
            "is not a licence expression: {expression:?}"
        )))
        .at("license_expression");
    };
    if expression == "NOASSERTION" {
        let undecided = licensing.license_ids.is_empty()
            && licensing.commercial_use == "unknown"
            && licensing.redistribution == "unknown";
        return if undecided {
            Ok(())
        } else {
            Err(Flaw::new(
                "is NOASSERTION, which goes only with no license_ids and with unknown permissions",
            ))
            .at("license_expression")
        };
    }
    let listed: BTreeSet<&str> = licensing.license_ids.iter().copied().collect();
    if listed.is_empty() || !found.iter().map(String::as_str).eq(listed.iter().copied()) {
        let found: Vec<_> = found.iter().map(String::as_str).collect();
        return Err(Flaw::new(format!(
            "must list exactly the identifiers of license_expression: {}",
            found.join(", ")
        )))
        .at("license_ids");
    }
    Ok(())
}
