//! What a text model is said to support, and which pages say so: context window, interaction modes, capabilities
//! (docs/conversion.md, sections 8.3 and 8.4).

use std::borrow::Cow;

use crate::python::coerce::{list, object, optional_string, required, unknown_member, word};
use crate::python::flaw::{At as _, Flaw};
use crate::python::json::Value;
use crate::python::numbers::integer;
use crate::python::urls::http_url;

/// The keys of `interaction_modes`.
pub(crate) const INTERACTION_MODES: [&str; 3] = ["completion", "instruction", "chat"];
/// The keys of `capabilities`.
pub(crate) const CAPABILITIES: [&str; 2] = ["tool_calling", "structured_output"];
const STATUSES: [&str; 3] = ["supported", "unsupported", "unknown"];

/// A page that backs a claim.
#[derive(Debug)]
pub(crate) struct Source<'t> {
    pub(crate) url: String,
    pub(crate) title: Option<&'t str>,
    pub(crate) note: Option<&'t str>,
}

/// How many tokens a model takes.
#[derive(Debug)]
pub(crate) struct ContextWindow<'t> {
    pub(crate) maximum_tokens: Cow<'t, str>,
    pub(crate) sources: Vec<Source<'t>>,
    pub(crate) qualification: Option<&'t str>,
}

/// Whether a model supports something.
#[derive(Debug)]
pub(crate) struct Claim<'t> {
    pub(crate) status: &'t str,
    pub(crate) sources: Vec<Source<'t>>,
    pub(crate) qualification: Option<&'t str>,
}

/// Claims by what they are about, in the order of the file.
pub(crate) type Claims<'t> = Vec<(&'t str, Claim<'t>)>;

/// Reads `context_window`.
pub(crate) fn context_window<'t>(value: &'t Value<'_>) -> Result<ContextWindow<'t>, Flaw> {
    let (mut maximum_tokens, mut sources, mut qualification) = (None, Vec::new(), None);
    for (key, value) in object(value)? {
        match key {
            "maximum_tokens" => maximum_tokens = Some(positive(value).at(key)?),
            "sources" => sources = list(value, source).at(key)?,
            "qualification" => qualification = optional_string(value).at(key)?,
            _ => return unknown_member(key),
        }
    }
    Ok(ContextWindow {
        maximum_tokens: required(maximum_tokens, "maximum_tokens")?,
        sources,
        qualification,
    })
}

/// Reads `interaction_modes` or `capabilities`, whose keys are `subjects`.
pub(crate) fn claims<'t>(value: &'t Value<'_>, subjects: &[&str]) -> Result<Claims<'t>, Flaw> {
    object(value)?
        .iter()
        .map(|(subject, value)| {
            if subjects.contains(&subject) {
                Ok((subject, claim(value).at(subject)?))
            } else {
                Err(Flaw::new(format!(
                    "must have no members but {}, found \"{}\"",
                    subjects.join(", "),
                    subject.escape_debug()
                )))
            }
        })
        .collect()
}

fn claim<'t>(value: &'t Value<'_>) -> Result<Claim<'t>, Flaw> {
    let (mut status, mut sources, mut qualification) = (None, Vec::new(), None);
    for (key, value) in object(value)? {
        match key {
            "status" => status = Some(word(value, &STATUSES).at(key)?),
            "sources" => sources = list(value, source).at(key)?,
            "qualification" => qualification = optional_string(value).at(key)?,
            _ => return unknown_member(key),
        }
    }
    Ok(Claim {
        status: required(status, "status")?,
        sources,
        qualification,
    })
}

fn source<'t>(value: &'t Value<'_>) -> Result<Source<'t>, Flaw> {
    let (mut url, mut title, mut note) = (None, None, None);
    for (key, value) in object(value)? {
        match key {
            "url" => url = Some(http_url(value).at(key)?),
            "title" => title = optional_string(value).at(key)?,
            "note" => note = optional_string(value).at(key)?,
            _ => return unknown_member(key),
        }
    }
    Ok(Source {
        url: required(url, "url")?,
        title,
        note,
    })
}

fn positive<'t>(value: &'t Value<'_>) -> Result<Cow<'t, str>, Flaw> {
    let number = integer(value)?;
    if number == "0" || number.starts_with('-') {
        return Err(Flaw::new(format!("must be at least 1, found {number}")));
    }
    Ok(number)
}
