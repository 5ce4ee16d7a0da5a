//! What is computed, read from texts: `label=CHURN,probability`.

use crate::diag::{Report, Sources};
use crate::lower::{Kind, Selection};
use crate::sql::ast::Expr;
use crate::syntax;

/// The results of one `--select`.
#[derive(Clone, Debug)]
pub(crate) struct Selected(pub(crate) Vec<Selection>);

/// The parts of a list, divided at commas outside of quotes and brackets.
fn parts(list: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_usize, None);
    for (at, char) in list.char_indices() {
        match (quote, char) {
            (Some(open), _) if open == char => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '`' | '"') => quote = Some(char),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts.into_iter().map(str::trim).collect()
}

/// The results in a list.
pub(crate) fn selected(list: &str) -> Result<Selected, String> {
    let one = |part: &str| {
        let (kind, name) = match part.split_once('=') {
            Some((kind, name)) => (kind.trim(), Some(column_name(name.trim())?)),
            None => (part, None),
        };
        let Some(kind) = Kind::find(kind) else {
            let known: Vec<&str> = Kind::ALL.iter().map(|(_, name)| *name).collect();
            return Err(format!("`{kind}` is no result; one of {}", known.join(", ")));
        };
        Ok(Selection { kind, name })
    };
    parts(list).into_iter().map(one).collect::<Result<_, _>>().map(Selected)
}

/// The stored name that a name in a list stands for: in upper case, unless it is in back-quotes.
fn column_name(text: &str) -> Result<String, String> {
    let mut report = Report::new();
    let source = Sources::new().add("--select", text);
    match syntax::expression(source, text, &mut report) {
        Ok(Expr::Column(name)) => Ok(name.0),
        _ => Err(format!("`{text}` is no name of a column; put it in back-quotes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_divided_outside_of_quotes_and_brackets() {
        assert_eq!(parts("A, B->C"), ["A", "B->C"]);
        assert_eq!(parts("`a,b`,SUBSTRING(S, 1, 2) AS X,M['k,']"), ["`a,b`", "SUBSTRING(S, 1, 2) AS X", "M['k,']"]);
        assert_eq!(parts("'it''s,',B"), ["'it''s,'", "B"]);
        assert_eq!(parts("*"), ["*"]);
    }

    #[test]
    fn results_are_named_as_columns_are() {
        let Selected(list) = selected("label=churn,probability=`p, q`,margin").unwrap();
        let names: Vec<(Kind, Option<&str>)> = list.iter().map(|it| (it.kind, it.name.as_deref())).collect();
        assert_eq!(names, [(Kind::Label, Some("CHURN")), (Kind::Probability, Some("p, q")), (Kind::Margin, None)]);
        for wrong in ["", "labels", "label=a+b", "label=", "label,,margin"] {
            assert!(selected(wrong).is_err(), "{wrong}");
        }
    }
}
