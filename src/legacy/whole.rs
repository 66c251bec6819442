//! Whether the body of an extra file arrived whole, as far as its bytes tell.
//!
//! 1. A file whose name says JSON is parsed: whatever JSON it is, a cut one is none.
//! 2. Of any other file only its announced end tells that nothing is missing.
//! 3. A web page in the place of a file that is no page is none.

use super::{a_page, looks_like_a_page, utf8};
use crate::legacy::Rejected;
use crate::python::json;

/// Whether the body of the file `name` is whole. `complete`: its end was announced.
///
/// # Errors
/// It is not, or cannot be known to be; the error says why.
pub fn whole_check(name: &str, body: &[u8], complete: bool) -> Result<(), Rejected> {
    if body.is_empty() {
        return Err(Rejected::file("it is empty"));
    }
    let is = |ends: &[&str]| {
        let end = name.rsplit_once('.').map_or("", |(_, end)| end);
        ends.iter().any(|one| end.eq_ignore_ascii_case(one))
    };
    let pages = ["html", "htm", "xhtml", "xml", "svg"];
    if !is(&pages) && looks_like_a_page(&String::from_utf8_lossy(start(body))) {
        return Err(a_page());
    }
    if is(&["json"]) {
        let text = utf8(body)?;
        let parsed = json::parse_loosely(text);
        return parsed
            .map(|_| ())
            .map_err(|error| Rejected::file(error.describe(text)));
    }
    if complete {
        Ok(())
    } else {
        Err(Rejected::file(
            "nothing announced the end of it, so it may have been cut off",
        ))
    }
}

/// As much of a body as shows whether it is a page.
fn start(body: &[u8]) -> &[u8] {
    body.get(..256).unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_files_are_whole() {
        let table: [(&str, &str, bool, &str); 16] = [
            ("db.json", "{\"a\": [1, NaN]}\n", true, ""),
            ("db.json", "{\"a\": 1}", false, ""),
            ("db.json", "[1, \"\\ud800\"]", true, ""),
            ("DB.JSON", "[1, 2", true, "Expecting"),
            ("db.json", "{\"a\": 1", false, "Expecting"),
            ("db.json", "", true, "it is empty"),
            ("a.txt", "", true, "it is empty"),
            ("db.json", " \n<!DOCTYPE html><html>", true, "page"),
            ("a.txt", "<HTML><body>", true, "page"),
            ("a.html", "<html><body>", true, ""),
            ("a.html", "<html><bo", false, "nothing announced"),
            ("a.txt", "any words", true, ""),
            ("a.txt", "any wor", false, "nothing announced"),
            ("json", "{", true, ""),
            ("README.md", "<h1>Models</h1>", true, ""),
            ("a.json.gz", "\u{1f}", true, ""),
        ];
        for (name, body, complete, expected) in table {
            let flaw = whole_check(name, body.as_bytes(), complete);
            let flaw = flaw.map_or_else(|flaw| flaw.to_string(), |()| String::new());
            assert!(flaw.contains(expected), "{name} {body:?}: {flaw}");
            assert_eq!(flaw.is_empty(), expected.is_empty(), "{name} {body:?}");
        }
        let cut = whole_check("db.json", b"{\"\xc3", true).unwrap_err();
        assert!(cut.reason.contains("cut off inside a character"), "{cut}");
        assert_eq!(whole_check("a.bin", b"\xff\xfe\x00", true), Ok(()));
    }
}
