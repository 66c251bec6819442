//! Where in a name the patterns have to look at all.
//!
//! 1. A name of at most 64 ASCII characters, which nearly every name is, becomes a few bit masks: one pass, and
//!    from then on a question about all places at once is an instruction or two.
//! 2. Any other name is searched place by place. Both give the same places in the same order; a test holds it.

use std::ops::Range;

use super::patterns::Unit;

/// The places where patterns can begin, leftmost first.
pub(super) trait Places<U> {
    /// All maximal runs of digits.
    fn digit_runs(&self, name: &[U]) -> impl Iterator<Item = Range<usize>>;
    /// All maximal runs of word characters.
    fn word_runs(&self, name: &[U]) -> impl Iterator<Item = Range<usize>>;
    /// A `v` before a digit, not after a letter or digit.
    fn version_starts(&self, name: &[U]) -> impl Iterator<Item = usize>;
    /// Whether there are four digits in a row.
    fn has_year(&self, name: &[U]) -> bool;
    /// Whether a separator may come twice in a row.
    fn may_repeat(&self, name: &[U]) -> bool;
    /// After a removal.
    fn cut(&mut self, range: &Range<usize>);
}

/// Places of a name that is searched.
#[derive(Debug)]
pub(super) struct Searched;

impl<U: Unit> Places<U> for Searched {
    fn digit_runs(&self, name: &[U]) -> impl Iterator<Item = Range<usize>> {
        runs(name, U::is_digit)
    }

    fn word_runs(&self, name: &[U]) -> impl Iterator<Item = Range<usize>> {
        runs(name, U::is_word)
    }

    fn version_starts(&self, name: &[U]) -> impl Iterator<Item = usize> {
        (0..name.len()).filter(|&start| {
            let at = |index: usize| name.get(index).copied();
            let before = start.checked_sub(1).and_then(at);
            at(start).is_some_and(|unit| unit.folded() == b'v')
                && at(start + 1).is_some_and(U::is_digit)
                && !before.is_some_and(U::is_letter_or_digit)
        })
    }

    fn has_year(&self, name: &[U]) -> bool {
        runs(name, U::is_digit).any(|run| run.len() >= 4)
    }

    fn may_repeat(&self, _: &[U]) -> bool {
        true
    }

    fn cut(&mut self, _: &Range<usize>) {}
}

fn runs<U: Unit>(name: &[U], class: fn(U) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let start = next + name.iter().skip(next).position(|unit| class(*unit))?;
        let length = name.iter().skip(start).take_while(|unit| class(**unit));
        next = start + length.count();
        Some(start..next)
    })
}

/// Places of a short ASCII name: bit `i` is about byte `i`.
#[derive(Debug, Default)]
pub(super) struct Masks {
    digits: u64,
    letters: u64,
    underscores: u64,
    vs: u64,
}

impl Masks {
    /// Masks of a name of at most 64 ASCII bytes.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        if name.len() > 64 {
            return None;
        }
        let mut masks = Self::default();
        let (words, tail) = name.as_chunks::<8>();
        let mut last = [0; 8];
        for (to, byte) in last.iter_mut().zip(tail) {
            *to = *byte;
        }
        let last = (!tail.is_empty()).then_some(&last);
        for (place, bytes) in words.iter().chain(last).enumerate() {
            let word = u64::from_le_bytes(*bytes);
            let lower = word | repeat(0x20);
            let shift = 8 * place;
            masks.digits |= bits(from(word, b'0') & !from(word, b'9' + 1)) << shift;
            masks.letters |= bits(from(lower, b'a') & !from(lower, b'z' + 1)) << shift;
            masks.underscores |= bits(from(word, b'_') & !from(word, b'_' + 1)) << shift;
            masks.vs |= bits(from(lower, b'v') & !from(lower, b'v' + 1)) << shift;
        }
        Some(masks)
    }

    fn words(&self) -> u64 {
        self.digits | self.letters | self.underscores
    }
}

const fn repeat(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

/// The high bit of each ASCII byte that is at least `least`.
const fn from(word: u64, least: u8) -> u64 {
    (word + repeat(0x80 - least)) & repeat(0x80)
}

/// The high bits of eight bytes, as one byte.
const fn bits(highs: u64) -> u64 {
    (highs >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

impl Places<u8> for Masks {
    fn digit_runs(&self, _: &[u8]) -> impl Iterator<Item = Range<usize>> {
        bit_runs(self.digits)
    }

    fn word_runs(&self, _: &[u8]) -> impl Iterator<Item = Range<usize>> {
        bit_runs(self.words())
    }

    fn version_starts(&self, _: &[u8]) -> impl Iterator<Item = usize> {
        let mut starts = self.vs & self.digits >> 1 & !((self.letters | self.digits) << 1);
        std::iter::from_fn(move || {
            let start = (starts != 0).then_some(starts.trailing_zeros() as usize);
            starts &= starts.wrapping_sub(1);
            start
        })
    }

    fn has_year(&self, _: &[u8]) -> bool {
        let pairs = self.digits & self.digits >> 1;
        pairs & pairs >> 2 != 0
    }

    fn may_repeat(&self, name: &[u8]) -> bool {
        let beyond = u64::MAX.checked_shl(to_u32(name.len())).unwrap_or(0);
        let others = !(self.digits | self.letters | beyond);
        others & others >> 1 != 0
    }

    fn cut(&mut self, range: &Range<usize>) {
        let kept = !(u64::MAX.checked_shl(to_u32(range.start)).unwrap_or(0));
        for mask in [
            &mut self.digits,
            &mut self.letters,
            &mut self.underscores,
            &mut self.vs,
        ] {
            let above = mask.checked_shr(to_u32(range.end)).unwrap_or(0);
            *mask = *mask & kept | above.checked_shl(to_u32(range.start)).unwrap_or(0);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "places are at most 64")]
const fn to_u32(place: usize) -> u32 {
    place as u32
}

fn bit_runs(mut mask: u64) -> impl Iterator<Item = Range<usize>> {
    std::iter::from_fn(move || {
        if mask == 0 {
            return None;
        }
        let start = mask.trailing_zeros();
        let length = (!(mask >> start)).trailing_zeros();
        let end = start + length;
        mask &= u64::MAX.checked_shl(end).unwrap_or(0);
        Some(start as usize..end as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(name: &[u8], masks: &Masks) {
        let all = |runs: &mut dyn Iterator<Item = Range<usize>>| runs.collect::<Vec<_>>();
        assert_eq!(
            all(&mut masks.digit_runs(name)),
            all(&mut Searched.digit_runs(name))
        );
        assert_eq!(
            all(&mut masks.word_runs(name)),
            all(&mut Searched.word_runs(name))
        );
        assert_eq!(
            masks.version_starts(name).collect::<Vec<_>>(),
            Searched.version_starts(name).collect::<Vec<_>>()
        );
        assert_eq!(masks.has_year(name), Searched.has_year(name));
        let repeats = name
            .windows(2)
            .any(|pair| pair[0] == pair[1] && !pair[0].is_ascii_alphanumeric());
        assert!(masks.may_repeat(name) || !repeats);
    }

    #[test]
    fn masks_and_search_agree() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((state >> 33) % below).unwrap()
        };
        for _ in 0..20_000 {
            let length = random(65);
            let mut name: Vec<u8> = (0..length).map(|_| b"vV1290aZ_-. "[random(12)]).collect();
            let mut masks = Masks::of(&name).unwrap();
            same(&name, &masks);
            let end = random(length as u64 + 1);
            let range = random(end as u64 + 1)..end;
            name.drain(range.clone());
            masks.cut(&range);
            same(&name, &masks);
        }
        assert!(Masks::of(&[b'a'; 65]).is_none());
    }
}
