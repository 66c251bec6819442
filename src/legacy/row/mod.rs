//! One row of `models.csv`, as the reference reads it.
//!
//! A row with a flaw of its own is skipped with a finding, and the first flaw decides. Some flaws reject the whole
//! file instead (quirks of the reference): a parameter count that is no finite number, a row too short for its
//! tags, JSON beyond our limits.

pub(crate) mod claims;
mod columns;
pub(crate) mod table;

use super::{IssueLog, Rejected};
use crate::python::characters::python_trim;
use crate::python::csv::Cells;
use crate::python::json::{JsonError, Problem, Value, parse};
use crate::python::numbers::python_float;

pub(crate) use columns::Columns;
use columns::{COLUMNS, Column};

/// A row that can be used.
#[derive(Debug)]
pub(crate) struct Row<'r> {
    pub(crate) name: &'r str,
    pub(crate) parameters_bn: f64,
    /// `parameters_bn` times a thousand million; to be truncated.
    pub(crate) parameters: f64,
    pub(crate) description: &'r str,
    pub(crate) version: &'r str,
    pub(crate) style: &'r str,
    pub(crate) baseline: &'r str,
    pub(crate) url: &'r str,
    pub(crate) instruct_format: &'r str,
    pub(crate) display_name: &'r str,
    pub(crate) nsfw: bool,
    /// No cell has a character that JSON escapes.
    pub(crate) is_plain: bool,
    /// As written; [`Row::tags`] splits it.
    pub(crate) tags: &'r str,
    /// The cells that hold JSON, when any of them does; few rows have any.
    pub(crate) details: Option<Box<Details<'r>>>,
}

/// The cells of a row that hold JSON.
#[derive(Debug)]
pub(crate) struct Details<'r> {
    /// An object of scalars and lists of scalars.
    pub(crate) settings: Option<Value<'r>>,
    /// Objects, not looked into yet.
    pub(crate) context_window: Option<Value<'r>>,
    pub(crate) interaction_modes: Option<Value<'r>>,
    pub(crate) capabilities: Option<Value<'r>>,
}

impl<'r> Row<'r> {
    /// The tags, trimmed, empty ones dropped.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &'r str> {
        self.tags
            .split(',')
            .map(python_trim)
            .filter(|tag| !tag.is_empty())
    }
}

/// Why there is no row.
pub(crate) enum Refusal {
    /// The finding is in the log.
    Skipped,
    /// The file is of no use.
    Rejected(Box<Rejected>),
}

impl Columns {
    /// Reads one row.
    pub(crate) fn row<'r>(
        &self,
        cells: &'r Cells<'_>,
        number: usize,
        log: &mut IssueLog,
    ) -> Result<Row<'r>, Refusal> {
        let mut texts = [""; COLUMNS.len()];
        for (index, text) in cells.filled() {
            if let Some(column) = self.at(index)
                && let Some(place) = texts.get_mut(column as usize)
            {
                *place = text;
            }
        }
        let cell = |column: Column| texts.get(column as usize).copied().unwrap_or_default();
        let name = python_trim(cell(Column::Name));
        let mut at = Place { name, number, log };
        if name.is_empty() {
            return Err(at.skipped(&["missing required 'name' field; row skipped"]));
        }
        let parameters_bn = at.parameters_bn(cell(Column::ParametersBn))?;
        if self.lack_tags(cells.len()) {
            return Err(at.rejected("tags", "is missing: the row is too short"));
        }
        Ok(Row {
            name,
            parameters_bn,
            parameters: parameters_bn * 1e9,
            tags: cell(Column::Tags),
            details: at.details([
                cell(Column::Settings),
                cell(Column::ContextWindow),
                cell(Column::InteractionModes),
                cell(Column::Capabilities),
            ])?,
            description: cell(Column::Description),
            version: cell(Column::Version),
            style: cell(Column::Style),
            baseline: cell(Column::Baseline),
            url: cell(Column::Url),
            instruct_format: cell(Column::InstructFormat),
            display_name: cell(Column::DisplayName),
            is_plain: cells.is_plain(),
            nsfw: python_trim(cell(Column::Nsfw)).eq_ignore_ascii_case("true"),
        })
    }
}

/// The row being read, to blame when something is wrong with a cell.
struct Place<'r, 'l> {
    name: &'r str,
    number: usize,
    log: &'l mut IssueLog,
}

impl Place<'_, '_> {
    #[cold]
    fn finding(&mut self, parts: &[&str]) {
        let topic = if self.name.is_empty() {
            self.log.topic(&format!("<row {}>", self.number))
        } else {
            self.log.topic(self.name)
        };
        self.log.add(topic, parts.concat());
    }

    #[cold]
    fn skipped(&mut self, parts: &[&str]) -> Refusal {
        self.finding(parts);
        Refusal::Skipped
    }

    #[cold]
    fn rejected(&self, column: &str, reason: &str) -> Refusal {
        Refusal::Rejected(Box::new(Rejected {
            model: Some(self.name.to_owned()),
            field: Some(column.to_owned()),
            reason: format!("{reason} (row {})", self.number),
        }))
    }

    fn parameters_bn(&mut self, cell: &str) -> Result<f64, Refusal> {
        let cell = python_trim(cell);
        if cell.is_empty() {
            self.finding(&["missing parameters_bn; defaulting to 0"]);
            return Ok(0.0);
        }
        let Some(value) = python_float(cell) else {
            return Err(self.skipped(&["invalid parameters_bn value; row skipped"]));
        };
        if (value * 1e9).is_finite() {
            return Ok(value);
        }
        let reason = format!("must be a finite number of billions, found {cell}");
        Err(self.rejected("parameters_bn", &reason))
    }

    #[inline]
    fn details<'c>(&mut self, cells: [&'c str; 4]) -> Result<Option<Box<Details<'c>>>, Refusal> {
        if cells.iter().all(|cell| cell.is_empty()) {
            return Ok(None);
        }
        let [settings, context_window, interaction_modes, capabilities] = cells;
        Ok(Some(Box::new(Details {
            settings: self.settings(settings)?,
            context_window: self.object("context_window", context_window)?,
            interaction_modes: self.object("interaction_modes", interaction_modes)?,
            capabilities: self.object("capabilities", capabilities)?,
        })))
    }

    fn settings<'c>(&mut self, cell: &'c str) -> Result<Option<Value<'c>>, Refusal> {
        match self.json("settings", cell)? {
            Some(Value::Null) => Ok(None),
            Some(value) if !is_flat(&value) => Err(self.skipped(&[
                "invalid settings structure; only primitive values or lists thereof are supported",
            ])),
            read => Ok(read),
        }
    }

    fn object<'c>(&mut self, column: &str, cell: &'c str) -> Result<Option<Value<'c>>, Refusal> {
        match self.json(column, cell)? {
            read @ (None | Some(Value::Object(_))) => Ok(read),
            Some(_) => {
                Err(self.skipped(&["invalid ", column, ": expected a JSON object; row skipped"]))
            }
        }
    }

    /// The JSON in a cell, if there is any.
    fn json<'c>(&mut self, column: &str, cell: &'c str) -> Result<Option<Value<'c>>, Refusal> {
        let json = python_trim(cell);
        if json.is_empty() {
            return Ok(None);
        }
        parse(json).map(Some).map_err(|error| match error {
            JsonError {
                problem: Problem::Syntax(words),
                ..
            } => self.skipped(&["invalid ", column, " JSON: ", words, "; row skipped"]),
            error => self.rejected(column, &error.describe(json)),
        })
    }
}

/// Whether settings are an object of scalars and lists of scalars.
fn is_flat(value: &Value<'_>) -> bool {
    let scalar = |value: &Value<'_>| {
        matches!(
            value,
            Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_)
        )
    };
    match value {
        Value::Object(object) => object.iter().all(|(_, value)| match value {
            Value::List(items) => items.iter().all(scalar),
            value => scalar(value),
        }),
        _ => false,
    }
}
