//! Licence expressions: which identifiers `(MIT OR Apache-2.0) AND Foo` is made of
//! (docs/conversion.md, section 8.1).
//!
//! Written by hand because the reference's parser is more lenient than SPDX and loses operands in places: `Foo  Bar` is
//! one identifier, `((A) B AND C)` is only A. This one agrees with it on what
//! is valid and on the set of identifiers, which is all that is ever used. Steps: cut into words, join neighbours
//! into identifiers, pair up `with`, then run a stack of frames.

use std::collections::BTreeSet;

use super::characters::{is_letter_or_number, is_python_space};

/// The identifiers of an expression; `None` when it is blank or does not parse.
pub(crate) fn identifiers(expression: &str) -> Option<BTreeSet<String>> {
    let tokens = join_with(tokens(expression)?)?;
    if tokens.is_empty() {
        return None;
    }
    evaluate(tokens)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    And,
    Or,
    With,
    Open,
    Close,
    Identifier(String),
}

/// Cuts at white space and parentheses, and joins what is not an operator into identifiers.
fn tokens(expression: &str) -> Option<Vec<Token>> {
    let original: Vec<char> = expression.chars().collect();
    let lowered: Vec<char> = expression.to_lowercase().chars().collect();
    let mut tokens = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(&c) = lowered.get(at) {
        if is_python_space(c) {
            at += 1;
            continue;
        }
        let length = if matches!(c, '(' | ')') {
            1
        } else {
            let rest = lowered.get(at..).unwrap_or_default();
            rest.iter()
                .take_while(|c| !is_python_space(**c) && !matches!(**c, '(' | ')'))
                .count()
        };
        // Lower-casing may lengthen the text; the reference looks up the original by the same offsets anyway.
        let end = at + length;
        let word: String = lowered.get(at..end).unwrap_or_default().iter().collect();
        let slice: String = original.iter().take(end).skip(at).collect();
        at = end;
        if slice.chars().all(is_python_space) {
            continue;
        }
        let operator = match word.as_str() {
            "and" => Token::And,
            "or" => Token::Or,
            "with" => Token::With,
            "(" => Token::Open,
            ")" => Token::Close,
            _ => {
                words.push(slice);
                continue;
            }
        };
        flush(&mut words, &mut tokens)?;
        tokens.push(operator);
    }
    flush(&mut words, &mut tokens)?;
    Some(tokens)
}

fn flush(words: &mut Vec<String>, tokens: &mut Vec<Token>) -> Option<()> {
    if words.is_empty() {
        return Some(());
    }
    let parts: Vec<&str> = words
        .iter()
        .flat_map(|word| word.split(is_python_space))
        .filter(|part| !part.is_empty())
        .collect();
    let identifier = parts.join(" ");
    words.clear();
    let allowed =
        |c: char| matches!(c, '-' | ':' | '.' | '+' | '_' | ' ') || is_letter_or_number(c);
    let keyword = ["and", "or", "with"].contains(&identifier.to_lowercase().as_str());
    if identifier.is_empty() || keyword || !identifier.chars().all(allowed) {
        return None;
    }
    tokens.push(Token::Identifier(identifier));
    Some(())
}

/// `A with B` is one identifier of its own.
fn join_with(tokens: Vec<Token>) -> Option<Vec<Token>> {
    let mut joined: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut paired = false;
    let mut rest = tokens.into_iter();
    while let Some(token) = rest.next() {
        if token != Token::With {
            joined.push(token);
            paired = false;
            continue;
        }
        // A pair cannot be continued: `A with B with C` is invalid.
        match (joined.last_mut(), rest.next()) {
            (Some(Token::Identifier(left)), Some(Token::Identifier(right))) if !paired => {
                left.push_str(" WITH ");
                left.push_str(&right);
                paired = true;
            }
            _ => return None,
        }
    }
    Some(joined)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Operator {
    And,
    Or,
    Parenthesis,
}

/// An expression being read: its operator, once known, and its operands so far.
#[derive(Debug, Default)]
struct Frame {
    operator: Option<Operator>,
    operands: Vec<BTreeSet<String>>,
}

impl Frame {
    fn build(self) -> Option<BTreeSet<String>> {
        if self.operator == Some(Operator::Parenthesis) || self.operands.len() < 2 {
            return None;
        }
        Some(self.operands.into_iter().flatten().collect())
    }
}

fn evaluate(tokens: Vec<Token>) -> Option<BTreeSet<String>> {
    let mut parents: Vec<Frame> = Vec::new();
    let mut frame = Frame::default();
    let mut after_operator = true;
    for token in tokens {
        let is_operator = matches!(token, Token::And | Token::Or | Token::Open);
        match token {
            Token::Identifier(identifier) => frame.operands.push(BTreeSet::from([identifier])),
            Token::And if !after_operator => operator(Operator::And, &mut frame, &mut parents)?,
            Token::Or if !after_operator => operator(Operator::Or, &mut frame, &mut parents)?,
            Token::Open if after_operator => {
                let inner = Frame {
                    operator: Some(Operator::Parenthesis),
                    operands: Vec::new(),
                };
                parents.push(std::mem::replace(&mut frame, inner));
            }
            Token::Close if !after_operator => close(&mut frame, &mut parents)?,
            _ => return None,
        }
        after_operator = is_operator;
    }
    while let Some(mut parent) = parents.pop() {
        parent.operands.push(frame.build()?);
        frame = parent;
    }
    if frame.operator.is_some() {
        return frame.build();
    }
    let mut operands = frame.operands.into_iter();
    operands.next().filter(|_| operands.next().is_none())
}

fn operator(new: Operator, frame: &mut Frame, parents: &mut Vec<Frame>) -> Option<()> {
    loop {
        match frame.operator {
            None => frame.operator = Some(new),
            Some(current) if current > new => {
                let operand = frame.operands.pop()?;
                let tighter = Frame {
                    operator: Some(new),
                    operands: vec![operand],
                };
                parents.push(std::mem::replace(frame, tighter));
            }
            Some(current) if current == new => {}
            Some(_) => {
                let built = std::mem::take(frame).build()?;
                if let Some(parent) = parents.pop() {
                    *frame = parent;
                    frame.operands.push(built);
                    continue;
                }
                *frame = Frame {
                    operator: Some(new),
                    operands: vec![built],
                };
            }
        }
        return Some(());
    }
}

/// Builds frames up to the open parenthesis, whose first operand is its value. Further operands are lost, in
/// the reference as here.
fn close(frame: &mut Frame, parents: &mut Vec<Frame>) -> Option<()> {
    loop {
        let mut parent = parents.pop()?;
        let inner = std::mem::take(frame);
        let done = inner.operator == Some(Operator::Parenthesis);
        let operand = if done {
            inner.operands.into_iter().next()?
        } else {
            inner.build()?
        };
        parent.operands.push(operand);
        *frame = parent;
        if done {
            return Some(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_identifiers() {
        for (expression, expected) in [
            ("MIT", Some(vec!["MIT"])),
            ("A and (B OR c)", Some(vec!["A", "B", "c"])),
            ("Foo  Bar\tBaz", Some(vec!["Foo Bar Baz"])),
            ("A with B", Some(vec!["A WITH B"])),
            ("A with B with C", None),
            ("((A) B AND C)", Some(vec!["A"])),
            ("(A) B AND C", Some(vec!["A", "B", "C"])),
            ("A B (C)", None),
            ("(A", None),
            ("A)", None),
            ("A or ) B", None),
            ("", None),
            ("A, B", None),
        ] {
            let expected: Option<BTreeSet<String>> =
                expected.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(identifiers(expression), expected, "{expression:?}");
        }
    }
}
