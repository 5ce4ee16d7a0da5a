//! The names of terms as formulas of R and patsy.
//!
//! A term is a product of factors, `a:b`. A factor is the name of a column, a level of a factor (`C(g)[T.b]`, `g[T.b]`,
//! `factor(g)b`), or a function of columns (`log(x + 1)`, `I(x^2)`). A name with spaces before a parenthesis
//! (`sepal length (cm)`) is a column.

use crate::model::{Binary, Unary};

/// A factor of a term.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Factor {
    /// A column.
    Column(String),
    /// 1 where a column has this level, else 0.
    Level(String, String),
    /// A function of columns.
    Formula(Formula),
}

/// Arithmetic on columns. Its depth is bounded by [`MAX_DEPTH`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Formula {
    Number(f64),
    Column(String),
    Unary(Unary, Box<Formula>),
    /// `log2`, `log10`: the natural logarithm divided by this.
    LogBase(Box<Formula>, f64),
    Binary(Binary, Box<Formula>, Box<Formula>),
}

/// How deep a formula may nest.
const MAX_DEPTH: usize = 50;

/// The factors of a term; the error says what is not understood, and at which bytes of the term.
pub(super) fn term(text: &str) -> Result<Vec<Factor>, (String, std::ops::Range<usize>)> {
    let mut factors = Vec::new();
    for (start, part) in split(text) {
        let whole = start..start + part.len();
        factors.push(factor(part).map_err(|message| (message, whole))?);
    }
    Ok(factors)
}

/// Parts between colons that stand outside of brackets and quotes.
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut quote) = (0usize, 0, None);
    for (at, letter) in text.char_indices() {
        match (letter, quote) {
            (_, Some(open)) if letter == open => quote = None,
            (_, Some(_)) => {}
            ('`', None) => quote = Some(letter),
            ('(' | '[', None) => depth += 1,
            (')' | ']', None) => depth = depth.saturating_sub(1),
            (':', None) if depth == 0 => {
                parts.push((start, &text[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push((start, &text[start..]));
    parts
}

fn factor(text: &str) -> Result<Factor, String> {
    if text.is_empty() {
        return Err("a factor of the term is empty".into());
    }
    if let Some(name) = unquoted(text) {
        return Ok(Factor::Column(name.to_owned()));
    }
    if let Some(level) = level(text)? {
        return Ok(level);
    }
    // A call: a name, a parenthesis right behind it, and its end at the end.
    let name_end =
        text.find(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '.')).unwrap_or(text.len());
    if name_end > 0 && text[name_end..].starts_with('(') {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let formula = parser.sum()?;
        return match formula {
            Formula::Column(name) => Ok(Factor::Column(name)),
            _ if parser.at < text.len() => Err(format!("`{}` is not understood", &text[parser.at..])),
            formula => Ok(Factor::Formula(formula)),
        };
    }
    Ok(Factor::Column(text.to_owned()))
}

/// A formula that stands alone, as an offset does.
pub(super) fn formula(text: &str) -> Result<Formula, String> {
    match factor(text)? {
        Factor::Column(name) => Ok(Formula::Column(name)),
        Factor::Formula(formula) => Ok(formula),
        Factor::Level(..) => Err("a level of a factor cannot stand here".into()),
    }
}

/// A name in backticks or in patsy's `Q("")`.
fn unquoted(text: &str) -> Option<&str> {
    let inside = |open: &str, close: &str| text.strip_prefix(open)?.strip_suffix(close).filter(|name| !name.is_empty());
    inside("`", "`").or_else(|| inside("Q(\"", "\")")).or_else(|| inside("Q('", "')"))
}

/// `C(g)[T.b]`, `C(g, …)[b]`, `g[T.b]`, `factor(g)b`, `as.factor(g)b`.
fn level(text: &str) -> Result<Option<Factor>, String> {
    let column = |name: &str| unquoted(name.trim()).unwrap_or(name.trim()).to_owned();
    for prefix in ["factor(", "as.factor("] {
        if let Some(rest) = text.strip_prefix(prefix)
            && let Some((name, level)) = rest.split_once(')')
        {
            if level.is_empty() || name.contains(',') {
                return Err("the level of the factor is not understood".into());
            }
            return Ok(Some(Factor::Level(column(name), level.to_owned())));
        }
    }
    let Some(body) = text.strip_suffix(']') else { return Ok(None) };
    let Some(open) = body.find('[') else { return Ok(None) };
    let (name, coded) = (&body[..open], &body[open + 1..]);
    let is_call = name.starts_with("C(") && name.ends_with(')');
    for contrast in ["S.", "H.", "D.", "custom"] {
        if is_call && coded.starts_with(contrast) {
            return Err(format!("the contrast `[{contrast}…]` is not supported, use treatment coding"));
        }
    }
    let name = match name.strip_prefix("C(").and_then(|inner| inner.strip_suffix(')')) {
        // `C(g, Treatment(reference='a'))`: the coding of the level says the rest.
        Some(inner) => inner.split(',').next().unwrap_or(inner),
        None if name.contains('(') => return Err(format!("`{name}` is not understood")),
        None if !coded.starts_with("T.") => return Ok(None),
        None => name,
    };
    if name.trim().is_empty() {
        return Err("the factor has no name".into());
    }
    Ok(Some(Factor::Level(column(name), coded.strip_prefix("T.").unwrap_or(coded).to_owned())))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<Formula, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("the formula nests deeper than {MAX_DEPTH}"));
        }
        let mut left = self.product()?;
        let mut terms = 0;
        loop {
            let operator = match self.peek() {
                Some(b'+') => Binary::Add,
                Some(b'-') => Binary::Subtract,
                _ => break,
            };
            self.at += 1;
            terms = self.count(terms)?;
            left = Formula::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn product(&mut self) -> Result<Formula, String> {
        let mut left = self.signed()?;
        let mut factors = 0;
        loop {
            let operator = match self.peek() {
                Some(b'*') if !self.rest().starts_with("**") => Binary::Multiply,
                Some(b'/') => Binary::Divide,
                _ => return Ok(left),
            };
            self.at += 1;
            factors = self.count(factors)?;
            left = Formula::Binary(operator, Box::new(left), Box::new(self.signed()?));
        }
    }

    /// A chain is a tree as deep as it is long.
    fn count(&self, operators: usize) -> Result<usize, String> {
        if operators >= MAX_DEPTH {
            Err(format!("the formula has more than {MAX_DEPTH} operators in a row"))
        } else {
            Ok(operators + 1)
        }
    }

    /// A sign binds weaker than a power: `-x^2` is `-(x^2)`.
    fn signed(&mut self) -> Result<Formula, String> {
        if self.peek() == Some(b'-') {
            self.at += 1;
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(format!("the formula nests deeper than {MAX_DEPTH}"));
            }
            let inner = self.signed()?;
            self.depth -= 1;
            return Ok(match inner {
                Formula::Number(number) => Formula::Number(-number),
                inner => Formula::Unary(Unary::Negate, Box::new(inner)),
            });
        }
        let base = self.primary()?;
        let width = match self.peek() {
            Some(b'^') => 1,
            Some(b'*') if self.rest().starts_with("**") => 2,
            _ => return Ok(base),
        };
        self.at += width;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("the formula nests deeper than {MAX_DEPTH}"));
        }
        let exponent = self.signed()?;
        self.depth -= 1;
        Ok(Formula::Binary(Binary::Power, Box::new(base), Box::new(exponent)))
    }

    fn primary(&mut self) -> Result<Formula, String> {
        let Some(byte) = self.peek() else { return Err("the formula ends early".into()) };
        if byte == b'(' {
            self.at += 1;
            let inner = self.sum()?;
            self.close()?;
            return Ok(inner);
        }
        if byte == b'`' {
            let rest = &self.rest()[1..];
            let end = rest.find('`').ok_or("a backtick is not closed")?;
            let name = rest[..end].to_owned();
            self.at += end + 2;
            return Ok(Formula::Column(name));
        }
        if byte.is_ascii_digit() || byte == b'.' && self.rest()[1..].starts_with(|letter: char| letter.is_ascii_digit())
        {
            return self.number();
        }
        let rest = self.rest();
        let end = rest
            .find(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '.'))
            .unwrap_or(rest.len());
        if end == 0 {
            return Err(format!("`{rest}` is not understood"));
        }
        let name = rest[..end].to_owned();
        self.at += end;
        if self.text.as_bytes().get(self.at) == Some(&b'(') { self.call(&name) } else { Ok(Formula::Column(name)) }
    }

    fn call(&mut self, name: &str) -> Result<Formula, String> {
        if name == "Q" {
            let rest = self.rest();
            for (open, close) in [("(\"", "\")"), ("('", "')")] {
                if let Some(inner) = rest.strip_prefix(open)
                    && let Some(end) = inner.find(close)
                {
                    let name = inner[..end].to_owned();
                    self.at += open.len() + end + close.len();
                    return Ok(Formula::Column(name));
                }
            }
            return Err("`Q(…)` needs a quoted name".into());
        }
        self.at += 1;
        let argument = self.sum()?;
        let function = match name.strip_prefix("np.").or(name.strip_prefix("numpy.")).unwrap_or(name) {
            "I" => None,
            "abs" => Some(Unary::Abs),
            "exp" => Some(Unary::Exp),
            "expm1" => Some(Unary::Expm1),
            "log" => Some(Unary::Log),
            "log1p" => Some(Unary::Log1p),
            "sqrt" => Some(Unary::Sqrt),
            "log2" | "log10" => {
                self.close()?;
                let base = if name.ends_with('2') { std::f64::consts::LN_2 } else { std::f64::consts::LN_10 };
                return Ok(Formula::LogBase(Box::new(argument), base));
            }
            "power" | "square" => {
                let exponent = if name.ends_with("square") {
                    Formula::Number(2.0)
                } else if self.peek() == Some(b',') {
                    self.at += 1;
                    self.sum()?
                } else {
                    return Err("`power` needs an exponent".into());
                };
                self.close()?;
                return Ok(Formula::Binary(Binary::Power, Box::new(argument), Box::new(exponent)));
            }
            _ => return Err(format!("the function `{name}` is not known")),
        };
        self.close()?;
        Ok(match function {
            Some(function) => Formula::Unary(function, Box::new(argument)),
            None => argument,
        })
    }

    fn number(&mut self) -> Result<Formula, String> {
        let rest = self.rest();
        let mut end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            let digits = rest[end + 1 + sign..].bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                end += 1 + sign + digits;
            }
        }
        let number = rest[..end].parse().ok().filter(|number: &f64| number.is_finite());
        self.at += end;
        // R writes integers as `2L`.
        if self.rest().starts_with('L') {
            self.at += 1;
        }
        number.map(Formula::Number).ok_or_else(|| "a number is not understood".into())
    }

    fn close(&mut self) -> Result<(), String> {
        if self.peek() != Some(b')') {
            return Err(format!("expected `)` before `{}`", self.rest()));
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        while self.text.as_bytes().get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn column(name: &str) -> Factor {
        Factor::Column(name.into())
    }

    #[test]
    fn terms_are_read_as_r_and_patsy_mean_them() {
        assert_eq!(term("sepal length (cm)").unwrap(), [column("sepal length (cm)")]);
        assert_eq!(term("a:`b c`").unwrap(), [column("a"), column("b c")]);
        assert_eq!(term("Q(\"odd name\")").unwrap(), [column("odd name")]);
        let level = |column: &str, level: &str| Factor::Level(column.into(), level.into());
        assert_eq!(term("C(g)[T.b]:x").unwrap(), [level("g", "b"), column("x")]);
        assert_eq!(term("C(g, Treatment(reference='a'))[T.b:c]").unwrap(), [level("g", "b:c")]);
        assert_eq!(term("region[T.South (x)]").unwrap(), [level("region", "South (x)")]);
        assert_eq!(term("factor(cyl)6").unwrap(), [level("cyl", "6")]);
        let power = |base, exponent| Formula::Binary(Binary::Power, Box::new(base), Box::new(exponent));
        let x = || Formula::Column("x".into());
        let square = [Factor::Formula(power(x(), Formula::Number(2.0)))];
        assert_eq!(term("I(x^2)").unwrap(), square);
        assert_eq!(term("I(x ** 2)").unwrap(), square);
        assert_eq!(term("np.square(x)").unwrap(), square);
        let negated = Formula::Unary(Unary::Negate, Box::new(power(x(), Formula::Number(2.0))));
        assert_eq!(term("I(-x^2)").unwrap(), [Factor::Formula(negated)]);
        let log = Formula::Binary(Binary::Add, Box::new(x()), Box::new(Formula::Number(1.0)));
        assert_eq!(term("log(x + 1)").unwrap(), [Factor::Formula(Formula::Unary(Unary::Log, Box::new(log)))]);
        for wrong in ["poly(x, 2)1", "scale(x)", "bs(x, df=3)[0]", "a:", "log(x", "C(g)[S.b]", "I()", "factor(g)"] {
            assert!(term(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_term_makes_it_panic(text in r"(log|I|C|Q|a|\[T\.|[()\[\]:`^*+/ .,\-0-9eLé'\x22])*") {
            let _ = term(&text);
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(term(&format!("I({}x", "(".repeat(100_000))).is_err());
        assert!(term(&format!("I({}x)", "-".repeat(100_000))).is_err());
        assert!(term(&format!("I(x{})", "^x".repeat(100_000))).is_err());
        assert!(term(&format!("I(x{})", "+x".repeat(100_000))).is_err());
    }
}
