//! Statements in a form in which ours and the server's words for the same query are equal.
//!
//! A server keeps its own text: names qualified by their source, every operation in parentheses, aliases without AS, `*`
//! written out, comments gone. What differs in meaning differs here too: no rule changes what is computed or how.

use crate::schema::Relation;
use crate::sql::alias::Generated;
use crate::sql::ast::{Comparison, Expr, Item, Name, Query};

/// A query without what a server adds or drops.
#[derive(Clone, Debug, PartialEq)]
pub struct Normal {
    /// The source.
    pub from: Name,
    /// Columns by name, in order.
    pub items: Vec<(Name, Expr)>,
    /// WHERE.
    pub filter: Option<Expr>,
    /// PARTITION BY.
    pub partition_by: Vec<Expr>,
}

impl Normal {
    /// The column of this name.
    pub fn item(&self, name: &str) -> Option<&Expr> {
        self.items.iter().find(|(found, _)| found.as_str() == name).map(|(_, expr)| expr)
    }
}

/// A query in normal form. `source` is what it reads from, for `*`.
pub fn normal(query: &Query, source: Option<&Relation>) -> Normal {
    let aliases = [Some(&query.from), query.from_alias.as_ref()];
    let tidy = |expr: &Expr| tidy(expr.clone(), &aliases);
    let columns = source.map(|source| source.columns.as_slice()).unwrap_or_default();
    let mut generated = Generated::new(columns);
    let mut items = Vec::new();
    for item in &query.items {
        match item {
            Item::All(_) => {
                for column in columns {
                    items.push((Name::new(column.name.as_str()), Expr::column(column.name.as_str())));
                }
            }
            Item::Expr { expr, alias, .. } => {
                let expr = tidy(expr);
                let name = alias.clone().unwrap_or_else(|| generated.name(&expr));
                items.push((name, expr));
            }
        }
    }
    Normal {
        from: query.from.clone(),
        items,
        filter: query.filter.as_ref().map(tidy),
        partition_by: query.partition_by.iter().map(tidy).collect(),
    }
}

/// Operands first. Trees come from the reader, which bounds their depth.
fn tidy(mut expr: Expr, aliases: &[Option<&Name>; 2]) -> Expr {
    expr.for_each_child_mut(|child| *child = tidy(std::mem::replace(child, Expr::Null), aliases));
    match expr {
        Expr::Qualified(source, column) if aliases.contains(&Some(&source)) => Expr::Column(column),
        Expr::Commented(_, inner) | Expr::Located(_, inner) => *inner,
        // `(a + b) + c` is `a + b + c`
        Expr::Chain(first, rest) => match (*first, rest.first()) {
            (Expr::Chain(head, mut earlier), Some((operator, _)))
                if earlier.iter().all(|(other, _)| other.level() == operator.level()) =>
            {
                earlier.extend(rest);
                Expr::Chain(head, earlier)
            }
            (first, _) => Expr::Chain(Box::new(first), rest),
        },
        // `(a AND b) AND c` is `a AND b AND c`: they are tested in the same order
        Expr::And(list) => Expr::And(flat(list, |expr| match expr {
            Expr::And(inner) => Ok(inner),
            other => Err(other),
        })),
        Expr::Or(list) => Expr::Or(flat(list, |expr| match expr {
            Expr::Or(inner) => Ok(inner),
            other => Err(other),
        })),
        // `NOT (a IS DISTINCT FROM b)` and `NOT (a LIKE b)` are how a server writes the negation
        Expr::Not(inner) => match *inner {
            Expr::Compare(Comparison::Distinct, left, right) => Expr::Compare(Comparison::NotDistinct, left, right),
            Expr::Like { value, pattern, escape, negated: false } => {
                Expr::Like { value, pattern, escape, negated: true }
            }
            Expr::In { value, list, negated: false } => Expr::In { value, list, negated: true },
            Expr::Between { value, low, high, negated: false } => Expr::Between { value, low, high, negated: true },
            inner => Expr::Not(Box::new(inner)),
        },
        other => other,
    }
}

/// A list with the lists in it written out.
fn flat(list: Vec<Expr>, inner: impl Fn(Expr) -> Result<Vec<Expr>, Expr>) -> Vec<Expr> {
    let mut result = Vec::new();
    for expr in list {
        match inner(expr) {
            Ok(list) => result.extend(list),
            Err(expr) => result.push(expr),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Report, Sources};
    use crate::schema::Column;
    use crate::schema::{Kind, Type};
    use crate::sql::ast::Statement;
    use crate::syntax;

    fn read(text: &str) -> Normal {
        let mut report = Report::new();
        match syntax::statement(Sources::new().add("", text), text, &mut report) {
            Ok(Statement::CreateAs { query, .. } | Statement::Select(query)) => {
                let column = |name: &str| Column { name: name.to_owned(), ty: Type::Double, key: None };
                let columns = vec![column("X"), column("lower")];
                normal(&query, Some(&Relation { name: "D_K".to_owned(), kind: Kind::Stream, columns }))
            }
            other => panic!("{other:?} {report:?}"),
        }
    }

    /// What was sent, and what ksqlDB 0.29 kept of it.
    const SENT: &str = "CREATE STREAM D_K2 AS SELECT X AS Y, A->C AS C, CASE WHEN X > 0E0 AND (X < 5E0 OR B = TRUE) AND NOT \
        (X IS NULL) THEN 'it''s' ELSE 'no' END AS L, REDUCE(ARRAY[X + `lower` - 1E0, -X], -1E0, (_S, _Z) => _S + _Z * 2E0) \
        AS R, CAST(X AS DOUBLE) + (X - (`lower` - 2E0)) * 1.7976931348623157E308 + 4.9E-324 AS Q, ID, X BETWEEN 1E0 AND 2E0 \
        AS BT, X IN (1E0, 2E0) AS INN, -(-X) AS NN, MAP('a' := X) AS MP, STRUCT(F := X) AS ST, A->C LIKE 'a%' AS LK, \
        TRANSFORM(ARRAY[X], _A => _A * 1.5) AS TT, ARRAY[X][1] AS IX, 1 - -5 AS I5, X % 2 AS MO, COALESCE(X, 0E0) AS CO, X <> \
        3E0 AS NE, X IS NOT DISTINCT FROM 1E0 AS DI FROM D_K WHERE X IS NOT NULL AND X > 1E0 EMIT CHANGES;";
    const KEPT: &str = "CREATE STREAM D_K2 WITH (CLEANUP_POLICY='delete', KAFKA_TOPIC='D_K2', PARTITIONS=1, REPLICAS=1, \
        RETENTION_MS=604800000) AS SELECT\n  D_K.X Y,\n  D_K.A->C C,\n  (CASE WHEN (((D_K.X > 0E0) AND ((D_K.X < 5E0) OR \
        (D_K.B = true))) AND (NOT (D_K.X IS NULL))) THEN 'it''s' ELSE 'no' END) L,\n  REDUCE(ARRAY[((D_K.X + D_K.`lower`) - \
        1E0), -D_K.X], -1E0, (_S, _Z) => (_S + (_Z * 2E0))) R,\n  ((CAST(D_K.X AS DOUBLE) + ((D_K.X - (D_K.`lower` - 2E0)) * \
        1.7976931348623157E308)) + 4.9E-324) Q,\n  D_K.ID ID,\n  (D_K.X BETWEEN 1E0 AND 2E0) BT,\n  (D_K.X IN (1E0, 2E0)) \
        INN,\n  - -D_K.X NN,\n  MAP('a':=D_K.X) MP,\n  STRUCT(F:=D_K.X) ST,\n  (D_K.A->C LIKE 'a%') LK,\n  \
        TRANSFORM(ARRAY[D_K.X], (_A) => (_A * 1.5)) TT,\n  ARRAY[D_K.X][1] IX,\n  (1 - -5) I5,\n  (D_K.X % 2) MO,\n  \
        COALESCE(D_K.X, 0E0) CO,\n  (D_K.X <> 3E0) NE,\n  (NOT (D_K.X IS DISTINCT FROM 1E0)) DI\nFROM D_K D_K\nWHERE \
        ((D_K.X IS NOT NULL) AND (D_K.X > 1E0))\nEMIT CHANGES;";

    #[test]
    fn what_a_server_keeps_is_what_was_sent() {
        let (sent, kept) = (read(SENT), read(KEPT));
        for ((name, sent), (_, kept)) in sent.items.iter().zip(&kept.items) {
            assert_eq!(sent, kept, "{name:?}");
        }
        assert_eq!(sent, kept);
    }

    #[test]
    fn negations_are_kept_as_not() {
        let sent = read(
            "SELECT U NOT LIKE 'a%' AS NL, U NOT IN ('a','b') AS NI, X NOT BETWEEN 1 AND 2 AS NB FROM D_K \
             WHERE U NOT LIKE 'x%';",
        );
        let kept = read(
            "SELECT (NOT (D_K.U LIKE 'a%')) NL, (NOT (D_K.U IN ('a', 'b'))) NI, (NOT (D_K.X BETWEEN 1 AND 2)) NB \
             FROM D_K D_K WHERE (NOT (D_K.U LIKE 'x%')) EMIT CHANGES;",
        );
        assert_eq!(sent, kept);
    }

    #[test]
    fn what_means_something_else_stays_different() {
        let different = [
            ("X - (`lower` - 2E0)", "X - `lower` - 2E0"),
            ("X * (`lower` / 2E0)", "X * `lower` / 2E0"),
            ("1E0 + X", "X + 1E0"),
            ("2E0 * X", "2.0 * X"),
            ("0E0 * X", "-0E0 * X"),
            ("OTHER.X", "X"),
            ("X > 0E0 AND X < 2E0 OR B", "X > 0E0 AND (X < 2E0 OR B)"),
            ("CAST(X AS INT)", "CAST(X AS BIGINT)"),
            ("CASE WHEN B THEN 1 END", "CASE WHEN B THEN 1 ELSE 0 END"),
        ];
        for (left, right) in different {
            let sql = |expr: &str| read(&format!("SELECT {expr} AS P FROM D_K EMIT CHANGES;"));
            assert_ne!(sql(left), sql(right));
            assert_eq!(sql(left), sql(&format!("({left})")));
        }
        assert_ne!(read("SELECT X FROM D_K WHERE X > 1E0;"), read("SELECT X FROM D_K;"));
    }

    #[test]
    fn stars_are_written_out_and_names_are_found() {
        assert_eq!(
            read("SELECT *, 1 AS ONE FROM D_K;"),
            read("SELECT D_K.X X, D_K.`lower` `lower`, 1 ONE FROM D_K D_K;")
        );
        let names = |items: &str| {
            let query = read(&format!("SELECT {items} FROM D_K;"));
            query.items.iter().map(|(name, _)| name.as_str().to_owned()).collect::<Vec<_>>().join(" ")
        };
        // as a server named them
        assert_eq!(names("X, X + 1, S->F, T->F, X * 2, S->X, S->X_7"), "X KSQL_COL_0 F F_1 KSQL_COL_1 X_1 X_2");
    }
}
