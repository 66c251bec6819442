//! The patterns that text model names are shortened by. Each finds its leftmost match.
//!
//! 1. Names are ASCII as a rule and are treated as bytes; others go through the same code as characters.
//! 2. A *word* pattern is bounded on both sides, and all its characters are word characters, so it matches
//!    exactly the whole runs of word characters that equal it.

use std::ops::Range;

use crate::legacy::{is_decimal, is_letter_or_number};

use super::places::Places;

/// A character of a name, as the patterns see it.
pub(super) trait Unit: Copy + PartialEq {
    /// A decimal digit of any script.
    fn is_digit(self) -> bool;
    /// A letter or number of any script, or `_`.
    fn is_word(self) -> bool;
    /// The lower-case ASCII character it equals when case is ignored; 0 for none.
    fn folded(self) -> u8;
    /// The ASCII character it is; 0 for none.
    fn ascii(self) -> u8;

    /// What a case-insensitive `[a-z]` matches.
    fn is_letter(self) -> bool {
        self.folded().is_ascii_lowercase()
    }

    /// What a case-insensitive `[a-z0-9]` matches.
    fn is_letter_or_digit(self) -> bool {
        self.folded().is_ascii_alphanumeric()
    }
}

impl Unit for u8 {
    fn is_digit(self) -> bool {
        self.is_ascii_digit()
    }

    fn is_word(self) -> bool {
        self.is_ascii_alphanumeric() || self == b'_'
    }

    fn folded(self) -> u8 {
        self.to_ascii_lowercase()
    }

    fn ascii(self) -> u8 {
        self
    }
}

impl Unit for char {
    fn is_digit(self) -> bool {
        is_decimal(self)
    }

    fn is_word(self) -> bool {
        self == '_' || is_letter_or_number(self)
    }

    fn folded(self) -> u8 {
        match self {
            '\u{130}' | '\u{131}' => b'i',
            '\u{17f}' => b's',
            '\u{212a}' => b'k',
            other => other.ascii().to_ascii_lowercase(),
        }
    }

    fn ascii(self) -> u8 {
        u8::try_from(self).ok().filter(u8::is_ascii).unwrap_or(0)
    }
}

fn at<U: Unit>(name: &[U], index: usize) -> Option<U> {
    name.get(index).copied()
}

fn before<U: Unit>(name: &[U], index: usize) -> Option<U> {
    at(name, index.checked_sub(1)?)
}

fn is(unit: Option<impl Unit>, ascii: u8) -> bool {
    unit.is_some_and(|unit| unit.ascii() == ascii)
}

fn digits_end<U: Unit>(name: &[U], from: usize) -> usize {
    let digits = name.iter().skip(from).take_while(|unit| unit.is_digit());
    from + digits.count()
}

/// Where a dotted version at the start ends, with the separator after it.
pub(super) fn leading_version<U: Unit>(name: &[U]) -> usize {
    let mut end = digits_end(name, 0);
    let mut parts = usize::from(end > 0);
    while (1..3).contains(&parts) && is(at(name, end), b'.') {
        let next = digits_end(name, end + 1);
        if next == end + 1 {
            break;
        }
        (end, parts) = (next, parts + 1);
    }
    let separator = at(name, end).is_some_and(|unit| matches!(unit.ascii(), b'_' | b'-'));
    if parts >= 2 && separator { end + 1 } else { 0 }
}

/// `7B`, `1.5b`, `350M`, or else `8x7B`.
pub(super) fn size<U: Unit>(name: &[U], places: &impl Places<U>) -> Option<Range<usize>> {
    let is_unit =
        |index| at(name, index).is_some_and(|unit| matches!(unit.folded(), b'b' | b'm' | b'k'));
    let plain = places.digit_runs(name).find_map(|run| {
        let start = size_start(name, &run)?;
        let mut end = run.end;
        if is(at(name, end), b'.') {
            end = digits_end(name, end + 1);
        }
        let end = is_unit(end).then(|| size_end(name, end + 1)).flatten()?;
        Some(start..end)
    });
    plain.or_else(|| {
        places.digit_runs(name).find_map(|run| {
            let start = size_start(name, &run)?;
            if at(name, run.end)?.folded() != b'x' {
                return None;
            }
            let second = run.end + 1;
            let end = digits_end(name, second);
            let matches =
                end > second && is_unit(end) && !at(name, end + 1).is_some_and(U::is_letter);
            matches.then_some(start..end + 1)
        })
    })
}

/// After a letter a size may still begin at the second digit of a run.
fn size_start<U: Unit>(name: &[U], run: &Range<usize>) -> Option<usize> {
    let after_letter = before(name, run.start).is_some_and(U::is_letter);
    let start = run.start + usize::from(after_letter);
    (start < run.end).then_some(start)
}

/// Digits after the unit belong to it; the last one is given back when a letter follows.
fn size_end<U: Unit>(name: &[U], from: usize) -> Option<usize> {
    let end = digits_end(name, from);
    if !at(name, end).is_some_and(U::is_letter) {
        return Some(end);
    }
    (end > from).then_some(end - 1)
}

/// `v1.2`, or else `v2`.
pub(super) fn version<U: Unit>(name: &[U], places: &impl Places<U>) -> Option<Range<usize>> {
    let goes_on = |end| at(name, end).is_some_and(U::is_letter_or_digit);
    let dotted = places.version_starts(name).find_map(|start| {
        let mut dot = digits_end(name, start + 1);
        let mut last = None;
        while is(at(name, dot), b'.') && at(name, dot + 1).is_some_and(U::is_digit) {
            let end = digits_end(name, dot + 1);
            last = (dot + 2..=end).rev().find(|&end| !goes_on(end)).or(last);
            dot = end;
        }
        Some(start..last?)
    });
    dotted.or_else(|| {
        places.version_starts(name).find_map(|start| {
            let end = digits_end(name, start + 1);
            let last = (start + 2..=end)
                .rev()
                .find(|&end| !goes_on(end) && !is(at(name, end), b'.'))?;
            Some(start..last)
        })
    })
}

/// The first quantisation and the first variant, by rank of the pattern and then by place.
pub(super) fn words<U: Unit>(
    name: &[U],
    places: &impl Places<U>,
) -> (Option<Range<usize>>, Option<Range<usize>>) {
    let mut quantisation: Option<(u8, Range<usize>)> = None;
    let mut variant: Option<(u8, Range<usize>)> = None;
    for run in places.word_runs(name) {
        let first = at(name, run.start).map_or(0, U::folded);
        if !can_be_word(first, run.len()) {
            continue;
        }
        let mut word = [0_u8; 10];
        for (to, unit) in word
            .iter_mut()
            .zip(name.iter().skip(run.start))
            .take(run.len())
        {
            *to = unit.folded();
        }
        let word = word.get(..run.len()).unwrap_or_default();
        let (best, rank) = match (quantisation_rank(word), variant_rank(word)) {
            (Some(rank), _) => (&mut quantisation, rank),
            (None, Some(rank)) => (&mut variant, rank),
            (None, None) => continue,
        };
        if best.as_ref().is_none_or(|(best, _)| rank < *best) {
            *best = Some((rank, run));
        }
    }
    (
        quantisation.map(|(_, range)| range),
        variant.map(|(_, range)| range),
    )
}

/// Whether any word begins like that and is that long; most runs end here.
fn can_be_word(first: u8, length: usize) -> bool {
    match length {
        2 => matches!(first, b'q' | b'f'),
        3 => first == b'a',
        4 => matches!(first, b'q' | b'g' | b'e' | b'f' | b'i' | b'c' | b'b'),
        5 => first == b't',
        6 => matches!(first, b'q' | b'l'),
        7 => first == b'p',
        8 => matches!(first, b'i' | b'f' | b't'),
        9 => first == b'r',
        10 => first == b'u',
        _ => false,
    }
}

fn quantisation_rank(word: &[u8]) -> Option<u8> {
    match word {
        [b'q', b'2'..=b'8', b'_', b'k']
        | [
            b'q',
            b'2'..=b'8',
            b'_',
            b'k',
            b'_',
            b's' | b'm' | b'l' | b'h',
        ] => Some(0),
        [b'q', b'2'..=b'8', b'_', b'0' | b'1'] => Some(1),
        [b'q', b'2'..=b'8'] => Some(2),
        b"gguf" | b"ggml" | b"gptq" | b"awq" | b"exl2" => Some(3),
        b"fp16" | b"fp32" | b"int8" | b"int4" => Some(4),
        _ => None,
    }
}

fn variant_rank(word: &[u8]) -> Option<u8> {
    match word {
        b"instruct" | b"chat" | b"code" | b"base" | b"uncensored" | b"finetune" | b"ft" => Some(0),
        b"thinking" | b"reasoning" => Some(1),
        b"turbo" | b"preview" | b"latest" => Some(2),
        _ => None,
    }
}

/// `12-2024`, or else `2024-12`, or else `2024`; case matters here, so only ASCII letters do.
pub(super) fn date<U: Unit>(name: &[U], places: &impl Places<U>) -> Option<Range<usize>> {
    // Every form has four digits in a row.
    if !places.has_year(name) {
        return None;
    }
    let bounded = |unit: Option<U>| !unit.is_some_and(|unit| unit.ascii().is_ascii_alphanumeric());
    let digits = |from: usize, count: usize| {
        (from..from + count).all(|index| at(name, index).is_some_and(U::is_digit))
    };
    let find = |first: usize, second: usize| {
        let length = first + second + usize::from(second > 0);
        (0..name.len())
            .map(|start| start..start + length)
            .find(|range| {
                digits(range.start, first)
                    && (second == 0
                        || (is(at(name, range.start + first), b'-')
                            && digits(range.start + first + 1, second)))
                    && bounded(before(name, range.start))
                    && bounded(at(name, range.end))
            })
    };
    find(2, 4).or_else(|| find(4, 2)).or_else(|| find(4, 0))
}
