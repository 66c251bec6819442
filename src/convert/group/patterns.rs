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

use super::unit::{Character, run_end, runs};

type Found = Option<Range<usize>>;

/// Whether there is a character of the class.
fn is<C: Character>(name: &[C], index: usize, class: impl Fn(C) -> bool) -> bool {
    name.get(index).copied().is_some_and(class)
}

/// The same of the character before the index.
fn is_before<C: Character>(name: &[C], index: usize, class: impl Fn(C) -> bool) -> bool {
    index
        .checked_sub(1)
        .is_some_and(|index| is(name, index, class))
}

/// Whether there is this lower-case letter, in either case, or this character that is no letter.
fn has<C: Character>(name: &[C], index: usize, folded: u8) -> bool {
    is(name, index, |c| c.fold() == folded)
}

fn digits_end<C: Character>(name: &[C], from: usize) -> usize {
    run_end(name, from, C::is_digit)
}

/// `^\d+\.\d+(\.\d+)?[_-]`
pub(super) fn leading_version<C: Character>(name: &[C]) -> Found {
    let part = |from: usize| {
        let end = digits_end(name, from);
        (end > from).then_some(end)
    };
    let next = |end: usize| {
        let dotted = has(name, end, b'.');
        dotted.then(|| part(end + 1)).flatten()
    };
    let two = next(part(0)?)?;
    let end = next(two).unwrap_or(two);
    let separated = has(name, end, b'_') || has(name, end, b'-');
    separated.then_some(0..end + 1)
}

/// `(?i)(?<![a-z])\d+(\.\d*)?[bmk]\d*(?![a-z])`, else `(?i)(?<![a-z])\d+x\d+[bmk](?![a-z])`
pub(super) fn size<C: Character>(name: &[C]) -> Found {
    let is_unit = |index| is(name, index, |c| matches!(c.fold(), b'b' | b'm' | b'k'));
    let one = |run: Range<usize>| {
        let start = size_start(name, &run)?;
        let unit = if has(name, run.end, b'.') {
            digits_end(name, run.end + 1)
        } else {
            run.end
        };
        is_unit(unit).then_some(())?;
        // `\d*` gives its last digit back when a letter follows.
        let end = digits_end(name, unit + 1);
        let given_back = usize::from(is(name, end, C::is_letter));
        (end - given_back > unit).then_some(start..end - given_back)
    };
    let several = |run: Range<usize>| {
        let start = size_start(name, &run)?;
        has(name, run.end, b'x').then_some(())?;
        let unit = digits_end(name, run.end + 1);
        let matches = unit > run.end + 1 && is_unit(unit) && !is(name, unit + 1, C::is_letter);
        matches.then_some(start..unit + 1)
    };
    let digits = || runs(name, C::is_digit);
    digits()
        .find_map(one)
        .or_else(|| digits().find_map(several))
}

/// Where a size in a run of digits starts: after a letter, at the second digit.
fn size_start<C: Character>(name: &[C], run: &Range<usize>) -> Option<usize> {
    let after_letter = is_before(name, run.start, C::is_letter);
    let start = run.start + usize::from(after_letter);
    (start < run.end).then_some(start)
}

/// `(?i)(?<![a-z0-9])v\d+(\.\d+)+(?![a-z0-9])`, else `(?i)(?<![a-z0-9])v\d+(?![a-z0-9.])`
pub(super) fn version<C: Character>(name: &[C]) -> Found {
    let goes_on = |end: usize| is(name, end, C::is_letter_or_digit);
    let dotted = |start: usize| {
        let mut dot = digits_end(name, start + 1);
        let mut last = None;
        while has(name, dot, b'.') && is(name, dot + 1, C::is_digit) {
            let end = digits_end(name, dot + 1);
            last = (dot + 2..=end).rev().find(|&end| !goes_on(end)).or(last);
            dot = end;
        }
        Some(start..last?)
    };
    let plain = |start: usize| {
        let end = digits_end(name, start + 1);
        let ends = |end: usize| !goes_on(end) && !has(name, end, b'.');
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
fn version_starts<C: Character>(name: &[C]) -> impl Iterator<Item = usize> {
    runs(name, C::is_digit).filter_map(|digits| {
        let start = digits.start.checked_sub(1)?;
        let matches = has(name, start, b'v') && !is_before(name, start, C::is_letter_or_digit);
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

/// Stands between words in lower case.
const BETWEEN: u8 = b' ';

/// Of each of the two lists above, the word of the lowest rank, the leftmost of those.
///
/// All characters of these words are in `\w`, so between two `\b` they match whole runs of `\w` only.
pub(super) fn words<C: Character>(name: &[C], lower: &mut Vec<u8>) -> [Found; 2] {
    let in_lower_case = |c: &C| if c.is_word() { c.fold() } else { BETWEEN };
    lower.clear();
    lower.extend(name.iter().map(in_lower_case));
    let (mut of_quantisation, mut of_variant) = (None, None);
    let mut start = 0;
    for word in lower.split(|byte| *byte == BETWEEN) {
        let end = start + word.len();
        keep(&mut of_quantisation, quantisation(word), start..end);
        keep(&mut of_variant, variant(word), start..end);
        start = end + 1;
    }
    [of_quantisation, of_variant].map(|best| best.map(|(_, word)| word))
}

/// Keeps a word that has a lower rank than the one before.
fn keep(best: &mut Option<(usize, Range<usize>)>, rank: Option<usize>, word: Range<usize>) {
    if let Some(rank) = rank
        && best.as_ref().is_none_or(|(lowest, _)| rank < *lowest)
    {
        *best = Some((rank, word));
    }
}

/// `(?<![A-Za-z0-9])\d{2}-\d{4}(?![A-Za-z0-9])`, else the same with `\d{4}-\d{2}`, else with `\d{4}`
pub(super) fn date<C: Character>(name: &[C]) -> Found {
    // Every form has four digits in a row, one of which is where every fourth character is.
    let mut fourths = name.iter().skip(3).step_by(4);
    fourths.find(|c| c.is_digit())?;
    runs(name, C::is_digit).find(|run| run.len() >= 4)?;
    let digits =
        |from: usize, count: usize| (from..from + count).all(|index| is(name, index, C::is_digit));
    let find = |first: usize, second: usize| {
        let length = first + second + usize::from(second > 0);
        let ranges = (0..name.len()).map(|start| start..start + length);
        ranges.into_iter().find(|range| {
            digits(range.start, first)
                && (second == 0
                    || (has(name, range.start + first, b'-')
                        && digits(range.start + first + 1, second)))
                && !is_before(name, range.start, C::is_ascii_letter_or_digit)
                && !is(name, range.end, C::is_ascii_letter_or_digit)
        })
    };
    find(2, 4).or_else(|| find(4, 2)).or_else(|| find(4, 0))
}
