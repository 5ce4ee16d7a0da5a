//! Expressions as documents.

use super::Printer;
use crate::sql::ast::{Expr, Level, Name, Operator};
use crate::sql::print;

/// Columns of one indentation.
const STEP: usize = 2;

/// Where an expression stands, which decides how its further lines are indented.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Alone between brackets that stand on other lines: operands are aligned, operators stand left of them. Where the
    /// brackets are broken, so are the operands.
    Inside,
    /// Alone between keywords that stand on other lines.
    Block,
    /// Behind other text or among others: further lines are indented.
    Hanging,
}

impl<'a> Printer<'a> {
    /// An expression whose further lines are indented.
    pub(super) fn hanging(&mut self, expr: &'a Expr) {
        self.expr(expr, Place::Hanging);
    }

    /// An expression where only values can stand: conditions get parentheses.
    pub(super) fn value(&mut self, expr: &'a Expr) {
        self.operand(expr, Level::Concat, Place::Hanging);
    }

    /// `expression AS alias`; the alias of something that is broken between its operands gets a line of its own.
    pub(super) fn aliased(&mut self, expr: &'a Expr, alias: &Name) {
        if opens(expr) {
            self.hanging(expr);
            self.text(" AS ");
            self.name(alias);
        } else {
            self.doc.open();
            self.hanging(expr);
            self.doc.indent(STEP);
            self.doc.line();
            self.text("AS ");
            self.name(alias);
            self.doc.dedent();
            self.doc.close();
        }
    }

    /// An operand where `lowest` and tighter levels need no parentheses.
    fn operand(&mut self, expr: &'a Expr, lowest: Level, place: Place) {
        if expr.level() < lowest { self.parentheses(expr) } else { self.expr(expr, place) }
    }

    fn parentheses(&mut self, expr: &'a Expr) {
        self.bracketed("(", expr, ")");
    }

    /// One expression between brackets: on lines of its own if it does not fit, unless it brings its own brackets.
    fn bracketed(&mut self, open: &str, expr: &'a Expr, close: &str) {
        if opens(expr) {
            self.text(open);
            self.expr(expr, Place::Hanging);
            self.text(close);
            return;
        }
        self.doc.open();
        self.text(open);
        self.doc.indent(STEP);
        self.doc.soft_line();
        self.expr(expr, Place::Inside);
        self.doc.dedent();
        self.doc.soft_line();
        self.text(close);
        self.doc.close();
    }

    fn expr(&mut self, expr: &'a Expr, place: Place) {
        match expr {
            Expr::Null => self.text("NULL"),
            Expr::Boolean(value) => self.text(if *value { "TRUE" } else { "FALSE" }),
            Expr::Integer(value) => self.text(&value.to_string()),
            Expr::Double(value) => self.text(&print::double(value.0)),
            Expr::Decimal(digits) => self.text(digits),
            Expr::String(value) => self.text(&print::string(value)),
            Expr::Column(name) => self.column(name),
            Expr::Qualified(source, name) => {
                self.name(source);
                self.text(".");
                self.name(name);
            }
            Expr::Unit(unit) => self.text(unit.symbol()),
            Expr::Typed(ty, value) => {
                let text = format!("{} {}", print::ty(ty, self.style.quote), print::string(value));
                self.text(&text);
            }
            Expr::Field(base, field) => {
                self.operand(base, Level::Primary, Place::Hanging);
                self.text("->");
                self.name(field);
            }
            Expr::Index(base, index) => {
                self.operand(base, Level::Primary, Place::Hanging);
                self.text("[");
                self.operand(index, Level::Concat, Place::Hanging);
                self.text("]");
            }
            Expr::Call(function, arguments) => self.call(function, arguments),
            Expr::Lambda(names, body) => self.lambda(names, body),
            Expr::Array(items) => self.list("ARRAY[", items, "]"),
            Expr::Map(entries) => self.map(entries),
            Expr::Struct(fields) => self.structure(fields),
            Expr::Case(arms, otherwise) => self.case(arms, otherwise.as_deref()),
            Expr::Cast(value, ty) => {
                let close = format!("AS {})", print::ty(ty, self.style.quote));
                self.doc.open();
                self.text("CAST(");
                let opens = opens(value);
                if !opens {
                    self.doc.indent(STEP);
                    self.doc.soft_line();
                }
                self.expr(value, if opens { Place::Hanging } else { Place::Inside });
                if opens {
                    self.text(" ");
                } else {
                    self.doc.dedent();
                    self.doc.line();
                }
                self.text(&close);
                self.doc.close();
            }
            Expr::Negate(inner) => self.signed("-", inner),
            Expr::Plus(inner) => self.signed("+", inner),
            Expr::Chain(first, rest) => self.chain(first, rest, place),
            Expr::And(operands) => self.logical("AND ", operands, Level::And, place),
            Expr::Or(operands) => self.logical("OR ", operands, Level::Or, place),
            Expr::Not(inner) => {
                self.text("NOT ");
                // `NOT A = B` would be right too, and misread by people.
                let clear = matches!(inner.level(), Level::Not | Level::Primary) || self.style.compact;
                if clear { self.operand(inner, Level::Not, Place::Hanging) } else { self.parentheses(inner) }
            }
            Expr::Compare(comparison, left, right) => {
                let symbol = comparison.symbol();
                let word = symbol.starts_with('I');
                self.side(left);
                if word {
                    self.text(" ")
                } else {
                    self.blank()
                }
                self.text(symbol);
                if word {
                    self.text(" ")
                } else {
                    self.blank()
                }
                self.side(right);
            }
            Expr::Between { value, low, high, negated } => {
                self.side(value);
                self.text(if *negated { " NOT BETWEEN " } else { " BETWEEN " });
                self.operand(low, Level::Concat, Place::Hanging);
                self.text(" AND ");
                self.operand(high, Level::Concat, Place::Hanging);
            }
            Expr::In { value, list, negated } => {
                self.side(value);
                self.list(if *negated { " NOT IN (" } else { " IN (" }, list, ")");
            }
            Expr::Like { value, pattern, escape, negated } => {
                self.side(value);
                self.text(if *negated { " NOT LIKE " } else { " LIKE " });
                self.operand(pattern, Level::Concat, Place::Hanging);
                if let Some(escape) = escape {
                    self.text(&format!(" ESCAPE {}", print::string(&escape.to_string())));
                }
            }
            Expr::IsNull { value, negated } => {
                self.side(value);
                self.text(if *negated { " IS NOT NULL" } else { " IS NULL" });
            }
            Expr::Commented(comments, inner) => {
                self.comments(comments);
                self.expr(inner, place);
            }
            Expr::Located(_, inner) => self.expr(inner, place),
        }
    }

    /// What is compared. A chain that does not fit gets parentheses, so that the comparison is not taken for one more
    /// operand of it.
    fn side(&mut self, expr: &'a Expr) {
        if !matches!(expr, Expr::Chain(..)) || opens(expr) {
            return self.operand(expr, Level::Concat, Place::Hanging);
        }
        self.doc.open();
        self.doc.if_broken("(");
        self.doc.indent(STEP);
        self.doc.soft_line();
        self.expr(expr, Place::Inside);
        self.doc.dedent();
        self.doc.soft_line();
        self.doc.if_broken(")");
        self.doc.close();
    }

    /// A column; a lambda variable is never quoted for the looks.
    fn column(&mut self, name: &Name) {
        if self.scope.contains(&name) { self.variable(name) } else { self.name(name) }
    }

    fn variable(&mut self, name: &Name) {
        let text = print::name(name, print::Quote::Needed);
        self.doc.text(&text);
    }

    /// A sign and its operand. A literal gets parentheses, since the sign would become a part of it.
    fn signed(&mut self, sign: &str, inner: &'a Expr) {
        self.text(sign);
        if starts_with_number(inner) || matches!(inner, Expr::Negate(_) | Expr::Plus(_)) {
            self.parentheses(inner);
        } else {
            self.operand(inner, Level::Sign, Place::Hanging);
        }
    }

    fn chain(&mut self, first: &'a Expr, rest: &'a [(Operator, Expr)], place: Place) {
        let level = rest.first().map_or(Level::Primary, |(operator, _)| operator.level());
        let tighter = tighter(level);
        let plain = level == Level::Product && is_atom(first) && rest.iter().all(|(_, factor)| is_atom(factor));
        if hugs(first, rest) || self.style.pack && plain {
            self.operand(first, level, Place::Hanging);
            for (operator, operand) in rest {
                self.blank();
                self.text(operator.symbol());
                self.blank();
                self.operand(operand, tighter, Place::Hanging);
            }
            return;
        }
        if place != Place::Inside {
            self.doc.open();
        }
        let first = self.lifted(first);
        if place != Place::Hanging {
            self.doc.pad(STEP);
            self.doc.indent(STEP);
            self.operand(first, level, Place::Hanging);
            self.doc.dedent();
        } else {
            self.operand(first, level, Place::Hanging);
            self.doc.indent(STEP);
        }
        for (operator, operand) in rest {
            // terms as plain as `c * x` share lines where there are very many
            if self.style.pack && is_term(operand) {
                self.doc.fill()
            } else {
                self.line()
            }
            let operand = self.lifted(operand);
            self.text(operator.symbol());
            self.blank();
            self.doc.indent(STEP);
            self.operand(operand, tighter, Place::Hanging);
            self.doc.dedent();
        }
        if place == Place::Hanging {
            self.doc.dedent();
        }
        if place != Place::Inside {
            self.doc.close();
        }
    }

    /// Prints the comments of an operand above its operator, and gives the operand without them.
    fn lifted(&mut self, expr: &'a Expr) -> &'a Expr {
        let mut expr = expr;
        while let Expr::Commented(comments, inner) = expr {
            self.comments(comments);
            expr = inner;
        }
        expr
    }

    fn logical(&mut self, word: &str, operands: &'a [Expr], level: Level, place: Place) {
        // AND binds tighter than OR, but not everyone knows; parentheses are dropped on reading.
        let lowest = if level == Level::Or && !self.style.compact { Level::Not } else { tighter(level) };
        if place != Place::Inside {
            self.doc.open();
        }
        for (index, operand) in operands.iter().enumerate() {
            if index == 1 && place == Place::Hanging {
                self.doc.indent(STEP);
            }
            if index > 0 {
                self.doc.line();
            }
            let operand = self.lifted(operand);
            if index > 0 {
                self.text(word);
            }
            let joins = index == 0 && operand.level() == level;
            self.operand(operand, if joins { level } else { lowest }, Place::Hanging);
        }
        if operands.len() > 1 && place == Place::Hanging {
            self.doc.dedent();
        }
        if place != Place::Inside {
            self.doc.close();
        }
    }

    fn call(&mut self, function: &Name, arguments: &'a [Expr]) {
        let function = print::name(function, print::Quote::Needed);
        match arguments {
            [] => self.text(&format!("{function}()")),
            [only] => self.bracketed(&format!("{function}("), only, ")"),
            _ => self.list(&format!("{function}("), arguments, ")"),
        }
    }

    /// Items between brackets: on one line, or one a line; many plain ones fill lines. A lambda at the end may be the
    /// only thing that is broken.
    fn list(&mut self, open: &str, items: &'a [Expr], close: &str) {
        match items {
            [only] if !matches!(only, Expr::Commented(..)) => return self.bracketed(open, only, close),
            _ => {}
        }
        let fills = items.len() > 8 && items.iter().all(is_atom) && !self.style.compact;
        self.doc.open();
        self.text(open);
        self.doc.indent(STEP);
        for (index, item) in items.iter().enumerate() {
            match index {
                0 => self.doc.soft_line(),
                _ => {
                    self.text(",");
                    if fills { self.doc.fill() } else { self.line() }
                }
            }
            if index + 1 == items.len() && matches!(item, Expr::Lambda(..)) {
                self.doc.hug();
            }
            self.expr(item, Place::Hanging);
        }
        self.doc.dedent();
        self.doc.soft_line();
        self.text(close);
        self.doc.close();
    }

    fn map(&mut self, entries: &'a [(Expr, Expr)]) {
        self.doc.open();
        self.text("MAP(");
        self.doc.indent(STEP);
        for (index, (key, value)) in entries.iter().enumerate() {
            self.entry_break(index);
            self.expr(key, Place::Hanging);
            self.assigned(value);
        }
        self.doc.dedent();
        self.doc.soft_line();
        self.text(")");
        self.doc.close();
    }

    fn structure(&mut self, fields: &'a [(Name, Expr)]) {
        self.doc.open();
        self.text("STRUCT(");
        self.doc.indent(STEP);
        for (index, (name, value)) in fields.iter().enumerate() {
            self.entry_break(index);
            self.name(name);
            self.assigned(value);
        }
        self.doc.dedent();
        self.doc.soft_line();
        self.text(")");
        self.doc.close();
    }

    fn entry_break(&mut self, index: usize) {
        if index == 0 {
            self.doc.soft_line();
        } else {
            self.text(",");
            self.line();
        }
    }

    fn assigned(&mut self, value: &'a Expr) {
        self.blank();
        self.text(":=");
        self.blank();
        self.expr(value, Place::Hanging);
    }

    fn lambda(&mut self, names: &'a [Name], body: &'a Expr) {
        if let [only] = names {
            self.variable(only);
        } else {
            self.text("(");
            for (index, name) in names.iter().enumerate() {
                if index > 0 {
                    self.text(",");
                    self.blank();
                }
                self.variable(name);
            }
            self.text(")");
        }
        self.blank();
        self.text("=>");
        self.scope.extend(names);
        if opens(body) {
            self.blank();
            self.expr(body, Place::Hanging);
        } else {
            self.doc.open();
            self.doc.indent(STEP);
            self.line();
            self.expr(body, Place::Block);
            self.doc.dedent();
            self.doc.soft_line();
            self.doc.close();
        }
        self.scope.truncate(self.scope.len() - names.len());
    }

    fn case(&mut self, arms: &'a [(Expr, Expr)], otherwise: Option<&'a Expr>) {
        let is_case = |expr: &Expr| matches!(expr, Expr::Case(..));
        let nested = arms.iter().any(|(_, value)| is_case(value)) || otherwise.is_some_and(is_case);
        if nested {
            self.broken()
        } else {
            self.doc.open()
        }
        self.text("CASE");
        self.doc.indent(STEP);
        for (condition, value) in arms {
            self.doc.line();
            let condition = self.lifted(condition);
            self.text("WHEN");
            if brackets_itself(condition) {
                self.text(" ");
                self.expr(condition, Place::Hanging);
                self.text(" ");
            } else {
                self.doc.open();
                self.doc.indent(STEP);
                self.doc.line();
                self.expr(condition, Place::Block);
                self.doc.dedent();
                self.doc.line();
                self.doc.close();
            }
            self.text("THEN");
            self.result(value);
        }
        if let Some(otherwise) = otherwise {
            self.doc.line();
            let otherwise = self.lifted(otherwise);
            self.text("ELSE");
            self.result(otherwise);
        }
        self.doc.dedent();
        self.doc.line();
        self.text("END");
        self.doc.close();
    }

    /// What stands behind THEN or ELSE.
    fn result(&mut self, value: &'a Expr) {
        if opens(value) {
            self.text(" ");
            self.expr(value, Place::Hanging);
        } else {
            self.doc.open();
            self.doc.indent(STEP);
            self.doc.line();
            self.expr(value, Place::Block);
            self.doc.dedent();
            self.doc.close();
        }
    }
}

/// The next tighter level of operands.
fn tighter(level: Level) -> Level {
    match level {
        Level::Lambda => Level::Or,
        Level::Or => Level::And,
        Level::And => Level::Not,
        Level::Not => Level::Predicate,
        Level::Predicate => Level::Concat,
        Level::Concat => Level::Sum,
        Level::Sum => Level::Product,
        Level::Product => Level::Sign,
        Level::Sign | Level::Primary => Level::Primary,
    }
}

/// A word or a literal: nothing that could be broken.
/// A factor, or factors that are atoms.
fn is_term(expr: &Expr) -> bool {
    match expr {
        Expr::Chain(first, rest) => is_atom(first) && rest.iter().all(|(_, factor)| is_atom(factor)),
        _ => is_atom(expr),
    }
}

fn is_atom(expr: &Expr) -> bool {
    match expr {
        Expr::Null
        | Expr::Boolean(_)
        | Expr::Integer(_)
        | Expr::Double(_)
        | Expr::Decimal(_)
        | Expr::String(_)
        | Expr::Column(_)
        | Expr::Qualified(..)
        | Expr::Unit(_)
        | Expr::Typed(..) => true,
        Expr::Field(base, _) | Expr::Negate(base) => is_atom(base),
        Expr::Index(base, index) => is_atom(base) && is_atom(index),
        _ => false,
    }
}

/// Whether the expression, when it does not fit, begins on the line with a bracket (or CASE) and ends with the other
/// one at the indentation of that line: then nothing around it needs to break.
fn opens(expr: &Expr) -> bool {
    match expr {
        Expr::Call(_, arguments) => arguments.iter().any(|argument| !is_atom(argument)),
        Expr::Array(items) => !items.is_empty(),
        Expr::Map(entries) => !entries.is_empty(),
        Expr::Struct(fields) => !fields.is_empty(),
        Expr::Case(..) => true,
        Expr::Cast(value, _) => !is_atom(value),
        Expr::Negate(inner) | Expr::Plus(inner) => inner.level() < Level::Sign || opens(inner),
        Expr::Chain(first, rest) => hugs(first, rest),
        _ => false,
    }
}

/// Whether a condition is a comparison of one long thing, which brings its own brackets if it does not fit.
fn brackets_itself(condition: &Expr) -> bool {
    match condition {
        Expr::Compare(_, left, right) => {
            let long = |expr: &Expr| matches!(expr, Expr::Chain(..)) || opens(expr);
            is_atom(left) && long(right) || long(left) && is_atom(right)
        }
        Expr::IsNull { value, .. } => matches!(**value, Expr::Chain(..)) || opens(value),
        _ => false,
    }
}

/// Whether a chain is broken inside its last operand rather than between its operands: `1E0 / (1E0 + EXP(` … `))`.
fn hugs(first: &Expr, rest: &[(Operator, Expr)]) -> bool {
    let Some(((operator, last), middle)) = rest.split_last() else { return false };
    let in_parentheses = last.level() < tighter(operator.level());
    middle.len() <= 1
        && is_atom(first)
        && middle.iter().all(|(_, operand)| is_atom(operand))
        && (in_parentheses || opens(last))
}

/// Whether the text begins with a digit, or with a sign that belongs to a number.
fn starts_with_number(expr: &Expr) -> bool {
    let mut expr = expr;
    loop {
        match expr {
            Expr::Integer(_) | Expr::Double(_) | Expr::Decimal(_) => return true,
            Expr::Field(base, _) | Expr::Index(base, _) if base.level() >= Level::Primary => expr = base,
            _ => return false,
        }
    }
}
