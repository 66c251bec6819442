//! One row of `models.csv`, as the reference reads it (docs/conversion.md, section 5.3).
//!
//! A row with a flaw of its own is skipped with a finding, and the first flaw decides. Some flaws reject the whole
//! file instead (quirks of the reference): a parameter count that is no finite number, a row too short for its
//! tags, JSON beyond our limits.

pub(crate) mod claims;
mod columns;
pub(crate) mod table;

use csv::StringRecord;

use super::{Issues, Rejected};
use crate::python::characters::python_trim;
use crate::python::json::{JsonError, Problem, Value, parse};
use crate::python::numbers::python_float;

use columns::Columns;

/// A row that can be used.
#[derive(Debug)]
pub(crate) struct Row<'r> {
    pub(crate) name: &'r str,
    pub(crate) parameters_bn: f64,
    /// `parameters_bn` times a thousand million, without its fraction.
    pub(crate) parameters: f64,
    pub(crate) description: &'r str,
    pub(crate) version: &'r str,
    pub(crate) style: &'r str,
    pub(crate) baseline: &'r str,
    pub(crate) url: &'r str,
    pub(crate) instruct_format: &'r str,
    pub(crate) display_name: &'r str,
    pub(crate) nsfw: bool,
    /// As written; [`Row::tags`] splits it.
    tags: &'r str,
    /// An object of scalars and lists of scalars.
    pub(crate) settings: Option<Value<'r>>,
    /// An object, not looked into yet, as the next two.
    pub(crate) context_window: Option<Value<'r>>,
    pub(crate) interaction_modes: Option<Value<'r>>,
    pub(crate) capabilities: Option<Value<'r>>,
}

/// Why there is no row.
pub(crate) enum Refusal {
    /// The finding is logged.
    Skipped,
    /// The reference rejects the file for it.
    Rejected(Rejected),
}

impl<'r> Row<'r> {
    /// Reads one row, in the order of section 5.3.
    fn read(
        columns: &Columns,
        cells: &'r StringRecord,
        number: usize,
        issues: &mut Issues,
    ) -> Result<Self, Refusal> {
        let cell = |column: Option<usize>| column.and_then(|at| cells.get(at)).unwrap_or_default();
        let name = python_trim(cell(columns.name));
        let mut at = Place {
            name,
            number,
            issues,
        };
        if name.is_empty() {
            return Err(at.skipped("missing required 'name' field; row skipped".to_owned()));
        }
        let parameters_bn = at.parameters_bn(cell(columns.parameters_bn))?;
        if columns.tags.is_some_and(|tags| tags >= cells.len()) {
            return Err(at.rejected("tags", "is missing: the row is too short"));
        }
        let json = |column| Some(python_trim(cell(column))).filter(|json| !json.is_empty());
        let settings = json(columns.settings).map(|json| at.settings(json));
        let mut object = |name, column| json(column).map(|json| at.object(name, json)).transpose();
        Ok(Self {
            name,
            parameters_bn,
            parameters: (parameters_bn * 1e9).trunc(),
            tags: cell(columns.tags),
            settings: settings.transpose()?.flatten(),
            context_window: object("context_window", columns.context_window)?,
            interaction_modes: object("interaction_modes", columns.interaction_modes)?,
            capabilities: object("capabilities", columns.capabilities)?,
            description: cell(columns.description),
            version: cell(columns.version),
            style: cell(columns.style),
            baseline: cell(columns.baseline),
            url: cell(columns.url),
            instruct_format: cell(columns.instruct_format),
            display_name: cell(columns.display_name),
            nsfw: python_trim(cell(columns.nsfw)).eq_ignore_ascii_case("true"),
        })
    }

    /// The tags, trimmed, empty ones dropped.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &'r str> {
        let tags = self.tags.split(',').map(python_trim);
        tags.filter(|tag| !tag.is_empty())
    }
}

/// The row being read, to blame when something is wrong with a cell.
struct Place<'r, 'i> {
    name: &'r str,
    number: usize,
    issues: &'i mut Issues,
}

impl Place<'_, '_> {
    fn finding(&mut self, text: String) {
        if self.name.is_empty() {
            self.issues.add(&format!("<row {}>", self.number), text);
        } else {
            self.issues.add(self.name, text);
        }
    }

    fn skipped(&mut self, text: String) -> Refusal {
        self.finding(text);
        Refusal::Skipped
    }

    fn rejected(&self, column: &str, reason: &str) -> Refusal {
        Refusal::Rejected(Rejected {
            model: Some(self.name.to_owned()),
            field: Some(column.to_owned()),
            reason: format!("{reason} (row {})", self.number),
            damaged: false,
        })
    }

    fn parameters_bn(&mut self, cell: &str) -> Result<f64, Refusal> {
        let cell = python_trim(cell);
        if cell.is_empty() {
            self.finding("missing parameters_bn; defaulting to 0".to_owned());
            return Ok(0.0);
        }
        let Some(value) = python_float(cell) else {
            return Err(self.skipped("invalid parameters_bn value; row skipped".to_owned()));
        };
        if (value * 1e9).is_finite() {
            return Ok(value);
        }
        let reason = format!("must be a finite number of billions, found {cell}");
        Err(self.rejected("parameters_bn", &reason))
    }

    fn settings<'c>(&mut self, json: &'c str) -> Result<Option<Value<'c>>, Refusal> {
        match self.json("settings", json)? {
            Value::Null => Ok(None),
            value if is_flat(&value) => Ok(Some(value)),
            _ => Err(self.skipped(
                "invalid settings structure; only primitive values or lists thereof are supported"
                    .to_owned(),
            )),
        }
    }

    fn object<'c>(&mut self, column: &str, json: &'c str) -> Result<Value<'c>, Refusal> {
        match self.json(column, json)? {
            object @ Value::Object(_) => Ok(object),
            _ => Err(self.skipped(format!(
                "invalid {column}: expected a JSON object; row skipped"
            ))),
        }
    }

    fn json<'c>(&mut self, column: &str, json: &'c str) -> Result<Value<'c>, Refusal> {
        parse(json).map_err(|error| match error {
            JsonError {
                problem: Problem::Syntax(words),
                ..
            } => self.skipped(format!("invalid {column} JSON: {words}; row skipped")),
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
