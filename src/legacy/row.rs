//! One row of `models.csv`, as the reference reads it.
//!
//! A row with a flaw of its own is skipped with a finding, and the first flaw decides. Some flaws reject the whole
//! file instead (quirks of the reference): a parameter count that is no finite number, a row too short for its
//! tags, JSON beyond our limits.

use super::json::Value;
use super::json_reader::{JsonError, Problem, parse};
use super::numbers::python_float;
use super::{IssueLog, Rejected, python_trim};

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
    tags: &'r str,
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
    Rejected(Rejected),
}

/// Where the columns are that matter.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) name: Option<usize>,
    pub(crate) parameters_bn: Option<usize>,
    description: Option<usize>,
    version: Option<usize>,
    style: Option<usize>,
    baseline: Option<usize>,
    url: Option<usize>,
    instruct_format: Option<usize>,
    display_name: Option<usize>,
    nsfw: Option<usize>,
    tags: Option<usize>,
    settings: Option<usize>,
    context_window: Option<usize>,
    interaction_modes: Option<usize>,
    capabilities: Option<usize>,
}

impl Columns {
    /// Of two columns of one name the last counts.
    pub(crate) fn named(header: &csv::StringRecord) -> Self {
        let mut columns = Self::default();
        for (index, name) in header.iter().enumerate() {
            let column = match name {
                "name" => &mut columns.name,
                "parameters_bn" => &mut columns.parameters_bn,
                "description" => &mut columns.description,
                "version" => &mut columns.version,
                "style" => &mut columns.style,
                "baseline" => &mut columns.baseline,
                "url" => &mut columns.url,
                "instruct_format" => &mut columns.instruct_format,
                "display_name" => &mut columns.display_name,
                "nsfw" => &mut columns.nsfw,
                "tags" => &mut columns.tags,
                "settings" => &mut columns.settings,
                "context_window" => &mut columns.context_window,
                "interaction_modes" => &mut columns.interaction_modes,
                "capabilities" => &mut columns.capabilities,
                _ => continue,
            };
            *column = Some(index);
        }
        columns
    }

    /// Reads one row.
    pub(crate) fn row<'r>(
        &self,
        record: &'r csv::StringRecord,
        number: usize,
        log: &mut IssueLog,
    ) -> Result<Row<'r>, Refusal> {
        let cell = |column: Option<usize>| column.and_then(|at| record.get(at)).unwrap_or_default();
        let name = python_trim(cell(self.name));
        let mut at = Place { name, number, log };
        if name.is_empty() {
            return Err(at.skipped(&["missing required 'name' field; row skipped"]));
        }
        let parameters_bn = at.parameters_bn(cell(self.parameters_bn))?;
        let tags = match self.tags.map(|column| record.get(column)) {
            None => "",
            Some(Some(tags)) => tags,
            Some(None) => return Err(at.rejected("tags", "is missing: the row is too short")),
        };
        Ok(Row {
            name,
            parameters_bn,
            parameters: parameters_bn * 1e9,
            tags,
            settings: at.settings(cell(self.settings))?,
            context_window: at.object("context_window", cell(self.context_window))?,
            interaction_modes: at.object("interaction_modes", cell(self.interaction_modes))?,
            capabilities: at.object("capabilities", cell(self.capabilities))?,
            description: cell(self.description),
            version: cell(self.version),
            style: cell(self.style),
            baseline: cell(self.baseline),
            url: cell(self.url),
            instruct_format: cell(self.instruct_format),
            display_name: cell(self.display_name),
            nsfw: python_trim(cell(self.nsfw)).eq_ignore_ascii_case("true"),
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
        Refusal::Rejected(Rejected {
            model: Some(self.name.to_owned()),
            field: Some(column.to_owned()),
            reason: format!("{reason} (row {})", self.number),
        })
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
