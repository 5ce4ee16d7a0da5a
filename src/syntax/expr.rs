//! The row of operands and operators that the grammar reads to a tree, by the levels of `sql::ast`.
//!
//! One function a level, each a loop over its operators: the recursion is as deep as the brackets of the text, times
//! the number of levels. Parentheses leave no trace, and a parenthesized chain that begins a chain of the same level is
//! joined with it, since `(a + b) + c` and `a + b + c` are computed alike.

use std::iter::Peekable;

use pest::iterators::{Pair, Pairs};

use super::error::shown;
use super::grammar::Rule;
use super::reader::Reader;
use crate::diag::codes::sql as codes;
use crate::diag::{Diagnostic, Failed, Place};
use crate::schema::Type;
use crate::sql::ast::{Comparison, Expr, Level, Name, Operator, Unit};

/// Operators of one operand (`NOT NOT …`, `a->b->c…`) in a row: more are refused, since each is a level of the tree.
const MAX_ROW: usize = 200;

/// The levels of chains, loosest first.
const CHAINS: [Level; 3] = [Level::Concat, Level::Sum, Level::Product];

type Row<'i> = Peekable<Pairs<'i, Rule>>;

impl Reader<'_> {
    /// An `expression` pair; operators looser than `lowest` need parentheses in its place.
    pub(super) fn expression(&mut self, pair: Pair<'_, Rule>, lowest: Level) -> Result<Expr, Failed> {
        let mut row = pair.into_inner().peekable();
        let start = row.peek().map_or(0, |first| first.as_span().start());
        let expr = if lowest >= Level::Concat { self.chain(&mut row, 0)? } else { self.or(&mut row)? };
        match row.next() {
            None => Ok(self.at(start, expr)),
            Some(left_over) => Err(self.misplaced(&left_over)),
        }
    }

    /// The expression with its place, if places are wanted: from `start` to the end of what was read last.
    fn at(&self, start: usize, expr: Expr) -> Expr {
        if !self.located || matches!(expr, Expr::Lambda(..) | Expr::Located(..)) {
            return expr;
        }
        Expr::Located(Place::span(self.source, self.base + start..self.base + self.end), Box::new(expr))
    }

    fn or(&mut self, row: &mut Row<'_>) -> Result<Expr, Failed> {
        let first = self.and(row)?;
        if !next_is(row, Rule::or) {
            return Ok(first);
        }
        let mut operands = if let Expr::Or(operands) = first { operands } else { vec![first] };
        while row.next_if(|pair| pair.as_rule() == Rule::or).is_some() {
            operands.push(self.and(row)?);
        }
        Ok(Expr::Or(operands))
    }

    fn and(&mut self, row: &mut Row<'_>) -> Result<Expr, Failed> {
        let first = self.not(row)?;
        if !next_is(row, Rule::and) {
            return Ok(first);
        }
        let mut operands = if let Expr::And(operands) = first { operands } else { vec![first] };
        while row.next_if(|pair| pair.as_rule() == Rule::and).is_some() {
            operands.push(self.not(row)?);
        }
        Ok(Expr::And(operands))
    }

    fn not(&mut self, row: &mut Row<'_>) -> Result<Expr, Failed> {
        let mut count = 0;
        while let Some(pair) = row.next_if(|pair| pair.as_rule() == Rule::not) {
            count += 1;
            self.bounded(count, &pair)?;
        }
        let mut expr = self.predicate(row)?;
        for _ in 0..count {
            expr = Expr::Not(Box::new(expr));
        }
        Ok(expr)
    }

    /// One comparison at most: they do not chain.
    fn predicate(&mut self, row: &mut Row<'_>) -> Result<Expr, Failed> {
        let start = row.peek().map_or(0, |first| first.as_span().start());
        let left = self.chain(row, 0)?;
        let is_predicate = |rule| {
            matches!(
                rule,
                Rule::comparison | Rule::distinct | Rule::between | Rule::like | Rule::is_null | Rule::in_list
            )
        };
        let Some(pair) = row.next_if(|pair| is_predicate(pair.as_rule())) else { return Ok(left) };
        let value = Box::new(left);
        let negated = pair.clone().into_inner().any(|part| part.as_rule() == Rule::not);
        let end = end_of(&pair);
        let expr = match pair.as_rule() {
            Rule::comparison => {
                let symbol = if pair.as_str() == "!=" { "<>" } else { pair.as_str() };
                let Some(&(comparison, _)) = Comparison::ALL.iter().find(|(_, known)| *known == symbol) else {
                    return Err(self.incomplete());
                };
                Expr::Compare(comparison, value, Box::new(self.chain(row, 0)?))
            }
            Rule::distinct => {
                let comparison = if negated { Comparison::NotDistinct } else { Comparison::Distinct };
                Expr::Compare(comparison, value, Box::new(self.chain(row, 0)?))
            }
            Rule::between => {
                let low = Box::new(self.chain(row, 0)?);
                if row.next_if(|pair| pair.as_rule() == Rule::and).is_none() {
                    let message = "expected `AND` and an upper end after `BETWEEN` and a lower end";
                    return Err(self.fail(&pair, &codes::SYNTAX, message, None));
                }
                Expr::Between { value, low, high: Box::new(self.chain(row, 0)?), negated }
            }
            Rule::like => {
                let pattern = Box::new(self.chain(row, 0)?);
                let escape = match row.next_if(|pair| pair.as_rule() == Rule::escape) {
                    Some(pair) => Some(self.escape(pair)?),
                    None => None,
                };
                Expr::Like { value, pattern, escape, negated }
            }
            Rule::is_null => Expr::IsNull { value, negated },
            _ => Expr::In { value, list: self.expressions(pair)?, negated },
        };
        self.end = self.end.max(end);
        Ok(self.at(start, expr))
    }

    fn escape(&mut self, pair: Pair<'_, Rule>) -> Result<char, Failed> {
        let text =
            pair.clone().into_inner().find(|part| part.as_rule() == Rule::string).map(|part| unquote(part.as_str()));
        let text = text.unwrap_or_default();
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(only), None) => Ok(only),
            _ => {
                let message =
                    format!("expected a string of one character after `ESCAPE`, found {}", text.chars().count());
                Err(self.fail(&pair, &codes::SYNTAX, message, None))
            }
        }
    }

    /// The chain of level `CHAINS[index]`.
    fn chain(&mut self, row: &mut Row<'_>, index: usize) -> Result<Expr, Failed> {
        let Some(&level) = CHAINS.get(index) else { return self.signed(row) };
        let start = row.peek().map_or(0, |first| first.as_span().start());
        let first = self.chain(row, index + 1)?;
        let mut rest = Vec::new();
        while let Some(operator) = row.peek().and_then(operator).filter(|operator| operator.level() == level) {
            row.next();
            rest.push((operator, self.chain(row, index + 1)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let chain = match first {
            Expr::Chain(head, mut earlier)
                if earlier.first().is_some_and(|(operator, _)| operator.level() == level) =>
            {
                earlier.append(&mut rest);
                Expr::Chain(head, earlier)
            }
            first => Expr::Chain(Box::new(first), rest),
        };
        Ok(self.at(start, chain))
    }

    fn signed(&mut self, row: &mut Row<'_>) -> Result<Expr, Failed> {
        let mut signs = Vec::new();
        let start = row.peek().map_or(0, |first| first.as_span().start());
        loop {
            let Some(pair) = row.next() else { return Err(self.incomplete()) };
            match pair.as_rule() {
                Rule::sign => {
                    signs.push(pair.as_str() == "-");
                    self.bounded(signs.len(), &pair)?;
                }
                Rule::not => {
                    let help = "put the NOT and what it negates in parentheses".to_owned();
                    let message = "`NOT` binds looser than what stands before it";
                    return Err(self.fail(&pair, &codes::SYNTAX, message, Some(help)));
                }
                _ => {
                    let (first, mut end) = (pair.as_span().start(), end_of(&pair));
                    let mut expr = self.primary(pair)?;
                    let mut length = 0;
                    while let Some(pair) = row.next_if(|pair| matches!(pair.as_rule(), Rule::field | Rule::index)) {
                        length += 1;
                        self.bounded(length, &pair)?;
                        self.end = end;
                        let base = self.at(first, expr);
                        end = end_of(&pair);
                        expr = self.postfix(base, pair)?;
                    }
                    let signed = signs.into_iter().rev().fold(expr, |expr, minus| {
                        if minus { Expr::Negate(Box::new(expr)) } else { Expr::Plus(Box::new(expr)) }
                    });
                    self.end = end;
                    return Ok(self.at(start, signed));
                }
            }
        }
    }

    fn postfix(&mut self, base: Expr, pair: Pair<'_, Rule>) -> Result<Expr, Failed> {
        let is_field = pair.as_rule() == Rule::field;
        let Some(inner) = pair.into_inner().next() else { return Err(self.incomplete()) };
        if is_field {
            Ok(Expr::Field(Box::new(base), self.name(&inner)?))
        } else {
            Ok(Expr::Index(Box::new(base), Box::new(self.expression(inner, Level::Concat)?)))
        }
    }

    /// A literal, name, call or bracket.
    pub(super) fn primary(&mut self, pair: Pair<'_, Rule>) -> Result<Expr, Failed> {
        Ok(match pair.as_rule() {
            Rule::number => return self.number(&pair),
            Rule::reference => return self.reference(pair),
            Rule::parentheses => {
                let Some(inner) = pair.into_inner().next() else { return Err(self.incomplete()) };
                return self.expression(inner, Level::Or);
            }
            Rule::case => return self.case(pair),
            Rule::null => Expr::Null,
            Rule::boolean => Expr::Boolean(pair.as_str().eq_ignore_ascii_case("TRUE")),
            Rule::string => Expr::String(unquote(pair.as_str())),
            Rule::array => Expr::Array(self.expressions(pair)?),
            Rule::map => {
                let mut values = self.expressions(pair)?.into_iter();
                let mut entries = Vec::new();
                while let (Some(key), Some(value)) = (values.next(), values.next()) {
                    entries.push((key, value));
                }
                Expr::Map(entries)
            }
            Rule::struct_ => self.structure(pair)?,
            Rule::cast => {
                let mut value = None;
                let mut ty = None;
                for part in pair.into_inner() {
                    match part.as_rule() {
                        Rule::expression => value = Some(self.expression(part, Level::Or)?),
                        Rule::type_ => ty = Some(self.type_(part)?),
                        _ => {}
                    }
                }
                let (Some(value), Some(ty)) = (value, ty) else { return Err(self.incomplete()) };
                Expr::Cast(Box::new(value), ty)
            }
            _ => return Err(self.incomplete()),
        })
    }

    /// All `expression`s directly inside a pair.
    fn expressions(&mut self, pair: Pair<'_, Rule>) -> Result<Vec<Expr>, Failed> {
        let parts = pair.into_inner().filter(|part| part.as_rule() == Rule::expression);
        parts.map(|part| self.expression(part, Level::Or)).collect()
    }

    fn structure(&mut self, pair: Pair<'_, Rule>) -> Result<Expr, Failed> {
        let mut fields = Vec::new();
        let mut name = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::expression => {
                    let Some(name) = name.take() else { return Err(self.incomplete()) };
                    fields.push((name, self.expression(part, Level::Or)?));
                }
                Rule::k_struct | Rule::assign | Rule::comma | Rule::close => {}
                _ => name = Some(self.name(&part)?),
            }
        }
        Ok(Expr::Struct(fields))
    }

    fn case(&mut self, pair: Pair<'_, Rule>) -> Result<Expr, Failed> {
        let mut arms = Vec::new();
        let mut otherwise = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::when_arm => {
                    let mut values = self.expressions(part)?.into_iter();
                    let (Some(condition), Some(value)) = (values.next(), values.next()) else {
                        return Err(self.incomplete());
                    };
                    arms.push((condition, value));
                }
                Rule::else_arm => otherwise = self.expressions(part)?.pop().map(Box::new),
                Rule::expression => {
                    let message = "`CASE` with an operand: ksqlDB reads this form and cannot run it";
                    let help = format!("write `CASE WHEN {} = … THEN …`", part.as_str().trim_end());
                    return Err(self.fail(&part, &codes::UNSUPPORTED_SQL, message, Some(help)));
                }
                _ => {}
            }
        }
        Ok(Expr::Case(arms, otherwise))
    }

    fn reference(&mut self, pair: Pair<'_, Rule>) -> Result<Expr, Failed> {
        let mut parts = pair.into_inner();
        let Some(first) = parts.next() else { return Err(self.incomplete()) };
        let name = self.name(&first)?;
        let Some(second) = parts.next() else { return Ok(Expr::Column(name)) };
        match second.as_rule() {
            Rule::member => {
                let Some(column) = second.into_inner().nth(1) else { return Err(self.incomplete()) };
                Ok(Expr::Qualified(name, self.name(&column)?))
            }
            Rule::string => self.typed(&name, &first, &second),
            _ => {
                let arguments = self.arguments(second)?;
                Ok(Expr::Call(name, arguments))
            }
        }
    }

    /// `TYPE 'text'`: ksqlDB has it for the types of time, and for DECIMAL, which must be quoted as it is reserved.
    fn typed(&mut self, name: &Name, first: &Pair<'_, Rule>, second: &Pair<'_, Rule>) -> Result<Expr, Failed> {
        let text = unquote(second.as_str());
        let ty = match name.as_str() {
            "TIME" => Type::Time,
            "DATE" => Type::Date,
            "TIMESTAMP" => Type::Timestamp,
            "DECIMAL" => {
                let digits = text.strip_prefix('-').unwrap_or(&text);
                let point = digits.bytes().filter(|&byte| byte == b'.').count();
                if digits.len() > point
                    && point <= 1
                    && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
                {
                    return Ok(Expr::Decimal(canonical_decimal(&text)));
                }
                let message = format!("expected the digits of a DECIMAL, found {}", shown(second.as_str()));
                return Err(self.fail(second, &codes::BAD_NUMBER, message, None));
            }
            _ => {
                let message = format!("expected an operator, found {}", shown(second.as_str()));
                let diagnostic = Diagnostic::new(&codes::SYNTAX, message)
                    .at(self.place(second))
                    .related(self.place(first), "only TIME, DATE and TIMESTAMP may stand before a string, as its type");
                return Err(self.report.fail(diagnostic));
            }
        };
        Ok(Expr::Typed(ty, text))
    }

    /// Arguments of a call: expressions and units, then lambdas.
    fn arguments(&mut self, pair: Pair<'_, Rule>) -> Result<Vec<Expr>, Failed> {
        let mut arguments = Vec::new();
        for part in pair.into_inner() {
            let after_lambda = matches!(arguments.last(), Some(Expr::Lambda(..)));
            match part.as_rule() {
                Rule::lambda if arguments.is_empty() => {
                    let message = "a lambda needs an argument before it";
                    return Err(self.fail(&part, &codes::SYNTAX, message, None));
                }
                Rule::lambda => arguments.push(self.lambda(part)?),
                Rule::expression | Rule::unit if after_lambda => {
                    let message = "after a lambda only lambdas can follow";
                    return Err(self.fail(&part, &codes::SYNTAX, message, None));
                }
                Rule::expression => arguments.push(self.expression(part, Level::Or)?),
                Rule::unit => {
                    let upper = part.as_str().to_ascii_uppercase();
                    let Some(&(unit, _)) = Unit::ALL.iter().find(|(_, known)| *known == upper) else {
                        return Err(self.incomplete());
                    };
                    arguments.push(Expr::Unit(unit));
                }
                _ => {}
            }
        }
        Ok(arguments)
    }

    fn lambda(&mut self, pair: Pair<'_, Rule>) -> Result<Expr, Failed> {
        let mut names = Vec::new();
        for part in pair.into_inner() {
            if part.as_rule() == Rule::expression {
                return Ok(Expr::Lambda(names, Box::new(self.expression(part, Level::Or)?)));
            }
            names.push(self.name(&part)?);
        }
        Err(self.incomplete())
    }

    fn number(&mut self, pair: &Pair<'_, Rule>) -> Result<Expr, Failed> {
        let Some(digits) = pair.clone().into_inner().next() else { return Err(self.incomplete()) };
        let sign = if pair.as_str().starts_with('-') { "-" } else { "" };
        let text = format!("{sign}{}", digits.as_str());
        match digits.as_rule() {
            Rule::decimal => Ok(Expr::Decimal(canonical_decimal(&text))),
            Rule::integer => match text.parse() {
                Ok(value) => Ok(Expr::Integer(value)),
                Err(_) => {
                    let message = format!("the integer {} does not fit 64 bits", shown(&text));
                    let help = "write it with a decimal point (DECIMAL) or in E-notation (DOUBLE)".to_owned();
                    Err(self.fail(pair, &codes::BAD_NUMBER, message, Some(help)))
                }
            },
            _ => match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Expr::double(value)),
                _ => {
                    let message = format!("{} is larger than the largest DOUBLE", shown(&text));
                    Err(self.fail(pair, &codes::BAD_NUMBER, message, None))
                }
            },
        }
    }

    fn bounded(&mut self, count: usize, pair: &Pair<'_, Rule>) -> Result<(), Failed> {
        if count <= MAX_ROW {
            return Ok(());
        }
        let message = format!("more than {MAX_ROW} times {} in a row", shown(pair.as_str()));
        Err(self.fail(pair, &codes::TOO_DEEP, message, None))
    }

    /// An operator that the grammar allows in a row, but not after what was read.
    fn misplaced(&mut self, pair: &Pair<'_, Rule>) -> Failed {
        let word = shown(pair.as_str());
        let (message, help) = match pair.as_rule() {
            Rule::escape => ("`ESCAPE` belongs behind the pattern of a LIKE".to_owned(), None),
            Rule::and | Rule::or => (format!("found {word} where only a value can stand"), Some("parentheses")),
            _ => (
                format!("found {word} after a comparison, and comparisons do not chain"),
                Some("join comparisons with AND, or put one in parentheses"),
            ),
        };
        self.fail(pair, &codes::SYNTAX, message, help.map(str::to_owned))
    }
}

/// The end of a pair without the blanks that the grammar has read behind it.
fn end_of(pair: &Pair<'_, Rule>) -> usize {
    pair.as_span().start() + pair.as_str().trim_end().len()
}

fn next_is(row: &mut Row<'_>, rule: Rule) -> bool {
    row.peek().is_some_and(|pair| pair.as_rule() == rule)
}

fn operator(pair: &Pair<'_, Rule>) -> Option<Operator> {
    if pair.as_rule() != Rule::operator {
        return None;
    }
    Operator::ALL.iter().find(|(_, symbol, _)| *symbol == pair.as_str()).map(|&(operator, ..)| operator)
}

/// The text of a string literal.
pub(super) fn unquote(literal: &str) -> String {
    literal.get(1..literal.len().saturating_sub(1)).unwrap_or("").replace("''", "'")
}

/// The one spelling of a DECIMAL: a point, at least one digit before it, no superfluous zeros, no negative zero.
fn canonical_decimal(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let is_zero = whole == "0" && fraction.bytes().all(|byte| byte == b'0');
    format!("{}{whole}.{fraction}", if is_zero { "" } else { sign })
}
