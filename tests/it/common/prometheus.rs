//! A strict reader of the Prometheus text format, as node_exporter's textfile collector wants it.

use std::collections::BTreeMap;

/// A family: its type, and its samples by their labels.
pub struct Family {
    pub kind: String,
    pub samples: BTreeMap<Vec<(String, String)>, f64>,
}

impl Family {
    /// The value of the sample with exactly these labels.
    pub fn get(&self, labels: &[(&str, &str)]) -> Option<f64> {
        let owned = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.samples.get(&owned.collect::<Vec<_>>()).copied()
    }

    pub fn sum(&self) -> f64 {
        self.samples.values().sum()
    }
}

/// Reads a whole text: each family once and in one piece, HELP and TYPE before its samples, no timestamps, no sample
/// twice, and a newline at the end.
///
/// # Errors
/// The line that breaks a rule, and the rule.
pub fn parse(text: &str) -> Result<BTreeMap<String, Family>, String> {
    if !text.ends_with('\n') {
        return Err("no newline at the end".to_owned());
    }
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let (mut helped, mut current) = (String::new(), String::new());
    for line in text.lines() {
        let wrong = |rule: &str| Err(format!("{line:?}: {rule}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
            if !is_name(name, true) || help.is_empty() || families.contains_key(name) {
                return wrong("HELP of a new family, with a text");
            }
            name.clone_into(&mut helped);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, kind)) = rest.split_once(' ') else {
                return wrong("TYPE has a name and a type");
            };
            let known = ["counter", "gauge"].contains(&kind);
            let suffixed = name.ends_with("_total") == (kind == "counter");
            if name != helped || !known || !suffixed || families.contains_key(name) {
                return wrong("TYPE follows HELP, and counters end in _total");
            }
            name.clone_into(&mut current);
            let (kind, samples) = (kind.to_owned(), BTreeMap::new());
            families.insert(current.clone(), Family { kind, samples });
        } else {
            let (name, labels, value) = sample(line)?;
            if name != current {
                return wrong("a sample stands with its family");
            }
            let samples = &mut families.get_mut(&current).ok_or("no family")?.samples;
            if samples.insert(labels, value).is_some() {
                return wrong("a sample stands once");
            }
        }
    }
    match families
        .iter()
        .find(|(_, family)| family.samples.is_empty())
    {
        Some((name, _)) => Err(format!("{name} has no samples")),
        None => Ok(families),
    }
}

type Sample<'a> = (&'a str, Vec<(String, String)>, f64);

fn sample(line: &str) -> Result<Sample<'_>, String> {
    let wrong = |rule: &str| format!("{line:?}: {rule}");
    let end = line.find(['{', ' ']).ok_or_else(|| wrong("no value"))?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest
                .split_once("=\"")
                .ok_or_else(|| wrong("label=\"value\""))?;
            let (value, after) = quoted(after).ok_or_else(|| wrong("an escape or a quote"))?;
            if !is_name(label, false) {
                return Err(wrong("the name of a label"));
            }
            labels.push((label.to_owned(), value));
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None => {
                    rest = after.strip_prefix('}').ok_or_else(|| wrong("a brace"))?;
                    break;
                }
            }
        }
    }
    // Exactly one space and one number: a second one would be a timestamp.
    let value = rest
        .strip_prefix(' ')
        .ok_or_else(|| wrong("a space before the value"))?;
    let value: f64 = value
        .parse()
        .map_err(|_| wrong("a value and nothing else"))?;
    if !is_name(name, true) || !value.is_finite() {
        return Err(wrong("a name and a finite value"));
    }
    Ok((name, labels, value))
}

/// The text up to the closing quote, unescaped, and what follows the quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                escaped @ ('"' | '\\') => escaped,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}

fn is_name(name: &str, colons: bool) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
    name.chars().all(good) && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty()
}
