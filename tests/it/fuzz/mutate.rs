//! Inputs made from other inputs, by chance.

use fastrand::Rng;

/// A few changes to an input of the corpus.
pub(super) fn mutated(
    corpus: &[Vec<u8>],
    dictionary: &[&str],
    most: usize,
    chance: &mut Rng,
) -> Vec<u8> {
    let mut input = corpus[chance.usize(..corpus.len())].clone();
    for _ in 0..=chance.usize(..6) {
        change(&mut input, corpus, dictionary, chance);
    }
    input.truncate(most);
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], dictionary: &[&str], chance: &mut Rng) {
    let at = chance.usize(..=input.len());
    let (from, to) = range(input.len(), chance);
    match chance.u8(..10) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << chance.u8(..8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = chance.u8(..);
            }
        }
        2 => input.insert(at, chance.u8(..)),
        3 => drop(input.drain(from..to)),
        4 => {
            let part = input[from..to].to_vec();
            let count = if chance.u8(..16) == 0 { 40 } else { 1 };
            for _ in 0..count {
                input.splice(at..at, part.iter().copied());
            }
        }
        5 => {
            let other = &corpus[chance.usize(..corpus.len())];
            let (from, to) = range(other.len(), chance);
            input.splice(at..at, other[from..to].iter().copied());
        }
        6 => {
            let other = &corpus[chance.usize(..corpus.len())];
            let (other_from, other_to) = range(other.len(), chance);
            input.splice(from..to, other[other_from..other_to].iter().copied());
        }
        7 => number(input, chance),
        _ => {
            let word = dictionary[chance.usize(..dictionary.len())].bytes();
            if chance.bool() {
                input.splice(at..at, word);
            } else {
                input.splice(from..to, word);
            }
        }
    }
}

/// A part of something of this length, more often a short one.
fn range(length: usize, chance: &mut Rng) -> (usize, usize) {
    let from = chance.usize(..=length);
    let most = if chance.bool() { 8 } else { length };
    (from, length.min(from + chance.usize(..=most)))
}

/// Puts another number in the place of one.
fn number(input: &mut Vec<u8>, chance: &mut Rng) {
    let starts: Vec<_> = (0..input.len())
        .filter(|&at| input[at].is_ascii_digit() && (at == 0 || !input[at - 1].is_ascii_digit()))
        .collect();
    let Some(&start) = starts.get(chance.usize(..starts.len().max(1))) else {
        return;
    };
    let digits = input[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let end = start + digits.count();
    let other = match chance.u8(..6) {
        0 => "0".to_owned(),
        1 => (i64::MAX).to_string(),
        2 => (u64::MAX).to_string(),
        3 => chance.u64(..).to_string(),
        4 => "9".repeat(chance.usize(1..40)),
        _ => chance.u8(..).to_string(),
    };
    input.splice(start..end, other.bytes());
}
