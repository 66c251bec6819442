//! The patterns that text model names are shortened by (docs/conversion.md, section 13).
//!
//! 1. Each function finds the leftmost match of the regular expressions stated above it; of several expressions
//!    the first that matches anywhere counts.
//! 2. Each takes time linear in the length of the name: names come from strangers.
//!
//! They are compiled by hand because no crate has the reference's classes: `\d` and `\w` follow Unicode 15.1 (the
//! `regex` crate has newer tables, and counts marks as `\w`), `(?i)[a-z]` also matches four letters beyond ASCII,
//! and the expressions look around.

use std::ops::Range;

use super::unit::{fold, is_digit, is_letter, is_letter_or_digit, is_word, run_end, runs};

type Found = Option<Range<usize>>;

fn at(name: &[char], index: usize) -> Option<char> {
    name.get(index).copied()
}

fn before(name: &[char], index: usize) -> Option<char> {
    at(name, index.checked_sub(1)?)
}

fn is(name: &[char], index: usize, class: fn(char) -> bool) -> bool {
    at(name, index).is_some_and(class)
}

fn digits_end(name: &[char], from: usize) -> usize {
    run_end(name, from, is_digit)
}

/// `^\d+\.\d+(\.\d+)?[_-]`
pub(super) fn leading_version(name: &[char]) -> Found {
    let part = |from: usize| {
        let end = digits_end(name, from);
        (end > from).then_some(end)
    };
    let next = |end: usize| {
        let dotted = at(name, end) == Some('.');
        dotted.then(|| part(end + 1)).flatten()
    };
    let two = next(part(0)?)?;
    let end = next(two).unwrap_or(two);
    let separated = matches!(at(name, end), Some('_' | '-'));
    separated.then_some(0..end + 1)
}

/// `(?i)(?<![a-z])\d+(\.\d*)?[bmk]\d*(?![a-z])`, else `(?i)(?<![a-z])\d+x\d+[bmk](?![a-z])`
pub(super) fn size(name: &[char]) -> Found {
    let is_unit = |index: usize| matches!(at(name, index).map(fold), Some('b' | 'm' | 'k'));
    let one = |run: Range<usize>| {
        let start = size_start(name, &run)?;
        let unit = match at(name, run.end) {
            Some('.') => digits_end(name, run.end + 1),
            _ => run.end,
        };
        is_unit(unit).then_some(())?;
        // `\d*` gives its last digit back when a letter follows.
        let end = digits_end(name, unit + 1);
        let given_back = usize::from(is(name, end, is_letter));
        (end - given_back > unit).then_some(start..end - given_back)
    };
    let several = |run: Range<usize>| {
        let start = size_start(name, &run)?;
        (at(name, run.end).map(fold) == Some('x')).then_some(())?;
        let unit = digits_end(name, run.end + 1);
        let matches = unit > run.end + 1 && is_unit(unit) && !is(name, unit + 1, is_letter);
        matches.then_some(start..unit + 1)
    };
    let mut first_several = None;
    for digits in runs(name, is_digit) {
        if let Some(found) = one(digits.clone()) {
            return Some(found);
        }
        first_several = first_several.or_else(|| several(digits));
    }
    first_several
}

/// Where a size in a run of digits starts: after a letter, at the second digit.
fn size_start(name: &[char], run: &Range<usize>) -> Option<usize> {
    let after_letter = before(name, run.start).is_some_and(is_letter);
    let start = run.start + usize::from(after_letter);
    (start < run.end).then_some(start)
}

/// `(?i)(?<![a-z0-9])v\d+(\.\d+)+(?![a-z0-9])`, else `(?i)(?<![a-z0-9])v\d+(?![a-z0-9.])`
pub(super) fn version(name: &[char]) -> Found {
    let goes_on = |end: usize| is(name, end, is_letter_or_digit);
    let dotted = |start: usize| {
        let mut dot = digits_end(name, start + 1);
        let mut last = None;
        while at(name, dot) == Some('.') && is(name, dot + 1, is_digit) {
            let end = digits_end(name, dot + 1);
            last = (dot + 2..=end).rev().find(|&end| !goes_on(end)).or(last);
            dot = end;
        }
        Some(start..last?)
    };
    let plain = |start: usize| {
        let end = digits_end(name, start + 1);
        let ends = |end: usize| !goes_on(end) && at(name, end) != Some('.');
        let last = (start + 2..=end).rev().find(|&end| ends(end))?;
        Some(start..last)
    };
    let mut first_plain = None;
    for start in version_starts(name) {
        if let Some(found) = dotted(start) {
            return Some(found);
        }
        first_plain = first_plain.or_else(|| plain(start));
    }
    first_plain
}

/// `(?i)(?<![a-z0-9])v(?=\d)`
fn version_starts(name: &[char]) -> impl Iterator<Item = usize> {
    runs(name, is_digit).filter_map(|digits| {
        let start = digits.start.checked_sub(1)?;
        let matches = at(name, start).map(fold) == Some('v')
            && !before(name, start).is_some_and(is_letter_or_digit);
        matches.then_some(start)
    })
}

/// The rank of a word in lower case:
/// `(?i)\bq[2-8]_k(_[smlh])?\b`, else `(?i)\bq[2-8]_[01]\b`, else `(?i)\bq[2-8]\b`,
/// else `(?i)\b(gguf|ggml|gptq|awq|exl2)\b`, else `(?i)\b(fp16|fp32|int8|int4)\b`
fn quantisation(word: &[u8]) -> Option<usize> {
    Some(match word {
        [b'q', b'2'..=b'8', b'_', b'k']
        | [
            b'q',
            b'2'..=b'8',
            b'_',
            b'k',
            b'_',
            b's' | b'm' | b'l' | b'h',
        ] => 0,
        [b'q', b'2'..=b'8', b'_', b'0' | b'1'] => 1,
        [b'q', b'2'..=b'8'] => 2,
        b"gguf" | b"ggml" | b"gptq" | b"awq" | b"exl2" => 3,
        b"fp16" | b"fp32" | b"int8" | b"int4" => 4,
        _ => return None,
    })
}

/// The rank of a word in lower case:
/// `(?i)\b(instruct|chat|code|base|uncensored|finetune|ft)\b`, else `(?i)\b(thinking|reasoning)\b`,
/// else `(?i)\b(turbo|preview|latest)\b`
fn variant(word: &[u8]) -> Option<usize> {
    Some(match word {
        b"instruct" | b"chat" | b"code" | b"base" | b"uncensored" | b"finetune" | b"ft" => 0,
        b"thinking" | b"reasoning" => 1,
        b"turbo" | b"preview" | b"latest" => 2,
        _ => return None,
    })
}

/// The longest word of the two lists above.
const LONGEST_WORD: usize = 10;

/// Of each of the two lists above, the word of the lowest rank, the leftmost of those.
///
/// All characters of these words are in `\w`, so between two `\b` they match whole runs of `\w` only.
pub(super) fn words(name: &[char]) -> [Found; 2] {
    let mut best = [None, None];
    for run in runs(name, is_word).filter(|run| run.len() <= LONGEST_WORD) {
        let mut folded = [0; LONGEST_WORD];
        let letters = name.get(run.clone()).unwrap_or_default();
        for (to, c) in folded.iter_mut().zip(letters) {
            // No word has a byte of 255.
            *to = u8::try_from(fold(*c)).unwrap_or(u8::MAX);
        }
        let word = folded.get(..run.len()).unwrap_or_default();
        for (best, rank) in best.iter_mut().zip([quantisation(word), variant(word)]) {
            if let Some(rank) = rank
                && best.as_ref().is_none_or(|(known, _)| rank < *known)
            {
                *best = Some((rank, run.clone()));
            }
        }
    }
    best.map(|best| best.map(|(_, run)| run))
}

/// `(?<![A-Za-z0-9])\d{2}-\d{4}(?![A-Za-z0-9])`, else the same with `\d{4}-\d{2}`, else with `\d{4}`
pub(super) fn date(name: &[char]) -> Found {
    // Every form has four digits in a row.
    runs(name, is_digit).find(|run| run.len() >= 4)?;
    let bounded = |c: Option<char>| !c.is_some_and(|c| c.is_ascii_alphanumeric());
    let digits =
        |from: usize, count: usize| (from..from + count).all(|index| is(name, index, is_digit));
    let find = |first: usize, second: usize| {
        let length = first + second + usize::from(second > 0);
        let ranges = (0..name.len()).map(|start| start..start + length);
        ranges.into_iter().find(|range| {
            digits(range.start, first)
                && (second == 0
                    || (at(name, range.start + first) == Some('-')
                        && digits(range.start + first + 1, second)))
                && bounded(before(name, range.start))
                && bounded(at(name, range.end))
        })
    };
    find(2, 4).or_else(|| find(4, 2)).or_else(|| find(4, 0))
}
