//! The server's record of a statement, which has a largest size: a command in the topic from which a server starts.
//!
//! Read off the records of a 0.29.0 server, the record has the statement's text twice, the selected expressions with columns
//! not qualified, the schemas of the source and of the sink, and the server's properties.

use super::super::ast::{Item, Name};
use super::super::cost::stored_bytes;
use super::super::dialect::Dialect;
use crate::bind::{Bindings, Shape};
use crate::diag::{Diagnostic, Failed, Report, codes};
use std::collections::BTreeSet;

/// Properties (4.9 KB with default settings), and what stands around texts and schemas.
const AROUND: usize = 8_000;
/// Bytes of a column in a schema, beside its name: `` `F0` DOUBLE, ``.
const COLUMN: usize = 14;
/// Bytes of the clauses of a statement's text.
const CLAUSES: usize = 300;

/// About how many bytes the record of a statement with these items has; 0 if there is no statement.
pub fn bytes(items: &[Item], shape: &Shape, bindings: &Bindings) -> usize {
    let Some(from) = shape.alias.as_ref().or(shape.from.as_ref()) else { return 0 };
    let source: usize = match &bindings.relation {
        Some(relation) if bindings.complete => relation.columns.iter().map(|column| column.name.len() + COLUMN).sum(),
        _ => {
            let columns = bindings.inputs.iter().flat_map(|input| input.expr.columns());
            columns.map(|name| name.as_str()).collect::<BTreeSet<_>>().iter().map(|name| name.len() + COLUMN).sum()
        }
    };
    let all = shape.kept.iter().chain(items).map(|item| match item {
        Item::Expr { expr, .. } => {
            let name = item.name().map_or(COLUMN, |name| name.as_str().len());
            column(stored_bytes(expr, from.as_str().len()), stored_bytes(expr, 0), name)
        }
        // every column of the source
        Item::All(_) => 6 * source,
    });
    all.sum::<usize>() + source + 2 * CLAUSES + AROUND
}

/// What a column takes: twice in the text, where its expression has `qualified` bytes, once in the plan, where it has `plain`
/// ones, and its name in all of them and in the sink's schema.
pub fn column(qualified: usize, plain: usize, name: usize) -> usize {
    2 * (qualified + name + 3) + plain + name + 8 + name + COLUMN
}

/// Checks that the server can keep the statement; the source gets a short name if that makes one fit that does not.
///
/// Errors: beyond the dialect's limit, with the numbers.
pub fn fit(
    items: &[Item],
    shape: &mut Shape,
    bindings: &Bindings,
    dialect: &dyn Dialect,
    report: &mut Report,
) -> Result<(), Failed> {
    let most = dialect.limits().record_bytes;
    let mut record = bytes(items, shape, bindings);
    if record <= most {
        return Ok(());
    }
    let short = Name::new("S");
    if shape.from.as_ref().is_some_and(|from| from.as_str().len() > short.as_str().len()) {
        shape.alias = Some(short);
        record = bytes(items, shape, bindings);
        if record <= most {
            return Ok(());
        }
    }
    Err(report.fail(
        Diagnostic::new(
            &codes::compile::TOO_LARGE,
            format!(
                "the server's record of the statement would have about {record} bytes; {} takes {most}",
                dialect.name()
            ),
        )
        .note("it holds the SQL three times, every operator in parentheses, and the columns of the source and the sink")
        .help("select fewer outputs, or name a sink with `--into`, so that there can be several statements"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, Kind, Relation, Type};
    use crate::sql::ast::{Expr, Operator};

    /// The record of a server for a stream over 1 000 DOUBLE columns F0 … F999, of which 40 pass through, and a sum over the
    /// others with constants of 17 digits: 143 577 bytes.
    #[test]
    fn the_estimate_is_near_to_a_record() {
        let name = |index: usize| format!("F{index}");
        let columns = (0..1_000).map(|index| Column { name: name(index), ty: Type::Double, key: None });
        let relation = Relation { name: "D_F06D57_S".to_owned(), kind: Kind::Stream, columns: columns.collect() };
        let bindings = Bindings { relation: Some(relation), complete: true, ..Bindings::default() };
        let item = |expr, alias| Item::Expr { comments: Vec::new(), expr, alias };
        let shape = Shape {
            from: Some(Name::new("D_F06D57_S")),
            kept: (960..1_000).map(|index| item(Expr::column(name(index)), None)).collect(),
            ..Shape::default()
        };
        let term = |index: usize| {
            let weight = Expr::double(1.789_343_859_414_573_9);
            Expr::Chain(Box::new(weight), vec![(Operator::Multiply, Expr::column(name(index)))])
        };
        let sum = Expr::Chain(Box::new(term(0)), (1..960).map(|index| (Operator::Add, term(index))).collect());
        let found = bytes(&[item(sum, Some(Name::new("_V2")))], &shape, &bindings) as f64;
        assert!((found / 143_577.0 - 1.0).abs() < 0.05, "{found}");
    }
}
