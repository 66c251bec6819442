//! Finds the bytes that matter in a text, eight at a time.
//!
//! The masks may flag bytes above the first hit for nothing, never below it, so the lowest flag is always right.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

const fn repeat(byte: u8) -> u64 {
    ONES * byte as u64
}

const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// Bytes below `limit`, which is at most 128.
const fn bytes_below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(repeat(limit)) & !word & HIGHS
}

const fn unprintable(word: u64) -> u64 {
    quotes_and_controls(word) | zero_bytes(word ^ repeat(0x7f)) | (word & HIGHS)
}

const fn quotes_and_controls(word: u64) -> u64 {
    zero_bytes(word ^ repeat(b'"')) | zero_bytes(word ^ repeat(b'\\')) | bytes_below(word, 0x20)
}

/// Where the next `"`, `\` or control character is; the end when there is none.
pub(crate) fn find_json_special(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, quotes_and_controls)
}

/// Where the next byte is that cannot stand for itself in an ASCII JSON string; the end when there is none.
///
/// U+007F counts: the v2 files escape it.
#[inline]
pub(crate) fn find_unprintable(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, unprintable)
}

/// Where the next comma or line end is; the end when there is none.
#[inline]
pub(crate) fn find_cell_end(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, |word| {
        // Names and addresses have nothing from the comma down.
        if bytes_below(word, b',' + 1) == 0 {
            return 0;
        }
        zero_bytes(word ^ repeat(b','))
            | zero_bytes(word ^ repeat(b'\n'))
            | zero_bytes(word ^ repeat(b'\r'))
    })
}

/// Where the next `"` is; the end when there is none.
pub(crate) fn find_quote(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, |word| zero_bytes(word ^ repeat(b'"')))
}

/// Whether any byte is one of those that [`find_unprintable`] finds.
///
/// Sixteen lanes that never meet before the end: the compiler makes vector instructions of it.
#[inline]
pub(crate) fn has_unprintable(bytes: &[u8]) -> bool {
    let mut lanes = [0_u8; 16];
    let mut look = |chunk: &[u8; 16]| {
        for (lane, byte) in lanes.iter_mut().zip(chunk) {
            let outside = u8::from(byte.wrapping_sub(0x20) >= 0x5f);
            *lane |= outside | u8::from(*byte == b'"') | u8::from(*byte == b'\\');
        }
    };
    let (chunks, tail) = bytes.as_chunks::<16>();
    for chunk in chunks {
        look(chunk);
    }
    if let Some(last) = bytes.last_chunk::<16>() {
        look(last);
        return lanes != [0; 16];
    }
    match (tail.first_chunk::<8>(), tail.last_chunk::<8>()) {
        (Some(first), Some(last)) => {
            unprintable(u64::from_le_bytes(*first)) | unprintable(u64::from_le_bytes(*last)) != 0
        }
        _ => tail
            .iter()
            .any(|byte| !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\')),
    }
}

#[inline]
fn find(bytes: &[u8], from: usize, flags: impl Fn(u64) -> u64) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let (words, tail) = rest.as_chunks::<8>();
    let mut at = from;
    for word in words {
        let hits = flags(u64::from_le_bytes(*word));
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    if tail.is_empty() {
        return at;
    }
    if let Some(last) = rest.last_chunk::<8>()
        && !words.is_empty()
    {
        // The last word overlaps the one before it, where nothing was found.
        let hits = flags(u64::from_le_bytes(*last));
        let place = if hits == 0 {
            8
        } else {
            hits.trailing_zeros() as usize / 8
        };
        return bytes.len() - 8 + place;
    }
    // Blanks are never special, so they may fill the only word.
    let mut word = *b"        ";
    for (to, byte) in word.iter_mut().zip(tail) {
        *to = *byte;
    }
    let hits = flags(u64::from_le_bytes(word));
    if hits == 0 {
        at + tail.len()
    } else {
        at + hits.trailing_zeros() as usize / 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place() {
        for length in 0..40 {
            for place in 0..length {
                for byte in 0..=255_u8 {
                    let mut bytes = vec![b'a'; length];
                    bytes[place] = byte;
                    let json = byte < 0x20 || byte == b'"' || byte == b'\\';
                    let found = if json { place } else { length };
                    assert_eq!(find_json_special(&bytes, 0), found);
                    let found = if json || byte >= 0x7f { place } else { length };
                    assert_eq!(find_unprintable(&bytes, 0), found);
                    assert_eq!(has_unprintable(&bytes), found < length);
                    let found = if b",\n\r".contains(&byte) {
                        place
                    } else {
                        length
                    };
                    assert_eq!(find_cell_end(&bytes, 0), found);
                    let found = if byte == b'"' { place } else { length };
                    assert_eq!(find_quote(&bytes, 0), found);
                }
            }
        }
    }
}
