//! Recorded bodies in every framing, cut at every byte: what is given out, and how the end is told.

use std::path::Path;

use super::*;

/// Bodies of `fixtures/rest`, and how many rows each has.
const BODIES: &[(&str, usize)] = &[
    ("60-push-delimited", 43),
    ("61-push-json", 43),
    ("62-push-v1json", 43),
    ("63-old-query-push", 43),
    ("66-push-no-limit-client-closes", 43),
    ("68-pull-stream", 3),
    ("69-pull-stream-v1json", 2),
];

/// A recorded body without its chunks.
fn recorded(name: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rest").join(format!("{name}.response"));
    let answer = std::fs::read(file).unwrap();
    let line = |bytes: &[u8]| bytes.windows(2).position(|window| window == b"\r\n");
    let mut rest = &answer[answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4..];
    let mut body = Vec::new();
    while let Some(end) = line(rest) {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
    body
}

/// Where the values of a body end. No value in these recordings has a bracket or an object with an object in it.
struct Layout {
    header: usize,
    /// With the text of the values.
    rows: Vec<(usize, String)>,
    /// From here on nothing is missing: the last words, or the bracket behind everything. Rows side by side have none.
    whole: Option<usize>,
}

impl Layout {
    fn of(body: &str) -> Layout {
        let (open, close) = if body.contains("{\"row\":") { ("{\"row\":{\"columns\":[", "]}}") } else { ("[", "]") };
        let behind = |text: &str, from: usize| Some(body[from..].find(text)? + from + text.len());
        let header = behind(if body.starts_with("[{\"header\"") { "}}" } else { "}" }, 0).unwrap();
        let (mut at, mut rows) = (header, Vec::new());
        while let Some(start) = behind(open, at) {
            at = behind(close, start).unwrap();
            rows.push((at, body[start..at - close.len()].to_owned()));
        }
        let whole = match behind("{\"finalMessage\"", at) {
            Some(words) => behind("}", words),
            None => body.starts_with('[').then(|| behind("]", at).unwrap()),
        };
        Layout { header, rows, whole }
    }

    /// How many bytes of a value there are at a cut.
    fn left(&self, body: &[u8], cut: usize) -> usize {
        let ends = self.rows.iter().map(|(end, _)| *end).chain([self.header, 0]);
        let from = ends.filter(|end| *end <= cut).max().unwrap();
        let between: &[u8] = if from == 0 && body[0] == b'[' { b"[" } else { b",\n" };
        body[from..cut].iter().skip_while(|byte| between.contains(byte)).count()
    }

    /// Whether an end is told as it is: `error` by the connection, or as if that were all.
    fn check(&self, end: &End, error: bool, body: &[u8], cut: usize, words: &str) {
        match (end, self.whole) {
            (End::Complete(_), Some(whole)) => assert!(cut >= whole, "{words}"),
            // nothing tells that rows side by side go on
            (End::Complete(_), None) => {
                assert!(!error && cut >= self.header && self.left(body, cut) == 0, "{words}");
            }
            (End::NoAnswer(Fault::Broken(_)), _) => assert!(error && cut < self.header, "{words}"),
            (End::Cut(_, left), whole) => {
                assert!(whole.is_none_or(|whole| cut < whole) && !(error && cut < self.header), "{words}");
                assert_eq!(*left, self.left(body, cut), "{words}");
            }
            (other, _) => panic!("{words}: {other:?}"),
        }
    }
}

/// Keeps the rows.
#[derive(Default)]
struct Kept(Vec<String>);

impl Sink for Kept {
    fn columns(&mut self, _: &[Column]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: &[&RawValue]) -> io::Result<()> {
        self.0.push(values.iter().map(|value| value.get()).collect::<Vec<_>>().join(","));
        Ok(())
    }

    fn pause(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn interrupted(&self) -> bool {
        false
    }
}

fn reading() -> Reading {
    Reading { frames: Frames::default(), query: None, named: false, rows: 0, deletions: 0, limits: Limits::default() }
}

#[test]
fn cut_at_any_byte_no_complete_row_is_lost() {
    for (name, count) in BODIES {
        let body = recorded(name);
        let layout = Layout::of(std::str::from_utf8(&body).unwrap());
        assert_eq!(layout.rows.len(), *count, "{name}");
        let (mut reading, mut kept, mut last) = (reading(), Kept::default(), None);
        for cut in 0..=body.len() {
            // one byte more
            if let Some(byte) = cut.checked_sub(1).filter(|_| last.is_none()) {
                reading.frames.push(&body[byte..cut]);
                last = reading.drain(&mut kept);
            }
            let words = format!("{name}, {cut}");
            let wanted = layout.rows.iter().take_while(|(end, _)| *end <= cut).map(|(_, row)| row);
            assert!(kept.0.iter().eq(wanted), "{words}: {:?}", kept.0);
            assert_eq!(reading.rows as usize, kept.0.len(), "{words}");
            match &last {
                Some(end) => layout.check(end, false, &body, cut, &words),
                None => {
                    layout.check(&reading.at_end(Ok(())), false, &body, cut, &words);
                    let broken = Err(Fault::Broken("the server closed it".to_owned()));
                    layout.check(&reading.at_end(broken), true, &body, cut, &words);
                }
            }
        }
    }
}

/// How a body ends that a connection carries.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Close {
    /// As if that were all.
    Clean,
    /// By an error.
    Error,
    /// By an error while the last piece is decoded: it stands in the buffer, and nobody says how long it is.
    ErrorWithin,
}

/// A body as the decoder of chunks hands it over.
struct Body(io::Cursor<Vec<u8>>, Close);

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = buffer.len().min(700);
        let count = self.0.read(&mut buffer[..piece])?;
        let last = self.0.position() == self.0.get_ref().len() as u64;
        match self.1 {
            Close::Error if count == 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            Close::ErrorWithin if last => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(count),
        }
    }
}

#[test]
fn what_a_connection_has_brought_before_it_breaks_is_read() {
    for (name, _) in BODIES {
        let body = recorded(name);
        let layout = Layout::of(std::str::from_utf8(&body).unwrap());
        for cut in (0..=body.len()).step_by(if body.len() > 1000 { 59 } else { 7 }) {
            for close in [Close::Clean, Close::Error, Close::ErrorWithin] {
                let (pipe, mut reading, mut kept) = (Pipe::default(), reading(), Kept::default());
                pump(Body(io::Cursor::new(body[..cut].to_vec()), close), &pipe);
                let end = reading.until_end(&pipe, &mut kept);
                let words = format!("{name}, {cut}, {close:?}");
                let wanted = layout.rows.iter().take_while(|(end, _)| *end <= cut).map(|(_, row)| row);
                assert!(kept.0.iter().eq(wanted), "{words}: {:?}", kept.0);
                layout.check(&end, close != Close::Clean, &body, cut, &words);
            }
        }
    }
}
