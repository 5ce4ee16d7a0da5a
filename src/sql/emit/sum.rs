//! Sums, as the plan lays them out, and arithmetic of two operands.

use super::{Emitter, Spelled, cast, exact, spell_double};
use crate::schema::Type;
use crate::score::{Expr, Id, Term};
use crate::sql::ast::{self, Operator};
use crate::sql::plan::layout::Layout;

impl Emitter<'_> {
    pub(super) fn sum(&mut self, id: Id, terms: &[Term]) -> Spelled {
        let item = self.item;
        let operands: Vec<(f64, Option<Spelled>)> =
            terms.iter().map(|term| (term.coefficient, term.factor.map(|factor| self.take(factor)))).collect();
        match item.layouts.get(&id) {
            None => flat(operands),
            Some(layout) => self.laid_out(layout, terms, &mut operands.into_iter()),
        }
    }

    /// A sum in groups; the operands are taken in order.
    fn laid_out(
        &self,
        layout: &Layout,
        terms: &[Term],
        operands: &mut impl Iterator<Item = (f64, Option<Spelled>)>,
    ) -> Spelled {
        match layout {
            Layout::Terms(range) => flat(operands.take(range.len()).collect()),
            Layout::Group(parts) => {
                let mut chain = None;
                for part in parts {
                    let part = self.laid_out(part, terms, operands);
                    chain = Some(arithmetic(chain, Operator::Add, part));
                }
                chain.unwrap_or(spell_double(0.0))
            }
            Layout::Method(part) => {
                let inner = self.laid_out(part, terms, operands);
                // either is code of its own; a CAST makes less of it
                let method = match self.dialect.capabilities().cast_catches {
                    true => cast(inner, &Type::Double),
                    false => ast::Expr::Case(vec![(ast::Expr::Boolean(true), exact(inner, &Type::Double))], None),
                };
                let comment = self.about(&terms[layout.range()]);
                let expr = if comment.is_empty() { method } else { ast::Expr::Commented(comment, Box::new(method)) };
                Spelled { expr, ty: Some(Type::Double) }
            }
            Layout::Accumulate(first, rest) => {
                let mut total = exact(flat(operands.take(first.len()).collect()), &Type::Double);
                for range in rest {
                    let each = operands.take(range.len());
                    let elements = each.map(|operand| exact(flat(vec![operand]), &Type::Double)).collect();
                    total = self.names.accumulate(elements, total);
                }
                Spelled { expr: total, ty: Some(Type::Double) }
            }
        }
    }

    /// Which features some terms are of, as a comment.
    fn about(&self, terms: &[Term]) -> Vec<String> {
        let features = terms.iter().filter_map(|term| {
            term.origin.or_else(|| match self.score.expr(term.factor?) {
                Expr::Input(number) => Some(*number),
                _ => None,
            })
        });
        let name = |number: u32| -> String {
            let name = &self.score.inputs()[number as usize].name;
            name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
        };
        let features: Vec<u32> = features.collect();
        match (features.first(), features.last()) {
            (Some(first), Some(last)) if first != last => vec![format!("{} to {}", name(*first), name(*last))],
            (Some(only), _) => vec![name(*only)],
            _ => Vec::new(),
        }
    }
}

/// `chain operator operand` in DOUBLE, as one flat chain where the level is the same. If neither side is a DOUBLE the left
/// one is cast, so that nothing is computed in integers or decimals.
pub(super) fn arithmetic(chain: Option<Spelled>, operator: Operator, operand: Spelled) -> Spelled {
    let Some(left) = chain else { return operand };
    let is_double = |spelled: &Spelled| spelled.ty == Some(Type::Double);
    let left = if is_double(&left) || is_double(&operand) { left.expr } else { cast(left, &Type::Double) };
    let expr = match left {
        ast::Expr::Chain(first, mut rest) if rest.first().is_some_and(|(same, _)| same.level() == operator.level()) => {
            rest.push((operator, operand.expr));
            ast::Expr::Chain(first, rest)
        }
        left => ast::Expr::Chain(Box::new(left), vec![(operator, operand.expr)]),
    };
    Spelled { expr, ty: Some(Type::Double) }
}

/// `a operator b` in BIGINT: one of the two is one, and neither is anything but an integer. INTEGER would wrap at 32 bits.
pub(super) fn of_bigints(a: Spelled, operator: Operator, b: Spelled) -> Spelled {
    let integer = |spelled: &Spelled| matches!(spelled.ty, Some(Type::Integer | Type::Bigint));
    let big = |spelled: &Spelled| spelled.ty == Some(Type::Bigint);
    let literal = |spelled: &Spelled| matches!(spelled.expr, ast::Expr::Integer(_));
    let (mut cast_a, mut cast_b) = (!integer(&a), !integer(&b));
    if !(cast_a || cast_b || big(&a) || big(&b)) {
        (cast_a, cast_b) = (!literal(&a), literal(&a));
    }
    let a = if cast_a { cast(a, &Type::Bigint) } else { a.expr };
    let b = if cast_b { cast(b, &Type::Bigint) } else { b.expr };
    let expr = match a {
        ast::Expr::Chain(first, mut rest) if rest.first().is_some_and(|(same, _)| same.level() == operator.level()) => {
            rest.push((operator, b));
            ast::Expr::Chain(first, rest)
        }
        a => ast::Expr::Chain(Box::new(a), vec![(operator, b)]),
    };
    Spelled { expr, ty: Some(Type::Bigint) }
}

/// `c * x + d * y - e`: a term with a negative coefficient is subtracted, but for the first.
fn flat(mut terms: Vec<(f64, Option<Spelled>)>) -> Spelled {
    // -a + b = b - a
    if let [(-1.0, Some(_)), (1.0, Some(_))] = terms.as_slice() {
        terms.swap(0, 1);
    }
    let mut chain: Option<Spelled> = None;
    for (coefficient, factor) in terms {
        let first = chain.is_none();
        let negative = coefficient.is_sign_negative();
        let magnitude = if first { coefficient } else { coefficient.abs() };
        let operand = match factor {
            None => spell_double(magnitude),
            Some(factor) => match magnitude {
                1.0 => factor,
                // an integer or a DECIMAL is negated as a DOUBLE: the least integer has no opposite
                -1.0 if factor.ty == Some(Type::Double) => {
                    Spelled { expr: ast::Expr::Negate(Box::new(factor.expr)), ty: factor.ty }
                }
                _ => arithmetic(Some(spell_double(magnitude)), Operator::Multiply, factor),
            },
        };
        let operator = if negative { Operator::Subtract } else { Operator::Add };
        chain = Some(arithmetic(chain, operator, operand));
    }
    chain.unwrap_or(spell_double(0.0))
}
