//! The text category's `models.csv`: rows as Python's `csv` module splits them and the reference reads them.
//!
//! 1. The `csv` crate has Python's dialect but for two things, which are undone here: it swallows a byte order
//!    mark, and it takes the first row that is not empty for the header.
//! 2. A row with a flaw of its own is skipped with a finding; some flaws reject the whole file (quirks of the
//!    reference): a parameter count that is no finite number, a row too short for its tags, JSON beyond our limits.
//! 3. Rows are numbered from 2, empty ones not counted.

use std::io::Read as _;
use std::ops::ControlFlow;

use super::json::{JsonError, Problem, Value, parse};
use super::numbers::python_float;
use super::{IssueLog, Rejected, python_trim};

/// Python's limit on the characters of a cell.
const MAX_CELL: usize = 131_072;

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

/// Reads all rows in order. Findings go to the log, usable rows and rejections to `visit`.
///
/// # Errors
/// What `visit` breaks with, or that the text is no CSV.
pub(crate) fn for_each_row(
    text: &str,
    log: &mut IssueLog,
    mut visit: impl FnMut(Result<Row<'_>, Rejected>) -> ControlFlow<Rejected>,
) -> Result<(), Rejected> {
    let mut cells = Cells::new(text, "");
    let columns = cells.header()?;
    let mut number = 1;
    while cells.next()? {
        number += 1;
        let row = match columns.row(&cells.record, number, log) {
            Ok(None) => continue,
            Ok(Some(row)) => Ok(row),
            Err(rejected) => Err(rejected),
        };
        if let ControlFlow::Break(rejected) = visit(row) {
            return Err(rejected);
        }
    }
    Ok(())
}

/// Whether a text is a whole `models.csv`, whatever its rows say.
pub(crate) fn check(text: &str) -> Result<(), Rejected> {
    if !text.ends_with('\n') {
        return Err(Rejected::file("cut off: the last row has no line end"));
    }
    // A text that was cut inside a quoted cell swallows whatever comes after it.
    let mut cells = Cells::new(text, "end");
    let columns = cells.header()?;
    for (column, position) in [
        ("name", columns.name),
        ("parameters_bn", columns.parameters_bn),
    ] {
        if position.is_none() {
            return Err(Rejected::file(format!(
                "header changed: there is no column '{column}'"
            )));
        }
    }
    let mut closed = false;
    while cells.next()? {
        closed = cells.record.len() == 1 && cells.record.get(0) == Some("end");
    }
    if closed {
        Ok(())
    } else {
        Err(Rejected::file("cut off: a quoted cell has no end"))
    }
}

/// The cells of a text, row by row.
struct Cells<'a> {
    reader: csv::Reader<Source<'a>>,
    record: csv::StringRecord,
    headless: bool,
}

type Source<'a> = std::io::Chain<std::io::Chain<&'a [u8], &'a [u8]>, &'a [u8]>;

impl<'a> Cells<'a> {
    fn new(text: &'a str, after: &'static str) -> Self {
        // An empty line is nothing to the reader, but the mark is not at the start any more.
        let shield: &[u8] = if text.starts_with('\u{feff}') {
            b"\n"
        } else {
            b""
        };
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 16)
            .from_reader(shield.chain(text.as_bytes()).chain(after.as_bytes()));
        Self {
            reader,
            record: csv::StringRecord::new(),
            headless: text.starts_with(['\r', '\n']),
        }
    }

    fn header(&mut self) -> Result<Columns, Rejected> {
        if self.headless || !self.next()? {
            return Ok(Columns::default());
        }
        Ok(Columns::named(&self.record))
    }

    fn next(&mut self) -> Result<bool, Rejected> {
        let more = self
            .reader
            .read_record(&mut self.record)
            .map_err(|error| Rejected::file(error.to_string()))?;
        if self.record.as_slice().len() > MAX_CELL
            && self
                .record
                .iter()
                .any(|cell| cell.chars().count() > MAX_CELL)
        {
            let line = self.record.position().map_or(0, csv::Position::line);
            return Err(Rejected::file(format!(
                "a cell of the row at line {line} is longer than {MAX_CELL} characters: a quote that was never closed?"
            )));
        }
        Ok(more)
    }
}

/// Where the columns are that matter.
#[derive(Debug, Default)]
struct Columns {
    name: Option<usize>,
    parameters_bn: Option<usize>,
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
    fn named(header: &csv::StringRecord) -> Self {
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

    /// One row; `None` when it was skipped with a finding.
    fn row<'r>(
        &self,
        record: &'r csv::StringRecord,
        number: usize,
        log: &mut IssueLog,
    ) -> Result<Option<Row<'r>>, Rejected> {
        let cell = |column: Option<usize>| column.and_then(|at| record.get(at)).unwrap_or_default();
        let name = python_trim(cell(self.name));
        let mut finding = |parts: &[&str]| {
            let topic = if name.is_empty() {
                log.topic(&format!("<row {number}>"))
            } else {
                log.topic(name)
            };
            log.add(topic, parts);
        };
        if name.is_empty() {
            finding(&["missing required 'name' field; row skipped"]);
            return Ok(None);
        }
        let rejected = |field: &str, reason: String| Rejected {
            model: Some(name.to_owned()),
            field: Some(field.to_owned()),
            reason: format!("{reason} (row {number})"),
        };
        let billions = python_trim(cell(self.parameters_bn));
        let parameters_bn = if billions.is_empty() {
            finding(&["missing parameters_bn; defaulting to 0"]);
            0.0
        } else if let Some(value) = python_float(billions) {
            value
        } else {
            finding(&["invalid parameters_bn value; row skipped"]);
            return Ok(None);
        };
        let parameters = parameters_bn * 1e9;
        if !parameters.is_finite() {
            let reason = format!("must be a finite number of billions, found {billions}");
            return Err(rejected("parameters_bn", reason));
        }
        let tags = match self.tags {
            None => "",
            Some(at) => record
                .get(at)
                .ok_or_else(|| rejected("tags", "is missing: the row is too short".to_owned()))?,
        };
        let too_much =
            |column: &str, error: JsonError, json: &str| rejected(column, error.describe(json));
        let mut settings = None;
        let json = python_trim(cell(self.settings));
        if !json.is_empty() {
            match parse(json) {
                Ok(Value::Null) => {}
                Ok(value) if is_flat(&value) => settings = Some(value),
                Ok(_) => {
                    finding(&[
                        "invalid settings structure; only primitive values or lists thereof are supported",
                    ]);
                    return Ok(None);
                }
                Err(JsonError {
                    problem: Problem::Syntax(words),
                    ..
                }) => {
                    finding(&["invalid settings JSON: ", words, "; row skipped"]);
                    return Ok(None);
                }
                Err(error) => return Err(too_much("settings", error, json)),
            }
        }
        let mut objects = [const { None }; 3];
        let columns = [
            ("context_window", self.context_window),
            ("interaction_modes", self.interaction_modes),
            ("capabilities", self.capabilities),
        ];
        for (object, (column, at)) in objects.iter_mut().zip(columns) {
            let json = python_trim(cell(at));
            if json.is_empty() {
                continue;
            }
            match parse(json) {
                Ok(value @ Value::Object(_)) => *object = Some(value),
                Ok(_) => {
                    finding(&["invalid ", column, ": expected a JSON object; row skipped"]);
                    return Ok(None);
                }
                Err(JsonError {
                    problem: Problem::Syntax(words),
                    ..
                }) => {
                    finding(&["invalid ", column, " JSON: ", words, "; row skipped"]);
                    return Ok(None);
                }
                Err(error) => return Err(too_much(column, error, json)),
            }
        }
        let [context_window, interaction_modes, capabilities] = objects;
        Ok(Some(Row {
            name,
            parameters_bn,
            parameters,
            description: cell(self.description),
            version: cell(self.version),
            style: cell(self.style),
            baseline: cell(self.baseline),
            url: cell(self.url),
            instruct_format: cell(self.instruct_format),
            display_name: cell(self.display_name),
            nsfw: python_trim(cell(self.nsfw)).eq_ignore_ascii_case("true"),
            tags,
            settings,
            context_window,
            interaction_modes,
            capabilities,
        }))
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
