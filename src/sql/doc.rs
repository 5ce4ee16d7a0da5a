//! A document printer: text with possible line breaks, grouped, laid out by width.
//!
//! A document is a flat row of tokens, not a tree, so documents of any length and depth are measured and printed by
//! loops, in linear time. A *group* is printed on one line if it fits together with what follows it up to the next
//! possible break; otherwise all its lines break. A group with a *hug* mark has a third way: its own lines stay flat and
//! only the groups from the mark on may break (`REDUCE(ARRAY[X], 0E0, (_S, _Z) =>` … `)`).
//! Consecutive breaks count once, and no line ends in a blank.

/// A token of a document.
/// Positions and widths are 32 bits wide: a document of a hundred thousand terms is read twice and should stay in the caches.
#[derive(Clone, Copy, Debug)]
enum Token {
    /// A piece of the buffer without line feeds, and its width in characters.
    Text {
        start: u32,
        end: u32,
        width: u32,
    },
    /// A break if the group is broken, else a blank or nothing.
    Line {
        blank: bool,
    },
    /// A break if what follows, up to the next line, does not fit.
    Fill,
    /// Always a break; breaks all groups around it.
    Hard,
    /// Blanks if the group is broken.
    Pad(u32),
    /// Text if the group is broken.
    IfBroken {
        start: u32,
        end: u32,
        width: u32,
    },
    Open {
        close: u32,
        hug: Option<u32>,
        broken: bool,
    },
    Close,
    /// Further lines begin this much further right, if the group is broken.
    Indent(u32),
    Dedent,
}

/// How a group is laid out.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Flat,
    Broken,
    /// Own lines flat, inner groups as they fit.
    Hug,
}

/// A document under construction.
#[derive(Debug, Default)]
pub struct Doc {
    text: String,
    tokens: Vec<Token>,
    open: Vec<usize>,
    /// What follows must be a token of its own.
    sealed: bool,
}

impl Doc {
    /// An empty document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text; it must not contain a line feed unless it is to be printed as it stands.
    ///
    /// Text behind text is one token, but for a blank, which is dropped at the beginning of a line.
    pub fn text(&mut self, text: &str) {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        let (stop, more) = (self.text.len() as u32, columns(text));
        match self.tokens.last_mut() {
            Some(Token::Text { end, width, .. }) if !self.sealed => {
                *end = stop;
                *width += more;
            }
            _ => self.tokens.push(Token::Text { start, end: stop, width: more }),
        }
        self.sealed = text == " " && stop - start == 1 && self.is_blank();
    }

    /// Whether the last token is a lone blank.
    fn is_blank(&self) -> bool {
        matches!(self.tokens.last(), Some(Token::Text { width: 1, .. }))
    }

    /// Whether text that ends so would stand directly before the next text, if everything is flat.
    pub fn ends_with(&self, end: char) -> bool {
        let last = self.tokens.iter().rev().find(|token| {
            matches!(token, Token::Text { .. } | Token::Line { blank: true } | Token::Fill | Token::Hard)
        });
        match last {
            Some(Token::Text { start, end: stop, .. }) => self.text[*start as usize..*stop as usize].ends_with(end),
            _ => false,
        }
    }

    /// A blank, or a break in a broken group.
    pub fn line(&mut self) {
        self.tokens.push(Token::Line { blank: true });
    }

    /// Nothing, or a break in a broken group.
    pub fn soft_line(&mut self) {
        self.tokens.push(Token::Line { blank: false });
    }

    /// A blank, or a break where the line is full.
    pub fn fill(&mut self) {
        self.tokens.push(Token::Fill);
    }

    /// A break.
    pub fn hard_line(&mut self) {
        self.tokens.push(Token::Hard);
    }

    /// Blanks in a broken group.
    pub fn pad(&mut self, blanks: usize) {
        self.tokens.push(Token::Pad(blanks as u32));
    }

    /// Adds text that is printed only in a broken group.
    pub fn if_broken(&mut self, text: &str) {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        self.tokens.push(Token::IfBroken { start, end: self.text.len() as u32, width: columns(text) });
    }

    /// Begins a group.
    pub fn open(&mut self) {
        self.open.push(self.tokens.len());
        self.tokens.push(Token::Open { close: 0, hug: None, broken: false });
    }

    /// Makes the innermost open group broken.
    pub fn break_group(&mut self) {
        if let Some(Token::Open { broken, .. }) = self.open.last().and_then(|&at| self.tokens.get_mut(at)) {
            *broken = true;
        }
    }

    /// Marks the place from which on a group may break while its own lines stay flat.
    pub fn hug(&mut self) {
        let here = self.tokens.len() as u32;
        self.sealed = true;
        if let Some(Token::Open { hug, .. }) = self.open.last().and_then(|&at| self.tokens.get_mut(at)) {
            *hug = Some(here);
        }
    }

    /// Ends the innermost open group.
    pub fn close(&mut self) {
        let here = self.tokens.len() as u32;
        if let Some(Token::Open { close, .. }) = self.open.pop().and_then(|at| self.tokens.get_mut(at)) {
            *close = here;
            self.tokens.push(Token::Close);
        }
    }

    /// Indents what follows.
    pub fn indent(&mut self, columns: usize) {
        self.tokens.push(Token::Indent(columns as u32));
    }

    /// Ends the innermost indentation.
    pub fn dedent(&mut self) {
        self.tokens.push(Token::Dedent);
    }

    /// The laid-out text, without a final line feed.
    pub fn render(&self, width: usize) -> String {
        let measure = Measure::of(&self.tokens);
        let mut out = Output { text: String::with_capacity(self.text.len() * 5 / 4), column: 0, pending: None };
        let mut modes = vec![Mode::Broken];
        let mut indents = vec![0];
        for (at, token) in self.tokens.iter().enumerate() {
            let mode = modes.last().copied().unwrap_or(Mode::Broken);
            let indent = indents.last().copied().unwrap_or(0);
            match *token {
                Token::Text { start, end, width } => {
                    out.write(&self.text[start as usize..end as usize], width as usize)
                }
                Token::Line { .. } if mode == Mode::Broken => out.pending = Some(indent),
                Token::Line { blank } => out.write(if blank { " " } else { "" }, usize::from(blank)),
                Token::Fill => {
                    let next = measure.next_line[at + 1] as usize;
                    if mode == Mode::Flat || out.at() + 1 + measure.width(at + 1, next) <= width {
                        out.write(" ", 1);
                    } else {
                        out.pending = Some(indent);
                    }
                }
                Token::Hard => out.pending = Some(indent),
                Token::Pad(blanks) if mode == Mode::Broken => {
                    if let Some(indent) = &mut out.pending {
                        *indent += blanks as usize;
                    }
                }
                Token::IfBroken { start, end, width } if mode == Mode::Broken => {
                    out.write(&self.text[start as usize..end as usize], width as usize)
                }
                Token::Pad(_) | Token::IfBroken { .. } => {}
                Token::Open { close, hug, broken } => modes.push(match mode {
                    Mode::Flat => Mode::Flat,
                    _ => measure.mode(
                        at,
                        close as usize,
                        hug.map(|hug| hug as usize),
                        broken,
                        width.saturating_sub(out.at()),
                    ),
                }),
                Token::Close => {
                    modes.pop();
                }
                Token::Indent(columns) => {
                    indents.push(indent + if mode == Mode::Broken { columns as usize } else { 0 })
                }
                Token::Dedent => {
                    indents.pop();
                }
            }
        }
        out.text
    }
}

/// The width of a text in characters.
fn columns(text: &str) -> u32 {
    (if text.is_ascii() { text.len() } else { text.chars().count() }) as u32
}

/// Prefix sums over the tokens.
struct Measure {
    /// Width of everything before a token, printed flat.
    before: Vec<u32>,
    /// Hard breaks and broken groups before a token.
    breaks: Vec<u32>,
    /// The first possible break at or behind a token, or the end.
    next_line: Vec<u32>,
}

impl Measure {
    fn of(tokens: &[Token]) -> Self {
        let (mut width, mut hard) = (0, 0);
        let mut before = Vec::with_capacity(tokens.len() + 1);
        let mut breaks = Vec::with_capacity(tokens.len() + 1);
        for token in tokens {
            before.push(width);
            breaks.push(hard);
            match token {
                Token::Text { width: own, .. } => width += own,
                Token::Line { blank: true } | Token::Fill => width += 1,
                Token::Hard | Token::Open { broken: true, .. } => hard += 1,
                _ => {}
            }
        }
        before.push(width);
        breaks.push(hard);
        let mut next_line = vec![tokens.len() as u32; tokens.len() + 1];
        for (at, token) in tokens.iter().enumerate().rev() {
            let is_line = matches!(token, Token::Line { .. } | Token::Fill | Token::Hard);
            next_line[at] = if is_line { at as u32 } else { next_line[at + 1] };
        }
        Measure { before, breaks, next_line }
    }

    fn width(&self, from: usize, to: usize) -> usize {
        (self.before[to] - self.before[from]) as usize
    }

    fn mode(&self, open: usize, close: usize, hug: Option<usize>, broken: bool, room: usize) -> Mode {
        if broken {
            return Mode::Broken;
        }
        if self.breaks[open] == self.breaks[close] && self.width(open, self.next_line[close] as usize) <= room {
            return Mode::Flat;
        }
        if let Some(hug) = hug {
            let first_break = self.next_line[hug] as usize;
            let head_is_flat = self.breaks[open] == self.breaks[hug];
            if first_break < close && head_is_flat && self.width(open, first_break) <= room {
                return Mode::Hug;
            }
        }
        Mode::Broken
    }
}

/// The text so far; a break is written only when text follows it.
struct Output {
    text: String,
    column: usize,
    /// The indentation of the line that begins next.
    pending: Option<usize>,
}

impl Output {
    fn at(&self) -> usize {
        self.pending.unwrap_or(self.column)
    }

    fn write(&mut self, text: &str, width: usize) {
        if text.is_empty() || (text == " " && self.pending.is_some()) {
            return;
        }
        if let Some(indent) = self.pending.take() {
            if !self.text.is_empty() {
                self.text.push('\n');
            }
            self.text.extend(std::iter::repeat_n(' ', indent));
            self.column = indent;
        }
        self.text.push_str(text);
        self.column += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(doc: &mut Doc, name: &str, arguments: &[&str]) {
        doc.open();
        doc.text(&format!("{name}("));
        doc.indent(2);
        for (index, argument) in arguments.iter().enumerate() {
            if index > 0 {
                doc.text(",");
                doc.line();
            } else {
                doc.soft_line();
            }
            doc.text(argument);
        }
        doc.dedent();
        doc.soft_line();
        doc.text(")");
        doc.close();
    }

    #[test]
    fn a_group_is_flat_or_broken_as_a_whole() {
        let mut doc = Doc::new();
        call(&mut doc, "F", &["AAAA", "BBBB"]);
        doc.text(" AS X");
        assert_eq!(doc.render(18), "F(AAAA, BBBB) AS X");
        assert_eq!(doc.render(17), "F(\n  AAAA,\n  BBBB\n) AS X");
    }

    #[test]
    fn a_hard_line_breaks_the_groups_around_it() {
        let mut doc = Doc::new();
        doc.open();
        doc.text("A");
        doc.line();
        doc.text("B");
        doc.hard_line();
        doc.text("C");
        doc.close();
        assert_eq!(doc.render(80), "A\nB\nC");
    }

    #[test]
    fn a_long_document_is_printed_by_a_loop() {
        let mut doc = Doc::new();
        for _ in 0..200_000 {
            doc.open();
            doc.text("(");
            doc.soft_line();
        }
        for _ in 0..200_000 {
            doc.text(")");
            doc.close();
        }
        // Every bracket has a character, and every opening one a line feed behind it.
        assert_eq!(doc.render(10).len(), 600_000);
    }
}
