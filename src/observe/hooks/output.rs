//! A hook's output as log lines.
//!
//! 1. A line is cut at [`LINE_BYTES`]; what follows up to its end is dropped.
//! 2. A run logs at most [`LINES`] lines; the rest is read, so that the program never blocks, and counted.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The longest line.
const LINE_BYTES: usize = 1024;
/// The most lines of one stream of one run.
const LINES: usize = 200;

/// The tasks that read the output of one run.
pub(super) struct Output {
    tasks: [JoinHandle<()>; 2],
}

impl Output {
    pub(super) fn start(
        program: &str,
        stdout: Option<ChildStdout>,
        stderr: Option<ChildStderr>,
    ) -> Self {
        Self {
            tasks: [
                tokio::spawn(log(program.to_owned(), "stdout", stdout)),
                tokio::spawn(log(program.to_owned(), "stderr", stderr)),
            ],
        }
    }

    /// Reads to the end, which a process left behind may put off for ever, for at most `patience`.
    pub(super) async fn finish(mut self, patience: Duration) {
        let all = async {
            for task in &mut self.tasks {
                // A reader that panicked has nothing more to say.
                let _ = task.await;
            }
        };
        let _ = timeout(patience, all).await;
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn log(program: String, stream: &'static str, source: Option<impl AsyncRead + Unpin>) {
    let Some(mut source) = source else { return };
    let mut lines = Lines::default();
    let mut logged = 0;
    let mut dropped = 0_u64;
    let mut emit = |line: &str| {
        if logged < LINES {
            logged += 1;
            tracing::info!(program, stream, line, "the hook says");
        } else {
            dropped += 1;
        }
    };
    let mut buffer = [0; 512];
    loop {
        match source.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => lines.push(buffer.get(..length).unwrap_or_default(), &mut emit),
        }
    }
    lines.finish(&mut emit);
    if dropped > 0 {
        tracing::warn!(
            program,
            stream,
            dropped,
            "the hook says more than the log takes"
        );
    }
}

/// Cuts bytes into bounded lines.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    cut: bool,
}

impl Lines {
    fn push(&mut self, bytes: &[u8], emit: &mut impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let room = LINE_BYTES - self.line.len();
            self.cut |= text.len() > room;
            self.line
                .extend_from_slice(text.get(..room).unwrap_or(text));
            if ended {
                self.emit(emit);
            }
        }
    }

    fn finish(&mut self, emit: &mut impl FnMut(&str)) {
        if !self.line.is_empty() {
            self.emit(emit);
        }
    }

    fn emit(&mut self, emit: &mut impl FnMut(&str)) {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.trim_end();
        if self.cut {
            emit(&format!("{text} ..."));
        } else if !text.is_empty() {
            emit(text);
        }
        self.line.clear();
        self.cut = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariant_1_lines_are_bounded_however_they_arrive() {
        let long = "x".repeat(3 * LINE_BYTES);
        let input = format!("one\r\n\ntwo\n{long}\nlast");
        let expected = [
            "one".to_owned(),
            "two".to_owned(),
            format!("{} ...", &long[..LINE_BYTES]),
            "last".to_owned(),
        ];
        for chunk in [1, 7, 512, input.len()] {
            let mut got = Vec::new();
            let mut lines = Lines::default();
            for bytes in input.as_bytes().chunks(chunk) {
                lines.push(bytes, &mut |line| got.push(line.to_owned()));
            }
            lines.finish(&mut |line| got.push(line.to_owned()));
            assert_eq!(got, expected, "chunks of {chunk}");
        }
    }
}
